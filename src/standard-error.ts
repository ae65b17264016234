/**
 * Standard error: one that nobody reads any more or that is full ends nobody. One whose reader stands still holds a capture
 * for a moment only: it has asked Node whether this is a terminal, and libuv has made a pipe non-blocking then. Other commands
 * wait for their reader.
 */
import { writeSync } from 'node:fs';

const STANDARD_ERROR = 2;
/** A reader that stands still is waited for so long, once: a live capture has a second or two in its ring. */
const PATIENCE_MS = 500;
const WAIT_MS = 5;

const clock = new Int32Array(new SharedArrayBuffer(4));
let standsStill = false;
let endedInLine = false;

/** Returns false where not all of it could be written. */
export function toStandardError(text: string): boolean {
  const bytes = Buffer.from(endedInLine ? `\n${text}` : text);
  let written = 0;
  for (let waited = 0; written < bytes.length; ) {
    try {
      written += writeSync(STANDARD_ERROR, bytes, written);
    } catch (error) {
      // A pipe is full.
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EINTR') continue;
      if (code !== 'EAGAIN' || standsStill || waited >= PATIENCE_MS) {
        standsStill = code === 'EAGAIN';
        endedInLine ||= written > 0;
        return false;
      }
      Atomics.wait(clock, 0, 0, WAIT_MS);
      waited += WAIT_MS;
    }
  }
  standsStill = false;
  endedInLine = false;
  return true;
}
