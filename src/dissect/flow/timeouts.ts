/**
 * When flows are looked at: a wheel of one-second buckets. The packet path never touches it: a flow stays in its
 * bucket while packets move its deadline, and is put into a later one when the bucket comes round.
 */
import { type FlowRecords, Origin } from './record.ts';

/** Seconds that the wheel spans, a power of two. A later deadline is looked at in between; 512 covers the idle times. */
const SPAN = 512;
/**
 * Packets that must lie in the past before the clock follows them back: a few late ones are a capture's disorder, more
 * are a new beginning (files put together, a clock set right). It bounds what times that jump to and fro can cost.
 */
const RESYNC_PACKETS = 1024;
const NONE = -1;

export class TimerWheel {
  /** Latest second of packet time. */
  now = 0;
  private readonly records: FlowRecords;
  private readonly heads = new Int32Array(SPAN).fill(NONE);
  private readonly tails = new Int32Array(SPAN).fill(NONE);
  private readonly due: (slot: number) => void;
  private late = 0;

  /** `due` is called with flows taken out of the wheel, whose deadline may have come: it releases or schedules them. */
  constructor(records: FlowRecords, due: (slot: number) => void) {
    this.records = records;
    this.due = due;
  }

  /** Puts a flow at the end of the bucket of its deadline, which is a second after `now`. */
  schedule(slot: number, deadline: number): void {
    const { signed } = this.records;
    const ahead = Math.min(Math.max(deadline - this.now, 1), SPAN - 1);
    const bucket = (this.now + ahead) & (SPAN - 1);
    const at = this.records.origin(slot);
    const tail = this.tails[bucket] as number;
    signed[at + Origin.next] = ~bucket;
    if (tail === NONE) {
      signed[at + Origin.previous] = ~bucket;
      this.heads[bucket] = slot;
    } else {
      signed[at + Origin.previous] = tail;
      signed[this.records.origin(tail) + Origin.next] = slot;
    }
    this.tails[bucket] = slot;
  }

  /** Takes a flow out of its bucket. A list's ends point to `~bucket`, a negative number. */
  cancel(slot: number): void {
    const { signed } = this.records;
    const at = this.records.origin(slot);
    const next = signed[at + Origin.next] as number;
    const previous = signed[at + Origin.previous] as number;
    if (previous >= 0) signed[this.records.origin(previous) + Origin.next] = next;
    else this.heads[~previous] = next >= 0 ? next : NONE;
    if (next >= 0) signed[this.records.origin(next) + Origin.previous] = previous;
    else this.tails[~next] = previous >= 0 ? previous : NONE;
  }

  /** Takes all flows out. */
  clear(): void {
    this.heads.fill(NONE);
    this.tails.fill(NONE);
  }

  /** Moves the clock to the second of a packet; each bucket on the way is looked at once, however far it is. */
  advance(seconds: number): void {
    const { now } = this;
    if (seconds < now) {
      if (++this.late < RESYNC_PACKETS) return;
      this.late = 0;
      this.now = seconds;
      return;
    }
    this.late = 0;
    this.now = seconds;
    const steps = Math.min(seconds - now, SPAN);
    for (let step = 1; step <= steps; step++) this.fire((now + step) & (SPAN - 1));
  }

  private fire(bucket: number): void {
    const { signed } = this.records;
    let slot = this.heads[bucket] as number;
    this.heads[bucket] = NONE;
    this.tails[bucket] = NONE;
    while (slot >= 0) {
      const next = signed[this.records.origin(slot) + Origin.next] as number;
      this.due(slot);
      slot = next;
    }
  }
}
