/** Bytes of a capture file that come through a pipe. */
import type { Readable } from 'node:stream';
import type { ByteSource } from './pcap-source.ts';

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
