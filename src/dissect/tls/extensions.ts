/** Pieces of extensions that client and server hellos share (RFC 8446 §4.2). */
import type { Reader } from '../reader.ts';

/** IANA "TLS ExtensionType Values" that the code reads. */
export const ExtensionType = {
  serverName: 0,
  supportedGroups: 10,
  ecPointFormats: 11,
  signatureAlgorithms: 13,
  applicationLayerProtocolNegotiation: 16,
  /** Where TLS 1.3 kept `key_share` until draft 22. */
  draftKeyShare: 40,
  supportedVersions: 43,
  keyShare: 51,
} as const;

/** Reads `length` bytes of 16-bit values; what there is of them where the list overruns. */
export function readU16List(reader: Reader, length: number): number[] {
  const bytes = Math.min(length, reader.remaining);
  if (bytes < length || (length & 1) !== 0) reader.truncated = true;
  const { view, position } = reader;
  const count = bytes >> 1;
  const list = new Array<number>(count);
  for (let i = 0; i < count; i++) list[i] = view.getUint16(position + 2 * i);
  reader.position = position + bytes;
  return list;
}

/** Reads `length` bytes as a list; what there is of them where the list overruns. */
export function readU8List(reader: Reader, length: number): number[] {
  const count = Math.min(length, reader.remaining);
  if (count < length) reader.truncated = true;
  const { view, position } = reader;
  const list = new Array<number>(count);
  for (let i = 0; i < count; i++) list[i] = view.getUint8(position + i);
  reader.position = position + count;
  return list;
}

/**
 * `length` bytes as text in which everything but printable ASCII is escaped as in DNS names: `\DDD`, and `\\` for the
 * backslash itself (RFC 1035 §5.1). Undefined where the text overruns.
 */
export function readText(reader: Reader, length: number): string | undefined {
  if (length > reader.remaining) {
    reader.skip(length);
    return undefined;
  }
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
export function readAlpn(reader: Reader): string[] {
  const protocols: string[] = [];
  const outer = reader.enter(reader.u16());
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
  let name: string | undefined;
  const outer = reader.enter(reader.u16());
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
export function readKeyShareGroups(reader: Reader): number[] {
  const groups: number[] = [];
  const outer = reader.enter(reader.u16());
  while (reader.remaining >= 4) {
    groups.push(reader.u16());
    reader.skip(reader.u16());
  }
  if (reader.remaining > 0) reader.truncated = true;
  reader.leave(outer);
  return groups;
}
