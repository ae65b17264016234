/** Domain names on the wire (RFC 1035 §3.1, §4.1.4) to presentation form (RFC 4343 §2.1). */

/** RFC 1035 §2.3.4: length octets and the root's zero included. */
const MAX_NAME = 255;
/** Where names can begin: after the header (RFC 1035 §4.1.1). */
const HEADER = 12;
/** Names remembered per message, so that a record that only points at one shares its string. Messages hold few names. */
const MEMO = 16;

const DOT = 0x2e;
const BACKSLASH = 0x5c;
const ZERO = 0x30;

/** 1 for the bytes of a label that stand for themselves: printable, and neither the separator nor the escape. */
export const PLAIN = new Uint8Array(256);
for (let byte = 0x21; byte <= 0x7e; byte++) PLAIN[byte] = byte === DOT || byte === BACKSLASH ? 0 : 1;

/** Writes `byte` as `\.`, `\\` or `\DDD` and returns the offset after it. */
export function writeEscaped(out: Buffer, at: number, byte: number): number {
  let next = at;
  out[next++] = BACKSLASH;
  if (byte > 0x20 && byte < 0x7f) {
    out[next++] = byte;
    return next;
  }
  out[next++] = ZERO + Math.floor(byte / 100);
  out[next++] = ZERO + (Math.floor(byte / 10) % 10);
  out[next++] = ZERO + (byte % 10);
  return next;
}

/** Reads the names of one message at a time; `begin` starts the next message. */
export class NameReader {
  /** After `read`: the offset after the name at the place where it was read. */
  next = 0;

  /** Four characters for each byte at worst. */
  private readonly text = Buffer.alloc(4 * MAX_NAME);
  private readonly memoAt = new Int32Array(MEMO);
  private readonly memo: string[] = new Array(MEMO).fill('');
  private memoSize = 0;
  private first = 0;

  /** `start`: offset of the message's header in the bytes to come. */
  begin(start: number): void {
    this.first = start + HEADER;
    this.memoSize = 0;
  }

  /**
   * The name at `position`, without a trailing dot, the root as `.`; undefined where it breaks the grammar or overruns
   * `end`. A pointer must lead to a name wholly before the part that holds it ("a prior occurrence", §4.1.4): the parts
   * are then strictly backwards and reading ends.
   */
  read(bytes: Buffer, position: number, end: number): string | undefined {
    if (position >= end) return undefined;
    const lead = bytes[position]!;
    if (lead === 0) {
      this.next = position + 1;
      return '.';
    }
    if (lead >= 0xc0 && position + 2 <= end) {
      const known = this.remembered(this.target(bytes, position));
      if (known !== undefined) {
        this.next = position + 2;
        return known;
      }
    }
    const name = this.walk(bytes, position, end);
    if (name !== undefined && lead < 0xc0) this.remember(position, name);
    return name;
  }

  /** As `read`, but gives back `like` itself where the wire holds just that, case included: comparing is cheaper than a new string. */
  readLike(bytes: Buffer, position: number, end: number, like: string): string | undefined {
    let at = position;
    let i = 0;
    const { length } = like;
    while (i < length && at < end) {
      const stop = at + 1 + bytes[at]!;
      if (stop >= end || stop - at - 1 > length - i || stop - at > 64) break;
      for (at++; at < stop; at++, i++) {
        const byte = bytes[at]!;
        if (PLAIN[byte] === 0 || like.charCodeAt(i) !== byte) return this.read(bytes, position, end);
      }
      if (i === length) {
        if (bytes[at] !== 0) break;
        this.next = at + 1;
        this.remember(position, like);
        return like;
      }
      if (like.charCodeAt(i++) !== DOT) break;
    }
    return this.read(bytes, position, end);
  }

  private walk(bytes: Buffer, position: number, end: number): string | undefined {
    const { text } = this;
    let at = position;
    let partStart = position;
    let partEnd = end;
    let after = -1;
    let length = 1;
    let written = 0;
    while (at < partEnd) {
      const label = bytes[at]!;
      if (label === 0) {
        this.next = after < 0 ? at + 1 : after;
        // Only a pointer to the root gets here without a label.
        return written === 0 ? '.' : text.latin1Slice(0, written - 1);
      }
      if (label >= 0xc0) {
        if (at + 2 > partEnd) return undefined;
        const target = this.target(bytes, at);
        if (target >= partStart || target < this.first) return undefined;
        if (after < 0) after = at + 2;
        partEnd = partStart;
        partStart = target;
        at = target;
        continue;
      }
      // 01 and 10 are no label types any more (RFC 6891 §5).
      if (label > 63) return undefined;
      length += label + 1;
      const stop = at + 1 + label;
      if (length > MAX_NAME || stop > partEnd) return undefined;
      for (at++; at < stop; at++) {
        const byte = bytes[at]!;
        if (PLAIN[byte] === 1) text[written++] = byte;
        else written = writeEscaped(text, written, byte);
      }
      text[written++] = DOT;
    }
    return undefined;
  }

  private target(bytes: Buffer, at: number): number {
    return this.first - HEADER + (((bytes[at]! & 0x3f) << 8) | bytes[at + 1]!);
  }

  private remember(position: number, name: string): void {
    if (this.memoSize === MEMO) return;
    this.memoAt[this.memoSize] = position;
    this.memo[this.memoSize++] = name;
  }

  private remembered(target: number): string | undefined {
    for (let i = 0; i < this.memoSize; i++) if (this.memoAt[i] === target) return this.memo[i];
    return undefined;
  }
}
