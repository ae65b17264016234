/** Where the bytes of a capture file come from: a regular file, a pipe, or the gzip data in either. */
import { closeSync, readSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';

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

/** A pipe, socket or device: what has arrived is given at once, so that a capture still being written is followed. */
export class StreamSource implements ByteSource {
  taken = 0;
  readonly total = undefined;
  private readonly stream: Readable;
  /** The rest of a chunk that was larger than what was asked for. */
  private rest: Buffer | undefined;
  private failure: Error | undefined;
  private wake: (() => void) | undefined;

  constructor(stream: Readable) {
    this.stream = stream;
    const wake = () => this.wake?.();
    stream.on('readable', wake).on('end', wake).on('close', wake);
    stream.on('error', (error) => {
      this.failure = error;
      wake();
    });
  }

  async read(into: Buffer, at: number, length: number): Promise<number> {
    for (;;) {
      const chunk: Buffer | null = this.rest ?? this.stream.read();
      if (chunk !== null) {
        const count = chunk.copy(into, at, 0, length);
        this.rest = count < chunk.length ? chunk.subarray(count) : undefined;
        this.taken += count;
        return count;
      }
      if (this.failure) throw this.failure;
      if (this.stream.readableEnded || this.stream.destroyed) return 0;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  close(): void {
    this.rest = undefined;
    this.stream.destroy();
  }
}

/** Compressed bytes given to zlib at once. */
const COMPRESSED_CHUNK = 64 * 1024;
/** What zlib makes in one turn of the thread pool; its default of 16 KiB makes the turns dominate. */
const EXPANDED_CHUNK = 128 * 1024;
/** Expanded chunks that are kept ready; zlib waits beyond that, however much a few compressed bytes expand to. */
const AHEAD = 4;

/**
 * The gzip data (RFC 1952, any number of members) of another source. The thread pool expands while the packets of the
 * chunk before are decoded. A cut stream gives all that is before the cut; a damaged one loses up to one chunk before
 * the damage, because zlib's stream keeps back the chunk in which it fails.
 */
export class GzipSource implements ByteSource {
  private readonly compressed: ByteSource;
  private readonly gunzip = createGunzip({ chunkSize: EXPANDED_CHUNK });
  private readonly ready: Buffer[] = [];
  private prefix: Buffer | undefined;
  private failure: Error | undefined;
  /** Nothing more comes out of zlib. */
  private ended = false;
  /** Compressed bytes are on their way into zlib, or there are no more. */
  private feeding = false;
  private wake: (() => void) | undefined;

  /** `prefix`: bytes that were read from `compressed` already. */
  constructor(compressed: ByteSource, prefix: Buffer) {
    this.compressed = compressed;
    this.prefix = prefix;
    const finish = () => this.finish();
    this.gunzip.on('data', (chunk: Buffer) => this.expanded(chunk));
    this.gunzip.on('error', (error) => this.finish(error));
    this.gunzip.on('end', finish).on('close', finish);
  }

  get taken(): number {
    return this.compressed.taken;
  }

  get total(): number | undefined {
    return this.compressed.total;
  }

  async read(into: Buffer, at: number, length: number): Promise<number> {
    while (this.ready.length === 0) {
      if (this.failure) throw this.failure;
      if (this.ended) return 0;
      this.expandMore();
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    const chunk = this.ready[0]!;
    const count = chunk.copy(into, at, 0, length);
    if (count < chunk.length) this.ready[0] = chunk.subarray(count);
    else this.ready.shift();
    if (this.ready.length < AHEAD) this.expandMore();
    return count;
  }

  close(): void {
    this.compressed.close();
    this.gunzip.destroy();
  }

  private expanded(chunk: Buffer): void {
    this.ready.push(chunk);
    if (this.ready.length >= AHEAD) this.gunzip.pause();
    this.wake?.();
  }

  private finish(error?: Error): void {
    this.failure ??= error;
    this.ended = true;
    this.wake?.();
  }

  private expandMore(): void {
    if (this.gunzip.isPaused()) this.gunzip.resume();
    if (this.feeding || this.ended) return;
    this.feeding = true;
    this.feed().catch((error: Error) => this.finish(error));
  }

  /**
   * Gives zlib the next compressed bytes. It is told of the end apart from the last bytes: it reports a cut stream only
   * then, when everything before the cut has come out.
   */
  private async feed(): Promise<void> {
    const chunk = await this.nextCompressed();
    if (this.ended) return;
    if (chunk.length === 0) {
      this.gunzip.end();
      return;
    }
    this.gunzip.write(chunk, () => {
      this.feeding = false;
      if (this.ready.length < AHEAD) this.expandMore();
    });
  }

  private async nextCompressed(): Promise<Buffer> {
    const { prefix } = this;
    this.prefix = undefined;
    if (prefix) return prefix;
    const chunk = Buffer.allocUnsafe(COMPRESSED_CHUNK);
    return chunk.subarray(0, await this.compressed.read(chunk, 0, chunk.length));
  }
}
