/** Builds DNS messages byte by byte, independently of the code under test. */

export const u16 = (value: number): Buffer => Buffer.from([(value >> 8) & 255, value & 255]);
export const u32 = (value: number): Buffer =>
  Buffer.from([value >>> 24, (value >> 16) & 255, (value >> 8) & 255, value & 255]);
export const hex = (digits: string): Buffer => Buffer.from(digits.replaceAll(' ', ''), 'hex');

/** An uncompressed name; labels are parted by dots and stand for themselves. */
export function wireName(name: string): Buffer {
  const labels = name === '.' ? [] : name.split('.');
  return Buffer.concat([
    ...labels.flatMap((label) => [Buffer.from([label.length]), Buffer.from(label, 'latin1')]),
    Buffer.from([0]),
  ]);
}

/** A compression pointer. */
export const pointer = (offset: number): Buffer => u16(0xc000 | offset);

export const question = (name: string | Buffer, type = 1, qclass = 1): Buffer =>
  Buffer.concat([typeof name === 'string' ? wireName(name) : name, u16(type), u16(qclass)]);

export const record = (name: string | Buffer, type: number, data: Buffer, ttl = 60, rrClass = 1): Buffer =>
  Buffer.concat([
    typeof name === 'string' ? wireName(name) : name,
    u16(type),
    u16(rrClass),
    u32(ttl),
    u16(data.length),
    data,
  ]);

export interface Sections {
  readonly id?: number;
  /** The second 16 bits of the header; 0x0100 is a query that wants recursion, 0x8180 its response. */
  readonly flags?: number;
  readonly questions?: readonly Buffer[];
  readonly answers?: readonly Buffer[];
  readonly authority?: readonly Buffer[];
  readonly additional?: readonly Buffer[];
}

export function message(sections: Sections): Buffer {
  const { id = 1, flags = 0x0100, questions = [], answers = [], authority = [], additional = [] } = sections;
  const counts = [questions, answers, authority, additional].map((entries) => u16(entries.length));
  return Buffer.concat([u16(id), u16(flags), ...counts, ...questions, ...answers, ...authority, ...additional]);
}
