/** The bounded queue in front of one output: makes batches of events and sends them in order, one batch at a time. */
import type { CimEvent } from '../cim/event.ts';
import type { Counters } from '../counters.ts';
import { DeliveryError, type Output } from './output.ts';
import { lineLength } from './write.ts';

/** A batch is about as much as events are made in one block of memory, so that it is one range and one write. */
export const BATCH_BYTES = 256 * 1024;
/** Above this `ready` asks the capture to wait. */
export const HIGH_WATER_BYTES = 8 * 1024 * 1024;
/** Below this it may go on. */
const LOW_WATER_BYTES = HIGH_WATER_BYTES / 2;
/** A capture that cannot wait loses events above these, counted. An event costs about 100 bytes besides its line. */
export const MAX_QUEUED_BYTES = 64 * 1024 * 1024;
export const MAX_QUEUED_EVENTS = 262_144;
/** So long an event waits at most for its batch to fill: a person who watches takes it for at once. */
const FLUSH_INTERVAL_MS = 200;

interface Batch {
  readonly events: CimEvent[];
  bytes: number;
}

const emptyBatch = (): Batch => ({ events: [], bytes: 0 });

export class OutputQueue {
  readonly output: Output;
  private readonly counters: Counters;
  private readonly onFailure: (error: DeliveryError) => void;
  private filling = emptyBatch();
  private lastBlock: Buffer | undefined;
  private readonly full: Batch[] = [];
  private queuedBytes = 0;
  private queuedEvents = 0;
  private sending: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private failure: DeliveryError | undefined;
  private readonly waiting: (() => void)[] = [];

  /** @param onFailure called once: nothing more is sent after an error, and what comes is counted as dropped */
  constructor(output: Output, counters: Counters, onFailure: (error: DeliveryError) => void) {
    this.output = output;
    this.counters = counters;
    this.onFailure = onFailure;
  }

  push(event: CimEvent): void {
    this.counters['events.produced']++;
    const length = lineLength(event);
    if (
      this.failure !== undefined ||
      this.queuedBytes + length > MAX_QUEUED_BYTES ||
      this.queuedEvents === MAX_QUEUED_EVENTS
    ) {
      this.counters['events.dropped.output']++;
      return;
    }
    this.counters['events.queued']++;
    this.queuedBytes += length;
    this.queuedEvents++;
    // A batch that ends where a block ends is one range of bytes, and goes out without a copy.
    if (event.block !== this.lastBlock && this.filling.bytes >= BATCH_BYTES / 2) this.flush();
    this.lastBlock = event.block;
    const { filling } = this;
    filling.events.push(event);
    filling.bytes += length;
    if (filling.bytes >= BATCH_BYTES) this.flush();
    else this.timer ??= this.startTimer();
  }

  /** Undefined while the output keeps up; else resolves when it has caught up or failed. */
  ready(): Promise<void> | undefined {
    if (this.queuedBytes < HIGH_WATER_BYTES || this.failure !== undefined) return undefined;
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  /** Sends what there is without waiting for a full batch. */
  flush(): void {
    const batch = this.filling;
    if (batch.events.length === 0) return;
    this.filling = emptyBatch();
    if (this.output.sendNow !== undefined) this.sendNow(batch);
    else {
      this.full.push(batch);
      this.sending ??= this.sendAll();
    }
  }

  /** Resolves when every event has been acknowledged or dropped. */
  async drain(): Promise<void> {
    this.flush();
    await this.sending;
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private startTimer(): NodeJS.Timeout {
    const timer = setTimeout(() => {
      this.timer = undefined;
      this.flush();
    }, FLUSH_INTERVAL_MS);
    return timer.unref();
  }

  private sendNow(batch: Batch): void {
    try {
      this.output.sendNow?.(batch.events);
      this.settle(batch, batch.events.length);
    } catch (error) {
      this.fail(batch, error);
    }
  }

  private async sendAll(): Promise<void> {
    for (let batch = this.full.shift(); batch !== undefined; batch = this.full.shift()) {
      if (this.failure !== undefined) {
        this.settle(batch, 0);
        continue;
      }
      try {
        await this.output.send(batch.events);
        this.settle(batch, batch.events.length);
      } catch (error) {
        this.fail(batch, error);
      }
    }
    this.sending = undefined;
  }

  /** Takes a batch out of the books: `sent` of its events were acknowledged, the rest are lost. */
  private settle(batch: Batch, sent: number): void {
    const { counters } = this;
    const { length } = batch.events;
    this.queuedBytes -= batch.bytes;
    this.queuedEvents -= length;
    counters['events.queued'] -= length;
    counters['events.sent'] += sent;
    counters['events.dropped.output'] += length - sent;
    if (this.queuedBytes < LOW_WATER_BYTES) for (const resolve of this.waiting.splice(0)) resolve();
  }

  private fail(batch: Batch, error: unknown): void {
    const failure =
      error instanceof DeliveryError ? error : new DeliveryError((error as Error).message, false, { cause: error });
    this.failure = failure;
    this.settle(batch, failure.delivered);
    for (const resolve of this.waiting.splice(0)) resolve();
    this.onFailure(failure);
  }
}
