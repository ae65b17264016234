/** Where events go. */
import type { CimEvent } from '../cim/event.ts';

export interface Output {
  /** For messages: the target as the user wrote it, secrets left out. */
  readonly name: string;
  /**
   * Resolves only when the other side has acknowledged all of the batch; rejects with `DeliveryError`. It neither retries nor
   * queues: the delivery layer does. Up to `in_flight` calls at once; the batches are those of the queue, in order.
   * @param signal aborts when `timeout_ms` is over or the agent must end: what is under way is given up at once
   */
  send(batch: readonly CimEvent[], signal?: AbortSignal): Promise<void>;
  /**
   * The same for outputs whose writes can wait in place: has sent the batch when it returns, or throws `DeliveryError`. Such
   * an output cannot fall behind, even while a million flows end in one call.
   */
  sendNow?(batch: readonly CimEvent[]): void;
  /** Somebody has moved the files away (logrotate): the next batch goes to new ones. */
  reopen?(): void;
  /** Releases, without waiting for a peer that is away; may be called twice. */
  close(): Promise<void>;
}

export interface DeliveryErrorOptions extends ErrorOptions {
  /** The events of the batch that the error is about, in order: the others were acknowledged. Left out: all of them. */
  readonly remaining?: readonly CimEvent[];
  /** The other side asked to be left alone for so long (Retry-After). */
  readonly retryAfterMs?: number;
}

/**
 * `retryable`: the same events may be taken later (the peer is away, busy, full, or refuses who we are until somebody mends
 * it). Not retryable: these events will never be taken, and others may be; they are lost, counted.
 */
export class DeliveryError extends Error {
  override name = 'DeliveryError';
  readonly retryable: boolean;
  readonly remaining: readonly CimEvent[] | undefined;
  readonly retryAfterMs: number | undefined;
  constructor(message: string, retryable: boolean, options: DeliveryErrorOptions = {}) {
    super(message, options);
    this.retryable = retryable;
    this.remaining = options.remaining;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** Whoever read the events has seen enough (`| head`): no failure, but nothing more can be sent. */
export class ReaderGoneError extends DeliveryError {
  override name = 'ReaderGoneError';
}

/** Whatever an output threw as what it should have thrown: a fault of ours is no reason to send the same again. */
export function asDeliveryError(error: unknown): DeliveryError {
  if (error instanceof DeliveryError) return error;
  return new DeliveryError((error as Error).message, false, { cause: error });
}
