/** What a rule does, apart from how it is written. */
import { type Codes, GROUP_CODES, SCHEME_CODES, SUITE_CODES } from './codes.ts';
import { parseComparison } from './comparison.ts';
import { possibleVersions } from './matchers.ts';
import type { CodeSource, RuleSource, VersionsSource } from './source.ts';

const CODES: Readonly<Record<string, Codes<never, never>>> = {
  cipher_suites: SUITE_CODES as unknown as Codes<never, never>,
  groups: GROUP_CODES as unknown as Codes<never, never>,
  key_shares: GROUP_CODES as unknown as Codes<never, never>,
  signature_schemes: SCHEME_CODES as unknown as Codes<never, never>,
};

const COMPARISONS: ReadonlySet<string> = new Set(['dh_bits', 'validity_days']);

/** Text that is equal for rules that require the same. */
export function requirementOf({ negotiated, offered, dns }: RuleSource): string {
  return JSON.stringify(canonical('', { negotiated, offered, dns }));
}

/** A text for each condition and day: a rule with fewer of the same applies to more. */
export function scopeOf({ from, until, applies_to = {} }: RuleSource): ReadonlySet<string> {
  const parts = Object.entries({ from, until, ...applies_to }).filter(([, part]) => part !== undefined);
  return new Set(parts.map((part) => JSON.stringify(canonical('', Object.fromEntries([part])))));
}

function canonical(key: string, value: unknown): unknown {
  if (COMPARISONS.has(key)) {
    const { least, most } = parseComparison(value as string);
    return [least, String(most)];
  }
  if (Array.isArray(value))
    return value
      .map((item) => canonical('', item))
      .map(String)
      .sort();
  if (typeof value !== 'object' || value === null) return value;
  const codes = CODES[key];
  const entries = Object.entries(value).filter(([, part]) => part !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  if (codes !== undefined) return entries.map(([part, sources]) => [part, selected(codes, part, sources)]);
  if (key === 'versions') {
    const versions = value as VersionsSource;
    return [possibleVersions(versions), [...(versions.require ?? [])].sort()];
  }
  return entries.map(([part, inner]) => [part, canonical(part, inner)]);
}

/** The code points themselves; each required one is a requirement of its own. */
function selected(codes: Codes<never, never>, part: string, sources: readonly CodeSource<never>[]): unknown {
  const sorted = (set: ReadonlySet<number>) => [...set].sort((a, b) => a - b);
  if (part === 'require') return sources.map((source) => sorted(codes.select(source)).join()).sort();
  return sorted(codes.selectAll(sources));
}
