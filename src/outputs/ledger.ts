/** The books of one output: its own counts beside those of all outputs together. */
import type { CounterName, Counters } from '../counters.ts';

const NAMES = [
  'events.produced',
  'events.recovered',
  'events.filtered.output',
  'events.queued',
  'events.sent',
  'events.dropped.queue_full',
  'events.dropped.spool_full',
  'events.dropped.spool_damaged',
  'events.dropped.refused',
  'events.dropped.output',
  'events.dropped.shutdown',
  'delivery.batches',
  'delivery.retries',
] as const satisfies readonly CounterName[];

export type OutputCounts = Record<(typeof NAMES)[number], number>;

const COUNTER_OF_OUTCOME = {
  sent: 'events.sent',
  filtered: 'events.filtered.output',
  queue_full: 'events.dropped.queue_full',
  spool_full: 'events.dropped.spool_full',
  spool_damaged: 'events.dropped.spool_damaged',
  refused: 'events.dropped.refused',
  output: 'events.dropped.output',
  shutdown: 'events.dropped.shutdown',
} as const satisfies Record<string, keyof OutputCounts>;

/** Why events were lost. */
export type Loss = Exclude<keyof typeof COUNTER_OF_OUTCOME, 'sent' | 'filtered'>;

export class Ledger {
  readonly total: Counters;
  readonly own: OutputCounts;

  constructor(total: Counters) {
    this.total = total;
    this.own = Object.fromEntries(NAMES.map((name) => [name, 0])) as OutputCounts;
  }

  add(name: keyof OutputCounts, count: number): void {
    this.total[name] += count;
    this.own[name] += count;
  }

  /** Events that wait no more: they were sent, not wanted or, for a reason, lost. */
  settle(outcome: 'sent' | 'filtered' | Loss, count: number): void {
    this.add('events.queued', -count);
    this.add(COUNTER_OF_OUTCOME[outcome], count);
  }
}
