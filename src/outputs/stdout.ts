/** Events to standard output. */
import type { CimEvent } from '../cim/event.ts';
import type { Output } from './output.ts';
import { deliveryError, gather, wholeEvents, writeAll } from './write.ts';

const STDOUT = 1;

/**
 * Writes wait until the reader has taken them: that is the back-pressure. `process.stdout` would keep what a slow
 * reader has not taken in memory without a bound while one call makes events.
 */
export class StdoutOutput implements Output {
  readonly name = '-';

  sendNow(batch: readonly CimEvent[]): void {
    const failure = writeAll(STDOUT, gather(batch).bytes);
    if (failure === undefined) return;
    throw deliveryError('standard output', failure.error, wholeEvents(batch, failure.written));
  }

  async send(batch: readonly CimEvent[]): Promise<void> {
    this.sendNow(batch);
  }

  async close(): Promise<void> {}
}
