/**
 * A record of a Kafka record batch (format 2), in place of kafkajs's own encoder, which makes an array and a buffer of every
 * number and takes most of the time of a batch.
 *
 *     Record => length attributes timestampDelta offsetDelta keyLength key valueLength value headersCount [Header]
 *     Header => keyLength key valueLength value        lengths, counts and deltas are zigzag varints
 */

export interface RecordFields {
  readonly offsetDelta: number;
  /** Milliseconds since the first record of the batch. */
  readonly timestampDelta: number;
  readonly key?: Buffer;
  readonly value: Buffer | string;
  /** Constant: encoded once. */
  readonly headers: Readonly<Record<string, Buffer>>;
}

/** What kafkajs takes for one of its encoders. */
export interface EncodedRecord {
  readonly buf: Buffer;
  readonly buffer: Buffer;
}

/** Attributes: none is defined. */
const ATTRIBUTES_BYTES = 1;

const encodedHeaders = new WeakMap<object, Buffer>();

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

function headersOf(headers: Readonly<Record<string, Buffer>>): Buffer {
  const known = encodedHeaders.get(headers);
  if (known !== undefined) return known;
  const number = (value: number): Buffer => {
    const buffer = Buffer.alloc(varintBytes(value));
    writeVarint(buffer, value, 0);
    return buffer;
  };
  const entries = Object.entries(headers);
  const parts = entries.flatMap(([name, value]) => {
    const key = Buffer.from(name);
    return [number(key.length), key, number(value.length), value];
  });
  const encoded = Buffer.concat([number(entries.length), ...parts]);
  encodedHeaders.set(headers, encoded);
  return encoded;
}

export function encodeRecord({ offsetDelta, timestampDelta, key, value, headers }: RecordFields): EncodedRecord {
  const tail = headersOf(headers);
  const keyBytes = key === undefined ? -1 : key.length;
  const valueBytes = Buffer.byteLength(value);
  const size =
    ATTRIBUTES_BYTES +
    varintBytes(timestampDelta) +
    varintBytes(offsetDelta) +
    varintBytes(keyBytes) +
    Math.max(keyBytes, 0) +
    varintBytes(valueBytes) +
    valueBytes +
    tail.length;
  const buf = Buffer.allocUnsafe(varintBytes(size) + size);
  let at = writeVarint(buf, size, 0);
  buf[at++] = 0;
  at = writeVarint(buf, timestampDelta, at);
  at = writeVarint(buf, offsetDelta, at);
  at = writeVarint(buf, keyBytes, at);
  if (key !== undefined) at += key.copy(buf, at);
  at = writeVarint(buf, valueBytes, at);
  at += typeof value === 'string' ? buf.write(value, at) : value.copy(buf, at);
  tail.copy(buf, at);
  return { buf, buffer: buf };
}
