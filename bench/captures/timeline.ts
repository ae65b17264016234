/** What happens next: a binary heap of (time, who), so that flows interleave as on a wire. */
export class Timeline {
  private readonly times: Float64Array;
  private readonly owners: Uint32Array;
  private size = 0;

  /** `capacity`: how many may wait at the same time. */
  constructor(capacity: number) {
    this.times = new Float64Array(capacity);
    this.owners = new Uint32Array(capacity);
  }

  /** Time of the next event, µs; Infinity when nothing waits. */
  get next(): number {
    return this.size === 0 ? Number.POSITIVE_INFINITY : (this.times[0] ?? 0);
  }

  push(time: number, owner: number): void {
    if (this.size === this.times.length) throw new Error('timeline is full');
    let hole = this.size++;
    while (hole > 0) {
      const parent = (hole - 1) >>> 1;
      if ((this.times[parent] ?? 0) <= time) break;
      this.move(parent, hole);
      hole = parent;
    }
    this.times[hole] = time;
    this.owners[hole] = owner;
  }

  /** Takes the next event away and returns its owner. Not to be called when nothing waits. */
  pop(): number {
    const owner = this.owners[0] ?? 0;
    const last = --this.size;
    const time = this.times[last] ?? 0;
    let hole = 0;
    for (;;) {
      let child = 2 * hole + 1;
      if (child >= last) break;
      if (child + 1 < last && (this.times[child + 1] ?? 0) < (this.times[child] ?? 0)) child++;
      if ((this.times[child] ?? 0) >= time) break;
      this.move(child, hole);
      hole = child;
    }
    this.times[hole] = time;
    this.owners[hole] = this.owners[last] ?? 0;
    return owner;
  }

  private move(from: number, to: number): void {
    this.times[to] = this.times[from] ?? 0;
    this.owners[to] = this.owners[from] ?? 0;
  }
}
