/** How long to wait before the next try. */

/**
 * Full jitter: a random part of a span that doubles with every failure. Agents that lost the same peer come back spread out
 * (M. Brooker, "Exponential Backoff And Jitter", 2015).
 * @param failures in a row, from 1
 * @param random from 0 to 1
 */
export function backoffMs(
  failures: number,
  { initial_ms, max_ms }: { readonly initial_ms: number; readonly max_ms: number },
  random: number,
): number {
  // 2 ** 1024 is infinite, which the minimum ends.
  return random * Math.min(max_ms, initial_ms * 2 ** (failures - 1));
}
