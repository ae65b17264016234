/** What was already taken over of the kernel's counts of each flow, and the taking over. */
import type { Counters } from '../../counters.ts';
import { OUTCOME_COUNTERS } from '../net/layer.ts';
import type { Tally } from '../tally.ts';
import { COUNTS_DOUBLES, type FlowRecords, Hot, HotByte, NO_PACKET } from './record.ts';

const COUNTS = 2 * COUNTS_DOUBLES;
/** The kernel numbers its records from 1. */
const NONE = 0;

export class Tallies {
  private readonly records: FlowRecords;
  private readonly counters: Counters;
  /** The kernel's record of each slot's flow. Pages of both arrays cost memory once they are touched. */
  private readonly ids: Uint32Array;
  private readonly seen: Float64Array;

  constructor(records: FlowRecords, counters: Counters) {
    this.records = records;
    this.counters = counters;
    this.ids = new Uint32Array(records.capacity);
    this.seen = new Float64Array(records.capacity * COUNTS);
  }

  start(slot: number): void {
    this.ids[slot] = NONE;
  }

  /** Whether the kernel counts packets of this flow. */
  has(slot: number): boolean {
    return this.ids[slot] !== NONE;
  }

  /** What the kernel counted until now belongs to another flow or is settled. */
  adopt(slot: number, tally: Tally): void {
    this.ids[slot] = tally.id;
    this.seen.set(tally.counts, slot * COUNTS);
  }

  /** Adds what the kernel has counted since the last time. */
  settle(slot: number, tally: Tally): void {
    const { seen } = this;
    const at = slot * COUNTS;
    if (this.ids[slot] !== tally.id) {
      this.ids[slot] = tally.id;
      seen.fill(0, at, at + COUNTS);
    }
    for (let side = 0; side < 2; side++) {
      const i = side * COUNTS_DOUBLES;
      const packets = (tally.counts[i] as number) - (seen[at + i] as number);
      if (packets > 0) this.add(slot, tally, side, packets);
      // What two processors count at the same time may be read in the wrong order: never go back.
      for (let j = i; j < i + COUNTS_DOUBLES; j++) {
        seen[at + j] = Math.max(seen[at + j] as number, tally.counts[j] as number);
      }
    }
  }

  private add(slot: number, tally: Tally, side: number, packets: number): void {
    const { records, counters } = this;
    const { words, doubles, bytes } = records;
    const hot = records.hot(slot);
    const disposition = bytes[hot * 4 + HotByte.disposition] as number;
    counters['frames.received'] += packets;
    counters[OUTCOME_COUNTERS[disposition] as 'frames.emitted'] += packets;
    if (disposition === 0) {
      const counts = (hot + Hot.counts) / 2 + side * COUNTS_DOUBLES;
      const seen = slot * COUNTS + side * COUNTS_DOUBLES;
      const [ip, payload] = [1, 2].map(
        (i) => (tally.counts[side * COUNTS_DOUBLES + i] as number) - (this.seen[seen + i] as number),
      ) as [number, number];
      doubles[counts] = (doubles[counts] as number) + packets;
      doubles[counts + 1] = (doubles[counts + 1] as number) + ip;
      doubles[counts + 2] = (doubles[counts + 2] as number) + payload;
      if (payload > 0) words[hot + Hot.expected + side] = tally.expected[side] as number;
      const flags = hot * 4 + HotByte.flags + side;
      bytes[flags] = (bytes[flags] as number) | (tally.flags[side] as number);
      if (words[hot + Hot.firstSeconds] === NO_PACKET) {
        // The kernel does not know where the last record ended: this one begins there.
        words[hot + Hot.firstSeconds] = words[hot + Hot.lastSeconds] as number;
        words[hot + Hot.firstNanos] = words[hot + Hot.lastNanos] as number;
      }
    }
    const seconds = tally.seconds[side] as number;
    const nanos = tally.nanos[side] as number;
    const last = words[hot + Hot.lastSeconds] as number;
    if (seconds > last || (seconds === last && nanos > (words[hot + Hot.lastNanos] as number))) {
      words[hot + Hot.lastSeconds] = seconds;
      words[hot + Hot.lastNanos] = nanos;
    }
  }
}
