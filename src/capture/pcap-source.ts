/** Where the bytes of a capture file come from; see also `stream-source.ts` and `gzip-source.ts`. */
import { closeSync, readSync } from 'node:fs';

export interface ByteSource {
  /** Reads at most `length` bytes to `into[at…]` and gives their number: 0 at the end. Throws the system's or zlib's error. */
  read(into: Buffer, at: number, length: number): number | Promise<number>;
  /** Bytes taken from the file or pipe so far, as they are stored there. */
  readonly taken: number;
  /** Bytes there are in all, where that is known. */
  readonly total: number | undefined;
  /** Gives up what is open; a read that waits then ends with 0. May be called more than once. */
  close(): void;
}

/** A regular file, read synchronously: a turn of the thread pool for each block would double the time of a bare run. */
export class FileSource implements ByteSource {
  taken = 0;
  readonly total: number;
  private readonly descriptor: number;
  private open = true;

  /** Reads on from the current position of `descriptor`, which it owns from now on. */
  constructor(descriptor: number, size: number) {
    this.descriptor = descriptor;
    this.total = size;
  }

  read(into: Buffer, at: number, length: number): number {
    if (!this.open) return 0;
    const count = readSync(this.descriptor, into, at, length, null);
    this.taken += count;
    return count;
  }

  close(): void {
    if (!this.open) return;
    this.open = false;
    closeSync(this.descriptor);
  }
}
