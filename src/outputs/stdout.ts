/** Events to standard output. */
import type { CimEvent } from '../cim/event.ts';
import type { Output } from './output.ts';
import { gather, type WriteFailure, wholeEvents, writeAll, writeAllNow, writeError } from './write.ts';

const STDOUT = 1;

/**
 * Not `process.stdout`: it would keep what a slow reader has not taken in memory without a bound while one call makes events.
 */
export class StdoutOutput implements Output {
  readonly name = '-';
  /** Bytes of the first event of the batch to come that have gone out already. */
  private torn = 0;

  /** Returns when the reader has taken all: that is the back-pressure. */
  sendNow(batch: readonly CimEvent[]): void {
    this.settle(batch, writeAllNow(STDOUT, gather(batch).subarray(this.torn)));
  }

  async send(batch: readonly CimEvent[]): Promise<void> {
    this.settle(batch, await writeAll(STDOUT, gather(batch).subarray(this.torn)));
  }

  async close(): Promise<void> {}

  private settle(batch: readonly CimEvent[], failure: WriteFailure | undefined): void {
    if (failure === undefined) {
      this.torn = 0;
      return;
    }
    const written = this.torn + failure.written;
    const whole = wholeEvents(batch, written);
    this.torn = written - gather(batch.slice(0, whole)).length;
    throw writeError('standard output', failure.error, batch.slice(whole));
  }
}
