/** What policies say of one version, cipher suite, group or signature scheme, whoever asks for it in whichever name. */
import { nearest } from '../suggest.ts';
import { type Codes, GROUP_CODES, SCHEME_CODES, SUITE_CODES } from './codes.ts';
import type { ComparisonSource } from './comparison.ts';
import { describeScope } from './describe.ts';
import { GROUPS_BY_CODE } from './groups.ts';
import {
  type CodeMatcher,
  codeMatchers,
  dhMatcher,
  possibleVersions,
  requiredCodes,
  requiredVersions,
  versionMatchers,
} from './matchers.ts';
import { SCHEMES_BY_CODE } from './signatures.ts';
import type { CodesSource, ResolvedPolicy, RuleSource, VersionsSource } from './source.ts';
import { SUITES } from './suites.ts';

export type SubjectKind = 'version' | 'cipher suite' | 'group' | 'signature scheme';

export interface Subject {
  readonly kind: SubjectKind;
  readonly code: number;
  /** The registry's. */
  readonly name: string;
}

export interface Statement {
  readonly rule: RuleSource;
  /** What the rule is about: `negotiated`, `offered`, or the client's `key shares`. */
  readonly where: 'negotiated' | 'offered' | 'key shares';
  readonly says: 'allowed' | 'forbidden' | 'required';
  /** What the rule expects. */
  readonly expected: string;
  /** To what the rule is limited, in words; empty where it is not. */
  readonly scope: string;
}

const VERSIONS: ReadonlyMap<string, number> = new Map([
  ['SSLv2', 0x0002],
  ['SSLv3', 0x0300],
  ['TLSv1_0', 0x0301],
  ['TLSv1_1', 0x0302],
  ['TLSv1_2', 0x0303],
  ['TLSv1_3', 0x0304],
  ['DTLSv1_0', 0xfeff],
  ['DTLSv1_2', 0xfefd],
  ['DTLSv1_3', 0xfefc],
]);

/** `TLS 1.2`, `tlsv1.2`, `TLSv1_2` are one; `TLSv1` is TLS 1.0. */
const plainVersion = (text: string): string =>
  text
    .toLowerCase()
    .replaceAll(/[\s._v]/g, '')
    .replace(/^(d?tls|ssl)(\d)0?$/, (_, protocol, major) => `${protocol}${major}${protocol === 'ssl' ? '' : '0'}`);

interface Registry {
  readonly kind: SubjectKind;
  readonly find: (text: string) => number | undefined;
  /** Undefined where the code is not registered. */
  readonly nameOf: (code: number) => string | undefined;
  readonly names: () => Iterable<string>;
}

const REGISTRIES: readonly Registry[] = [
  {
    kind: 'version',
    find: (text) => [...VERSIONS].find(([name]) => plainVersion(name) === plainVersion(text))?.[1],
    nameOf: (code) => [...VERSIONS].find(([, version]) => version === code)?.[0],
    names: () => VERSIONS.keys(),
  },
  ofCodes('cipher suite', SUITE_CODES, SUITES),
  ofCodes('group', GROUP_CODES, GROUPS_BY_CODE),
  ofCodes('signature scheme', SCHEME_CODES, SCHEMES_BY_CODE),
];

function ofCodes<P, S extends object>(
  kind: SubjectKind,
  codes: Codes<P, S>,
  entries: ReadonlyMap<number, { readonly name: string }>,
): Registry {
  return {
    kind,
    find: (text) => codes.find(text),
    nameOf: (code) => entries.get(code)?.name,
    names: () => codes.names(),
  };
}

/** By name, alias or code. A code may be one of several kinds; a name that nobody knows is none. */
export function findSubjects(text: string): Subject[] {
  const code = /^0x[0-9a-f]{4}([0-9a-f]{2})?$/i.test(text) ? Number(text) : undefined;
  return REGISTRIES.flatMap(({ kind, find, nameOf }) => {
    const found = code ?? find(text);
    const name = found === undefined ? undefined : nameOf(found);
    return found === undefined || name === undefined ? [] : [{ kind, code: found, name }];
  });
}

