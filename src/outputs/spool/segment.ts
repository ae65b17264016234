/** The files of a spool: batches one after another, oldest file first. */
import { fstatSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Batch } from '../batch.ts';
import { closeQuietly } from './close.ts';
import { decodeHeader, decodePayload, HEADER_BYTES, MAGIC, type RecordHeader } from './record.ts';

/** Ten digits, or more where ten are not enough. */
const NAME = /^\d+\.seg$/;
/**
 * A new segment's id is that of the newest and one. What is further beyond it than this (a million segments are 16 TB) was
 * put there by somebody else, whose number must not become ours.
 */
const MAX_AHEAD = 1_000_000;
/** Damage is read over in steps of this. */
const SCAN_BYTES = 1024 * 1024;
const MAGIC_BYTES = Buffer.alloc(4);
MAGIC_BYTES.writeUInt32LE(MAGIC);

const segmentName = (id: number): string => `${String(id).padStart(10, '0')}.seg`;

export function segmentPath(directory: string, id: number): string {
  return join(directory, segmentName(id));
}

export interface Listing {
  /** Ids of the segments, oldest first. */
  readonly ids: readonly number[];
  /** Names like those of segments that the spool has not made: directories, most links, absurd numbers. */
  readonly foreign: readonly string[];
}

/** Ids of the segments that the cursor knows of. */
export interface Known {
  /** The one that it is in. */
  readonly oldest: number;
  /** The newest that was begun. */
  readonly newest: number;
}

/** @param known undefined: there is no cursor */
export function listSegments(directory: string, known: Known | undefined): Listing {
  const found: number[] = [];
  const foreign: string[] = [];
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const { name } = entry;
    if (!NAME.test(name)) continue;
    const id = Number.parseInt(name, 10);
    // Who moved a segment to another disk left a link. Of an id that the cursor does not know of it is somebody else's.
    const isMissed = known !== undefined && id >= known.oldest && id <= known.newest;
    const isSegment = entry.isFile() || (isMissed && entry.isSymbolicLink() && isFile(join(directory, name)));
    if (isSegment && Number.isSafeInteger(id) && name === segmentName(id)) found.push(id);
    else foreign.push(name);
  }
  found.sort((a, b) => a - b);
  const ids: number[] = [];
  let last = known?.newest ?? found[0] ?? 0;
  for (const id of found) {
    if (id > last + MAX_AHEAD) foreign.push(segmentName(id));
    else {
      ids.push(id);
      last = Math.max(last, id);
    }
  }
  return { ids, foreign };
}

/** Whether the path leads to a regular file. */
function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** A record that is whole, or the header alone of one whose payload is damaged. */
export interface FoundRecord {
  readonly header: RecordHeader;
  readonly at: number;
  readonly end: number;
}

/** Reads one segment. What cannot be read counts as damaged: no method throws. */
export class SegmentReader {
  readonly id: number;
  private readonly fd: number | undefined;
  private readonly headerBytes = Buffer.alloc(HEADER_BYTES);

  constructor(directory: string, id: number) {
    this.id = id;
    try {
      this.fd = openSync(segmentPath(directory, id), 'r');
    } catch {
      this.fd = undefined;
    }
  }

  get size(): number {
    try {
      return this.fd === undefined ? 0 : fstatSync(this.fd).size;
    } catch {
      return 0;
    }
  }

  /** The first record at or after an offset; undefined where there is none any more. */
  find(offset: number): FoundRecord | undefined {
    for (let at = offset; ; ) {
      if (this.read(this.headerBytes, at) === HEADER_BYTES) {
        const header = decodeHeader(this.headerBytes);
        if (header !== undefined) return { header, at, end: at + HEADER_BYTES + header.payloadBytes };
      }
      const next = this.nextMagic(at + 1);
      if (next === undefined) return undefined;
      at = next;
    }
  }

  /** Undefined where the payload is damaged. */
  batch({ header, at }: FoundRecord): Batch | undefined {
    // Not more than there is: a header may be right and its file cut.
    const bytes = Math.min(header.payloadBytes, Math.max(0, this.size - at - HEADER_BYTES));
    const payload = Buffer.allocUnsafeSlow(bytes);
    if (this.read(payload, at + HEADER_BYTES) !== header.payloadBytes) return undefined;
    return decodePayload(header, payload);
  }

  close(): void {
    if (this.fd !== undefined) closeQuietly(this.fd);
  }

  private nextMagic(from: number): number | undefined {
    const window = Buffer.allocUnsafe(SCAN_BYTES);
    // Steps overlap by three bytes: the four of the magic number may lie across two of them.
    for (let at = from; ; at += SCAN_BYTES - 3) {
      const read = this.read(window, at);
      const found = window.subarray(0, read).indexOf(MAGIC_BYTES);
      if (found >= 0) return at + found;
      if (read < SCAN_BYTES) return undefined;
    }
  }

  /** How many bytes it read. */
  private read(bytes: Buffer, at: number): number {
    let done = 0;
    try {
      while (this.fd !== undefined && done < bytes.length) {
        const read = readSync(this.fd, bytes, done, bytes.length - done, at + done);
        if (read === 0) break;
        done += read;
      }
    } catch {
      return done;
    }
    return done;
  }
}
