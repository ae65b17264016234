/**
 * Verdicts of a set of policies by all that these look at, as a list of integers: handshakes with equal lists have equal
 * verdicts. Judging by ten policies takes tens of microseconds, making such a list and comparing it less than one.
 */
import type { ClientHello, TlsHandshakeEvent } from '../dissect/event.ts';
import { ConditionClasses } from './condition-classes.ts';
import { encryptedDnsRequirements } from './dns.ts';
import { extensionTypes } from './extensions.ts';
import { suiteKey } from './negotiated-suites.ts';
import { KEPT, type Requirement } from './requirement.ts';
import type { Exception, Rule } from './rule.ts';
import type { Direction, Verdict } from './verdict.ts';
import { helloOfKeyShares, isResumed, isStatic, PRE_SHARED_KEY } from './visible.ts';

/** Integers of an offer: a browser's has about 60, a scanner's 400. A handshake with more is judged each time. */
const MAX_OFFER = 1024;

/** Key shares of an offer: clients send up to three. A handshake with more is judged each time. */
const MAX_KEY_SHARES = 32;

/** Certificates of a chain. A handshake with more is judged each time; common servers send two to four. */
const MAX_CHAIN = 8;

/**
 * Kinds of handshakes whose verdicts are kept. A network has a few hundred (clients' offers times servers' choices);
 * the bound is for peers that make them up: 1 KB each with an ordinary offer, 5 KB at worst.
 */
const MAX_KEPT_VERDICTS = 2048;

/** Certificates and server names that have a number; more, and all get new ones: 150 bytes each. */
const MAX_NUMBERED = 8192;

/** Integers of a key besides its lists: eight facts, ten classes, the name, two counts, and two of the key shares. */
const FIXED = 23;

const NONE = -1;
const NO_CLIENT = -2;

interface Kept {
  readonly key: Int32Array;
  readonly verdicts: readonly Verdict[];
}

export class VerdictCache {
  readonly #classes: readonly ConditionClasses[];
  /** Moments at which a rule begins or ends, ascending. */
  readonly #moments: readonly number[];
  readonly #encryptedDns: readonly Requirement<TlsHandshakeEvent>[];
  /** Types that rules are about. */
  readonly #extensions: readonly number[];
  readonly #offers: boolean;
  readonly #certificates: boolean;
  readonly #names: boolean;
  readonly #key: Int32Array;
  #length = 0;
  #hash = 0;
  #usable = false;
  readonly #numbers = new Map<string, number>();
  /** By the key's hash. Of two keys with one hash the later stays. */
  readonly #kept = new Map<number, Kept>();

  constructor(rules: readonly Rule<TlsHandshakeEvent>[], exceptions: readonly Exception[]) {
    const all = [...rules, ...exceptions];
    this.#classes = ConditionClasses.of(all.flatMap(({ conditions }) => conditions));
    const extensions = rules.flatMap(({ source }) => extensionTypes(source.negotiated?.extensions ?? {}));
    this.#extensions = [...new Set(extensions)];
    this.#key = new Int32Array(FIXED + this.#extensions.length + 2 * MAX_CHAIN + MAX_OFFER + MAX_KEY_SHARES);
    const moments = all.flatMap(({ start, end }) => [start, end]).filter(Number.isFinite);
    this.#moments = [...new Set(moments)].sort((a, b) => a - b);
    this.#encryptedDns = rules.flatMap(({ source }) => (source.dns ? encryptedDnsRequirements(source.dns) : []));
    this.#offers = rules.some(({ source }) => source.offered !== undefined);
    const certificates = rules.flatMap(({ source }) => source.negotiated?.certificate ?? []);
    this.#certificates = certificates.length > 0;
    this.#names = certificates.some(({ name_mismatch }) => name_mismatch !== undefined);
  }

