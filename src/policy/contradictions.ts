/** What is in shape and yet cannot be meant: requirements that nothing meets, rules and conditions that never match. */
import { curveKey } from './certificate.ts';
import { type Codes, GROUP_CODES, NEGOTIATED_SUITE_CODES, SCHEME_CODES, SUITE_CODES } from './codes.ts';
import { type ComparisonSource, parseComparison } from './comparison.ts';
import { dayEnd, dayStart } from './day.ts';
import { possibleVersions } from './matchers.ts';
import type { Mistake, Path } from './problem.ts';
import { ofReach } from './reach.ts';
import type {
  CertificateSource,
  CodeSource,
  CodesSource,
  ConditionsSource,
  ExtensionsSource,
  NamesSource,
  NegotiatedSource,
  OfferedSource,
  PolicySource,
  RuleSource,
  VersionsSource,
} from './source.ts';

const LISTS = ['allow', 'deny', 'require'] as const;

/**
 * Every contradiction of a policy, inherited rules aside: what overrides make of these is found with them (resolve.ts).
 * @param isInShape whether the value at a path is; what is not is passed over
 */
export function findContradictions(
  { rules, overrides, exceptions }: PolicySource,
  isInShape: (path: Path) => boolean,
): Mistake[] {
  const of = <T>(path: Path, value: T, find: (path: Path, value: T) => Mistake[]) =>
    isInShape(path) ? find(path, value) : [];
  return [
    ...(rules ?? []).flatMap((rule, i) => of(['rules', i], rule, ofWholeRule)),
    ...Object.entries(overrides ?? {}).flatMap(([id, change]) => of(['overrides', id], change, ofRule)),
    ...(exceptions ?? []).flatMap((exception, i) =>
      of(['exceptions', i], exception, (path) => [
        ...ofConditions([...path, 'applies_to'], exception.applies_to),
        ...ofReach(path, exception),
      ]),
    ),
  ];
}

/** Of a rule with all its fields: what is wrong between two of them shows only here. */
export function ofWholeRule(path: Path, rule: RuleSource): Mistake[] {
  return [...ofRule(path, rule), ...ofReach(path, rule)];
}

function ofRule(path: Path, { from, until, applies_to, negotiated, offered }: Partial<RuleSource>): Mistake[] {
  const mistakes = ofConditions([...path, 'applies_to'], applies_to);
  if (from !== undefined && until !== undefined && (dayStart(from) ?? 0) >= (dayEnd(until) ?? 0)) {
    mistakes.push({
      path: [...path, 'until'],
      what: `the rule ends on ${until}, before it begins on ${from}`,
      remedy: 'correct one of the days',
    });
  }
  return [
    ...mistakes,
    ...ofRequirements([...path, 'negotiated'], negotiated, NEGOTIATED_SUITE_CODES),
    ...ofRequirements([...path, 'offered'], offered, [SUITE_CODES]),
  ];
}

function ofConditions(path: Path, conditions: ConditionsSource | undefined): Mistake[] {
  const { protocols, versions, cipher_suites } = conditions ?? {};
  const suites = ofCodes([...path, 'cipher_suites'], cipher_suites, NEGOTIATED_SUITE_CODES, 'cipher suite');
  return [...suites, ...ofVersionCondition(path, versions, protocols)];
}

function ofVersionCondition(
  path: Path,
  versions: VersionsSource | undefined,
  protocols: ConditionsSource['protocols'],
): Mistake[] {
  if (versions === undefined) return [];
  const possible = possibleVersions(versions);
  if (possible.length === 0) return [noVersion([...path, 'versions'])];
  if (protocols === undefined) return [];
  const spoken = possible.some((version) => protocols.some((protocol) => speaks(protocol, version)));
  if (spoken) return [];
  const what = `no version of ${protocols.join(', ')} is ${possible.join(', ')}, so that nothing matches`;
  return [{ path: [...path, 'versions'], what, remedy: 'name the versions of these protocols' }];
}

/** QUIC carries TLS 1.3 and nothing older (RFC 9001 §4.2). */
function speaks(protocol: 'tls' | 'dtls' | 'quic', version: string): boolean {
  if (protocol === 'quic') return version === 'TLSv1_3';
  return version.startsWith('DTLS') === (protocol === 'dtls');
}

function noVersion(path: Path): Mistake {
  return { path, what: 'no version keeps to all of these', remedy: 'let `min`, `max`, `allow` and `deny` leave one' };
}

function ofRequirements(
  path: Path,
  source: (NegotiatedSource & OfferedSource) | undefined,
  suites: readonly [typeof SUITE_CODES, ...(typeof SUITE_CODES)[]],
): Mistake[] {
  if (source === undefined) return [];
  const { versions, cipher_suites, groups, key_shares, signature_schemes, dh_bits, extensions, certificate } = source;
  return [
    ...ofVersions([...path, 'versions'], versions),
    ...ofCodes([...path, 'cipher_suites'], cipher_suites, suites, 'cipher suite'),
    ...ofCodes([...path, 'groups'], groups, [GROUP_CODES], 'group'),
    ...ofCodes([...path, 'key_shares'], key_shares, [GROUP_CODES], 'group'),
    ...ofCodes([...path, 'signature_schemes'], signature_schemes, [SCHEME_CODES], 'signature scheme'),
    ...ofComparison([...path, 'dh_bits'], dh_bits),
    ...ofExtensions([...path, 'extensions'], extensions),
    ...ofCertificate([...path, 'certificate'], certificate),
  ];
}

