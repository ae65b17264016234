/** The books of one output: its own counts beside those of all outputs together. */
import type { CounterName, Counters } from '../counters.ts';

/** Why events were lost. */
export const LOSSES = ['queue_full', 'spool_full', 'spool_damaged', 'refused', 'output', 'shutdown'] as const;
export type Loss = (typeof LOSSES)[number];

const NAMES = [
  'events.produced',
  'events.recovered',
  'events.filtered.output',
  'events.queued',
  'events.sent',
  ...LOSSES.map((loss) => `events.dropped.${loss}` as const),
  'delivery.batches',
  'delivery.retries',
] as const satisfies readonly CounterName[];

export type OutputCounts = Record<(typeof NAMES)[number], number>;

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

  /** Events that wait no more: they were sent or, for a reason, lost. */
  settle(outcome: 'sent' | Loss, count: number): void {
    this.add('events.queued', -count);
    this.add(outcome === 'sent' ? 'events.sent' : `events.dropped.${outcome}`, count);
  }
}
