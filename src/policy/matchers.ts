/** Requirements on code points, compiled from a policy into predicates. */
import { tlsVersionName } from '../dissect/iana.ts';
import type { Codes } from './codes.ts';
import { type ComparisonSource, describeComparison, parseComparison, within } from './comparison.ts';
import type { CodeSource, CodesSource, NamesSource, VersionName, VersionsSource } from './source.ts';

export interface CodeMatcher {
  /** Said of the code point that should have been: completes "expected: …". */
  readonly expected: string;
  /** Whether a code point keeps to it. */
  readonly holds: (code: number) => boolean;
}

/** Versions of one generation are equal: DTLS 1.0 is TLS 1.1 over datagrams (RFC 4347), DTLS 1.2 is TLS 1.2 (RFC 6347). */
const GENERATIONS: ReadonlyMap<string, number> = new Map<VersionName, number>([
  ['SSLv2', 0],
  ['SSLv3', 1],
  ['TLSv1_0', 2],
  ['TLSv1_1', 3],
  ['DTLSv1_0', 3],
  ['TLSv1_2', 4],
  ['DTLSv1_2', 4],
  ['TLSv1_3', 5],
  ['DTLSv1_3', 5],
]);

/** A version without a name cannot be shown to reach any minimum, nor to stay below any maximum. */
const NO_GENERATION = Number.NaN;

function generation(name: string): number {
  return GENERATIONS.get(name) ?? NO_GENERATION;
}

/** Whether `version` keeps to `min`, `max`, `allow` and `deny`, by name. */
function versionNameMatchers({ min, max, allow, deny }: VersionsSource) {
  const matchers: { expected: string; holds: (name: string) => boolean }[] = [];
  if (min !== undefined) {
    matchers.push({ expected: `${min} or later`, holds: (name) => generation(name) >= generation(min) });
  }
  if (max !== undefined) {
    matchers.push({ expected: `${max} or earlier`, holds: (name) => generation(name) <= generation(max) });
  }
  return [...matchers, ...nameMatchers<string>({ ...(allow && { allow }), ...(deny && { deny }) })];
}

/** One for each of `min`, `max`, `allow` and `deny`. */
export function versionMatchers(source: VersionsSource): CodeMatcher[] {
  return versionNameMatchers(source).map(({ expected, holds }) => ({
    expected,
    holds: (version) => holds(tlsVersionName(version)),
  }));
}

/** The versions that keep to all of them. */
export function possibleVersions(source: VersionsSource): string[] {
  const matchers = versionNameMatchers(source);
  return [...GENERATIONS.keys()].filter((name) => matchers.every(({ holds }) => holds(name)));
}

/** One for each of `allow` and `deny`. */
export function codeMatchers<P, S extends object>({ allow, deny }: CodesSource<S>, codes: Codes<P, S>): CodeMatcher[] {
  const matchers: CodeMatcher[] = [];
  if (allow !== undefined) {
    const selected = codes.selectAll(allow);
    matchers.push({
      expected: anyOf(allow.map((source) => codes.describe(source))),
      holds: (code) => selected.has(code) || codes.isSignaling(code),
    });
  }
  if (deny !== undefined) {
    const selected = codes.selectAll(deny);
    matchers.push({
      expected: codes.describeDenied(deny),
      holds: (code) => !selected.has(code),
    });
  }
  return matchers;
}

/** One for each that has to be among those offered: `holds` for whatever satisfies it. */
export function requiredCodes<P, S extends object>(
  sources: readonly CodeSource<S>[] | undefined,
  codes: Codes<P, S>,
): CodeMatcher[] {
  return (sources ?? []).map((source) => {
    const selected = codes.select(source);
    return { expected: `${codes.describe(source)} among them`, holds: (code) => selected.has(code) };
  });
}

export function requiredVersions(names: readonly VersionName[] | undefined): CodeMatcher[] {
  return (names ?? []).map((name) => ({
    expected: `${name} among them`,
    holds: (version) => tlsVersionName(version) === name,
  }));
}

/** `holds` for the size of a prime in bits. */
export function dhMatcher(source: ComparisonSource): { expected: string; holds: (bits: number) => boolean } {
  const interval = parseComparison(source);
  return { expected: `DH of ${describeComparison(source)} bits`, holds: (bits) => within(bits, interval) };
}

export function nameMatchers<T extends string>({ allow, deny }: NamesSource<T>) {
  const matchers: { expected: string; holds: (name: string) => boolean }[] = [];
  if (allow !== undefined) {
    const allowed = new Set<string>(allow);
    matchers.push({ expected: anyOf(allow), holds: (name) => allowed.has(name) });
  }
  if (deny !== undefined) {
    const denied = new Set<string>(deny);
    matchers.push({ expected: `not ${deny.join(', ')}`, holds: (name) => !denied.has(name) });
  }
  return matchers;
}

function anyOf(names: readonly string[]): string {
  return names.length === 1 ? `${names[0]}` : `one of ${names.join(', ')}`;
}
