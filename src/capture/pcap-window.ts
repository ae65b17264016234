/** The part of a capture file that is in memory: one block that moves along the file. */
import type { ByteSource } from './pcap-source.ts';

const EMPTY = Buffer.alloc(0);

/** Enough for every fixed header; a file that was only opened (to see what it is) costs no more. */
const PROBE_SIZE = 4 * 1024;

export class ByteWindow {
  bytes: Buffer = EMPTY;
  /** Covers `bytes` from its first byte on. */
  view: DataView = new DataView(EMPTY.buffer, EMPTY.byteOffset, 0);
  /** Where the next record starts in `bytes`; beyond `end` where the bytes up to it are to be skipped. */
  start = 0;
  /** Offset after the last byte that was read. */
  end = 0;
  /** Offset of `bytes[0]` in the file, after decompression. */
  private origin = 0;
  private readonly source: ByteSource;

  constructor(source: ByteSource) {
    this.source = source;
    this.reserve(PROBE_SIZE);
  }

  /** Where the next record starts in the file, after decompression. */
  get offset(): number {
    return this.origin + this.start;
  }

  /** Where the bytes that were read end in the file, after decompression. */
  get endOffset(): number {
    return this.origin + this.end;
  }

  /** Makes room for `size` bytes, which replaces `bytes` and `view` where there is less. */
  reserve(size: number): void {
    if (size <= this.bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(size)));
    this.bytes.copy(larger, 0, 0, this.end);
    this.bytes = larger;
    this.view = new DataView(larger.buffer, larger.byteOffset, larger.length);
  }

  /**
   * Reads until `needed` bytes are there from `start` on, and as much more as one read gives. False where the source
   * ends before that; throws what the source throws.
   */
  async fill(needed: number): Promise<boolean> {
    while (this.end - this.start < needed) {
      this.moveToFront();
      this.reserve(needed);
      const count = await this.source.read(this.bytes, this.end, this.bytes.length - this.end);
      if (count === 0) return false;
      this.end += count;
    }
    return true;
  }

  private moveToFront(): void {
    const used = Math.min(this.start, this.end);
    this.bytes.copyWithin(0, used, this.end);
    this.start -= used;
    this.end -= used;
    this.origin += used;
  }
}
