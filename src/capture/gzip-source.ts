/** Bytes of a capture file that is compressed. */
import { createGunzip } from 'node:zlib';
import type { ByteSource } from './pcap-source.ts';

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
