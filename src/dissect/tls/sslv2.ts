/**
 * SSLv2 hellos, and SSLv3/TLS ClientHellos in SSLv2 framing (RFC 5246 appendix E.2). Nothing marks this protocol but
 * two length bits, so a message is only taken when all its lengths agree.
 *
 *     uint16 0x8000 | length; uint8 1; uint16 version; uint16 cipher_spec_length, session_id_length, challenge_length;
 *     V2CipherSpec cipher_specs[]; opaque session_id[]; opaque challenge[]
 *
 *     uint16 0x8000 | length; uint8 4; uint8 session_id_hit; uint8 certificate_type; uint16 version;
 *     uint16 certificate_length, cipher_specs_length, connection_id_length; …
 */
import type { ClientHello, ServerHello } from '../event.ts';
import { TlsVersion } from './versions.ts';

const CLIENT_HELLO = 1;
const SERVER_HELLO = 4;
const X509_CERTIFICATE = 1;
const RECORD_HEADER_LENGTH = 2;
/** Length bit and type up to the last of the length fields, without the record header. */
const CLIENT_HEADER_LENGTH = 9;
const SERVER_HEADER_LENGTH = 11;
const CIPHER_SPEC_LENGTH = 3;
const MIN_CHALLENGE_LENGTH = 16;
const MAX_CHALLENGE_LENGTH = 32;
const SESSION_ID_LENGTH = 16;
/** 1,023 bytes: some 320 cipher kinds, more than were ever registered. */
const MAX_CLIENT_LENGTH = 0x3ff;

const NONE: readonly never[] = [];

/** Answers about `[start, end)`; `more` where every byte so far fits but some of those that decide are missing. */
export const Likeness = { no: 0, more: 1, yes: 2 } as const;
export type Likeness = (typeof Likeness)[keyof typeof Likeness];

function isClientVersion(version: number): boolean {
  return version === TlsVersion.ssl2 || (version >= TlsVersion.ssl3 && version <= TlsVersion.tls13);
}

export function likeClientHello(view: DataView, start: number, end: number): Likeness {
  const available = end - start;
  if (available >= 1 && (view.getUint8(start) & 0xfc) !== 0x80) return Likeness.no;
  if (available >= 3 && view.getUint8(start + 2) !== CLIENT_HELLO) return Likeness.no;
  if (available >= 5 && !isClientVersion(view.getUint16(start + 3))) return Likeness.no;
  if (available < RECORD_HEADER_LENGTH + CLIENT_HEADER_LENGTH) return Likeness.more;
  const length = recordLength(view, start);
  const cipherSpecs = view.getUint16(start + 5);
  const sessionId = view.getUint16(start + 7);
  const challenge = view.getUint16(start + 9);
  return length <= MAX_CLIENT_LENGTH &&
    length === CLIENT_HEADER_LENGTH + cipherSpecs + sessionId + challenge &&
    cipherSpecs > 0 &&
    cipherSpecs % CIPHER_SPEC_LENGTH === 0 &&
    (sessionId === 0 || sessionId === SESSION_ID_LENGTH) &&
    challenge >= MIN_CHALLENGE_LENGTH &&
    challenge <= MAX_CHALLENGE_LENGTH
    ? Likeness.yes
    : Likeness.no;
}

export function likeServerHello(view: DataView, start: number, end: number): Likeness {
  const available = end - start;
  if (available >= 1 && (view.getUint8(start) & 0x80) === 0) return Likeness.no;
  if (available >= 3 && view.getUint8(start + 2) !== SERVER_HELLO) return Likeness.no;
  if (available >= 4 && view.getUint8(start + 3) > 1) return Likeness.no;
  if (available >= 7 && view.getUint16(start + 5) !== TlsVersion.ssl2) return Likeness.no;
  if (available < RECORD_HEADER_LENGTH + SERVER_HEADER_LENGTH) return Likeness.more;
  const resumed = view.getUint8(start + 3) === 1;
  const certificateType = view.getUint8(start + 4);
  const certificate = view.getUint16(start + 7);
  const cipherSpecs = view.getUint16(start + 9);
  const connectionId = view.getUint16(start + 11);
  // A resumed session sends neither certificate nor ciphers again.
  const sendsKeys = certificateType === X509_CERTIFICATE && certificate > 0;
  const sendsNothing = certificateType === 0 && certificate === 0 && cipherSpecs === 0;
  return recordLength(view, start) === SERVER_HEADER_LENGTH + certificate + cipherSpecs + connectionId &&
    (resumed ? sendsNothing : sendsKeys) &&
    cipherSpecs % CIPHER_SPEC_LENGTH === 0 &&
    connectionId >= SESSION_ID_LENGTH &&
    connectionId <= MAX_CHALLENGE_LENGTH
    ? Likeness.yes
    : Likeness.no;
}

