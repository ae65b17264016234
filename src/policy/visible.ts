/**
 * What a handshake shows in the clear, and why it does not where it does not: the difference decides whether a verdict
 * is `not_observable` (docs/adr/0003-what-cannot-be-observed.md).
 */
import type {
  CertificateChain,
  CertificateKey,
  ClientHello,
  ServerHello,
  TlsHandshakeEvent,
} from '../dissect/event.ts';
import { type KeyExchange, signsKeyExchange } from '../dissect/tls/suites.ts';
import { isGrease, isSigned12, isTls13 } from '../dissect/tls/versions.ts';
import { GROUPS_BY_CODE } from './groups.ts';
import { HIDDEN, KEPT, LOST } from './requirement.ts';
import { SUITES, type SuiteProperties } from './suites.ts';

/** The fact; else KEPT where the handshake has none, so that no rule on it applies, or why it was not seen. */
export type Fact<T> = T | typeof KEPT | typeof LOST | typeof HIDDEN;

/**
 * ExtensionType pre_shared_key (RFC 8446 §4.2.11): in a ServerHello, the session was resumed or its key shared before; a
 * ClientHello offers that.
 */
export const PRE_SHARED_KEY = 41;

/** ExtensionType cookie: only the hello after a HelloRetryRequest has one (RFC 8446 §4.2.2). */
const COOKIE = 44;

/** Key exchanges whose server key is the certificate's (RFC 5246 §7.4.2, RFC 4492 §2.1, §2.3), so that no ServerKeyExchange has it. */
const STATIC: ReadonlySet<KeyExchange | undefined> = new Set<KeyExchange>(['DH', 'ECDH']);

/** Undefined where the wire does not tell. */
export function isResumed({ server, details }: TlsHandshakeEvent): boolean | undefined {
  if (details?.resumed !== undefined || server === undefined) return details?.resumed;
  return isTls13(server.version) ? server.extensions.includes(PRE_SHARED_KEY) : undefined;
}

/**
 * Whether the keys come from a pre-shared key alone (`psk_ke` of TLS 1.3, RFC 8446 §4.2.9): the ServerHello then has no key
 * share. Undefined where it breaks off before it tells.
 */
export function isPskAlone({ version, extensions, keyShareGroup, malformed }: ServerHello): boolean | undefined {
  if (!isTls13(version) || keyShareGroup !== undefined) return false;
  return malformed ? undefined : extensions.includes(PRE_SHARED_KEY);
}

/**
 * The hello whose key shares are the client's own choice: after a HelloRetryRequest it sends the one that the server named
 * (RFC 8446 §4.1.2). Undefined where that hello was not seen.
 */
export function helloOfKeyShares({ client, firstClient, retry }: TlsHandshakeEvent): ClientHello | undefined {
  if (firstClient !== undefined) return firstClient;
  return retry !== undefined || client?.extensions.includes(COOKIE) ? undefined : client;
}

/**
 * The code; KEPT where the two sides negotiate no named group. TLS 1.3 shows it in the ServerHello's key share, TLS 1.2 only in
 * ServerKeyExchange, which a resumed session does without. The curve of static ECDH is the certificate's (`staticKey`).
 */
export function negotiatedGroup(event: TlsHandshakeEvent): Fact<number> {
  const { server, details } = event;
  if (server === undefined) return LOST;
  const group = details?.group ?? server.keyShareGroup;
  if (group !== undefined) return group;
  const resumed = isResumed(event);
  // TLS 1.3 with psk_ke: no key share at all (RFC 8446 §4.2.9).
  if (isTls13(server.version)) return resumed ? HIDDEN : LOST;
  const suite = SUITES.get(server.cipherSuite)?.properties;
  if (suite !== undefined && suite.keyExchange !== 'ECDHE') return KEPT;
  return resumed ? HIDDEN : LOST;
}

