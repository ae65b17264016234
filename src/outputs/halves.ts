/** Batches that the other side does not take as they are. */
import type { CimEvent } from '../cim/event.ts';
import { asDeliveryError, DeliveryError } from './output.ts';

export interface Refusal {
  readonly reason: string;
  /** How many events are lost; undefined: some event of the part is at fault, and the others may be taken without it. */
  readonly lost?: number;
}

/**
 * Sends a batch, and where some event of it is refused (as too large, above all), its halves, in order, until what is
 * refused stands alone.
 * @param send rejects where the batch has to wait
 * @throws DeliveryError
 */
export async function sendInHalves(
  batch: readonly CimEvent[],
  send: (part: readonly CimEvent[]) => Promise<Refusal | undefined>,
): Promise<void> {
  const waiting: (readonly CimEvent[])[] = [batch];
  const refused: CimEvent[] = [];
  let reason = '';
  for (let part = waiting.pop(); part !== undefined; part = waiting.pop()) {
    let refusal: Refusal | undefined;
    try {
      refusal = await send(part);
    } catch (error) {
      const { message, retryable, retryAfterMs, cause } = asDeliveryError(error);
      const remaining = [...refused, ...part, ...waiting.reverse().flat()];
      throw new DeliveryError(message, retryable, {
        cause,
        remaining,
        ...(retryAfterMs !== undefined && { retryAfterMs }),
      });
    }
    if (refusal === undefined) continue;
    if (refusal.lost === undefined && part.length > 1) {
      const middle = part.length >> 1;
      waiting.push(part.slice(middle), part.slice(0, middle));
    } else {
      reason ||= refusal.reason;
      // Which of them are lost is not said; how many is.
      refused.push(...part.slice(-(refusal.lost ?? 1)));
    }
  }
  if (refused.length > 0) throw new DeliveryError(reason, false, { remaining: refused });
}
