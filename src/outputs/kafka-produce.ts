/**
 * Produce requests (version 3 to 7) with record batches of format 2, in place of kafkajs's own encoder, which makes a buffer of
 * every number and copies every record ten times. Lines go from their block to the request in one copy, two where compressed.
 *
 *     Request => transactionalId acks timeout [topic [partition length RecordBatch]]
 *     RecordBatch => baseOffset length leaderEpoch magic crc attributes lastOffsetDelta firstTimestamp maxTimestamp
 *                    producerId producerEpoch firstSequence count [Record]
 *     Record => length attributes timestampDelta offsetDelta keyLength key valueLength value headersCount [Header]
 *     Header => keyLength key valueLength value            in records, lengths, counts and deltas are zigzag varints
 */
import { crc32c } from './crc32c.ts';

/** A part of a buffer. */
export interface Range {
  readonly block: Buffer;
  readonly start: number;
  readonly end: number;
}

/** What kafkajs carries as a message: its own name `value` must be there, and is not looked at. */
export interface ProduceRecord {
  readonly value: Buffer;
  readonly line: Range;
  readonly key: Range | undefined;
  /** As `encodeHeaders` makes them. */
  readonly headers: Buffer;
  /** Milliseconds. */
  readonly timestamp: number;
}

export interface ProduceRequest {
  readonly acks: number;
  readonly timeout: number;
  readonly compression: number;
  /** A 64-bit number with `toString`; without one the request is not idempotent. */
  readonly producerId?: unknown;
  readonly producerEpoch?: number;
  readonly topicData: readonly {
    readonly topic: string;
    readonly partitions: readonly {
      readonly partition: number;
      readonly firstSequence?: number;
      readonly messages: readonly ProduceRecord[];
    }[];
  }[];
}

/** As of kafkajs's encoders. */
export interface Encoded {
  readonly buf: Buffer;
  readonly buffer: Buffer;
}

export type Compress = (records: Encoded) => Promise<Buffer>;

const encoded = (buf: Buffer): Encoded => ({ buf, buffer: buf });

/** Places in a record batch. */
const BATCH = { length: 8, magic: 16, crc: 17, attributes: 21, lastOffsetDelta: 23, firstTimestamp: 27, records: 61 };
const MAGIC = 2;
/** Batch fields before its length, and the length itself, are not counted in it. */
const UNCOUNTED = BATCH.length + 4;

/** Of numbers from -1 up to 2⁵²: -1 is 1, 0 is 0, 1 is 2. */
const zigzag = (value: number): number => (value < 0 ? -2 * value - 1 : 2 * value);

function varintBytes(value: number): number {
  let length = 1;
  for (let rest = zigzag(value); rest > 0x7f; rest = Math.floor(rest / 128)) length++;
  return length;
}

/** Returns the position behind it. */
function writeVarint(buffer: Buffer, value: number, at: number): number {
  let rest = zigzag(value);
  let position = at;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) buffer[position++] = (rest % 128) | 0x80;
  buffer[position++] = rest;
  return position;
}

/** The headers of a record with their count. */
export function encodeHeaders(headers: Readonly<Record<string, string>>): Buffer {
  const number = (value: number): Buffer => {
    const buffer = Buffer.alloc(varintBytes(value));
    writeVarint(buffer, value, 0);
    return buffer;
  };
  const entries = Object.entries(headers);
  const parts = entries.flatMap((pair) =>
    pair.flatMap((text) => {
      const bytes = Buffer.from(text);
      return [number(bytes.length), bytes];
    }),
  );
  return Buffer.concat([number(entries.length), ...parts]);
}

const rangeBytes = (range: Range | undefined): number => (range === undefined ? -1 : range.end - range.start);

/** Length of a record behind its own length. */
function bodyBytes({ line, key, headers, timestamp }: ProduceRecord, index: number, first: number): number {
  const keyBytes = rangeBytes(key);
  const valueBytes = line.end - line.start;
  const numbers = varintBytes(timestamp - first) + varintBytes(index) + varintBytes(keyBytes) + varintBytes(valueBytes);
  return 1 + numbers + Math.max(keyBytes, 0) + valueBytes + headers.length;
}

