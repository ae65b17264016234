/** Where events go. */
import type { CimEvent } from '../cim/event.ts';

export interface Output {
  /** For messages: the target as the user wrote it, secrets left out. */
  readonly name: string;
  /** Resolves only when the other side has acknowledged all of the batch; rejects with `DeliveryError`. */
  send(batch: readonly CimEvent[]): Promise<void>;
  /**
   * The same for outputs whose `send` never waits: has sent the batch when it returns, or throws `DeliveryError`. Such an
   * output cannot fall behind, even while a million flows end in one call.
   */
  sendNow?(batch: readonly CimEvent[]): void;
  /** Flushes and releases; may be called twice. */
  close(): Promise<void>;
}

export interface DeliveryErrorOptions extends ErrorOptions {
  /** Events of the batch, from its start or of its kinds, that were acknowledged before the error. */
  readonly delivered?: number;
}

export class DeliveryError extends Error {
  override name = 'DeliveryError';
  readonly retryable: boolean;
  readonly delivered: number;
  constructor(message: string, retryable: boolean, options: DeliveryErrorOptions = {}) {
    super(message, options);
    this.retryable = retryable;
    this.delivered = options.delivered ?? 0;
  }
}

/** Whoever read the events has seen enough (`| head`): no failure, but nothing more can be sent. */
export class ReaderGoneError extends DeliveryError {
  override name = 'ReaderGoneError';
}
