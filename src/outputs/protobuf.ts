/** The little of Protocol Buffers' wire format that OTLP needs. */

export const WIRE = { varint: 0, fixed64: 1, bytes: 2 } as const;

export const tag = (field: number, wire: number): number => (field << 3) | wire;

export function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 128)) length++;
  return length;
}

/** Returns the position behind it. */
export function writeVarint(buffer: Buffer, value: number, at: number): number {
  let rest = value;
  let position = at;
  while (rest > 0x7f) {
    buffer[position++] = (rest % 128) | 0x80;
    rest = Math.floor(rest / 128);
  }
  buffer[position++] = rest;
  return position;
}

function varint(value: number): Buffer {
  const buffer = Buffer.alloc(varintLength(value));
  writeVarint(buffer, value, 0);
  return buffer;
}

/** A field of bytes, a text or a message, from its parts. */
export function bytesField(field: number, ...parts: readonly Buffer[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([Buffer.of(tag(field, WIRE.bytes)), varint(length), ...parts]);
}

export function textField(field: number, text: string): Buffer {
  return bytesField(field, Buffer.from(text));
}

export function varintField(field: number, value: number): Buffer {
  return Buffer.concat([Buffer.of(tag(field, WIRE.varint)), varint(value)]);
}

/** The fields of a message: numbers for varints, else the bytes. Undefined where it is malformed. */
export function readFields(message: Buffer): Map<number, number | Buffer> | undefined {
  const fields = new Map<number, number | Buffer>();
  let at = 0;
  const readVarint = (): number => {
    let value = 0;
    for (let scale = 1; at < message.length; scale *= 128) {
      const byte = message[at++] as number;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    return Number.NaN;
  };
  while (at < message.length) {
    const head = readVarint();
    const wire = head % 8;
    const field = Math.floor(head / 8);
    if (wire === WIRE.varint) fields.set(field, readVarint());
    else {
      const length = wire === WIRE.bytes ? readVarint() : wire === WIRE.fixed64 ? 8 : wire === 5 ? 4 : Number.NaN;
      if (!(at + length <= message.length)) return undefined;
      fields.set(field, message.subarray(at, at + length));
      at += length;
    }
  }
  return fields;
}