/** HIDDEN before TLS 1.2, whose signatures name no scheme, and under TLS 1.3, where CertificateVerify is encrypted. */
export function negotiatedScheme(event: TlsHandshakeEvent): Fact<number> {
  const { server, details } = event;
  if (server === undefined) return LOST;
  if (details?.signatureScheme !== undefined) return details.signatureScheme;
  if (!isSigned12(server.version)) return HIDDEN;
  const suite = SUITES.get(server.cipherSuite)?.properties;
  if (suite !== undefined && !signsKeyExchange(suite)) return KEPT;
  return isResumed(event) ? HIDDEN : LOST;
}

/**
 * Bits of the prime of ephemeral finite-field Diffie-Hellman; under TLS 1.3 the group's name tells them (RFC 7919). The prime of
 * static Diffie-Hellman is the certificate's (`staticKey`).
 */
export function negotiatedDhBits(event: TlsHandshakeEvent): Fact<number> {
  const { server, details } = event;
  if (server === undefined) return LOST;
  const bits = details?.dhBits ?? ffdheBits(details?.group ?? server.keyShareGroup);
  if (bits !== undefined) return bits;
  if (isTls13(server.version)) return KEPT;
  const suite = SUITES.get(server.cipherSuite)?.properties;
  if (suite !== undefined && suite.keyExchange !== 'DHE') return KEPT;
  return isResumed(event) ? HIDDEN : LOST;
}

function ffdheBits(group: number | undefined): number | undefined {
  const properties = group === undefined ? undefined : GROUPS_BY_CODE.get(group)?.properties;
  return properties?.ffdhe ? properties.bits : undefined;
}

/** Whether the server's part in the key exchange is the key of its certificate. */
export function isStatic({ cipherSuite }: ServerHello): boolean {
  return STATIC.has(SUITES.get(cipherSuite)?.properties?.keyExchange);
}

/** That key; KEPT for any other key exchange. */
export function staticKey(event: TlsHandshakeEvent, keyExchange: 'DH' | 'ECDH'): Fact<CertificateKey> {
  if (event.server === undefined) return LOST;
  if (SUITES.get(event.server.cipherSuite)?.properties?.keyExchange !== keyExchange) return KEPT;
  const chain = certificateChain(event);
  return typeof chain === 'string' ? chain : (chain[0]?.key ?? LOST);
}

/**
 * Whether the server may have to show a certificate, so that the client has to say which signatures it takes. Under TLS 1.3 a
 * hello may offer pre-shared keys instead (RFC 8446 §4.2.3, §9.2). What nobody knows may be of certificates.
 */
export function asksForCertificate({ cipherSuites, sslv2CipherKinds, extensions }: ClientHello): boolean {
  const offered = [...cipherSuites, ...sslv2CipherKinds].filter((code) => !isGrease(code) && !isSignaling(code));
  return (
    offered.length === 0 ||
    offered.some((code) => {
      const suite = SUITES.get(code)?.properties;
      if (suite?.keyExchange === 'any') return !extensions.includes(PRE_SHARED_KEY);
      return suite === undefined || hasCertificate(suite);
    })
  );
}

function isSignaling(code: number): boolean {
  const suite = SUITES.get(code);
  return suite !== undefined && suite.properties === undefined;
}

/** Certificates are for these; RSA_PSK has the key exchange RSA. */
function hasCertificate({ keyExchange, authentication }: SuiteProperties): boolean {
  return keyExchange === 'RSA' || !['anonymous', 'PSK', 'SRP', 'KRB5', 'ECCPWD'].includes(authentication);
}

/** The server's chain, of at least one place. */
export function certificateChain(event: TlsHandshakeEvent): Fact<CertificateChain> {
  const { server, details } = event;
  const chain = details?.certificates;
  if (chain !== undefined && chain.length > 0) return chain;
  if (server === undefined) return LOST;
  if (isTls13(server.version)) return HIDDEN;
  const suite = SUITES.get(server.cipherSuite)?.properties;
  if (suite !== undefined && !hasCertificate(suite)) return KEPT;
  return isResumed(event) ? HIDDEN : LOST;
}
