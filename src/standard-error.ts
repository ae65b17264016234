/**
 * Standard error: one that nobody reads any more or that is full ends nobody. One whose reader stands still holds a capture
 * for a moment only: it has asked Node whether this is a terminal, and libuv has made a pipe non-blocking then. Other commands
 * wait for their reader.
 */
import { writeAllNow } from './outputs/write.ts';

const STANDARD_ERROR = 2;
/** A reader that stands still is waited for so long, once: a live capture has a second or two in its ring. */
const PATIENCE_MS = 500;

let standsStill = false;
let endedInLine = false;

/** Returns false where not all of it could be written. */
export function toStandardError(text: string): boolean {
  const bytes = Buffer.from(endedInLine ? `\n${text}` : text);
  const failure = writeAllNow(STANDARD_ERROR, bytes, standsStill ? 0 : PATIENCE_MS);
  standsStill = failure?.error.code === 'EAGAIN';
  endedInLine = failure !== undefined && (endedInLine || failure.written > 0);
  return failure === undefined;
}
