/** What stands in front of one output: chooses its events, makes batches of them and has them sent. */
import type { CimEvent } from '../cim/event.ts';
import type { Counters } from '../counters.ts';
import type { BatchStore } from './batch.ts';
import { Compactor } from './compactor.ts';
import { Ledger } from './ledger.ts';
import { Losses, type NoticeSink } from './notice.ts';
import type { DeliverySettings } from './options.ts';
import { asDeliveryError, type Output } from './output.ts';
import { wants } from './selection.ts';
import { Sender } from './sender.ts';
import { lineLength } from './write.ts';

/** A capture that cannot wait loses events above these, counted. An event costs about 100 bytes besides its line. */
export const MAX_QUEUED_BYTES = 64 * 1024 * 1024;
export const MAX_QUEUED_EVENTS = 262_144;
/** An output is closed while its peer may be away: so long each of its two steps may take. */
const CLOSE_TIMEOUT_MS = 1_000;

export interface QueueOptions {
  readonly settings: DeliverySettings;
  /** Opened once the queue's books are there: what an earlier run left in it belongs in them. */
  readonly openStore: (ledger: Ledger, losses: Losses) => BatchStore;
  /** Use the output's `sendNow`: whoever makes events waits for the output. */
  readonly direct: boolean;
  readonly giveUpAfterMs: number;
  readonly inFlight: number;
  readonly timeoutMs: number;
}

interface FillingBatch {
  readonly events: CimEvent[];
  bytes: number;
}

const emptyBatch = (): FillingBatch => ({ events: [], bytes: 0 });

export class OutputQueue {
  readonly output: Output;
  readonly ledger: Ledger;
  private readonly settings: DeliverySettings;
  private readonly isWanted: ((event: CimEvent) => boolean) | undefined;
  private readonly compactor: Compactor | undefined;
  private readonly store: BatchStore;
  private readonly sender: Sender | undefined;
  private readonly losses: Losses;
  private readonly tell: NoticeSink;
  private filling = emptyBatch();
  private lastBlock: Buffer | undefined;
  private timer: NodeJS.Timeout | undefined;
  private failed = false;
  /** Nothing is taken any more: what comes still, such as the news of the end itself, is lost and counted. */
  private hasEnded = false;
  /** Whether an event may be one that is not sent. */
  private isChoosy: boolean;
  private readonly waiting: (() => void)[] = [];
  private closed: Promise<void> | undefined;

  constructor(output: Output, counters: Counters, tell: NoticeSink, options: QueueOptions) {
    const { settings, direct } = options;
    this.output = output;
    this.settings = settings;
    this.tell = tell;
    this.ledger = new Ledger(counters);
    this.losses = new Losses(output.name, this.ledger, tell);
    this.isWanted = wants(settings);
    this.compactor = this.isWanted && new Compactor();
    this.store = options.openStore(this.ledger, this.losses);
    this.isChoosy = this.isWanted !== undefined || !direct;
    if (direct) return;
    this.sender = new Sender({
      output,
      store: this.store,
      retry: settings.retry,
      giveUpAfterMs: options.giveUpAfterMs,
      inFlight: options.inFlight,
      timeoutMs: options.timeoutMs,
      ledger: this.ledger,
      losses: this.losses,
      tell,
      onSettled: () => this.onSettled(),
      onFailed: () => this.fail(),
    });
    this.sender.wake();
  }

  push(made: CimEvent): void {
    const { total } = this.ledger;
    total['events.produced']++;
    total['events.queued']++;
    const length = lineLength(made);
    if (this.isChoosy && !this.admits(made, length)) return;
    const event = this.compactor === undefined ? made : this.compactor.copy(made);
    const { batch } = this.settings;
    // A batch that ends where a block ends is one range of bytes, and goes out without a copy.
    if (event.block !== this.lastBlock) {
      if (this.filling.bytes >= batch.bytes / 2) this.flush();
      this.lastBlock = event.block;
    }
    const { filling } = this;
    filling.events.push(event);
    filling.bytes += length;
    if (filling.bytes >= batch.bytes || filling.events.length >= batch.events) this.flush();
    else if (this.timer === undefined) this.timer = this.startTimer();
  }

