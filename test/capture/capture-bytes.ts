/** Capture files written by hand, byte by byte, and read back. */
import { CaptureError } from '../../src/capture/capture.ts';
import { PcapFile } from '../../src/capture/pcap-file.ts';
import type { ByteSource } from '../../src/capture/pcap-source.ts';

/** Integers of a file in one byte order. */
export interface Order {
  u16(...values: number[]): Buffer;
  u32(...values: number[]): Buffer;
  /** A 64-bit integer as one number. */
  u64(value: bigint): Buffer;
  /** A 64-bit timestamp of pcapng: the high half first in either order. */
  stamp(value: bigint): Buffer;
}

function order(little: boolean): Order {
  const each = (values: number[], size: number, put: (buffer: Buffer, value: number, at: number) => void) => {
    const buffer = Buffer.alloc(values.length * size);
    for (const [index, value] of values.entries()) put(buffer, value, index * size);
    return buffer;
  };
  const u32 = (...values: number[]) =>
    each(values, 4, (buffer, value, at) =>
      little ? buffer.writeUInt32LE(value, at) : buffer.writeUInt32BE(value, at),
    );
  return {
    u16: (...values) =>
      each(values, 2, (buffer, value, at) =>
        little ? buffer.writeUInt16LE(value, at) : buffer.writeUInt16BE(value, at),
      ),
    u32,
    u64(value) {
      const buffer = Buffer.alloc(8);
      if (little) buffer.writeBigUInt64LE(BigInt.asUintN(64, value));
      else buffer.writeBigUInt64BE(BigInt.asUintN(64, value));
      return buffer;
    },
    stamp: (value) => u32(Number(value >> 32n), Number(value & 0xffff_ffffn)),
  };
}

export const LITTLE = order(true);
export const BIG = order(false);
export const ORDERS = [
  ['little endian', LITTLE],
  ['big endian', BIG],
] as const;

export function pcapHeader({ u16, u32 }: Order, magic = 0xa1b2c3d4, link = 1): Buffer {
  return Buffer.concat([u32(magic), u16(2, 4), u32(0, 0, 262_144, link)]);
}

export function pcapRecord(to: Order, seconds: number, fraction: number, data: Buffer, original = data.length): Buffer {
  return Buffer.concat([to.u32(seconds, fraction, data.length, original), data]);
}

function padded(data: Buffer): Buffer {
  return Buffer.concat([data, Buffer.alloc(-data.length & 3)]);
}

/** A pcapng block around a body, which is padded. */
export function block({ u32 }: Order, type: number, ...body: Buffer[]): Buffer {
  const content = padded(Buffer.concat(body));
  return Buffer.concat([u32(type, content.length + 12), content, u32(content.length + 12)]);
}

export function option({ u16 }: Order, code: number, value: Buffer): Buffer {
  return Buffer.concat([u16(code, value.length), padded(value)]);
}

export function section(to: Order, major = 1): Buffer {
  return block(to, 0x0a0d0d0a, to.u32(0x1a2b3c4d), to.u16(major, 0), to.u32(0xffffffff, 0xffffffff));
}

export function interfaceBlock(to: Order, link: number, snapLength: number, ...options: Buffer[]): Buffer {
  return block(to, 1, to.u16(link, 0), to.u32(snapLength), ...options);
}

export function enhanced(to: Order, id: number, stamp: bigint, data: Buffer, original = data.length): Buffer {
  return block(to, 6, to.u32(id), to.stamp(stamp), to.u32(data.length, original), padded(data));
}

export function simple(to: Order, data: Buffer, original = data.length): Buffer {
  return block(to, 3, to.u32(original), data);
}

/** What a test wants to know of a frame, copied out of it. */
export interface Seen {
  data: string;
  /** Seconds and nine decimals. */
  time: string;
  link: number;
  original: number;
  interface: number;
}

export interface Result {
  frames: Seen[];
  warnings: string[];
  file: PcapFile;
}

/** Bytes in memory, given in pieces of `piece` bytes. */
export class BytesSource implements ByteSource {
  taken = 0;
  closed = false;
  readonly total: number;
  private readonly bytes: Buffer;
  private readonly piece: number;

  constructor(bytes: Buffer, piece = bytes.length) {
    this.bytes = bytes;
    this.piece = piece;
    this.total = bytes.length;
  }

  read(into: Buffer, at: number, length: number): number {
    const count = this.bytes.copy(into, at, this.taken, this.taken + Math.min(length, this.piece));
    this.taken += count;
    return count;
  }

  close(): void {
    this.closed = true;
  }
}

/** Runs a capture to its end; the frames are copied as they are seen. */
export async function drain(open: (onWarning: (text: string) => void) => Promise<PcapFile>): Promise<Result> {
  const warnings: string[] = [];
  const frames: Seen[] = [];
  const file = await open((text) => warnings.push(text));
  await file.run(
    {
      frame(frame) {
        if (frame.view.getUint8(frame.start - 1) !== frame.bytes[frame.start - 1])
          throw new Error('view and bytes differ');
        frames.push({
          data: frame.bytes.toString('latin1', frame.start, frame.end),
          time: `${frame.seconds}.${String(frame.nanos).padStart(9, '0')}`,
          link: frame.linkType,
          original: frame.originalLength,
          interface: frame.interfaceIndex,
        });
      },
      ready: () => undefined,
    },
    new AbortController().signal,
  );
  return { frames, warnings, file };
}

export function read(bytes: Buffer | Buffer[], piece?: number): Promise<Result> {
  const source = new BytesSource(Array.isArray(bytes) ? Buffer.concat(bytes) : bytes, piece);
  return drain((onWarning) => PcapFile.over(source, 'test', { onWarning }));
}

/** The message with which these bytes are refused. */
export async function refusal(bytes: Buffer | Buffer[]): Promise<string> {
  try {
    await read(bytes);
  } catch (error) {
    if (error instanceof CaptureError) return error.message;
    throw error;
  }
  throw new Error('the bytes were taken for a capture');
}
