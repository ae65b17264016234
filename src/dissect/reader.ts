/**
 * The only way protocol code touches bytes: big-endian reads with a bound. Past the end a read returns 0, moves to the
 * end and sets `truncated`; nothing throws, because whoever sends the packet would choose the throw (3.5 µs each).
 */

/** What a dissector says of its input. */
export const Status = {
  /** The message is whole. */
  ok: 0,
  /** The bytes end before the message does; what could be read is in the value. */
  truncated: 1,
  /** It is this protocol, but what is there breaks its grammar. */
  malformed: 2,
  /** It is not this protocol. */
  notThis: 3,
} as const;
export type Status = (typeof Status)[keyof typeof Status];

declare global {
  // Node's own slicers, without the option parsing of toString: a third of its time on a short name.
  interface Buffer {
    latin1Slice(start: number, end: number): string;
    hexSlice(start: number, end: number): string;
  }
}

const EMPTY = Buffer.alloc(0);
const EMPTY_VIEW = new DataView(EMPTY.buffer, EMPTY.byteOffset, 0);

export class Reader {
  bytes: Buffer = EMPTY;
  view: DataView = EMPTY_VIEW;
  position = 0;
  end = 0;
  truncated = false;

  /** Points the reader at `bytes[start, end)`; `view` covers the same memory as `bytes`. */
  reset(bytes: Buffer, view: DataView, start: number, end: number): this {
    this.bytes = bytes;
    this.view = view;
    this.position = start;
    this.end = end;
    this.truncated = false;
    return this;
  }

  get remaining(): number {
    return this.end - this.position;
  }

  u8(): number {
    const at = this.position;
    if (at + 1 > this.end) return this.short();
    this.position = at + 1;
    return this.view.getUint8(at);
  }

  u16(): number {
    const at = this.position;
    if (at + 2 > this.end) return this.short();
    this.position = at + 2;
    return this.view.getUint16(at);
  }

  u24(): number {
    const at = this.position;
    if (at + 3 > this.end) return this.short();
    this.position = at + 3;
    return (this.view.getUint16(at) << 8) | this.view.getUint8(at + 2);
  }

  u32(): number {
    const at = this.position;
    if (at + 4 > this.end) return this.short();
    this.position = at + 4;
    return this.view.getUint32(at);
  }

  skip(length: number): void {
    if (this.position + length > this.end) this.short();
    else this.position += length;
  }

  /** `length` bytes as text, a character a byte. */
  latin1(length: number): string {
    const at = this.position;
    if (at + length > this.end) {
      this.short();
      return '';
    }
    this.position = at + length;
    return this.bytes.latin1Slice(at, at + length);
  }

  /** `length` bytes as lower-case hexadecimal. */
  hex(length: number): string {
    const at = this.position;
    if (at + length > this.end) {
      this.short();
      return '';
    }
    this.position = at + length;
    return this.bytes.hexSlice(at, at + length);
  }

  /**
   * Narrows the reader to the next `length` bytes and returns the end to give back to `leave`. A length that overruns
   * sets `truncated` and narrows to what is there.
   */
  enter(length: number): number {
    const outer = this.end;
    const inner = this.position + length;
    if (inner > outer) this.truncated = true;
    else this.end = inner;
    return outer;
  }

  /** Skips what is left of the narrowed part and gives back the outer end. */
  leave(outer: number): void {
    this.position = this.end;
    this.end = outer;
  }

  private short(): number {
    this.position = this.end;
    this.truncated = true;
    return 0;
  }
}
