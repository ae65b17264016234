/**
 * The few fields of a certificate that node:crypto does not give: version, signature algorithm, and a public key of a type
 * that OpenSSL does not know (RFC 5280 §4.1). Only definite lengths, as DER has them (X.690 §10.1).
 */
import type { Reader } from '../reader.ts';

const Tag = {
  integer: 0x02,
  bitString: 0x03,
  objectIdentifier: 0x06,
  sequence: 0x30,
  version: 0xa0,
  pssHash: 0xa0,
} as const;

const RSASSA_PSS = '1.2.840.113549.1.1.10';
const SHA1 = '1.3.14.3.2.26';

export interface DerFields {
  readonly version: number;
  /** Dotted. */
  readonly signatureAlgorithm: string;
  /** Dotted: the hash of RSASSA-PSS, which other algorithms have in their own identifier. */
  readonly signatureHash: string | undefined;
  readonly keyAlgorithm: string;
  /** Named curve, or whatever object identifier the key's parameters are. */
  readonly keyParameters: string | undefined;
  /** Of an RSA modulus, or of the prime of DSA or DH. */
  readonly keyBits: number | undefined;
}

/** Enters the element with this tag: its content is what the reader spans until `leave` of the answer; -1 for another. */
function enter(reader: Reader, tag: number): number {
  if (reader.remaining < 2 || reader.view.getUint8(reader.position) !== tag) return -1;
  reader.skip(1);
  return reader.enter(lengthOf(reader));
}

function lengthOf(reader: Reader): number {
  const first = reader.u8();
  if (first < 0x80) return first;
  if (first === 0x81) return reader.u8();
  if (first === 0x82) return reader.u16();
  if (first === 0x83) return reader.u24();
  reader.truncated = true;
  return 0;
}

/** Passes over one element of whatever tag. */
function skip(reader: Reader): void {
  reader.skip(1);
  reader.skip(lengthOf(reader));
}

function readObjectIdentifier(reader: Reader): string | undefined {
  const outer = enter(reader, Tag.objectIdentifier);
  if (outer < 0) return undefined;
  const arcs: number[] = [];
  let arc = 0;
  while (reader.remaining > 0) {
    const byte = reader.u8();
    // Arcs past 2^53 are nobody's: they come out inexact, never wrong in kind.
    arc = arc * 128 + (byte & 0x7f);
    if ((byte & 0x80) !== 0) continue;
    if (arcs.length === 0) {
      const top = Math.min(2, Math.floor(arc / 40));
      arcs.push(top, arc - 40 * top);
    } else arcs.push(arc);
    arc = 0;
  }
  reader.leave(outer);
  return arcs.join('.');
}

interface Algorithm {
  readonly name: string;
  /** The parameters where they are an object identifier. */
  readonly parameters: string | undefined;
  /** Of the first number of the parameters where they are a sequence: the prime of DSA and DH (RFC 3279 §2.3.2, §2.3.3). */
  readonly bits: number | undefined;
}

/** `AlgorithmIdentifier`. */
function readAlgorithm(reader: Reader): Algorithm | undefined {
  const outer = enter(reader, Tag.sequence);
  if (outer < 0) return undefined;
  const name = readObjectIdentifier(reader);
  const parameters = readObjectIdentifier(reader);
  const bits = parameters === undefined ? readFirstBits(reader) : undefined;
  reader.leave(outer);
  return name === undefined ? undefined : { name, parameters, bits };
}

/** The `AlgorithmIdentifier` of a signature. */
function readSignature(reader: Reader): { readonly name: string; readonly hash: string | undefined } | undefined {
  const outer = enter(reader, Tag.sequence);
  if (outer < 0) return undefined;
  const name = readObjectIdentifier(reader);
  const hash = name === RSASSA_PSS ? readPssHash(reader) : undefined;
  reader.leave(outer);
  return name === undefined ? undefined : { name, hash };
}

/** `RSASSA-PSS-params`, which a signature may not leave out: only the hash within, for SHA-1 (RFC 4055 §3.1). */
function readPssHash(reader: Reader): string | undefined {
  const afterParameters = enter(reader, Tag.sequence);
  if (afterParameters < 0) return undefined;
  const afterHash = enter(reader, Tag.pssHash);
  const hash = afterHash < 0 ? SHA1 : readAlgorithm(reader)?.name;
  if (afterHash >= 0) reader.leave(afterHash);
  reader.leave(afterParameters);
  return hash;
}

/** Size of the modulus of the `RSAPublicKey` within the BIT STRING at the reader. */
function readModulusBits(reader: Reader): number | undefined {
  if (enter(reader, Tag.bitString) < 0) return undefined;
  // Unused bits: none.
  reader.skip(1);
  return readFirstBits(reader);
}

/** Size of the first number of the sequence at the reader, which is left somewhere within it. */
function readFirstBits(reader: Reader): number | undefined {
  if (enter(reader, Tag.sequence) < 0 || enter(reader, Tag.integer) < 0) return undefined;
  while (reader.remaining > 0) {
    const byte = reader.u8();
    if (byte !== 0) return 8 * reader.remaining + 32 - Math.clz32(byte);
  }
  return undefined;
}

/** Reads the certificate that the reader spans; undefined where its outline is another. */
export function readDerFields(reader: Reader): DerFields | undefined {
  if (enter(reader, Tag.sequence) < 0 || enter(reader, Tag.sequence) < 0) return undefined;
  let version = 1;
  const afterVersion = enter(reader, Tag.version);
  if (afterVersion >= 0) {
    skipHeader(reader);
    version = reader.u8() + 1;
    reader.leave(afterVersion);
  }
  skip(reader);
  const signature = readSignature(reader);
  // Issuer, validity, subject.
  for (let i = 0; i < 3; i++) skip(reader);
  if (enter(reader, Tag.sequence) < 0) return undefined;
  const key = readAlgorithm(reader);
  if (signature === undefined || key === undefined) return undefined;
  const modulusBits = readModulusBits(reader);
  return reader.truncated
    ? undefined
    : {
        version,
        signatureAlgorithm: signature.name,
        signatureHash: signature.hash,
        keyAlgorithm: key.name,
        keyParameters: key.parameters,
        keyBits: key.bits ?? modulusBits,
      };
}

function skipHeader(reader: Reader): void {
  reader.skip(1);
  lengthOf(reader);
}
