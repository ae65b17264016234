/**
 * Long headers (RFC 8999 §5.1, RFC 9000 §17.2):
 *
 *     1 form, 1 fixed bit, 2 packet type, 4 protected; uint32 version; uint8 length, destination connection id;
 *     uint8 length, source connection id;
 *     Initial: varint length, token; varint length of packet number and payload
 *     0-RTT, Handshake: varint length of packet number and payload; Retry: token, 16 bytes integrity tag
 */
import { Reader } from '../reader.ts';
import { readVarint } from './varint.ts';
import { findQuicVersion, type QuicVersion } from './version.ts';

/** RFC 9000 §17.2: longer ones are dropped. */
export const MAX_CONNECTION_ID_LENGTH = 20;
const LONG_FORM = 0x80;
const VERSION_END = 5;

/** Shared: set and read out within one call. */
const reader = new Reader();

/** Where the parts of a packet lie in the bytes from which they were read; reused. */
export class LongHeader {
  version: QuicVersion | undefined = undefined;
  /** The packet type's code: its meaning is the version's. */
  type = 0;
  start = 0;
  destinationIdStart = 0;
  destinationIdLength = 0;
  sourceIdStart = 0;
  sourceIdLength = 0;
  /** After the Length field, where the protected packet number begins. */
  packetNumberStart = 0;
  /** After the packet, where the next one of the datagram begins. */
  end = 0;

  /**
   * Reads the long header of a known, decodable version at `start`. Returns false where there is none, or where the
   * packet is not whole in `[start, end)`.
   */
  read(bytes: Buffer, view: DataView, start: number, end: number): boolean {
    const version = longHeaderVersion(view, start, end);
    if (version?.initial === undefined) return false;
    this.version = version;
    this.start = start;
    this.type = (view.getUint8(start) >> 4) & 3;
    reader.reset(bytes, view, start + VERSION_END, end);
    this.destinationIdLength = reader.u8();
    this.destinationIdStart = reader.position;
    reader.skip(this.destinationIdLength);
    this.sourceIdLength = reader.u8();
    this.sourceIdStart = reader.position;
    reader.skip(this.sourceIdLength);
    if (this.destinationIdLength > MAX_CONNECTION_ID_LENGTH) return false;
    if (this.sourceIdLength > MAX_CONNECTION_ID_LENGTH) return false;
    return this.readRest(version.initial.types.retry, version.initial.types.initial, end);
  }

  private readRest(retry: number, initial: number, end: number): boolean {
    if (this.type === retry) {
      this.packetNumberStart = reader.position;
      this.end = end;
      return !reader.truncated;
    }
    if (this.type === initial) reader.skip(readVarint(reader));
    const length = readVarint(reader);
    this.packetNumberStart = reader.position;
    this.end = reader.position + length;
    return !reader.truncated && this.end <= end;
  }
}

/** The version of the long header at `start`, where it is a known one. */
export function longHeaderVersion(view: DataView, start: number, end: number): QuicVersion | undefined {
  if (end - start < VERSION_END || (view.getUint8(start) & LONG_FORM) === 0) return undefined;
  return findQuicVersion(view.getUint32(start + 1));
}

/** A Version Negotiation packet (RFC 9000 §17.2.1). Its ids are those of the client's packet that it answers. */
export interface VersionNegotiation {
  readonly destinationIdStart: number;
  readonly destinationIdLength: number;
  readonly sourceIdStart: number;
  readonly sourceIdLength: number;
  readonly versions: readonly number[];
}

/** The one in `[start, end)`, where it offers at least one known version. */
export function readVersionNegotiation(view: DataView, start: number, end: number): VersionNegotiation | undefined {
  if (end - start < VERSION_END + 2 || (view.getUint8(start) & LONG_FORM) === 0) return undefined;
  if (view.getUint32(start + 1) !== 0) return undefined;
  const destinationIdStart = start + VERSION_END + 1;
  const destinationIdLength = view.getUint8(start + VERSION_END);
  const sourceIdStart = destinationIdStart + destinationIdLength + 1;
  if (sourceIdStart > end) return undefined;
  const sourceIdLength = view.getUint8(sourceIdStart - 1);
  const listStart = sourceIdStart + sourceIdLength;
  if (listStart >= end || (end - listStart) % 4 !== 0) return undefined;
  const versions: number[] = [];
  for (let at = listStart; at < end; at += 4) versions.push(view.getUint32(at));
  if (versions.every((version) => findQuicVersion(version) === undefined)) return undefined;
  return { destinationIdStart, destinationIdLength, sourceIdStart, sourceIdLength, versions };
}

/** Of the public header of Google's QUIC up to Q043: version present, connection id of 8 bytes, no reset. */
const PUBLIC_FLAGS_MASK = 0xcb;
const PUBLIC_FLAGS = 0x09;
const PUBLIC_VERSION_AT = 9;

/** The version that a client's packet of Google's QUIC up to Q043 names. */
export function publicHeaderVersion(view: DataView, start: number, end: number): QuicVersion | undefined {
  if (end - start < PUBLIC_VERSION_AT + 4) return undefined;
  if ((view.getUint8(start) & PUBLIC_FLAGS_MASK) !== PUBLIC_FLAGS) return undefined;
  const version = findQuicVersion(view.getUint32(start + PUBLIC_VERSION_AT));
  return version?.initial === undefined ? version : undefined;
}
