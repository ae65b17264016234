/**
 * ClientHello (RFC 8446 §4.1.2, RFC 5246 §7.4.1.2, RFC 6101 §5.6.1.2):
 *
 *     uint16 legacy_version; opaque random[32]; opaque legacy_session_id<0..32>; CipherSuite cipher_suites<2..2^16-2>;
 *     opaque legacy_compression_methods<1..2^8-1>; Extension extensions<0..2^16-1>
 *
 * DTLS has `opaque cookie<0..2^8-1>` after the session id (RFC 6347 §4.2.1, RFC 9147 §5.3).
 */
import type { ClientHello, EncryptedClientHello } from '../event.ts';
import type { Reader } from '../reader.ts';
import {
  type ExtensionHandler,
  ExtensionType,
  readAlpn,
  readEncryptedClientHello,
  readExtensions,
  readKeyShareGroups,
  readServerName,
  readU8List,
  readU16List,
} from './extensions.ts';
import { shared } from './shared-lists.ts';
import { highestVersion } from './versions.ts';

/** Version, random, and the lengths of three vectors. */
export const MIN_CLIENT_HELLO_LENGTH = 2 + 32 + 1 + 2 + 1;
export const MAX_SESSION_ID_LENGTH = 32;

const NONE: readonly never[] = [];

/** What the extensions say, in the form of the event. */
class Extensions implements ExtensionHandler {
  readonly types: number[] = [];
  serverName: string | undefined = undefined;
  alpn: readonly string[] = NONE;
  supportedVersions: readonly number[] = NONE;
  groups: readonly number[] = NONE;
  pointFormats: readonly number[] = NONE;
  signatureAlgorithms: readonly number[] = NONE;
  keyShares: readonly number[] = NONE;
  ticketLength = 0;
  encryptedClientHello: EncryptedClientHello | undefined = undefined;

  extension(type: number, reader: Reader): void {
    switch (type) {
      case ExtensionType.serverName:
        // Nothing but the first is valid (RFC 8446 §4.2: one extension of a type).
        this.serverName ??= readServerName(reader);
        break;
      case ExtensionType.supportedGroups:
        this.groups = readU16List(reader, reader.u16());
        break;
      case ExtensionType.ecPointFormats:
        this.pointFormats = readU8List(reader, reader.u8());
        break;
      case ExtensionType.signatureAlgorithms:
        this.signatureAlgorithms = readU16List(reader, reader.u16());
        break;
      case ExtensionType.applicationLayerProtocolNegotiation:
        this.alpn = readAlpn(reader);
        break;
      case ExtensionType.supportedVersions:
        this.supportedVersions = readU16List(reader, reader.u8());
        break;
      case ExtensionType.keyShare:
      case ExtensionType.draftKeyShare:
        this.keyShares = readKeyShareGroups(reader);
        break;
      case ExtensionType.sessionTicket:
        this.ticketLength = reader.remaining;
        break;
      case ExtensionType.encryptedClientHello:
        this.encryptedClientHello = readEncryptedClientHello(reader);
        break;
    }
  }
}

/** Whether a ClientHello is of DTLS, and has a cookie. */
export type Framing = 'stream' | 'datagram';

/** Reads the message body that the reader spans; undefined where it cannot be a ClientHello. */
export function readClientHello(
  reader: Reader,
  recordVersion: number | undefined,
  framing: Framing = 'stream',
): ClientHello | undefined {
  if (reader.remaining < MIN_CLIENT_HELLO_LENGTH) return undefined;
  const legacyVersion = reader.u16();
  const random = reader.hex(32);
  const sessionIdLength = reader.u8();
  if (sessionIdLength > MAX_SESSION_ID_LENGTH) return undefined;
  const sessionId = reader.hex(sessionIdLength);
  if (framing === 'datagram') reader.skip(reader.u8());
  const cipherSuites = readU16List(reader, reader.u16());
  const compressionMethods = readU8List(reader, reader.u8());
  const extensions = new Extensions();
  // TLS 1.2 and before: the extensions may be missing altogether.
  if (reader.remaining > 0) readExtensions(reader, extensions);
  return {
    recordVersion,
    legacyVersion,
    version: highestVersion(extensions.supportedVersions, legacyVersion),
    random,
    sessionIdLength,
    sessionId,
    cipherSuites,
    compressionMethods,
    extensions: shared(extensions.types),
    serverName: extensions.serverName,
    alpn: extensions.alpn,
    supportedVersions: extensions.supportedVersions,
    groups: extensions.groups,
    pointFormats: extensions.pointFormats,
    signatureAlgorithms: extensions.signatureAlgorithms,
    keyShares: extensions.keyShares,
    ticketLength: extensions.ticketLength,
    encryptedClientHello: extensions.encryptedClientHello,
    sslv2: false,
    sslv2CipherKinds: NONE,
    malformed: reader.truncated,
  };
}
