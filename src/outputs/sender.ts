/** Sends the batches of a store in order: several in flight at most, again after a passing error, later after every one. */
import type { CimEvent } from '../cim/event.ts';
import { backoffMs } from './backoff.ts';
import type { Batch, BatchStore, Unsent } from './batch.ts';
import type { Ledger } from './ledger.ts';
import { type Losses, NOTICE_INTERVAL_MS, type NoticeSink } from './notice.ts';
import type { DeliverySettings } from './options.ts';
import { asDeliveryError, DeliveryError, type Output, ReaderGoneError } from './output.ts';

/** An output that fails on and on is told of so often. */
const REMINDER_INTERVAL_MS = 3_600_000;
/** A peer that asks to be left alone longer than this is asked again all the same: the answer may be a mistake. */
const MAX_RETRY_AFTER_MS = 3_600_000;

export interface SenderParts {
  readonly output: Output;
  readonly store: BatchStore;
  readonly retry: Pick<DeliverySettings['retry'], 'initial_ms' | 'max_ms'>;
  /** After so long without success the output has failed for good; 0: at its first error. */
  readonly giveUpAfterMs: number;
  readonly inFlight: number;
  readonly timeoutMs: number;
  readonly ledger: Ledger;
  readonly losses: Losses;
  readonly tell: NoticeSink;
  /** A batch waits no more. */
  readonly onSettled: () => void;
  readonly onFailed: () => void;
}

interface Sending {
  readonly batch: Batch;
  remaining: readonly CimEvent[];
  done: boolean;
  /** Ends the attempt under way. */
  abort: AbortController;
}

export class Sender {
  private readonly parts: SenderParts;
  /** In order; the first is acknowledged to the store before the second, whichever the peer took first. */
  private readonly window: Sending[] = [];
  /** Failures in a row; after the first, nothing new is sent until what failed has been. */
  private failures = 0;
  private failingSince = 0;
  /** Why the output fails, as it was told last; undefined: it was not told that it fails now. */
  private toldReason: string | undefined;
  private lastTold = Number.NEGATIVE_INFINITY;
  /** How long another reason waits to be told; it doubles, for reasons may take turns (the brokers of a cluster) for weeks. */
  private quietMs = NOTICE_INTERVAL_MS;
  private retryTimer: NodeJS.Timeout | undefined;
  private readonly failed: Sending[] = [];
  /** Nothing new is begun; what is under way may still end. */
  private isEnding = false;
  private over = false;
  private isWaking = false;
  private readonly underWay = new Set<Promise<void>>();
  private readonly idle: (() => void)[] = [];

  constructor(parts: SenderParts) {
    this.parts = parts;
  }

  get isFailing(): boolean {
    return this.failures > 0;
  }

  /** Sends what it may. To be called when the store has got something. */
  wake(): void {
    // A store tells what it has lost, and the notice may be an event that wakes us while we wait for the store's answer:
    // taken now, the batch would be one too many in flight.
    if (this.isWaking) return;
    this.isWaking = true;
    try {
      this.fillWindow();
    } finally {
      this.isWaking = false;
    }
    if (this.window.length === 0 || this.over) for (const resolve of this.idle.splice(0)) resolve();
  }

  /** Resolves when everything has been acknowledged or lost, or the output has failed for good. */
  drained(): Promise<void> {
    return new Promise((resolve) => {
      this.idle.push(resolve);
      this.wake();
    });
  }

  /**
   * Begins nothing more, asks what is under way to end, and resolves when it has: its answers count. A write to a file that
   * is begun goes on whatever is asked of it, and its lines are there though nobody waited.
   */
  async end(): Promise<void> {
    this.isEnding = true;
    clearTimeout(this.retryTimer);
    for (const { abort } of this.window) abort.abort();
    await Promise.all(this.underWay);
  }

  /** Gives up what is under way. Returns what of it was not acknowledged. */
  stop(): readonly Unsent[] {
    void this.end();
    this.over = true;
    const unsent = this.window.splice(0).filter(({ done }) => !done);
    this.wake();
    return unsent;
  }

  private fillWindow(): void {
    while (!this.isEnding && this.failures === 0 && this.window.length < this.parts.inFlight) {
      const batch = this.parts.store.next();
      if (batch === undefined) break;
      const sending: Sending = { batch, remaining: batch.events, done: false, abort: new AbortController() };
      this.window.push(sending);
      this.begin(sending);
    }
  }

  private begin(sending: Sending): void {
    const attempt = this.attempt(sending).catch((error: unknown) => this.onFault(error as Error));
    this.underWay.add(attempt);
    void attempt.then(() => this.underWay.delete(attempt));
  }

  private async attempt(sending: Sending): Promise<void> {
    const { output, timeoutMs } = this.parts;
    const abort = new AbortController();
    sending.abort = abort;
    try {
      await withTimeout(output.send(sending.remaining, abort.signal), abort, timeoutMs);
    } catch (error) {
      if (!this.over) this.onError(sending, asDeliveryError(error));
      return;
    }
    if (!this.over) this.onSuccess(sending);
  }

