/** Pieces with offsets put together: CRYPTO frames (RFC 9000 §19.6) and fragments of DTLS messages (RFC 9147 §5.5). */

/** Pieces that wait beyond a gap: clients that shuffle their hello make a dozen of it. */
export const MAX_WAITING_PIECES = 128;

/** First size of the buffer, doubled as pieces come: most hellos without post-quantum shares. */
const FIRST_SIZE = 512;

const EMPTY = Buffer.alloc(0);

export class Assembly {
  bytes: Buffer = EMPTY;
  /** Bytes that are there from the beginning without a gap. */
  length = 0;
  /** Start and end of the pieces beyond the first gap, in order and apart from each other. */
  private readonly waiting: number[] = [];

  /** Bytes beyond a gap are there. */
  get hasGap(): boolean {
    return this.waiting.length > 0;
  }

  /**
   * Takes `source[start, end)` as what lies at `offset`; where pieces overlap, the first stays. Returns false when there
   * are too many pieces: nothing was taken.
   */
  add(source: Buffer, start: number, end: number, offset: number): boolean {
    const last = offset + end - start;
    if (last <= this.length) return true;
    if (offset > this.length && this.waiting.length >= 2 * MAX_WAITING_PIECES) return false;
    this.reserve(last);
    let from = Math.max(offset, this.length);
    const { waiting } = this;
    // Fills the holes between the pieces that are there already.
    for (let i = 0; i < waiting.length && from < last; i += 2) {
      const pieceStart = waiting[i]!;
      if (from < pieceStart)
        source.copy(this.bytes, from, start + from - offset, start + Math.min(last, pieceStart) - offset);
      from = Math.max(from, waiting[i + 1]!);
    }
    if (from < last) source.copy(this.bytes, from, start + from - offset, end);
    this.cover(Math.max(offset, this.length), last);
    return true;
  }

  /** Joins `[start, end)` with the pieces that it touches. */
  private cover(start: number, end: number): void {
    const { waiting } = this;
    let at = 0;
    while (at < waiting.length && waiting[at + 1]! < start) at += 2;
    let [first, last] = [start, end];
    let count = 0;
    while (at + count < waiting.length && waiting[at + count]! <= end) {
      first = Math.min(first, waiting[at + count]!);
      last = Math.max(last, waiting[at + count + 1]!);
      count += 2;
    }
    if (first <= this.length) {
      this.length = last;
      waiting.splice(at, count);
    } else waiting.splice(at, count, first, last);
  }

  private reserve(size: number): void {
    if (size <= this.bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(FIRST_SIZE, 2 * this.bytes.length, size));
    this.bytes.copy(larger);
    this.bytes = larger;
  }
}
