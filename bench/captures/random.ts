/** Numbers that look random and are the same on every run and machine (xorshift32, Marsaglia 2003). */
export class Random {
  private state: number;

  constructor(seed: number) {
    if (seed >>> 0 === 0) throw new Error('xorshift needs a seed other than 0');
    this.state = seed >>> 0;
  }

  /** An unsigned 32-bit integer. */
  word(): number {
    let x = this.state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.state = x >>> 0;
    return this.state;
  }

  /** A fraction in [0, 1). */
  fraction(): number {
    return this.word() / 2 ** 32;
  }

  /** An integer in [0, limit). */
  below(limit: number): number {
    return Math.floor(this.fraction() * limit);
  }

  /** An integer in [low, high]. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  /** A number in [low, high) whose logarithm is uniform: as many between 1 and 10 as between 10 and 100. */
  logarithmic(low: number, high: number): number {
    return low * (high / low) ** this.fraction();
  }

  /** Fills [start, start + length). */
  fill(bytes: Uint8Array, start: number, length: number): void {
    for (let i = start; i < start + length; i++) bytes[i] = this.word() & 0xff;
  }
}

/** Picks an index with probability 1/(index + 1)^exponent: the law that popular names follow (Zipf). */
export class Zipf {
  private readonly cumulative: Float64Array;

  constructor(size: number, exponent: number) {
    this.cumulative = new Float64Array(size);
    let sum = 0;
    for (let i = 0; i < size; i++) {
      sum += (i + 1) ** -exponent;
      this.cumulative[i] = sum;
    }
  }

  pick(random: Random): number {
    const wanted = random.fraction() * (this.cumulative.at(-1) ?? 0);
    let low = 0;
    let high = this.cumulative.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.cumulative[middle] ?? 0) <= wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
