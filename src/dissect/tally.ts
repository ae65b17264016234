/** What the kernel program has counted of a flow whose unremarkable packets it does not hand over. */

/** Reused: valid during the call. Sides are those of the flow's key (`flow/key.ts`), counts are since `id` was given. */
export class Tally {
  /** The key as `FlowKey` lays it out: ten words. */
  readonly key = new Uint32Array(10);
  /** Of the kernel's record: another one has begun to count from 0. */
  id = 0;
  /** Packets on the wire, IP bytes and payload bytes of side 0, then of side 1. */
  readonly counts = new Float64Array(6);
  /** TCP flags of each side, ORed. */
  readonly flags = new Uint8Array(2);
  /** TCP sequence number after the last payload counted of each side. */
  readonly expected = new Uint32Array(2);
  /** Time of the last packet counted of each side; 0 seconds where there is none. */
  readonly seconds = new Uint32Array(2);
  readonly nanos = new Uint32Array(2);
}
