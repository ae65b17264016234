/** Requirements on versions and cipher suites, compiled from a policy into predicates on code points. */
import { tlsVersionName } from '../dissect/iana.ts';
import type { SuiteSelectorSource, SuiteSource, SuitesSource, VersionName, VersionsSource } from './source.ts';
import { SUITES, SUITES_BY_NAME, type SuiteProperties } from './suites.ts';

export interface Requirement {
  /** Said of the code point that should have been: completes "expected: …". */
  readonly expected: string;
  /** Whether a code point keeps to it. */
  readonly holds: (code: number) => boolean;
}

// ---------------------------------------------------------------- versions

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

/** A version without a name cannot be shown to reach any minimum. */
const NO_GENERATION = -1;

/** One requirement for each of `min`, `allow` and `deny`. */
export function versionRequirements({ min, allow, deny }: VersionsSource): Requirement[] {
  const requirements: Requirement[] = [];
  if (min !== undefined) {
    const least = GENERATIONS.get(min) ?? NO_GENERATION;
    requirements.push({
      expected: `${min} or later`,
      holds: (version) => (GENERATIONS.get(tlsVersionName(version)) ?? NO_GENERATION) >= least,
    });
  }
  if (allow !== undefined) {
    const allowed = new Set<string>(allow);
    requirements.push({ expected: anyOf(allow), holds: (version) => allowed.has(tlsVersionName(version)) });
  }
  if (deny !== undefined) {
    const denied = new Set<string>(deny);
    requirements.push({
      expected: `not ${deny.join(', ')}`,
      holds: (version) => !denied.has(tlsVersionName(version)),
    });
  }
  return requirements;
}

function anyOf(names: readonly string[]): string {
  return names.length === 1 ? `${names[0]}` : `one of ${names.join(', ')}`;
}

// ---------------------------------------------------------------- cipher suites

/** One requirement for each of `allow` and `deny`. */
export function suiteRequirements({ allow, deny }: SuitesSource): Requirement[] {
  const requirements: Requirement[] = [];
  if (allow !== undefined) {
    const selected = suiteSet(allow);
    requirements.push({
      expected: anyOf(allow.map(describeSuite)),
      holds: (code) => selected.has(code) || isSignaling(code),
    });
  }
  if (deny !== undefined) {
    const selected = suiteSet(deny);
    requirements.push({
      expected: `not ${deny.map(describeSuite).join(', ')}`,
      holds: (code) => !selected.has(code),
    });
  }
  return requirements;
}

/** Signaling values stand in the list of suites but are none, so that no list of allowed suites concerns them. */
function isSignaling(code: number): boolean {
  const suite = SUITES.get(code);
  return suite !== undefined && suite.properties === undefined;
}

/** Code of a suite that a policy gives as `0xc02f` or `0x010080`; undefined for other text. */
export function parseSuiteCode(text: string): number | undefined {
  return /^0x(?:[0-9a-f]{4}|[0-9a-f]{6})$/i.test(text) ? Number(text) : undefined;
}

/** Whether a policy may name a suite so. */
export function isSuiteName(text: string): boolean {
  return SUITES_BY_NAME.has(text) || parseSuiteCode(text) !== undefined;
}

/** Properties select among the suites that are known; a suite without a name is reached by its code only. */
function suiteSet(sources: readonly SuiteSource[]): ReadonlySet<number> {
  const codes = new Set<number>();
  for (const source of sources) {
    if (typeof source === 'object') {
      const matches = selector(source);
      for (const { code, properties } of SUITES.values()) if (properties && matches(properties)) codes.add(code);
    } else {
      const code = typeof source === 'number' ? source : (parseSuiteCode(source) ?? SUITES_BY_NAME.get(source)?.code);
      if (code !== undefined) codes.add(code);
    }
  }
  return codes;
}

function selector(source: SuiteSelectorSource): (suite: SuiteProperties) => boolean {
  const { below = Number.POSITIVE_INFINITY, at_least = 0 } = source.strength ?? {};
  const tests: ((suite: SuiteProperties) => boolean)[] = [
    ...among(source.key_exchange, (suite) => suite.keyExchange),
    ...among(source.authentication, (suite) => suite.authentication),
    ...among(source.encryption, (suite) => suite.encryption),
    ...among(source.mode, (suite) => suite.mode),
    ...among(source.mac, (suite) => suite.mac),
    ...among(source.forward_secrecy, (suite) => suite.forwardSecrecy),
    ...among(source.aead, (suite) => suite.aead),
    ...among(source.export, (suite) => suite.export),
    (suite) => suite.strength < below && suite.strength >= at_least,
  ];
  return (suite) => tests.every((test) => test(suite));
}

type Value = string | boolean;

function among(
  wanted: Value | null | readonly (Value | null)[] | undefined,
  property: (suite: SuiteProperties) => Value,
): ((suite: SuiteProperties) => boolean)[] {
  if (wanted === undefined) return [];
  const values = new Set(textsOf(wanted));
  return [(suite) => values.has(property(suite))];
}

function textsOf(wanted: Value | null | readonly (Value | null)[]): Value[] {
  return [wanted].flat().map((value) => value ?? 'NULL');
}

/** `key exchange RSA and mode CBC`, `TLS_RSA_WITH_NULL_SHA`, `0x1234`. */
function describeSuite(source: SuiteSource): string {
  if (typeof source === 'number') return SUITES.get(source)?.name ?? `0x${source.toString(16).padStart(4, '0')}`;
  if (typeof source === 'string') return source;
  const { strength, ...properties } = source;
  const parts = Object.entries(properties).map(([key, wanted]: [string, Value | null | readonly (Value | null)[]]) => {
    const name = key.replaceAll('_', ' ');
    if (typeof wanted === 'boolean') return wanted ? name : `no ${name}`;
    return `${name} ${textsOf(wanted).join(' or ')}`;
  });
  if (strength?.at_least !== undefined) parts.push(`strength of at least ${strength.at_least} bits`);
  if (strength?.below !== undefined) parts.push(`strength below ${strength.below} bits`);
  return parts.join(' and ');
}