  /** Undefined while the output keeps up; else resolves when it has caught up or failed. */
  ready(): Promise<void> | undefined {
    if (this.failed || this.filling.bytes + this.store.bytes < this.store.highWater) return undefined;
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  /** Hands over what there is without waiting for a full batch. */
  flush(): void {
    const batch = this.filling;
    if (batch.events.length === 0) return;
    this.filling = emptyBatch();
    this.book(batch.events.length);
    if (this.sender === undefined) this.sendNow(batch);
    else {
      this.store.append(batch);
      this.sender.wake();
    }
  }

  /** Resolves when every event has been acknowledged or lost. */
  async drain(): Promise<void> {
    this.flush();
    clearTimeout(this.timer);
    this.timer = undefined;
    await this.sender?.drained();
  }

  /**
   * Drains and releases; may be called twice. What is not sent by the deadline is kept by a durable store and else lost.
   * @param deadline resolves when it has come
   * @returns rejects with `DeliveryError` where the output could not be released in order
   */
  close(deadline: Promise<void>): Promise<void> {
    this.closed ??= this.end(deadline);
    return this.closed;
  }

  private async end(deadline: Promise<void>): Promise<void> {
    const drained = this.drain();
    // A peer that is away will hardly come back within seconds, and what is in the spool is sent after the next start.
    if (!(this.store.durable && this.sender?.isFailing)) await Promise.race([drained, deadline]);
    await inTime(this.sender?.end());
    // What came since goes the same way; what comes from now on, such as the notice of what is lost, is lost itself.
    this.flush();
    this.hasEnded = true;
    this.isChoosy = true;
    this.losses.add('shutdown', this.store.close(this.sender?.stop() ?? []), 'the agent had to end');
    this.losses.flush();
    await inTime(this.output.close());
  }

  /** Whether the event is to be sent; else it is in the books already. */
  private admits(event: CimEvent, length: number): boolean {
    if (this.isWanted !== undefined && !this.isWanted(event)) {
      this.book(1);
      this.ledger.settle('filtered', 1);
      return false;
    }
    if (this.failed || this.hasEnded) {
      this.book(1);
      this.ledger.settle(this.failed ? 'output' : 'shutdown', 1);
      return false;
    }
    if (this.store.durable || !this.isFull(length)) return true;
    this.book(1);
    this.losses.add('queue_full', 1, 'the output does not keep up');
    return false;
  }

  private isFull(length: number): boolean {
    const { filling, store, ledger } = this;
    return (
      filling.bytes + store.bytes + length > MAX_QUEUED_BYTES ||
      ledger.own['events.queued'] + filling.events.length >= MAX_QUEUED_EVENTS
    );
  }

  /** Events in the output's own books: batch by batch, for an event costs little more than the two sums of all outputs. */
  private book(events: number): void {
    const { own } = this.ledger;
    own['events.produced'] += events;
    own['events.queued'] += events;
  }

  private startTimer(): NodeJS.Timeout {
    const timer = setTimeout(() => {
      this.timer = undefined;
      this.flush();
    }, this.settings.batch.interval_ms);
    return timer.unref();
  }

  private sendNow(batch: FillingBatch): void {
    const { length } = batch.events;
    try {
      this.output.sendNow?.(batch.events);
      this.ledger.add('delivery.batches', 1);
      this.ledger.settle('sent', length);
    } catch (thrown) {
      const error = asDeliveryError(thrown);
      const lost = error.remaining?.length ?? length;
      this.ledger.settle('sent', length - lost);
      this.ledger.settle('output', lost);
      this.tell({ output: this.output.name, what: 'failed', error });
      this.fail();
    }
  }

  private onSettled(): void {
    if (this.store.bytes < this.store.highWater / 2) this.letGo();
  }

  private letGo(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }

  /** Nothing more is sent. What a durable store holds stays there. */
  private fail(): void {
    this.failed = true;
    this.isChoosy = true;
    this.letGo();
    this.ledger.settle('output', this.store.close(this.sender?.stop() ?? []));
    this.book(this.filling.events.length);
    this.ledger.settle('output', this.filling.events.length);
    this.filling = emptyBatch();
  }
}

/** The promise, or nothing after a second. */
async function inTime(promise: Promise<void> | undefined): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const second = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, CLOSE_TIMEOUT_MS);
  });
  await Promise.race([promise, second]).finally(() => clearTimeout(timer));
}