function recordLength(view: DataView, start: number): number {
  return view.getUint16(start) & 0x7fff;
}

/** Bytes of the whole record that begins at `start`, header included. */
export function sslv2RecordEnd(view: DataView, start: number): number {
  return start + RECORD_HEADER_LENGTH + recordLength(view, start);
}

/** Reads the whole record at `start`, for which `likeClientHello` said yes. */
export function readSslv2ClientHello(bytes: Buffer, view: DataView, start: number): ClientHello {
  const version = view.getUint16(start + 3);
  const cipherSpecs = view.getUint16(start + 5);
  const sessionIdLength = view.getUint16(start + 7);
  const challenge = view.getUint16(start + 9);
  const specs = start + RECORD_HEADER_LENGTH + CLIENT_HEADER_LENGTH;
  const cipherSuites: number[] = [];
  const sslv2CipherKinds: number[] = [];
  for (let at = specs; at < specs + cipherSpecs; at += CIPHER_SPEC_LENGTH) {
    // A leading zero marks a suite of SSLv3 and later; the other values are SSLv2's own.
    if (view.getUint8(at) === 0) cipherSuites.push(view.getUint16(at + 1));
    else sslv2CipherKinds.push((view.getUint8(at) << 16) | view.getUint16(at + 1));
  }
  const challengeStart = specs + cipherSpecs + sessionIdLength;
  return {
    recordVersion: undefined,
    legacyVersion: version,
    version,
    // RFC 5246 §E.2: the challenge becomes the random, padded with leading zeros.
    random: bytes.hexSlice(challengeStart, challengeStart + challenge).padStart(2 * MAX_CHALLENGE_LENGTH, '0'),
    sessionIdLength,
    sessionId: bytes.hexSlice(specs + cipherSpecs, challengeStart),
    cipherSuites,
    compressionMethods: NONE,
    extensions: NONE,
    serverName: undefined,
    alpn: NONE,
    supportedVersions: NONE,
    groups: NONE,
    pointFormats: NONE,
    signatureAlgorithms: NONE,
    keyShares: NONE,
    ticketLength: 0,
    encryptedClientHello: undefined,
    sslv2: true,
    sslv2CipherKinds,
    malformed: false,
  };
}

/** Reads the whole record at `start`, for which `likeServerHello` said yes. */
export function readSslv2ServerHello(bytes: Buffer, view: DataView, start: number): ServerHello {
  const certificate = view.getUint16(start + 7);
  const cipherSpecs = view.getUint16(start + 9);
  const connectionId = view.getUint16(start + 11);
  const specs = start + RECORD_HEADER_LENGTH + SERVER_HEADER_LENGTH + certificate;
  const hasCipher = cipherSpecs >= CIPHER_SPEC_LENGTH;
  return {
    recordVersion: undefined,
    legacyVersion: TlsVersion.ssl2,
    version: TlsVersion.ssl2,
    random: bytes.hexSlice(specs + cipherSpecs, specs + cipherSpecs + connectionId),
    sessionIdLength: connectionId,
    sessionId: '',
    cipherSuite: hasCipher ? (view.getUint8(specs) << 16) | view.getUint16(specs + 1) : 0,
    compressionMethod: 0,
    extensions: NONE,
    alpn: undefined,
    keyShareGroup: undefined,
    helloRetryRequest: false,
    sslv2: true,
    malformed: false,
  };
}
