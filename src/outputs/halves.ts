/** Batches that the other side does not take as they are. */
import type { CimEvent } from '../cim/event.ts';
import { DeliveryError } from './output.ts';

export interface Refusal {
  readonly reason: string;
  /** How many events are lost; undefined: some event of the part is at fault, and the others may be taken without it. */
  readonly lost?: number;
}

/**
 * Sends a batch, and where some event of it is refused (as too large, above all), its halves, in order, until what is
 * refused stands alone.
 * @param send rejects where the batch has to wait
 * @throws DeliveryError that tells how many of the batch were delivered
 */
export async function sendInHalves(
  batch: readonly CimEvent[],
  send: (part: readonly CimEvent[]) => Promise<Refusal | undefined>,
): Promise<void> {
  const waiting: (readonly CimEvent[])[] = [batch];
  let lost = 0;
  let reason: string | undefined;
  for (let part = waiting.pop(); part !== undefined; part = waiting.pop()) {
    const refusal = await send(part);
    if (refusal === undefined) continue;
    if (refusal.lost === undefined && part.length > 1) {
      const middle = part.length >> 1;
      waiting.push(part.slice(middle), part.slice(0, middle));
    } else {
      lost += refusal.lost ?? 1;
      reason ??= refusal.reason;
    }
  }
  if (reason !== undefined) throw new DeliveryError(reason, false, { delivered: batch.length - lost });
}
