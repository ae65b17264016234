/** The kernel programs' counters, added to the agent's. */
import { readFileSync } from 'node:fs';
import type { CounterName, Counters } from '../counters.ts';
import { readUint64, Statistic } from './ebpf-layout.ts';
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
  private readonly object: EbpfObject;
  private readonly counters: Counters;
  private readonly values: Buffer;
  private readonly view: DataView;
  private readonly seen = COUNTERS.map(() => 0);

  constructor(object: EbpfObject, counters: Counters) {
    this.object = object;
    this.counters = counters;
    this.values = Buffer.alloc(8 * possibleProcessors());
    this.view = new DataView(this.values.buffer, this.values.byteOffset, this.values.length);
  }

  /** Adds what was counted since the last time. */
  count(): void {
    const { object, counters } = this;
    COUNTERS.forEach(([index, counter, isFrame], i) => {
      if (object.library.mapLookup(object.statistics, Uint32Array.of(index), this.values) !== 0) return;
      let sum = 0;
      for (let at = 0; at < this.values.length; at += 8) sum += readUint64(this.view, at);
      const more = sum - (this.seen[i] as number);
      this.seen[i] = sum;
      counters[counter] += more;
      if (isFrame) counters['frames.received'] += more;
    });
  }
}

/** A per-processor value has a part for each that the machine may have. */
function possibleProcessors(): number {
  const ranges = readFileSync('/sys/devices/system/cpu/possible', 'utf8').trim();
  return 1 + Number(ranges.split(/[-,]/).at(-1));
}