export function suggestSubject(text: string): string | undefined {
  return nearest(
    text,
    REGISTRIES.flatMap(({ names }) => [...names()]),
  );
}

/** In the order of the rules; none where the policy has nothing to say. */
export function explain({ rules }: ResolvedPolicy, subject: Subject): Statement[] {
  return rules.flatMap((rule) => {
    if (!concerns(rule, subject)) return [];
    const scope = describeScope(rule);
    return sections(rule, subject).flatMap(({ where, matchers, required, allows }) => {
      const broken = matchers.filter(({ holds }) => !holds(subject.code));
      const wanted = required.filter(({ holds }) => holds(subject.code));
      const says: Pick<Statement, 'says' | 'expected'>[] = [
        ...broken.map(({ expected }) => ({ says: 'forbidden' as const, expected })),
        ...wanted.map(({ expected }) => ({ says: 'required' as const, expected })),
      ];
      if (says.length === 0 && allows) {
        says.push({ says: 'allowed', expected: matchers.map(({ expected }) => expected).join('; ') });
      }
      return says.map((statement) => ({ rule, where, scope, ...statement }));
    });
  });
}

interface Section {
  readonly where: Statement['where'];
  readonly matchers: readonly CodeMatcher[];
  readonly required: readonly CodeMatcher[];
  /** It says what is allowed, not only what is not. */
  readonly allows: boolean;
}

function sections({ negotiated, offered }: RuleSource, { kind, code }: Subject): Section[] {
  switch (kind) {
    case 'version':
      return [...ofVersions('negotiated', negotiated?.versions), ...ofVersions('offered', offered?.versions)];
    case 'cipher suite':
      return [
        ...ofSource('negotiated', negotiated?.cipher_suites, SUITE_CODES),
        ...ofSource('offered', offered?.cipher_suites, SUITE_CODES),
      ];
    case 'group':
      return [
        ...ofSource('negotiated', negotiated?.groups, GROUP_CODES),
        ...ofPrime(negotiated?.dh_bits, code),
        ...ofSource('offered', offered?.groups, GROUP_CODES),
        ...ofSource('key shares', offered?.key_shares, GROUP_CODES),
      ];
    case 'signature scheme':
      return [
        ...ofSource('negotiated', negotiated?.signature_schemes, SCHEME_CODES),
        ...ofSource('offered', offered?.signature_schemes, SCHEME_CODES),
      ];
  }
}

function ofVersions(where: Section['where'], source: VersionsSource | undefined): Section[] {
  if (source === undefined) return [];
  const { min, max, allow, require } = source;
  const allows = (min ?? max ?? allow) !== undefined;
  return [{ where, matchers: versionMatchers(source), required: requiredVersions(require), allows }];
}

function ofSource<P, S extends object>(
  where: Section['where'],
  source: CodesSource<S> | undefined,
  codes: Codes<P, S>,
): Section[] {
  if (source === undefined) return [];
  const required = requiredCodes(source.require, codes);
  return [{ where, matchers: codeMatchers(source, codes), required, allows: source.allow !== undefined }];
}

/** The name of a group of RFC 7919 tells the size of its prime; a rule on that says nothing of other groups. */
function ofPrime(source: ComparisonSource | undefined, code: number): Section[] {
  const { ffdhe, bits } = GROUPS_BY_CODE.get(code)?.properties ?? {};
  if (source === undefined || !ffdhe || bits === undefined) return [];
  const { expected, holds } = dhMatcher(source);
  return [{ where: 'negotiated', matchers: [{ expected, holds: () => holds(bits) }], required: [], allows: false }];
}

/** A rule for some versions says nothing of a suite that these cannot negotiate, nor of another version. */
function concerns({ applies_to }: RuleSource, { kind, code, name }: Subject): boolean {
  if (applies_to?.versions === undefined) return true;
  const versions = possibleVersions(applies_to.versions);
  if (kind === 'version') return versions.includes(name);
  if (kind !== 'cipher suite') return true;
  // TLS 1.3 has suites of its own, which leave key exchange to extensions (RFC 8446 appendix B.4).
  const of13 = SUITES.get(code)?.properties?.keyExchange === 'any';
  return versions.some((version) => version.endsWith('v1_3') === of13);
}
