/** Frames made by hand. */
import { Frame } from '../../src/dissect/frame.ts';

const SECOND = 1_700_000_000;

/** A frame that was captured whole, so many nanoseconds after a fixed moment. */
export function frameOf(bytes: Buffer, { nanos = 0, linkType = 1 } = {}): Frame {
  const frame = new Frame();
  frame.bytes = bytes;
  frame.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  frame.end = bytes.length;
  frame.originalLength = bytes.length;
  frame.linkType = linkType;
  frame.seconds = SECOND + Math.floor(nanos / 1e9);
  frame.nanos = nanos % 1e9;
  return frame;
}
