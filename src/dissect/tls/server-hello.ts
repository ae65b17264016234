/**
 * ServerHello (RFC 8446 §4.1.3, RFC 5246 §7.4.1.3) and HelloRetryRequest:
 *
 *     uint16 legacy_version; opaque random[32]; opaque legacy_session_id_echo<0..32>; CipherSuite cipher_suite;
 *     uint8 legacy_compression_method; Extension extensions<0..2^16-1>
 *
 * TLS 1.3 up to draft 21 put its own number into the version and had neither session id nor compression method; its
 * HelloRetryRequest was a message of its own: version, cipher suite (since draft 19), extensions.
 */
import type { ServerHello } from '../event.ts';
import type { Reader } from '../reader.ts';
import { MAX_SESSION_ID_LENGTH } from './client-hello.ts';
import { type ExtensionHandler, ExtensionType, readAlpn, readExtensions } from './extensions.ts';
import { shared } from './shared-lists.ts';
import { isTls13Draft } from './versions.ts';

/** Version, random, the session id's length, cipher suite; less by one byte than what any version sends. */
export const MIN_SERVER_HELLO_LENGTH = 2 + 32 + 1 + 2;
/** A draft's HelloRetryRequest: version and the extensions' length. */
export const MIN_DRAFT_RETRY_LENGTH = 2 + 2;

/** SHA-256 of "HelloRetryRequest" (RFC 8446 §4.1.3). */
const RETRY_RANDOM = 'cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c';
/** The first draft whose HelloRetryRequest names the cipher suite. */
const DRAFT_WITH_RETRY_CIPHER = 19;

class Extensions implements ExtensionHandler {
  readonly types: number[] = [];
  version: number | undefined = undefined;
  alpn: string | undefined = undefined;
  keyShareGroup: number | undefined = undefined;

  extension(type: number, reader: Reader): void {
    switch (type) {
      case ExtensionType.applicationLayerProtocolNegotiation:
        this.alpn = readAlpn(reader)[0];
        break;
      case ExtensionType.supportedVersions:
        if (reader.remaining >= 2) this.version = reader.u16();
        else reader.truncated = true;
        break;
      case ExtensionType.keyShare:
      case ExtensionType.draftKeyShare:
        // `KeyShareEntry server_share` or `NamedGroup selected_group`: both begin with the group.
        if (reader.remaining >= 2) this.keyShareGroup = reader.u16();
        else reader.truncated = true;
        break;
    }
  }
}

/** Reads the message body that the reader spans; undefined where it cannot be a ServerHello. */
export function readServerHello(reader: Reader, recordVersion: number | undefined): ServerHello | undefined {
  if (reader.remaining < MIN_SERVER_HELLO_LENGTH) return undefined;
  const legacyVersion = reader.u16();
  const random = reader.hex(32);
  const isDraftForm = isTls13Draft(legacyVersion);
  const sessionIdLength = isDraftForm ? 0 : reader.u8();
  if (sessionIdLength > MAX_SESSION_ID_LENGTH) return undefined;
  const sessionId = reader.hex(sessionIdLength);
  const cipherSuite = reader.u16();
  const compressionMethod = isDraftForm ? 0 : reader.u8();
  const extensions = new Extensions();
  if (reader.remaining > 0) readExtensions(reader, extensions);
  return {
    recordVersion,
    legacyVersion,
    version: extensions.version ?? legacyVersion,
    random,
    sessionIdLength,
    sessionId,
    cipherSuite,
    compressionMethod,
    extensions: shared(extensions.types),
    alpn: extensions.alpn,
    keyShareGroup: extensions.keyShareGroup,
    helloRetryRequest: random === RETRY_RANDOM,
    sslv2: false,
    malformed: reader.truncated,
  };
}

/** Reads the body of a draft's HelloRetryRequest (handshake type 6); it has no random. */
export function readDraftRetry(reader: Reader, recordVersion: number | undefined): ServerHello | undefined {
  if (reader.remaining < MIN_DRAFT_RETRY_LENGTH) return undefined;
  const legacyVersion = reader.u16();
  if (!isTls13Draft(legacyVersion)) return undefined;
  const namesCipher = (legacyVersion & 0xff) >= DRAFT_WITH_RETRY_CIPHER;
  const cipherSuite = namesCipher ? reader.u16() : 0;
  const extensions = new Extensions();
  readExtensions(reader, extensions);
  return {
    recordVersion,
    legacyVersion,
    version: legacyVersion,
    random: '',
    sessionIdLength: 0,
    sessionId: '',
    cipherSuite,
    compressionMethod: 0,
    extensions: shared(extensions.types),
    alpn: extensions.alpn,
    keyShareGroup: extensions.keyShareGroup,
    helloRetryRequest: true,
    sslv2: false,
    malformed: reader.truncated,
  };
}
