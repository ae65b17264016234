/** An event ready to send: its line is made once and every output sends these same bytes. */

export const KINDS = ['flow', 'dns', 'tls', 'certificate', 'finding', 'agent'] as const;
export type Kind = (typeof KINDS)[number];

/** How much of `vesper` an event has: all of it, what analyses and joins need, or nothing but the fields of CIM. */
export const EXTRAS = ['full', 'lean', 'off'] as const;
export type Extras = (typeof EXTRAS)[number];

/**
 * The line lies in `block` from `start` to `end`, one JSON object in UTF-8, and a newline at `end`. Events made one after
 * another lie one after another in the same block, so that an output can write many of them as one range without a
 * copy. Nobody changes the bytes of a finished event.
 */
export class CimEvent {
  readonly kind: Kind;
  /** Event time: seconds since 1970-01-01 UTC. */
  readonly seconds: number;
  readonly nanos: number;
  readonly block: Buffer;
  readonly start: number;
  readonly end: number;

  constructor(kind: Kind, seconds: number, nanos: number, block: Buffer, start: number, end: number) {
    this.kind = kind;
    this.seconds = seconds;
    this.nanos = nanos;
    this.block = block;
    this.start = start;
    this.end = end;
  }

  /** One JSON object on one line, without the newline. Decoded at each call: outputs that send bytes need none. */
  get line(): string {
    return this.block.toString('utf8', this.start, this.end);
  }
}
