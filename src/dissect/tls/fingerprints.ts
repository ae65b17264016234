/** Fingerprints of hellos, hashed once: a host meets the same few hundred hellos again and again. */
import { hash } from 'node:crypto';
import type { ClientHello, Fingerprints, ServerHello } from '../event.ts';
import { decimalList, ja3sText, ja3Text } from './ja3.ts';
import { JA4_HASH_DIGITS, type Ja4Transport, ja4Extensions, ja4Prefix, ja4Suites } from './ja4.ts';

export const FINGERPRINT_NAMES = ['ja3', 'ja3s', 'ja4'] as const;
export type FingerprintName = (typeof FINGERPRINT_NAMES)[number];

/** Of each kind of hash, about 300 bytes each. Browsers that shuffle their extensions have a new JA3 every time. */
const MAX_KEPT = 4_096;
/** Longer texts are hostile or of a scanner: hashed each time, not kept. */
const MAX_KEPT_LENGTH = 1_024;
const NO_HASH = '0'.repeat(JA4_HASH_DIGITS);

/** Hashes by the text that tells them apart; when it is full the older half goes. */
class HashCache {
  private young = new Map<string, string>();
  private old = new Map<string, string>();

  get(key: string): string | undefined {
    const kept = this.young.get(key);
    if (kept !== undefined) return kept;
    const older = this.old.get(key);
    if (older !== undefined) this.keep(key, older);
    return older;
  }

  set(key: string, value: string): string {
    if (key.length <= MAX_KEPT_LENGTH) this.keep(key, value);
    return value;
  }

  private keep(key: string, value: string): void {
    if (this.young.size >= MAX_KEPT / 2) {
      this.old = this.young;
      this.young = new Map();
    }
    this.young.set(key, value);
  }
}

export class Fingerprinter {
  private readonly ja3: boolean;
  private readonly ja3s: boolean;
  private readonly ja4: boolean;
  private readonly md5s = new HashCache();
  /** By the lists in wire order, which are cheaper to write than to sort. */
  private readonly suites = new HashCache();
  private readonly extensions = new HashCache();

  constructor(names: readonly FingerprintName[]) {
    this.ja3 = names.includes('ja3');
    this.ja3s = names.includes('ja3s');
    this.ja4 = names.includes('ja4');
  }

  /** Undefined where none is wanted or defined. */
  client(hello: ClientHello, transport: Ja4Transport): Fingerprints | undefined {
    if (hello.sslv2 || !(this.ja3 || this.ja4)) return undefined;
    return {
      ...(this.ja3 ? { ja3: this.md5(ja3Text(hello)) } : {}),
      ...(this.ja4 ? { ja4: this.ja4Of(hello, transport) } : {}),
    };
  }

  server(hello: ServerHello): Fingerprints | undefined {
    return hello.sslv2 || !this.ja3s ? undefined : { ja3s: this.md5(ja3sText(hello)) };
  }

  private md5(text: string): string {
    return this.md5s.get(text) ?? this.md5s.set(text, hash('md5', text));
  }

  private ja4Of(hello: ClientHello, transport: Ja4Transport): string {
    const suitesKey = decimalList(hello.cipherSuites);
    const suites = this.suites.get(suitesKey) ?? this.suites.set(suitesKey, shortHash(ja4Suites(hello)));
    const extensionsKey = `${decimalList(hello.extensions)},${decimalList(hello.signatureAlgorithms)}`;
    const extensions =
      this.extensions.get(extensionsKey) ?? this.extensions.set(extensionsKey, shortHash(ja4Extensions(hello)));
    return `${ja4Prefix(hello, transport)}_${suites}_${extensions}`;
  }
}

function shortHash(text: string): string {
  return text === '' ? NO_HASH : hash('sha256', text).slice(0, JA4_HASH_DIGITS);
}