  /** What was judged of an equal handshake; undefined where it has to be judged. */
  find(event: TlsHandshakeEvent, direction: Direction | undefined): readonly Verdict[] | undefined {
    this.#usable = this.#fill(event, direction);
    if (!this.#usable) return undefined;
    const kept = this.#kept.get(this.#hash);
    return kept !== undefined && this.#equals(kept.key) ? kept.verdicts : undefined;
  }

  /** Keeps the verdicts on the handshake that was looked for last. */
  keep(verdicts: readonly Verdict[]): void {
    if (!this.#usable) return;
    if (this.#kept.size >= MAX_KEPT_VERDICTS) this.#kept.clear();
    this.#kept.set(this.#hash, { key: this.#key.slice(0, this.#length), verdicts });
  }

  /** False where the handshake is not to be kept. */
  #fill(event: TlsHandshakeEvent, direction: Direction | undefined): boolean {
    if (this.#numbers.size > MAX_NUMBERED) {
      // Numbers are given anew, and mean something else in the keys that are kept.
      this.#numbers.clear();
      this.#kept.clear();
    }
    const { server, details } = event;
    this.#length = 0;
    this.#hash = 0x811c9dc5;
    this.#push(server === undefined ? NONE : server.version);
    this.#push(server === undefined ? NONE : suiteKey(server));
    this.#push(server === undefined ? NONE : server.compressionMethod);
    this.#push(details?.group ?? server?.keyShareGroup ?? NONE);
    this.#push(details?.dhBits ?? NONE);
    this.#push(details?.signatureScheme ?? NONE);
    const resumed = isResumed(event);
    this.#push(resumed === undefined ? NONE : Number(resumed));
    this.#push(this.#segment(event.time.seconds));
    for (let i = 0; i < this.#extensions.length; i++) {
      const seen = server?.extensions.includes(this.#extensions[i] as number) ?? false;
      this.#push(seen ? 1 : server?.malformed ? 2 : 0);
    }
    for (let i = 0; i < this.#classes.length; i++) {
      this.#push(this.#classes[i]?.classOf(event, direction) ?? NONE);
    }
    for (let i = 0; i < this.#encryptedDns.length; i++) {
      // The finding names the server, so that it is this handshake's alone.
      if (this.#encryptedDns[i]?.judge(event) !== KEPT) return false;
    }
    // Rules on groups and on dh_bits look at the certificate where its key is the key exchange's.
    const looksAtCertificates = this.#certificates || (server !== undefined && isStatic(server));
    if (looksAtCertificates && !this.#pushCertificates(event)) return false;
    if (this.#offers) {
      if (event.client === undefined) this.#push(NO_CLIENT);
      else if (!this.#pushOffer(event.client)) return false;
      if (!this.#pushKeyShares(helloOfKeyShares(event))) return false;
    }
    return true;
  }

  #equals(key: Int32Array): boolean {
    const own = this.#key;
    if (key.length !== this.#length) return false;
    for (let i = 0; i < key.length; i++) if (key[i] !== own[i]) return false;
    return true;
  }

  /** The hash of Fowler, Noll and Vo (FNV-1a), a word at a time. */
  #push(value: number): void {
    this.#key[this.#length++] = value;
    this.#hash = Math.imul(this.#hash ^ value, 0x01000193);
  }

  #segment(seconds: number): number {
    let i = 0;
    while (i < this.#moments.length && seconds >= (this.#moments[i] as number)) i++;
    return i;
  }

  #pushCertificates({ time, client, details }: TlsHandshakeEvent): boolean {
    const chain = details?.certificates ?? [];
    if (chain.length > MAX_CHAIN) return false;
    this.#push(chain.length);
    for (const certificate of chain) {
      if (certificate === undefined) this.#push(NONE);
      else {
        const { sha256, notBefore, notAfter } = certificate;
        this.#push(this.#number(sha256));
        this.#push(Number(time.seconds > notAfter) * 2 + Number(time.seconds < notBefore));
      }
    }
    if (this.#names && chain.length > 0) {
      const name = client?.serverName;
      this.#push(client === undefined ? NO_CLIENT : name === undefined ? NONE : this.#number(name));
    }
    return true;
  }

  #pushOffer(client: ClientHello): boolean {
    const { cipherSuites, sslv2CipherKinds, supportedVersions, groups, signatureAlgorithms } = client;
    const lists = cipherSuites.length + sslv2CipherKinds.length + supportedVersions.length + groups.length;
    // Each list has its length before it.
    if (lists + signatureAlgorithms.length + 8 > MAX_OFFER) return false;
    this.#push(client.version);
    this.#push(Number(client.extensions.includes(PRE_SHARED_KEY)));
    this.#push(Number(client.malformed));
    this.#pushList(cipherSuites);
    this.#pushList(sslv2CipherKinds);
    this.#pushList(supportedVersions);
    this.#pushList(groups);
    this.#pushList(signatureAlgorithms);
    return true;
  }

  /** They may be an earlier hello's than the rest of the offer. */
  #pushKeyShares(client: ClientHello | undefined): boolean {
    if (client === undefined) this.#push(NO_CLIENT);
    else {
      if (client.keyShares.length > MAX_KEY_SHARES) return false;
      this.#push(Number(client.malformed));
      this.#pushList(client.keyShares);
    }
    return true;
  }

  #pushList(values: readonly number[]): void {
    this.#push(values.length);
    // As #push does, with everything at hand: offers are the longest part.
    const key = this.#key;
    let length = this.#length;
    let hash = this.#hash;
    for (let i = 0; i < values.length; i++) {
      const value = values[i] as number;
      key[length++] = value;
      hash = Math.imul(hash ^ value, 0x01000193);
    }
    this.#length = length;
    this.#hash = hash;
  }

  #number(text: string): number {
    let number = this.#numbers.get(text);
    if (number === undefined) {
      number = this.#numbers.size;
      this.#numbers.set(text, number);
    }
    return number;
  }
}
