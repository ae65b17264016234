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
/** An output is closed while its peer may be away: so long it may take. */
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
    const { ledger, settings } = this;
    const { total, own } = ledger;
    total['events.produced']++;
    own['events.produced']++;
    if (this.isWanted !== undefined && !this.isWanted(made)) {
      ledger.add('events.filtered.output', 1);
      return;
    }
    const length = lineLength(made);
    total['events.queued']++;
    own['events.queued']++;
    if (this.failed) {
      ledger.settle('output', 1);
      return;
    }
    if (!this.store.durable && this.isFull(length)) {
      this.losses.add('queue_full', 1, 'the output does not keep up');
      return;
    }
    const event = this.compactor?.copy(made) ?? made;
    const { batch } = settings;
    // A batch that ends where a block ends is one range of bytes, and goes out without a copy.
    if (event.block !== this.lastBlock && this.filling.bytes >= batch.bytes / 2) this.flush();
    this.lastBlock = event.block;
    const { filling } = this;
    filling.events.push(event);
    filling.bytes += length;
    if (filling.bytes >= batch.bytes || filling.events.length >= batch.events) this.flush();
    else this.timer ??= this.startTimer();
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
    const unsent = this.sender?.stop() ?? 0;
    const left = this.store.close();
    const lost = this.store.durable ? left : left + unsent;
    this.losses.add('shutdown', lost, 'the agent had to end');
    this.losses.flush();
    await Promise.race([this.output.close(), new Promise((resolve) => setTimeout(resolve, CLOSE_TIMEOUT_MS).unref())]);
  }

  private isFull(length: number): boolean {
    return (
      this.filling.bytes + this.store.bytes + length > MAX_QUEUED_BYTES ||
      this.ledger.own['events.queued'] > MAX_QUEUED_EVENTS
    );
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
    const unsent = this.sender?.stop() ?? 0;
    const left = this.store.close();
    this.ledger.settle('output', this.store.durable ? left : left + unsent);
    this.ledger.settle('output', this.filling.events.length);
    this.filling = emptyBatch();
    this.letGo();
  }
}
