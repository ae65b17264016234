/**
 * ServerKeyExchange, as far as it shows what was agreed on: the group or the size of the prime, and the signature's scheme.
 * TLS over TCP and DTLS alike.
 */
import type { Reader } from '../reader.ts';
import { signsKeyExchange, suiteKeys } from './suites.ts';
import { isSigned12 } from './versions.ts';

export interface KeyExchange {
  group: number | undefined;
  dhBits: number | undefined;
  signatureScheme: number | undefined;
}

/** ECCurveType and ECBasisType (RFC 4492 §5.4; RFC 8422 §5.4 has taken the curves that a handshake defines itself away). */
const CurveType = { explicitPrime: 1, explicitChar2: 2, namedCurve: 3 } as const;
const PENTANOMIAL = 2;

/** The groups that clients offer such curves as (RFC 4492 §5.1.1). */
const EXPLICIT_PRIME_CURVES = 0xff01;
const EXPLICIT_CHAR2_CURVES = 0xff02;

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

/** Passes over `count` vectors of 1 to 255 bytes. */
function skipVectors(reader: Reader, count: number): void {
  for (let i = 0; i < count; i++) {
    const length = reader.u8();
    reader.truncated ||= length === 0;
    reader.skip(length);
  }
}

/** `ECParameters`: the group, of which the type of curve alone tells where the handshake defines it; undefined for no group. */
function readCurve(reader: Reader): number | undefined {
  switch (reader.u8()) {
    case CurveType.namedCurve: {
      const group = reader.u16();
      return reader.truncated ? undefined : group;
    }
    case CurveType.explicitPrime:
      // Prime, both coefficients, base point, order, cofactor.
      skipVectors(reader, 6);
      return EXPLICIT_PRIME_CURVES;
    case CurveType.explicitChar2:
      // Degree and basis, then as above, with the exponents of the basis in the place of the prime.
      reader.skip(2);
      skipVectors(reader, (reader.u8() === PENTANOMIAL ? 3 : 1) + 5);
      return EXPLICIT_CHAR2_CURVES;
    default:
      return undefined;
  }
}

/** Passes over `count` vectors of 16-bit lengths. */
function skipLongVectors(reader: Reader, count: number): void {
  for (let i = 0; i < count; i++) reader.skip(reader.u16());
}

/**
 * Reads the body that the reader spans (RFC 5246 §7.4.3, RFC 8422 §5.4, RFC 4279 §3, RFC 5489 §2, RFC 5054 §2.8.3). Other key
 * exchanges show nothing here.
 */
export function readServerKeyExchange(reader: Reader, cipherSuite: number, version: number): KeyExchange {
  const exchange: KeyExchange = { group: undefined, dhBits: undefined, signatureScheme: undefined };
  const keys = suiteKeys(cipherSuite);
  if (keys === undefined) return exchange;
  if (keys.authentication === 'PSK') {
    // The identity hint.
    skipLongVectors(reader, 1);
  }
  switch (keys.keyExchange) {
    case 'ECDHE': {
      const group = readCurve(reader);
      // The server's public point.
      skipVectors(reader, 1);
      if (group === undefined) return exchange;
      exchange.group = group;
      break;
    }
    case 'DHE': {
      const dhBits = bitLength(reader, reader.u16());
      // Generator, the server's public value.
      skipLongVectors(reader, 2);
      if (reader.truncated) return exchange;
      exchange.dhBits = dhBits;
      break;
    }
    case 'SRP':
      // Prime, generator, salt, the server's public value.
      skipLongVectors(reader, 2);
      skipVectors(reader, 1);
      skipLongVectors(reader, 1);
      break;
    default:
      return exchange;
  }
  if (reader.truncated || reader.remaining < 2) return exchange;
  if (isSigned12(version) && signsKeyExchange(keys)) exchange.signatureScheme = reader.u16();
  return exchange;
}
