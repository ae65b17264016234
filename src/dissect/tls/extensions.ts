/** Pieces of extensions that client and server hellos share (RFC 8446 §4.2). */
import type { EncryptedClientHello } from '../event.ts';
import type { Reader } from '../reader.ts';
import { listAt } from './shared-lists.ts';

/** IANA "TLS ExtensionType Values" that the code reads. */
export const ExtensionType = {
  serverName: 0,
  statusRequest: 5,
  supportedGroups: 10,
  ecPointFormats: 11,
  signatureAlgorithms: 13,
  applicationLayerProtocolNegotiation: 16,
  extendedMasterSecret: 23,
  sessionTicket: 35,
  /** Where TLS 1.3 kept `key_share` until draft 22. */
  draftKeyShare: 40,
  preSharedKey: 41,
  earlyData: 42,
  supportedVersions: 43,
  keyShare: 51,
  encryptedClientHello: 0xfe0d,
  renegotiationInfo: 0xff01,
} as const;

/** Takes the extensions of one hello. */
export interface ExtensionHandler {
  /** Types in wire order. */
  readonly types: number[];
  /** One extension: the reader spans its data. */
  extension(type: number, reader: Reader): void;
}

/** `Extension extensions<0..2^16-1>`, each `ExtensionType type; opaque extension_data<0..2^16-1>`. */
export function readExtensions(reader: Reader, handler: ExtensionHandler): void {
  const outer = reader.enter(reader.u16());
  while (reader.remaining >= 4) {
    const type = reader.u16();
    const length = reader.u16();
    if (length > reader.remaining) break;
    const afterExtension = reader.enter(length);
    handler.types.push(type);
    handler.extension(type, reader);
    reader.leave(afterExtension);
  }
  if (reader.remaining > 0) reader.truncated = true;
  reader.leave(outer);
}

/** A list that overruns its place is left out: what it would take for its own is something else. */
const NONE: readonly never[] = [];

/** Whether `length` bytes are there; else what is left is passed over and the reader marked. */
function has(reader: Reader, length: number): boolean {
  if (length <= reader.remaining) return true;
  reader.skip(length);
  return false;
}

/** Reads `length` bytes of 16-bit values; the list may be an earlier hello's. */
export function readU16List(reader: Reader, length: number): readonly number[] {
  if (!has(reader, length)) return NONE;
  if ((length & 1) !== 0) reader.truncated = true;
  const { view, position } = reader;
  reader.position = position + length;
  return listAt(view, position, length >> 1);
}

/** Reads `length` bytes as a list. */
export function readU8List(reader: Reader, length: number): readonly number[] {
  if (!has(reader, length)) return NONE;
  const { view, position } = reader;
  const list = new Array<number>(length);
  for (let i = 0; i < length; i++) list[i] = view.getUint8(position + i);
  reader.position = position + length;
  return list;
}

/**
 * `length` bytes as text in which everything but printable ASCII is escaped as in DNS names: `\DDD`, and `\\` for the
 * backslash itself (RFC 1035 §5.1). Undefined where the text overruns.
 */
export function readText(reader: Reader, length: number): string | undefined {
  if (!has(reader, length)) return undefined;
  const { view, position } = reader;
  let plain = true;
  for (let i = position; i < position + length; i++) {
    const byte = view.getUint8(i);
    if (byte < 0x21 || byte > 0x7e || byte === 0x5c) {
      plain = false;
      break;
    }
  }
  const text = reader.latin1(length);
  return plain ? text : escapeText(text);
}

function escapeText(text: string): string {
  let escaped = '';
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x5c) escaped += '\\\\';
    else if (code < 0x21 || code > 0x7e) escaped += `\\${String(code).padStart(3, '0')}`;
    else escaped += text[i];
  }
  return escaped;
}

/** `ProtocolName protocol_name_list<2..2^16-1>` (RFC 7301 §3.1). */
export function readAlpn(reader: Reader): readonly string[] {
  const length = reader.u16();
  if (!has(reader, length)) return NONE;
  const protocols: string[] = [];
  const outer = reader.enter(length);
  while (reader.remaining > 0) {
    const name = readText(reader, reader.u8());
    if (name !== undefined) protocols.push(name);
  }
  reader.leave(outer);
  return protocols;
}

/** The first `host_name` of `ServerName server_name_list<1..2^16-1>` (RFC 6066 §3). */
export function readServerName(reader: Reader): string | undefined {
  const HOST_NAME = 0;
  const listLength = reader.u16();
  if (!has(reader, listLength)) return undefined;
  let name: string | undefined;
  const outer = reader.enter(listLength);
  while (reader.remaining > 0 && name === undefined) {
    const type = reader.u8();
    const length = reader.u16();
    if (type === HOST_NAME && length > 0) name = readText(reader, length);
    else reader.skip(length);
  }
  reader.leave(outer);
  return name;
}

/** The groups of `KeyShareEntry client_shares<0..2^16-1>` (RFC 8446 §4.2.8). */
export function readKeyShareGroups(reader: Reader): readonly number[] {
  const length = reader.u16();
  if (!has(reader, length)) return NONE;
  const groups: number[] = [];
  const outer = reader.enter(length);
  while (reader.remaining >= 4) {
    groups.push(reader.u16());
    reader.skip(reader.u16());
  }
  if (reader.remaining > 0) reader.truncated = true;
  reader.leave(outer);
  return groups;
}

/** `ECHClientHello` of the outer type (RFC 9849 §5); undefined for an inner hello, which is never seen on the wire. */
export function readEncryptedClientHello(reader: Reader): EncryptedClientHello | undefined {
  const OUTER = 0;
  if (reader.u8() !== OUTER || reader.remaining === 0) return undefined;
  const kdf = reader.u16();
  const aead = reader.u16();
  const configId = reader.u8();
  const encLength = reader.u16();
  reader.skip(encLength);
  const payloadLength = reader.u16();
  reader.skip(payloadLength);
  return { kdf, aead, configId, encLength, payloadLength };
}
