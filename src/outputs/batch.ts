/** Batches of events, and where they wait for an output. */
import type { CimEvent } from '../cim/event.ts';

export interface Batch {
  readonly events: readonly CimEvent[];
  /** Of the lines with their newlines. */
  readonly bytes: number;
}

/** A batch of which nothing or not all was acknowledged. */
export interface Unsent<B extends Batch = Batch> {
  readonly batch: B;
  readonly remaining: readonly CimEvent[];
}

/** Batches in order between those who make them and the one who sends them. */
export interface BatchStore<B extends Batch = Batch> {
  /** Whether what waits here is still here after a crash. */
  readonly durable: boolean;
  /** What waits here, acknowledged batches left out. */
  readonly bytes: number;
  /** At so many bytes a capture that can wait should. */
  readonly highWater: number;
  append(batch: Batch): void;
  /** The next batch to send, each once. */
  next(): B | undefined;
  /** The oldest batch that `next` gave and that was not acknowledged yet is done with: sent, or refused for good. */
  acknowledge(batch: B): void;
  /**
   * Releases; may be called twice.
   * @param unsent what `next` gave and nobody acknowledged
   * @returns how many events are lost: those that wait here or are unsent, unless they are kept for the next start
   */
  close(unsent: readonly Unsent<B>[]): number;
}

/** Above this `ready` asks the capture to wait; it may go on below half of it. */
export const HIGH_WATER_BYTES = 8 * 1024 * 1024;

export class MemoryStore implements BatchStore {
  readonly durable = false;
  readonly highWater = HIGH_WATER_BYTES;
  bytes = 0;
  private batches: Batch[] = [];

  append(batch: Batch): void {
    this.bytes += batch.bytes;
    this.batches.push(batch);
  }

  next(): Batch | undefined {
    return this.batches.shift();
  }

  acknowledge(batch: Batch): void {
    this.bytes -= batch.bytes;
  }

  close(unsent: readonly Unsent[]): number {
    const waiting = this.batches.reduce((sum, { events }) => sum + events.length, 0);
    this.batches = [];
    this.bytes = 0;
    return waiting + unsent.reduce((sum, { remaining }) => sum + remaining.length, 0);
  }
}
