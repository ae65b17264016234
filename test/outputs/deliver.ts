/** What the delivery layer does with an output, at its simplest: each batch in order, again after errors that pass. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { CimEvent } from '../../src/cim/event.ts';
import { DeliveryError, type Output } from '../../src/outputs/output.ts';

const WAIT_MS = 100;
/** A test whose peer never comes back ends here. */
const MAX_TRIES = 600;

export interface Delivered {
  /** Messages of the errors that passed, in order. */
  readonly errors: readonly string[];
}

/** @param between called after each batch that was acknowledged, with its index */
export async function deliver(
  output: Output,
  batches: readonly (readonly CimEvent[])[],
  between: (index: number) => Promise<void> | void = () => {},
  timeoutMs = 5_000,
): Promise<Delivered> {
  const errors: string[] = [];
  for (const [index, batch] of batches.entries()) {
    for (let tries = 0; ; tries++) {
      try {
        await output.send(batch, AbortSignal.timeout(timeoutMs));
        break;
      } catch (error) {
        if (!(error instanceof DeliveryError && error.retryable) || tries === MAX_TRIES) throw error;
        errors.push(error.message);
        await sleep(WAIT_MS);
      }
    }
    await between(index);
  }
  return { errors };
}

export function batchesOf(events: readonly CimEvent[], size: number): CimEvent[][] {
  const batches: CimEvent[][] = [];
  for (let at = 0; at < events.length; at += size) batches.push(events.slice(at, at + size));
  return batches;
}
