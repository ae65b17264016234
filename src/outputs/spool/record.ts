/**
 * A batch on disk. Numbers are little-endian.
 *
 *     header   u32 magic
 *              u32 CRC-32 of the rest of the header
 *              u64 number of the first event; events are numbered from 0 on as they come, none is left out
 *              u32 bytes of the payload
 *              u32 events
 *              u32 CRC-32 of the payload
 *     payload  for each event: u32 bytes of its line with the newline, u32 nanoseconds, u48 seconds, u8 kind, u8 zero
 *              the lines
 *
 * The numbers tell how many events a damaged stretch held.
 */
import { crc32 } from 'node:zlib';
import { CimEvent, type Kind } from '../../cim/event.ts';
import type { Batch } from '../batch.ts';
import { gather, lineLength } from '../write.ts';

/** `VSPL`, and a byte that no UTF-8 text has before it would be better still; the CRC settles what looks like it. */
export const MAGIC = 0x4c505356;
export const HEADER_BYTES = 28;
const EVENT_BYTES = 16;
/** Batches have at most 64 MiB of lines (`batch.bytes`) and one event more; what claims to be larger is damage. */
const MAX_PAYLOAD_BYTES = 128 * 1024 * 1024;

/** Codes are kept: a spool outlives the version that wrote it. */
const CODE_OF_KIND: Readonly<Record<Kind, number>> = { flow: 0, dns: 1, tls: 2, certificate: 3, finding: 4, agent: 5 };
const KIND_OF_CODE = new Map(Object.entries(CODE_OF_KIND).map(([kind, code]) => [code, kind as Kind]));

export interface RecordHeader {
  /** Number of the first event. */
  readonly first: number;
  readonly payloadBytes: number;
  readonly events: number;
  readonly payloadCrc: number;
}

/** The parts of a batch's record, to be written one after another. */
export function encodeRecord({ events }: Batch, first: number): Buffer[] {
  const table = Buffer.alloc(events.length * EVENT_BYTES);
  for (const [i, event] of events.entries()) {
    const at = i * EVENT_BYTES;
    table.writeUInt32LE(lineLength(event), at);
    table.writeUInt32LE(event.nanos, at + 4);
    table.writeUIntLE(event.seconds, at + 8, 6);
    table[at + 14] = CODE_OF_KIND[event.kind];
  }
  const lines = gather(events);
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32LE(MAGIC, 0);
  header.writeBigUInt64LE(BigInt(first), 8);
  header.writeUInt32LE(table.length + lines.length, 16);
  header.writeUInt32LE(events.length, 20);
  header.writeUInt32LE(crc32(lines, crc32(table)), 24);
  header.writeUInt32LE(crc32(header.subarray(8)), 4);
  return [header, table, lines];
}

/** Undefined where there is no whole header. */
export function decodeHeader(bytes: Buffer, at = 0): RecordHeader | undefined {
  if (at + HEADER_BYTES > bytes.length || bytes.readUInt32LE(at) !== MAGIC) return undefined;
  if (bytes.readUInt32LE(at + 4) !== crc32(bytes.subarray(at + 8, at + HEADER_BYTES))) return undefined;
  const payloadBytes = bytes.readUInt32LE(at + 16);
  const events = bytes.readUInt32LE(at + 20);
  if (payloadBytes > MAX_PAYLOAD_BYTES || events * EVENT_BYTES > payloadBytes) return undefined;
  return {
    first: Number(bytes.readBigUInt64LE(at + 8)),
    payloadBytes,
    events,
    payloadCrc: bytes.readUInt32LE(at + 24),
  };
}

/** Undefined where the payload is not what the header says. */
export function decodePayload(header: RecordHeader, payload: Buffer): Batch | undefined {
  if (payload.length !== header.payloadBytes || crc32(payload) !== header.payloadCrc) return undefined;
  const events: CimEvent[] = [];
  const linesAt = header.events * EVENT_BYTES;
  let at = linesAt;
  for (let entry = 0; entry < linesAt; entry += EVENT_BYTES) {
    const next = at + payload.readUInt32LE(entry);
    const kind = KIND_OF_CODE.get(payload[entry + 14]!);
    if (kind === undefined || next > payload.length || next === at) return undefined;
    const seconds = payload.readUIntLE(entry + 8, 6);
    events.push(new CimEvent(kind, seconds, payload.readUInt32LE(entry + 4), payload, at, next - 1));
    at = next;
  }
  return at === payload.length ? { events, bytes: payload.length - linesAt } : undefined;
}
