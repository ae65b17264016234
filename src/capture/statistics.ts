/** The kernel programs' counters, added to the agent's. */
import { readFileSync } from 'node:fs';
import type { CounterName, Counters } from '../counters.ts';
import { PROCESSORS, STATISTICS, Statistic } from './ebpf-layout.ts';
import type { EbpfObject } from './ebpf-object.ts';

/** Frames that end in the kernel are received there, too; the two others are counted elsewhere as frames. */
const COUNTERS: readonly (readonly [index: number, counter: CounterName, isFrame: boolean])[] = [
  [Statistic.ringFull, 'frames.dropped.ring', true],
  [Statistic.unseen, 'capture.unseen', false],
  [Statistic.mapFull, 'capture.map_full', false],
  [Statistic.network, 'frames.filtered.network', true],
  [Statistic.port, 'frames.filtered.port', true],
  [Statistic.protocol, 'frames.filtered.protocol', true],
  [Statistic.notIp, 'frames.filtered.not_ip', true],
  [Statistic.duplicate, 'frames.filtered.duplicate', true],
];

export class Statistics {
  private readonly counters: Counters;
  /** Of each processor one after another. */
  private readonly counts: BigUint64Array;
  private readonly seen = COUNTERS.map(() => 0);

  constructor(object: EbpfObject, counters: Counters) {
    this.counters = counters;
    this.counts = new BigUint64Array(object.statistics.memory, 0, STATISTICS * usedProcessors());
  }

  /** Adds what was counted since the last time. */
  count(): void {
    const { counters, counts, seen } = this;
    for (let i = 0; i < COUNTERS.length; i++) {
      const [index, counter, isFrame] = COUNTERS[i] as (typeof COUNTERS)[number];
      let sum = 0;
      for (let at = index; at < counts.length; at += STATISTICS) sum += Number(counts[at]);
      const more = sum - (seen[i] as number);
      if (more === 0) continue;
      seen[i] = sum;
      counters[counter] += more;
      if (isFrame) counters['frames.received'] += more;
    }
  }
}

/** Of how many processors there may be counts: those that the machine may have. */
function usedProcessors(): number {
  try {
    const ranges = readFileSync('/sys/devices/system/cpu/possible', 'utf8').trim();
    return Math.min(1 + Number(ranges.split(/[-,]/).at(-1)), PROCESSORS);
  } catch {
    // No /sys (a chroot, some containers): all are looked at, and those that are not there stay 0.
    return PROCESSORS;
  }
}
