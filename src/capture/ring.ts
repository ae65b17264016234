/** A BPF ring buffer (Documentation/bpf/ringbuf.rst), read in place. */
import { type Mapping, map, pageSize } from './ffi/libc.ts';

const BUSY = 0x80000000 | 0;
const DISCARD = 0x40000000;
const LENGTH = 0x3fffffff;
/** The kernel's own, before every record. */
export const HEADER = 8;
/** No record is longer: its header, `struct record` and the longest of its data (SNAP in bpf/vesper.bpf.c), in whole pages. */
export const MAX_RECORD_BYTES = 32 * 1024;
/** The writer is told of the room so often: a store of 64 bits costs more than a small record. */
const RELEASE_BYTES = 64 * 1024;

export interface RingReader {
  /** Takes the record whose bytes begin at `start`; they are the writer's again when this returns. */
  record(start: number): void;
}

export class Ring {
  /** All of the ring's memory; `record` gets offsets into it. */
  readonly bytes: Buffer;
  readonly view: DataView;
  private readonly size: number;
  private readonly dataStart: number;
  private readonly consumer: Mapping;
  private readonly producer: Mapping;
  private readonly consumed: BigUint64Array;
  private readonly produced: BigUint64Array;
  private readonly headers: Int32Array;
  private position: number;

  /** @param size in bytes, a power of two */
  constructor(fd: number, size: number) {
    const page = pageSize();
    this.size = size;
    this.dataStart = page;
    this.consumer = map(fd, page, 0, true);
    // The data once more after its end, so that no record is in two parts: as much of it as one record can need.
    this.producer = map(fd, page + size + Math.min(size, MAX_RECORD_BYTES), page, false);
    this.bytes = Buffer.from(this.producer.memory);
    this.view = new DataView(this.producer.memory);
    this.headers = new Int32Array(this.producer.memory);
    this.consumed = new BigUint64Array(this.consumer.memory, 0, 1);
    this.produced = new BigUint64Array(this.producer.memory, 0, 1);
    this.position = Number(this.consumed[0]);
  }

  /** Hands at most `limit` records to the reader; returns how many. */
  drain(reader: RingReader, limit: number): number {
    const end = Number(Atomics.load(this.produced, 0));
    let taken = 0;
    let released = this.position;
    while (this.position < end && taken < limit) {
      const at = this.dataStart + (this.position % this.size);
      const header = Atomics.load(this.headers, at / 4);
      if ((header & BUSY) !== 0) break;
      if ((header & DISCARD) === 0) reader.record(at + HEADER);
      taken++;
      this.position += (HEADER + (header & LENGTH) + 7) & ~7;
      if (this.position - released >= RELEASE_BYTES) {
        released = this.position;
        this.release();
      }
    }
    if (released !== this.position) this.release();
    return taken;
  }

  /** Bytes that wait to be read. */
  waiting(): number {
    return Number(Atomics.load(this.produced, 0)) - this.position;
  }

  unmap(): void {
    this.consumer.unmap();
    this.producer.unmap();
  }

  private release(): void {
    Atomics.store(this.consumed, 0, BigInt(this.position));
  }
}