function ofVersions(path: Path, versions: VersionsSource | undefined): Mistake[] {
  if (versions === undefined) return [];
  const possible = possibleVersions(versions);
  if (possible.length === 0) return [noVersion(path)];
  const impossible = (versions.require ?? []).filter((version) => !possible.includes(version));
  return impossible.map((version) => ({
    path: [...path, 'require', versions.require?.indexOf(version) ?? 0],
    what: `\`${version}\` is required and ruled out at once`,
    remedy: 'remove it on one side',
  }));
}

/** @param ways the registry, once for each way in which its code points may be used: a contradiction holds in all of them */
function ofCodes<P, S extends object>(
  path: Path,
  source: CodesSource<S> | undefined,
  ways: readonly [Codes<P, S>, ...Codes<P, S>[]],
  kind: string,
): Mistake[] {
  if (source === undefined) return [];
  const mistakes: Mistake[] = [];
  const { allow, deny, require } = source;
  for (const list of LISTS) {
    source[list]?.forEach((item, i) => {
      if (ways.some((codes) => codes.select(item).size > 0)) return;
      const what = `no ${kind} has all of these properties`;
      mistakes.push({ path: [...path, list, i], what, remedy: 'the entry never matches: correct or remove it' });
    });
  }
  /** Whether one of what the item or items select keeps to the other lists, too. */
  const leaves = (selectors: readonly CodeSource<S>[], within: readonly CodeSource<S>[] | undefined): boolean =>
    ways.some((codes) => {
      const denied = codes.selectAll(deny ?? []);
      const allowed = within && codes.selectAll(within);
      return [...codes.selectAll(selectors)].some((code) => !denied.has(code) && (allowed?.has(code) ?? true));
    });
  if (mistakes.length === 0 && allow !== undefined && !leaves(allow, undefined)) {
    const what = `every ${kind} that is allowed is denied too`;
    mistakes.push({ path, what, remedy: 'let `deny` leave some of what `allow` lists' });
  }
  const [first] = ways;
  require?.forEach((item, i) => {
    if (first.select(item).size === 0 || leaves([item], allow)) return;
    const what = `${first.describe(item)} is required and ruled out at once`;
    mistakes.push({ path: [...path, 'require', i], what, remedy: 'remove it on one side' });
  });
  const codeOf = (item: CodeSource<S>) => (typeof item === 'object' ? undefined : [...first.select(item)].join());
  for (const list of LISTS) mistakes.push(...ofRepeated([...path, list], source[list], codeOf, kind));
  return mistakes;
}

/**
 * JSON Schema tells what is written twice, not what goes by two names.
 * @param key what an item stands for; undefined where it may be several
 */
function ofRepeated<T>(
  path: Path,
  items: readonly T[] | undefined,
  key: (item: T) => string | undefined,
  kind: string,
): Mistake[] {
  const keys = (items ?? []).map(key);
  return keys.flatMap((one, i) => {
    const first = keys.indexOf(one);
    if (one === undefined || first === i) return [];
    return [
      { path: [...path, i], what: `${items?.[first]} and ${items?.[i]} are one ${kind}`, remedy: 'remove one of them' },
    ];
  });
}

function ofComparison(path: Path, source: ComparisonSource | undefined): Mistake[] {
  if (source === undefined) return [];
  const { least, most } = parseComparison(source);
  return least <= most ? [] : [{ path, what: 'no number keeps to all of these', remedy: 'correct the comparisons' }];
}

function ofExtensions(path: Path, { require = [], deny = [] }: ExtensionsSource = {}): Mistake[] {
  return deny.flatMap((name, i) =>
    require.includes(name)
      ? [
          {
            path: [...path, 'deny', i],
            what: `\`${name}\` is required and ruled out at once`,
            remedy: 'remove it on one side',
          },
        ]
      : [],
  );
}

function ofCertificate(path: Path, source: CertificateSource | undefined): Mistake[] {
  if (source === undefined) return [];
  const { key_types, key_bits, curves, signature_hashes, signature_algorithms, validity_days } = source;
  const mistakes = [
    ...ofNames([...path, 'key_types'], key_types),
    ...ofNames([...path, 'curves'], curves, curveKey),
    ...ofRepeated([...path, 'curves', 'allow'], curves?.allow, curveKey, 'curve'),
    ...ofRepeated([...path, 'curves', 'deny'], curves?.deny, curveKey, 'curve'),
    ...ofNames([...path, 'signature_hashes'], signature_hashes),
    ...ofNames([...path, 'signature_algorithms'], signature_algorithms),
    ...ofComparison([...path, 'validity_days'], validity_days),
    ...Object.entries(key_bits ?? {}).flatMap(([type, bits]) => ofComparison([...path, 'key_bits', type], bits)),
  ];
  const possible = (type: string) =>
    (key_types?.allow?.includes(type) ?? true) && !(key_types?.deny?.includes(type) ?? false);
  for (const type of Object.keys(key_bits ?? {})) {
    if (possible(type) || (type === 'RSA' && possible('RSA-PSS'))) continue;
    mistakes.push(unusable([...path, 'key_bits', type], type));
  }
  if (curves !== undefined && !possible('EC')) mistakes.push(unusable([...path, 'curves'], 'EC'));
  return mistakes;
}

function unusable(path: Path, type: string): Mistake {
  return {
    path,
    what: `key type ${type} is ruled out, so that nothing matches`,
    remedy: 'allow the type or remove this',
  };
}

function ofNames(
  path: Path,
  { allow, deny = [] }: NamesSource<string> = {},
  key: (name: string) => string = (name) => name,
): Mistake[] {
  const denied = new Set(deny.map(key));
  if (allow === undefined || allow.some((name) => !denied.has(key(name)))) return [];
  return [
    { path, what: 'everything that is allowed is denied too', remedy: 'let `deny` leave some of what `allow` lists' },
  ];
}
