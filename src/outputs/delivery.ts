/** All outputs as one: every event goes to each of them. */
import type { CimEvent } from '../cim/event.ts';
import type { Counters } from '../counters.ts';
import type { DeliveryError, Output } from './output.ts';
import { OutputQueue } from './queue.ts';

export class Delivery {
  private readonly queues: readonly OutputQueue[];
  private closed: Promise<void> | undefined;

  /**
   * Events are counted (`events.produced`, `sent`, `queued`, `dropped.output`) once for each output.
   * @param onFailure called at most once for each output, at its first error; it gets nothing more after that
   */
  constructor(
    outputs: readonly Output[],
    counters: Counters,
    onFailure: (output: Output, error: DeliveryError) => void,
  ) {
    this.queues = outputs.map((output) => new OutputQueue(output, counters, (error) => onFailure(output, error)));
  }

  push(event: CimEvent): void {
    for (const queue of this.queues) queue.push(event);
  }

  /** Undefined while all outputs keep up; else resolves when they have caught up. */
  ready(): Promise<void> | undefined {
    let slow: Promise<void>[] | undefined;
    for (const queue of this.queues) {
      const wait = queue.ready();
      if (wait !== undefined) {
        slow ??= [];
        slow.push(wait);
      }
    }
    return slow && Promise.all(slow).then(() => undefined);
  }

  /** Resolves when every event has been acknowledged or dropped. */
  async drain(): Promise<void> {
    await Promise.all(this.queues.map((queue) => queue.drain()));
  }

  /** Drains and releases the outputs; may be called twice. Rejects with `DeliveryError` where releasing one failed. */
  close(): Promise<void> {
    this.closed ??= this.drain().then(async () => {
      const results = await Promise.allSettled(this.queues.map(({ output }) => output.close()));
      for (const result of results) if (result.status === 'rejected') throw result.reason;
    });
    return this.closed;
  }
}
