/** The frames that an Initial packet may hold (RFC 9000 §12.4 table 3, §19). */
import { Reader } from '../reader.ts';
import { readVarint } from './varint.ts';

const FrameType = { padding: 0, ping: 1, ack: 2, ackEcn: 3, crypto: 6, connectionClose: 0x1c } as const;
/** In T050 and T051: CRYPTO, and ACK, which has flags in its type. */
const GOOGLE_CRYPTO = 8;
const GOOGLE_ACK = 0x40;
const GOOGLE_ACK_MASK = 0xc0;
/** Bytes of Google's integers by their two-bit code. */
const GOOGLE_LENGTHS: readonly number[] = [1, 2, 4, 6];

/** ECT0, ECT1 and ECN-CE counts (RFC 9000 §19.3.2). */
const ECN_COUNTS = 3;

export interface FrameHandler {
  /** The frame's data is `bytes[start, end)`. */
  crypto(offset: number, bytes: Buffer, start: number, end: number): void;
  connectionClose(errorCode: number): void;
}

/** Shared: set and read out within one call. */
const reader = new Reader();

/** Reads a payload up to its end, or up to a frame that no Initial may hold. */
export function readFrames(payload: Buffer, googleFrames: boolean, handler: FrameHandler): void {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  const cryptoType = googleFrames ? GOOGLE_CRYPTO : FrameType.crypto;
  reader.reset(payload, view, 0, payload.length);
  while (reader.remaining > 0) {
    const type = reader.u8();
    if (type === FrameType.padding || type === FrameType.ping) continue;
    if (type === cryptoType) crypto(handler);
    else if (googleFrames && (type & GOOGLE_ACK_MASK) === GOOGLE_ACK) googleAcknowledgment(type);
    else if (type === FrameType.ack || type === FrameType.ackEcn) acknowledgment(type);
    else {
      if (type === FrameType.connectionClose) connectionClose(handler);
      return;
    }
  }
}

/** `varint offset, length; data` */
function crypto(handler: FrameHandler): void {
  const offset = readVarint(reader);
  const length = readVarint(reader);
  const start = reader.position;
  const { bytes } = reader;
  reader.skip(length);
  if (!reader.truncated) handler.crypto(offset, bytes, start, start + length);
}

/** `varint largest, delay, range count, first range; { varint gap, range }[]; ECN counts` */
function acknowledgment(type: number): void {
  readVarint(reader);
  readVarint(reader);
  const ranges = readVarint(reader);
  const integers = 1 + 2 * ranges + (type === FrameType.ackEcn ? ECN_COUNTS : 0);
  for (let i = 0; i < integers && reader.remaining > 0; i++) readVarint(reader);
}

/**
 * Google's wire specification, "ACK Frame": `01nullmm` (n: several blocks, l: length of the largest acknowledged, m: of a
 * block); largest; 2 bytes delay; number of further blocks; first block; { 1 byte gap, block }[]; number of timestamps;
 * 1 + 4 bytes for the first of them, 1 + 2 bytes for each other.
 */
function googleAcknowledgment(type: number): void {
  const largestLength = GOOGLE_LENGTHS[(type >> 2) & 3]!;
  const blockLength = GOOGLE_LENGTHS[type & 3]!;
  reader.skip(largestLength + 2);
  const blocks = (type & 0x20) === 0 ? 0 : reader.u8();
  reader.skip(blockLength + blocks * (1 + blockLength));
  const timestamps = reader.u8();
  if (timestamps > 0) reader.skip(5 + 3 * (timestamps - 1));
}

/** `varint error code, frame type, reason length; reason` */
function connectionClose(handler: FrameHandler): void {
  const errorCode = readVarint(reader);
  if (!reader.truncated) handler.connectionClose(errorCode);
}
