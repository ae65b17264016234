/**
 * Sums repeated identical DNS transactions, and flows between the same pair, over a window: one event instead of many, whose
 * counts are exactly theirs. By packet time alone, so that a replay gives the same events each time.
 */
import type { Counters } from '../../counters.ts';
import type { DnsTransactionEvent, FlowEvent, NetworkEvent } from '../../dissect/event.ts';
import type { Verdict } from '../../policy/verdict.ts';
import { DnsSum, dnsKey } from './dns-sum.ts';
import { FlowSum, flowKey } from './flow-sum.ts';

/** Sums open at once; one more, and the oldest is told early. About 1 KB each with the event that it holds. */
export const MAX_SUMS = 16_384;

interface Entry {
  readonly opened: number;
  readonly sum: DnsSum | FlowSum;
}

export type AggregateSink = (event: DnsTransactionEvent | FlowEvent, verdicts: readonly Verdict[]) => void;

export class Aggregator {
  private readonly window: number;
  private readonly counters: Counters;
  private readonly sink: AggregateSink;
  /** In the order in which they were opened, which is that of `opened`. */
  private readonly entries = new Map<string, Entry>();
  private now = 0;

  /** @param window seconds, at least 1 */
  constructor(window: number, counters: Counters, sink: AggregateSink) {
    this.window = window;
    this.counters = counters;
    this.sink = sink;
  }

  /** Takes an event into a sum; false where it is of a kind that is not summed. */
  take(event: NetworkEvent, verdicts: readonly Verdict[]): boolean {
    if (event.kind === 'flow') {
      this.tick(event.end.seconds);
      const key = flowKey(event, verdicts);
      const sum = this.entries.get(key)?.sum;
      if (sum instanceof FlowSum) this.merged(() => sum.add(event));
      else this.open(key, new FlowSum(event, verdicts));
      return true;
    }
    if (event.kind !== 'dns_transaction') return false;
    this.tick(event.time.seconds);
    const key = dnsKey(event);
    const sum = this.entries.get(key)?.sum;
    if (sum instanceof DnsSum) this.merged(() => sum.add(event));
    else this.open(key, new DnsSum(event));
    return true;
  }

  private merged(add: () => void): void {
    add();
    this.counters['aggregate.merged']++;
  }

  private open(key: string, sum: DnsSum | FlowSum): void {
    if (this.entries.size >= MAX_SUMS) {
      this.tellOldest();
      this.counters['aggregate.evicted']++;
    }
    this.entries.set(key, { opened: this.now, sum });
  }

  /** Tells what has been open for a window. Packet times that run backwards do not turn the clock back. */
  tick(seconds: number): void {
    if (seconds <= this.now) return;
    this.now = seconds;
    for (const { opened } of this.entries.values()) {
      if (opened + this.window > seconds) break;
      this.tellOldest();
    }
  }

  private tellOldest(): void {
    for (const [key, { sum }] of this.entries) {
      this.entries.delete(key);
      this.sink(sum.event(), sum.verdicts);
      return;
    }
  }

  /** The end of the traffic: everything that is open is told. */
  end(): void {
    while (this.entries.size > 0) this.tellOldest();
  }
}
