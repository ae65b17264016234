/** A captured frame in memory, with what a mutation has to know of its layout. */
export interface FuzzFrame {
  readonly bytes: Buffer;
  readonly linkType: number;
  readonly seconds: number;
  readonly nanos: number;
  readonly originalLength: number;
  /** Offset of the innermost IP header; -1 where it was not found: fragments, and what is no IP. */
  readonly ip: number;
  /** Offset of the innermost transport payload; the end of the frame where there is none. */
  readonly payload: number;
}