  private onSuccess(sending: Sending): void {
    const { ledger } = this.parts;
    ledger.add('delivery.batches', 1);
    ledger.settle('sent', sending.remaining.length);
    sending.remaining = [];
    this.onAnswer();
    this.finish(sending);
  }

  /** The peer has taken a batch or refused it: it works, unless another batch waits to be sent again. */
  private onAnswer(): void {
    if (this.failures === 0 || this.failed.length > 0) return;
    const { tell, output } = this.parts;
    this.failures = 0;
    const seconds = (performance.now() - this.failingSince) / 1000;
    const wasTold = this.toldReason !== undefined;
    this.toldReason = undefined;
    if (wasTold) tell({ output: output.name, what: 'recovered', seconds });
  }

  /** Says at once that the output fails, and why; later what has changed, and now and then that it still does. */
  private tellFailing(error: DeliveryError, now: number): void {
    const { tell, output, ledger } = this.parts;
    const isFirst = this.toldReason === undefined;
    const isNews = this.toldReason !== error.message;
    if (isFirst) this.quietMs = NOTICE_INTERVAL_MS;
    if (now - this.lastTold < (isNews ? this.quietMs : REMINDER_INTERVAL_MS)) return;
    this.toldReason = error.message;
    this.lastTold = now;
    if (isFirst) {
      tell({ output: output.name, what: 'failing', error });
      return;
    }
    this.quietMs = Math.min(2 * this.quietMs, REMINDER_INTERVAL_MS);
    const since = { seconds: (now - this.failingSince) / 1000, waiting: ledger.own['events.queued'] };
    tell({ output: output.name, what: 'failing', error, since });
  }

  private onError(sending: Sending, error: DeliveryError): void {
    const { ledger, losses, giveUpAfterMs, retry } = this.parts;
    if (error.remaining !== undefined) {
      ledger.settle('sent', sending.remaining.length - error.remaining.length);
      sending.remaining = error.remaining;
    }
    if (!error.retryable && !(error instanceof ReaderGoneError)) {
      const refused = sending.remaining.length;
      sending.remaining = [];
      losses.add('refused', refused, error.message);
      this.onAnswer();
      this.finish(sending);
      return;
    }
    if (this.isEnding) return;
    const now = performance.now();
    if (this.failures === 0) this.failingSince = now;
    this.failures++;
    if (giveUpAfterMs > 0) this.tellFailing(error, now);
    if (error instanceof ReaderGoneError || now - this.failingSince >= giveUpAfterMs) {
      this.fail(error);
      return;
    }
    this.failed.push(sending);
    const wait = Math.max(
      backoffMs(this.failures, retry, Math.random()),
      Math.min(error.retryAfterMs ?? 0, MAX_RETRY_AFTER_MS),
    );
    // The timer keeps the process alive: a replay whose peer is away has nothing else to do.
    this.retryTimer ??= setTimeout(() => this.retry(), wait);
  }

  /** Sends again what failed, in order. */
  private retry(): void {
    this.retryTimer = undefined;
    const { window } = this;
    const again = this.failed.splice(0).sort((a, b) => window.indexOf(a) - window.indexOf(b));
    this.parts.ledger.add('delivery.retries', again.length);
    for (const sending of again) this.begin(sending);
  }

  private finish(sending: Sending): void {
    sending.done = true;
    const { store, onSettled } = this.parts;
    for (let first = this.window[0]; first?.done; first = this.window[0]) {
      this.window.shift();
      store.acknowledge(first.batch);
      onSettled();
    }
    this.wake();
  }

  private fail(error: DeliveryError): void {
    const { tell, output, onFailed } = this.parts;
    try {
      tell({ output: output.name, what: 'failed', error });
    } finally {
      onFailed();
    }
  }

  /** What is thrown behind an answer is a fault of ours: this output ends by it, told; no other, and not the agent. */
  private onFault(error: Error): void {
    if (this.over) return;
    try {
      this.fail(new DeliveryError(`a fault of the agent itself: ${error.message}`, false, { cause: error }));
    } catch {
      // Telling is what fails: there is nobody left to tell.
    }
  }
}

/** The promise, or after so long its abort and an error: an output that hangs holds nobody. */
function withTimeout(promise: Promise<void>, abort: AbortController, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const timeout = setTimeout(() => {
      abort.abort();
      reject(new DeliveryError(`no answer within ${timeoutMs} ms`, true));
    }, timeoutMs);
    // Whoever has aborted it waits as long as he likes: the timer must not keep the process.
    abort.signal.addEventListener('abort', () => clearTimeout(timeout), { once: true });
    promise.finally(() => clearTimeout(timeout)).then(resolve, reject);
  });
}
