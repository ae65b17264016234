/**
 * ServerKeyExchange, as far as it shows what was agreed on: the group or the size of the prime, and the signature's scheme.
 * TLS over TCP and DTLS alike.
 */
import { cipherSuiteName } from '../iana.ts';
import type { Reader } from '../reader.ts';
import { isSigned12 } from './versions.ts';

export interface KeyExchange {
  group: number | undefined;
  dhBits: number | undefined;
  signatureScheme: number | undefined;
}

/** ECCurveType (RFC 8422 §5.4). */
const NAMED_CURVE = 3;

const isEcdhe = (suite: string): boolean => /^TLS_(ECDHE|ECDH_anon)_/.test(suite);
const isDhe = (suite: string): boolean => /^TLS_(DHE|DH_anon)_/.test(suite);
const hasIdentityHint = (suite: string): boolean => /^TLS_(ECDHE|DHE|RSA)_PSK_/.test(suite);
const isUnsigned = (suite: string): boolean => /_anon_|_PSK_/.test(suite);

/** Bits of the number in `length` bytes; passes over them. */
function bitLength(reader: Reader, length: number): number {
  const end = reader.position + length;
  while (reader.position < end && reader.remaining > 0) {
    const byte = reader.u8();
    if (byte === 0) continue;
    const bits = 8 * (end - reader.position) + 32 - Math.clz32(byte);
    reader.skip(end - reader.position);
    return bits;
  }
  return 0;
}

/**
 * Reads the body that the reader spans (RFC 5246 §7.4.3, RFC 8422 §5.4, RFC 4279 §3, RFC 5489 §2). Other key exchanges show
 * nothing here.
 */
export function readServerKeyExchange(reader: Reader, cipherSuite: number, version: number): KeyExchange {
  const exchange: KeyExchange = { group: undefined, dhBits: undefined, signatureScheme: undefined };
  const suite = cipherSuiteName(cipherSuite);
  if (hasIdentityHint(suite)) reader.skip(reader.u16());
  if (isEcdhe(suite)) {
    if (reader.u8() !== NAMED_CURVE) return exchange;
    const group = reader.u16();
    reader.skip(reader.u8());
    if (reader.truncated) return exchange;
    exchange.group = group;
  } else if (isDhe(suite)) {
    const dhBits = bitLength(reader, reader.u16());
    // Generator, the server's public value.
    reader.skip(reader.u16());
    reader.skip(reader.u16());
    if (reader.truncated) return exchange;
    exchange.dhBits = dhBits;
  } else return exchange;
  if (isSigned12(version) && !isUnsigned(suite) && reader.remaining >= 2) exchange.signatureScheme = reader.u16();
  return exchange;
}
