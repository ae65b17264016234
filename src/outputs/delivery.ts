/** All outputs as one: every event goes to each output of its format. None of them holds another. */
import type { CimEvent } from '../cim/event.ts';
import type { Counters } from '../counters.ts';
import type { OutputCounts } from './ledger.ts';
import type { NoticeSink } from './notice.ts';
import type { Format } from './options.ts';
import type { Output } from './output.ts';
import { OutputQueue, type QueueOptions } from './queue.ts';

export interface Route {
  readonly output: Output;
  readonly options: QueueOptions;
}

/** The counts of one output, under the names that the sums of all have in `Counters`. */
export interface OutputStatus {
  readonly name: string;
  readonly counts: Readonly<OutputCounts>;
}

/** A deadline that does not come. */
export const NEVER = new Promise<void>(() => {});

export class Delivery {
  /** What events must be made as. */
  readonly formats: ReadonlySet<Format>;
  readonly outputs: readonly OutputStatus[];
  private readonly queues: readonly OutputQueue[];
  private readonly byFormat: Readonly<Record<Format, readonly OutputQueue[]>>;

  /** @param tell is told of an output what its owner should know, each thing once */
  constructor(routes: readonly Route[], counters: Counters, tell: NoticeSink) {
    this.queues = routes.map(({ output, options }) => new OutputQueue(output, counters, tell, options));
    this.outputs = this.queues.map(({ output, ledger }) => ({ name: output.name, counts: ledger.own }));
    this.formats = new Set(routes.map(({ options }) => options.settings.format));
    const of = (format: Format): OutputQueue[] =>
      this.queues.filter((_, i) => routes[i]?.options.settings.format === format);
    this.byFormat = { cim: of('cim'), native: of('native') };
  }

  push(event: CimEvent, format: Format): void {
    for (const queue of this.byFormat[format]) queue.push(event);
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

  /** Resolves when every event has been acknowledged or lost. */
  async drain(): Promise<void> {
    await Promise.all(this.queues.map((queue) => queue.drain()));
  }

  /** Somebody has moved the files away: every output opens its own anew. */
  reopen(): void {
    for (const { output } of this.queues) output.reopen?.();
  }

  /**
   * Drains and releases the outputs; may be called twice. Rejects with `DeliveryError` where releasing one failed.
   * @param deadline when it resolves, what is left is kept in spools or counted as lost; left out: no end to waiting
   */
  async close(deadline: Promise<void> = NEVER): Promise<void> {
    const results = await Promise.allSettled(this.queues.map((queue) => queue.close(deadline)));
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }
}
