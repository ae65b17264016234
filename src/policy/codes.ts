/** Cipher suites, groups and signature schemes as policies select them: by name, by code, by properties. */
import { type ComparisonSource, describeComparison, parseComparison, within } from './comparison.ts';
import { GROUPS_BY_CODE, type GroupProperties, groupAliases } from './groups.ts';
import { SCHEMES_BY_CODE, type SignatureProperties, schemeAliases } from './signatures.ts';
import type { CodeSource, GroupSelectorSource, SchemeSelectorSource, SuiteSelectorSource } from './source.ts';
import { suiteAliases } from './suite-names.ts';
import { PSK_ALONE_SUITES, SUITES, type Suite, type SuiteProperties } from './suites.ts';

type Value = string | number | boolean | undefined;

interface Entry<P> {
  readonly code: number;
  readonly name: string;
  readonly properties: P | undefined;
}

/** One registry of code points. */
export class Codes<P, S extends object> {
  readonly #entries: ReadonlyMap<number, Entry<P>>;
  readonly #properties: Readonly<Record<keyof S, (properties: P) => Value>>;
  readonly #codePattern: RegExp;
  /** By name and alias in lower case: programs do not agree on case (`X25519`, `x25519`). */
  readonly #byName = new Map<string, number>();
  readonly #aliases: (name: string) => string[];
  #aliasesKnown = false;

  constructor(
    entries: ReadonlyMap<number, Entry<P>>,
    properties: Readonly<Record<keyof S, (properties: P) => Value>>,
    aliases: (name: string) => string[],
    codePattern: RegExp,
  ) {
    this.#entries = entries;
    this.#properties = properties;
    this.#aliases = aliases;
    this.#codePattern = codePattern;
    for (const { code, name } of entries.values()) this.#learn(name, code);
  }

