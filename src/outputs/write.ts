/** Batches to file descriptors: whole lines, one write for each batch. */
import { write, writeSync } from 'node:fs';
import { getSystemErrorMap } from 'node:util';
import type { CimEvent } from '../cim/event.ts';
import { DeliveryError, ReaderGoneError } from './output.ts';

/** How long to wait before asking a full pipe again that somebody has made non-blocking. */
const FULL_PIPE_WAIT_MS = 2;

const clock = new Int32Array(new SharedArrayBuffer(4));

/** Length of the event's line with its newline. */
export function lineLength(event: CimEvent): number {
  return event.end + 1 - event.start;
}

/** Events that lie one after another in a block. */
interface Run {
  readonly block: Buffer;
  readonly start: number;
  end: number;
}

/** The lines of a batch: the part of the block itself where they are one run, else a copy. */
export function gather(batch: readonly CimEvent[]): Buffer {
  const runs: Run[] = [];
  let last: Run | undefined;
  let length = 0;
  for (const event of batch) {
    length += lineLength(event);
    if (last !== undefined && event.block === last.block && event.start === last.end) last.end = event.end + 1;
    else {
      last = { block: event.block, start: event.start, end: event.end + 1 };
      runs.push(last);
    }
  }
  if (last !== undefined && runs.length === 1) return last.block.subarray(last.start, last.end);
  const bytes = Buffer.allocUnsafe(length);
  let at = 0;
  for (const { block, start, end } of runs) at += block.copy(bytes, at, start, end);
  return bytes;
}

export interface WriteFailure {
  readonly error: NodeJS.ErrnoException;
  /** Bytes that went before it. */
  readonly written: number;
}

/**
 * Writes all of the bytes, and waits for it in place. Returns undefined, or the error.
 * @param patienceMs so long it waits for a full pipe; without an end where it is left out
 */
export function writeAllNow(
  fd: number,
  bytes: Buffer,
  patienceMs = Number.POSITIVE_INFINITY,
): WriteFailure | undefined {
  let written = 0;
  let waitedMs = 0;
  while (written < bytes.length) {
    try {
      written += writeSync(fd, bytes, written);
    } catch (caught) {
      const error = caught as NodeJS.ErrnoException;
      if (error.code === 'EAGAIN' && waitedMs < patienceMs) {
        Atomics.wait(clock, 0, 0, FULL_PIPE_WAIT_MS);
        waitedMs += FULL_PIPE_WAIT_MS;
      } else if (error.code !== 'EINTR') return { error, written };
    }
  }
  return undefined;
}

/** The same in the background. */
export async function writeAll(fd: number, bytes: Buffer): Promise<WriteFailure | undefined> {
  let written = 0;
  while (written < bytes.length) {
    try {
      written += await new Promise<number>((resolve, reject) =>
        write(fd, bytes, written, bytes.length - written, null, (error, count) =>
          error ? reject(error) : resolve(count),
        ),
      );
    } catch (caught) {
      const error = caught as NodeJS.ErrnoException;
      if (error.code === 'EAGAIN') await new Promise((resolve) => setTimeout(resolve, FULL_PIPE_WAIT_MS));
      else if (error.code !== 'EINTR') return { error, written };
    }
  }
  return undefined;
}

/** How many of the events lie whole in the first `written` bytes that `gather` gave. */
export function wholeEvents(batch: readonly CimEvent[], written: number): number {
  let count = 0;
  let length = 0;
  for (const event of batch) {
    length += lineLength(event);
    if (length > written) break;
    count++;
  }
  return count;
}

/** `no space left on device (ENOSPC)` */
export function systemErrorText(error: NodeJS.ErrnoException): string {
  const known = error.errno === undefined ? undefined : getSystemErrorMap().get(error.errno);
  return known === undefined ? error.message : `${known[1]} (${known[0]})`;
}

/** Whatever keeps a file from being written may pass: a disk gets room again, a right is given. */
export function writeError(what: string, error: NodeJS.ErrnoException, remaining: readonly CimEvent[]): DeliveryError {
  const message = `cannot write ${what}: ${systemErrorText(error)}`;
  if (error.code === 'EPIPE') return new ReaderGoneError(message, false, { cause: error, remaining });
  return new DeliveryError(message, true, { cause: error, remaining });
}
