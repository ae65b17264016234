/** Where events go. */
import type { CimEvent } from '../cim/event.ts';

export interface Output {
  /** For messages: the target as the user wrote it, secrets left out. */
  readonly name: string;
  /** Resolves only when the other side has acknowledged all of the batch; rejects with `DeliveryError`. */
  send(batch: readonly CimEvent[]): Promise<void>;
  /** Flushes and releases; may be called twice. */
  close(): Promise<void>;
}

export class DeliveryError extends Error {
  override name = 'DeliveryError';
  readonly retryable: boolean;
  constructor(message: string, retryable: boolean, options?: ErrorOptions) {
    super(message, options);
    this.retryable = retryable;
  }
}