  /** Code point of a name, an alias or a code in text; undefined where it is none of these. */
  find(text: string): number | undefined {
    if (this.#codePattern.test(text)) return Number(text);
    const name = text.toLowerCase();
    const code = this.#byName.get(name);
    if (code !== undefined || this.#aliasesKnown) return code;
    // Most policies write the registry's names: the rest is made at the first that is none.
    this.#aliasesKnown = true;
    for (const entry of this.#entries.values()) {
      for (const alias of this.#aliases(entry.name)) this.#learn(alias, entry.code);
    }
    return this.#byName.get(name);
  }

  /** Registered names, for suggestions. */
  *names(): Iterable<string> {
    for (const { name } of this.#entries.values()) yield name;
  }

  /** Whether a code point takes part: signaling values stand in the list of suites but are none. */
  isSignaling(code: number): boolean {
    const entry = this.#entries.get(code);
    return entry !== undefined && entry.properties === undefined;
  }

  /** Properties select among what is known; a code point without a name is reached by its code only. */
  select(source: CodeSource<S>): ReadonlySet<number> {
    const codes = new Set<number>();
    if (typeof source === 'object') {
      const selects = this.#selector(source);
      for (const { code, properties } of this.#entries.values()) {
        if (properties !== undefined && selects(properties)) codes.add(code);
      }
    } else {
      const code = typeof source === 'number' ? source : this.find(source);
      if (code !== undefined) codes.add(code);
    }
    return codes;
  }

  selectAll(sources: readonly CodeSource<S>[]): ReadonlySet<number> {
    const codes = new Set<number>();
    for (const source of sources) for (const code of this.select(source)) codes.add(code);
    return codes;
  }

  /** Whether one of the sources selects by properties what has these and no code point. */
  selector(sources: readonly CodeSource<S>[]): (properties: P) => boolean {
    const selectors = sources.filter((source) => typeof source === 'object').map((source) => this.#selector(source));
    return (properties) => selectors.some((selects) => selects(properties));
  }

  #selector(source: S): (properties: P) => boolean {
    const tests = Object.entries(source).map(([key, wanted]) => this.#test(key as keyof S, wanted));
    return (properties) => tests.every((test) => test(properties));
  }

  #learn(name: string, code: number): void {
    const key = name.toLowerCase();
    if (!this.#byName.has(key)) this.#byName.set(key, code);
  }

  #test(key: keyof S, wanted: unknown): (properties: P) => boolean {
    const property = this.#properties[key];
    if (isBits(key)) {
      const interval = parseComparison(wanted as ComparisonSource);
      return (properties) => {
        const bits = property(properties);
        return typeof bits === 'number' && within(bits, interval);
      };
    }
    const values = new Set<Value>(textsOf(wanted));
    return (properties) => values.has(property(properties));
  }

  /** `not key exchange RSA, TLS_RSA_WITH_NULL_SHA`, `forward secrecy`, `forward secrecy; not mode CBC`. */
  describeDenied(sources: readonly CodeSource<S>[]): string {
    const opposites = sources.map(oppositeOf);
    const rest = sources.filter((_, i) => opposites[i] === undefined).map((source) => this.describe(source));
    const wanted = opposites.flatMap((opposite) => (opposite === undefined ? [] : [this.describe(opposite)]));
    return [...wanted, ...(rest.length > 0 ? [`not ${rest.join(', ')}`] : [])].join('; ');
  }

  /** `key exchange RSA and mode CBC`, `TLS_RSA_WITH_NULL_SHA`, `0x1234`. */
  describe(source: CodeSource<S>): string {
    if (typeof source === 'number')
      return this.#entries.get(source)?.name ?? `0x${source.toString(16).padStart(4, '0')}`;
    if (typeof source === 'string') return source;
    return Object.entries(source)
      .map(([key, wanted]: [string, unknown]) => {
        const name = key.replaceAll('_', ' ');
        if (isBits(key))
          return `${name.replace(/ ?bits$/, '')} ${describeComparison(wanted as ComparisonSource)} bits`.trim();
        if (typeof wanted === 'boolean') return wanted ? name : `no ${name}`;
        return `${name} ${textsOf(wanted).join(' or ')}`;
      })
      .join(' and ');
  }
}

/** Of a selector by one property that is there or not. */
function oppositeOf<S extends object>(source: CodeSource<S>): CodeSource<S> | undefined {
  const [first, ...more] = typeof source === 'object' ? Object.entries(source) : [];
  if (first === undefined || more.length > 0 || typeof first[1] !== 'boolean') return undefined;
  return { [first[0]]: !first[1] } as S;
}

function isBits(key: PropertyKey): boolean {
  return key === 'bits' || key === 'strength_bits';
}

function textsOf(wanted: unknown): (string | boolean)[] {
  return [wanted as string | boolean | null].flat().map((value) => value ?? 'NULL');
}

const suiteCodes = (suites: ReadonlyMap<number, Suite>) =>
  new Codes<SuiteProperties, SuiteSelectorSource>(
    suites,
    {
      key_exchange: (suite) => suite.keyExchange,
      authentication: (suite) => suite.authentication,
      encryption: (suite) => suite.encryption,
      mode: (suite) => suite.mode,
      mac: (suite) => suite.mac,
      strength_bits: (suite) => suite.strength,
      forward_secrecy: (suite) => suite.forwardSecrecy,
      aead: (suite) => suite.aead,
      export: (suite) => suite.export,
    },
    suiteAliases,
    /^0x(?:[0-9a-f]{4}|[0-9a-f]{6})$/i,
  );

export const SUITE_CODES = suiteCodes(SUITES);
/** The suites as a handshake by a pre-shared key alone uses them. */
export const PSK_ALONE_SUITE_CODES = suiteCodes(PSK_ALONE_SUITES);
/** The suites in both ways in which a handshake may use them: one of TLS 1.3 is forward secret or not by the handshake. */
export const NEGOTIATED_SUITE_CODES = [SUITE_CODES, PSK_ALONE_SUITE_CODES] as const;

const TWO_BYTES = /^0x[0-9a-f]{4}$/i;

export const GROUP_CODES = new Codes<GroupProperties, GroupSelectorSource>(
  GROUPS_BY_CODE,
  {
    post_quantum: (group) => group.postQuantum,
    hybrid_pq: (group) => group.hybridPq,
    ffdhe: (group) => group.ffdhe,
    bits: (group) => group.bits,
    strength_bits: (group) => group.strength,
  },
  groupAliases,
  TWO_BYTES,
);

export const SCHEME_CODES = new Codes<SignatureProperties, SchemeSelectorSource>(
  SCHEMES_BY_CODE,
  { algorithm: (scheme) => scheme.algorithm, hash: (scheme) => scheme.hash },
  schemeAliases,
  TWO_BYTES,
);