/** All records of a partition from `from` on. Returns the position behind them. */
function writeRecords(
  buffer: Buffer,
  records: readonly ProduceRecord[],
  sizes: readonly number[],
  first: number,
  from: number,
): number {
  let at = from;
  for (let index = 0; index < records.length; index++) {
    const { line, key, headers, timestamp } = records[index] as ProduceRecord;
    at = writeVarint(buffer, sizes[index] as number, at);
    buffer[at++] = 0;
    at = writeVarint(buffer, timestamp - first, at);
    at = writeVarint(buffer, index, at);
    at = writeVarint(buffer, rangeBytes(key), at);
    if (key !== undefined) at += key.block.copy(buffer, at, key.start, key.end);
    at = writeVarint(buffer, line.end - line.start, at);
    at += line.block.copy(buffer, at, line.start, line.end);
    at += headers.copy(buffer, at);
  }
  return at;
}

/** A record batch, but for the records, in front of `room` bytes for them. */
async function recordBatch(
  records: readonly ProduceRecord[],
  { compression, producerId = -1, producerEpoch = 0 }: ProduceRequest,
  firstSequence: number,
  compress: Compress | undefined,
): Promise<Buffer> {
  let first = Number.POSITIVE_INFINITY;
  let last = Number.NEGATIVE_INFINITY;
  for (const { timestamp } of records) {
    first = Math.min(first, timestamp);
    last = Math.max(last, timestamp);
  }
  const sizes = records.map((record, index) => bodyBytes(record, index, first));
  let length = 0;
  for (const size of sizes) length += varintBytes(size) + size;
  let batch: Buffer;
  if (compress === undefined) {
    batch = Buffer.allocUnsafe(BATCH.records + length);
    writeRecords(batch, records, sizes, first, BATCH.records);
  } else {
    const plain = Buffer.allocUnsafe(length);
    writeRecords(plain, records, sizes, first, 0);
    batch = Buffer.concat([Buffer.alloc(BATCH.records), await compress(encoded(plain))]);
  }
  // The base offset is the broker's to give, the leader's epoch is not known.
  batch.fill(0, 0, BATCH.magic);
  batch.writeInt32BE(batch.length - UNCOUNTED, BATCH.length);
  batch[BATCH.magic] = MAGIC;
  batch.writeInt16BE(compression, BATCH.attributes);
  batch.writeInt32BE(records.length - 1, BATCH.lastOffsetDelta);
  let at = batch.writeBigInt64BE(BigInt(first), BATCH.firstTimestamp);
  at = batch.writeBigInt64BE(BigInt(last), at);
  at = batch.writeBigInt64BE(BigInt(String(producerId)), at);
  at = batch.writeInt16BE(producerEpoch, at);
  at = batch.writeInt32BE(firstSequence, at);
  batch.writeInt32BE(records.length, at);
  batch.writeUInt32BE(crc32c(batch, BATCH.attributes, batch.length), BATCH.crc);
  return batch;
}

const int32 = (value: number): Buffer => {
  const buffer = Buffer.allocUnsafe(4);
  buffer.writeInt32BE(value);
  return buffer;
};

const int16 = (value: number): Buffer => {
  const buffer = Buffer.allocUnsafe(2);
  buffer.writeInt16BE(value);
  return buffer;
};

/** @param compress of the request's compression; undefined: none */
export async function encodeProduceRequest(request: ProduceRequest, compress: Compress | undefined): Promise<Encoded> {
  const { acks, timeout, topicData } = request;
  // No transaction.
  const parts: Buffer[] = [int16(-1), int16(acks), int32(timeout), int32(topicData.length)];
  for (const { topic, partitions } of topicData) {
    const name = Buffer.from(topic);
    parts.push(int16(name.length), name, int32(partitions.length));
    for (const { partition, firstSequence = 0, messages } of partitions) {
      const batch = await recordBatch(messages, request, firstSequence, compress);
      parts.push(int32(partition), int32(batch.length), batch);
    }
  }
  return encoded(Buffer.concat(parts));
}
