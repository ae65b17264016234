/** Variable-length integers (RFC 9000 §16): the two top bits of the first byte tell the length, 1, 2, 4 or 8 bytes. */
import type { Reader } from '../reader.ts';

/** Beyond 2^53 the value is inexact: no length or offset that is of use here is near that. */
export function readVarint(reader: Reader): number {
  const first = reader.u8();
  const high = first & 0x3f;
  switch (first >> 6) {
    case 0:
      return high;
    case 1:
      return high * 0x100 + reader.u8();
    case 2:
      return high * 0x1_000_000 + reader.u24();
    default:
      return (high * 0x1_000_000 + reader.u24()) * 0x1_0000_0000 + reader.u32();
  }
}
