/** Fingerprints of hellos, hashed once: a host meets the same few hundred hellos again and again. */
import { hash } from 'node:crypto';
import type { ClientHello, Fingerprints, ServerHello } from '../event.ts';
import { ja3sText, ja3Text } from './ja3.ts';
import { JA4_HASH_DIGITS, type Ja4Transport, ja4Extensions, ja4Prefix, ja4Suites } from './ja4.ts';
import { isEqual } from './shared-lists.ts';

export const FINGERPRINT_NAMES = ['ja3', 'ja3s', 'ja4'] as const;
export type FingerprintName = (typeof FINGERPRINT_NAMES)[number];

/** Of clients and of servers, about 500 bytes each. Browsers that shuffle their extensions are new every time. */
const MAX_KEPT = 4_096;
/** Longer hellos are hostile or of a scanner: hashed each time, not kept. */
const MAX_KEPT_VALUES = 512;
const NO_HASH = '0'.repeat(JA4_HASH_DIGITS);

/** By what tells hellos apart; when it is full the older half goes. */
class FingerprintCache {
  private young = new Map<string, Fingerprints>();
  private old = new Map<string, Fingerprints>();

  get(key: string): Fingerprints | undefined {
    const kept = this.young.get(key);
    if (kept !== undefined) return kept;
    const older = this.old.get(key);
    if (older !== undefined) this.set(key, older);
    return older;
  }

  set(key: string, value: Fingerprints): void {
    if (this.young.size >= MAX_KEPT / 2) {
      this.old = this.young;
      this.young = new Map();
    }
    this.young.set(key, value);
  }
}

/**
 * The last hello with each list of extensions. Equal lists are one array (`shared-lists.ts`), so that the same hello is known by
 * comparing a few references, where its key takes a microsecond to put together and to look up.
 */
class RecentHellos<Hello extends { readonly extensions: readonly number[] }> {
  private readonly kept = new WeakMap<
    readonly number[],
    { readonly hello: Hello; readonly fingerprints: Fingerprints }
  >();
  private readonly isSame: (a: Hello, b: Hello) => boolean;

  /** @param isSame whether two hellos with the same extensions have the same fingerprints */
  constructor(isSame: (a: Hello, b: Hello) => boolean) {
    this.isSame = isSame;
  }

  get(hello: Hello): Fingerprints | undefined {
    const last = this.kept.get(hello.extensions);
    return last !== undefined && this.isSame(last.hello, hello) ? last.fingerprints : undefined;
  }

  set(hello: Hello, fingerprints: Fingerprints): void {
    this.kept.set(hello.extensions, { hello, fingerprints });
  }
}

/** What JA3 and JA4 depend on besides the carrier. */
function isSameClient(a: ClientHello, b: ClientHello): boolean {
  return (
    a.cipherSuites === b.cipherSuites &&
    a.groups === b.groups &&
    a.signatureAlgorithms === b.signatureAlgorithms &&
    a.supportedVersions === b.supportedVersions &&
    isEqual(a.pointFormats, b.pointFormats) &&
    a.legacyVersion === b.legacyVersion &&
    a.alpn[0] === b.alpn[0]
  );
}

function isSameServer(a: ServerHello, b: ServerHello): boolean {
  return a.cipherSuite === b.cipherSuite && a.legacyVersion === b.legacyVersion;
}

export class Fingerprinter {
  private readonly ja3: boolean;
  private readonly ja3s: boolean;
  private readonly ja4: boolean;
  private readonly clients = new FingerprintCache();
  private readonly servers = new FingerprintCache();
  private readonly recentClients: Readonly<Record<Ja4Transport, RecentHellos<ClientHello>>>;
  private readonly recentServers = new RecentHellos(isSameServer);

  constructor(names: readonly FingerprintName[]) {
    this.ja3 = names.includes('ja3');
    this.ja3s = names.includes('ja3s');
    this.ja4 = names.includes('ja4');
    const recent = () => new RecentHellos(isSameClient);
    this.recentClients = { t: recent(), q: recent(), d: recent() };
  }

  /** Undefined where none is wanted or defined. */
  client(hello: ClientHello, transport: Ja4Transport): Fingerprints | undefined {
    if (hello.sslv2 || !(this.ja3 || this.ja4)) return undefined;
    const recent = this.recentClients[transport];
    const last = recent.get(hello);
    if (last !== undefined) return last;
    const key = clientKey(hello, transport);
    const kept = (key === undefined ? undefined : this.clients.get(key)) ?? this.newClient(hello, transport, key);
    recent.set(hello, kept);
    return kept;
  }

  server(hello: ServerHello): Fingerprints | undefined {
    if (hello.sslv2 || !this.ja3s) return undefined;
    const last = this.recentServers.get(hello);
    if (last !== undefined) return last;
    const key = serverKey(hello);
    const kept = (key === undefined ? undefined : this.servers.get(key)) ?? this.newServer(hello, key);
    this.recentServers.set(hello, kept);
    return kept;
  }

  private newClient(hello: ClientHello, transport: Ja4Transport, key: string | undefined): Fingerprints {
    const fingerprints = {
      ja3: this.ja3 ? hash('md5', ja3Text(hello)) : undefined,
      ja3s: undefined,
      ja4: this.ja4 ? ja4Of(hello, transport) : undefined,
    };
    if (key !== undefined) this.clients.set(key, fingerprints);
    return fingerprints;
  }

  private newServer(hello: ServerHello, key: string | undefined): Fingerprints {
    const fingerprints = { ja3: undefined, ja3s: hash('md5', ja3sText(hello)), ja4: undefined };
    if (key !== undefined) this.servers.set(key, fingerprints);
    return fingerprints;
  }
}

/** A list as text of one UTF-16 unit for its length and one for each value: a twentieth of the time that decimals take. */
const units = (values: readonly number[]): string => String.fromCharCode(values.length, ...values);

/** Everything that JA3 and JA4 depend on; undefined where it is too long to keep. */
function clientKey(hello: ClientHello, transport: Ja4Transport): string | undefined {
  const { cipherSuites, extensions, groups, pointFormats, signatureAlgorithms, supportedVersions, alpn } = hello;
  const values =
    cipherSuites.length +
    extensions.length +
    groups.length +
    pointFormats.length +
    signatureAlgorithms.length +
    supportedVersions.length;
  if (values > MAX_KEPT_VALUES) return undefined;
  const head = transport + String.fromCharCode(hello.legacyVersion);
  const offered = units(cipherSuites) + units(extensions) + units(groups) + units(pointFormats);
  return head + offered + units(signatureAlgorithms) + units(supportedVersions) + (alpn[0] ?? '');
}

function serverKey({ legacyVersion, cipherSuite, extensions }: ServerHello): string | undefined {
  if (extensions.length > MAX_KEPT_VALUES) return undefined;
  return String.fromCharCode(legacyVersion, cipherSuite, ...extensions);
}

function ja4Of(hello: ClientHello, transport: Ja4Transport): string {
  return `${ja4Prefix(hello, transport)}_${shortHash(ja4Suites(hello))}_${shortHash(ja4Extensions(hello))}`;
}

function shortHash(text: string): string {
  return text === '' ? NO_HASH : hash('sha256', text).slice(0, JA4_HASH_DIGITS);
}
