/**
 * What an output has not acknowledged yet, on disk: batches in segment files, and a cursor that moves after acknowledgments.
 * docs/adr/0004-spool.md says why it is not a database.
 */
import { createHash } from 'node:crypto';
import { unlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { startError, UsageError } from '../../usage-error.ts';
import { type Batch, type BatchStore, HIGH_WATER_BYTES, type Unsent } from '../batch.ts';
import { makeDirectory } from '../directory.ts';
import type { Ledger } from '../ledger.ts';
import { type Losses, Trouble } from '../notice.ts';
import { systemErrorText } from '../write.ts';
import { CursorFile, isBefore, type Position } from './cursor.ts';
import { lock } from './lock.ts';
import { encodeRecord } from './record.ts';
import { listSegments, SegmentReader, segmentPath } from './segment.ts';
import { SegmentWriter } from './writer.ts';

/** What is thrown away at once when a spool is full: a small part of it, and few files. */
const MAX_SEGMENT_BYTES = 16 * 1024 * 1024;
const SEGMENTS_OF_LIMIT = 8;
/** Batches just written stay in memory up to this: an output that keeps up never reads back. */
const MAX_RECENT_BYTES = 8 * 1024 * 1024;
/** What a full disk does not take waits in memory up to this. */
const MAX_UNWRITTEN_BYTES = 16 * 1024 * 1024;
/** A file that could not be removed is tried again after so long at the earliest: each try may meet many of them. */
const REMOVE_AGAIN_MS = 1_000;
/** Of names, in a warning. */
const MAX_NAMES = 3;

export interface SpoolOptions {
  readonly directory: string;
  readonly name: string;
  readonly maxBytes: number;
  readonly ledger: Ledger;
  readonly losses: Losses;
}

export interface SpooledBatch extends Batch {
  /** Where the record after it begins. Undefined: the disk never took it. */
  readonly next: Position | undefined;
}

interface Segment {
  readonly id: number;
  /** Number of its first event. */
  readonly first: number;
  bytes: number;
}

/** A batch that is on the disk and still in memory. */
interface Recent {
  readonly batch: Batch;
  /** Number of its first event. */
  readonly first: number;
  readonly next: Position;
}

/** A directory's name: readable, and another for every output. */
export function spoolName(output: string): string {
  const readable = output.replaceAll(/[^a-zA-Z0-9.-]+/g, '_').slice(0, 48);
  return `${readable}-${createHash('sha256').update(output).digest('hex').slice(0, 8)}`;
}

/** @throws UsageError where the directory cannot be used, or another agent uses it */
export function openSpool({ directory, name, maxBytes, ledger, losses }: SpoolOptions): Spool {
  const place = join(directory, spoolName(name));
  try {
    makeDirectory(place, 0o700);
    const unlock = lock(join(place, 'lock'));
    return new Spool(place, maxBytes, ledger, losses, unlock);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const reason = error as NodeJS.ErrnoException;
    const text = `cannot use the spool ${place} of output ${name}: ${systemErrorText(reason)}; see spool.directory`;
    throw startError(text, reason);
  }
}

export class Spool implements BatchStore<SpooledBatch> {
  readonly durable = true;
  readonly highWater: number;
  private readonly directory: string;
  private readonly maxBytes: number;
  private readonly segmentBytes: number;
  private readonly losses: Losses;
  private readonly unlock: () => void;
  private readonly cursor: CursorFile;
  /** What keeps us from writing batches, from moving the cursor and from removing files: each is told by itself. */
  private readonly writing: Trouble;
  private readonly moving: Trouble;
  private readonly removing: Trouble;
  /** Acknowledged up to here. */
  private acknowledged: Position;
  /** Oldest first. The last may be the writer's. */
  private readonly segments: Segment[] = [];
  private total = 0;
  /** Segments that are done with and not removed yet. */
  private done: number[] = [];
  private removeAgainAt = 0;
  private writer: SegmentWriter | undefined;
  /** Id of the newest segment that was begun. */
  private newest: number;
  /** Number of the next event to be written. */
  private nextEvent: number;
  private reader: SegmentReader | undefined;
  private reading: Position;
  /** The batches that follow `reading`, without a gap; more may follow on the disk. */
  private readonly recent: Recent[] = [];
  private recentBytes = 0;
  private readonly unwritten: Batch[] = [];
  private unwrittenBytes = 0;
  private isWriting = false;
  private isClosed = false;

  constructor(directory: string, maxBytes: number, ledger: Ledger, losses: Losses, unlock: () => void) {
    this.directory = directory;
    this.maxBytes = maxBytes;
    this.segmentBytes = Math.min(MAX_SEGMENT_BYTES, Math.floor(maxBytes / SEGMENTS_OF_LIMIT));
    this.highWater = Math.min(HIGH_WATER_BYTES, maxBytes / 2);
    this.losses = losses;
    this.unlock = unlock;
    this.writing = new Trouble(losses);
    this.moving = new Trouble(losses);
    this.removing = new Trouble(losses);
    this.cursor = new CursorFile(join(directory, 'cursor'));
    const { start, written } = this.cursor;
    const known = start && { oldest: start.segment, newest: Math.max(start.segment, written?.segment ?? 0) };
    const { ids, foreign } = listSegments(directory, known);
    if (foreign.length > 0) losses.warn(foreignText(directory, foreign));
    this.newest = Math.max(known?.newest ?? 0, ids.at(-1) ?? 0);
    this.nextEvent = start?.event ?? 0;
    for (const id of ids) this.inspect(id);
    // What the cursor alone knows of is missing at the end.
    this.nextEvent = Math.max(this.nextEvent, written?.event ?? 0, this.lastEvent());
    const first = this.segments[0];
    this.acknowledged = start ?? {
      segment: first?.id ?? 0,
      offset: 0,
      event: first?.first ?? this.nextEvent,
    };
    this.reading = this.acknowledged;
    this.retireAcknowledged();
    this.removeDone();
    // An event that is numbered and not acknowledged is waiting, whether it can still be read or not.
    const waiting = this.nextEvent - this.acknowledged.event;
    ledger.add('events.recovered', waiting);
    ledger.add('events.queued', waiting);
  }

  get bytes(): number {
    return (
      this.unwrittenBytes +
      this.total -
      (this.segments[0]?.id === this.acknowledged.segment ? this.acknowledged.offset : 0)
    );
  }

  append(batch: Batch): void {
    this.unwritten.push(batch);
    this.unwrittenBytes += batch.bytes;
    // What a full spool throws out is told, and the notice may be an event that comes here: it is written in its turn.
    if (this.isWriting) return;
    const before = this.nextEvent;
    const error = this.writeOut();
    // The cursor tells at the next start what is missing, should these files be gone by then.
    if (this.nextEvent > before) this.saveCursor();
    if (error === undefined) {
      this.writing.over(`the spool ${this.directory} is written again`);
      return;
    }
    const isTooMuch = this.unwrittenBytes > MAX_UNWRITTEN_BYTES;
    if (isTooMuch) {
      this.unwritten.splice(this.unwritten.lastIndexOf(batch), 1);
      this.unwrittenBytes -= batch.bytes;
    }
    const reason = `cannot write the spool: ${systemErrorText(error)}`;
    this.writing.met(
      `${reason}; what comes waits in memory, up to ${MAX_UNWRITTEN_BYTES / 1024 ** 2} MiB, and is lost beyond: give ${this.directory} room, or the agent the right to write there`,
    );
    if (isTooMuch) this.losses.add('spool_full', batch.events.length, reason);
  }

  next(): SpooledBatch | undefined {
    // The notice of what a write throws out may be an event, and who brought it asks for more: in the middle of the write.
    // What is being written is not to be had yet; who writes asks again.
    if (this.isWriting) return undefined;
    for (;;) {
      const recent = this.recent[0];
      if (recent?.first === this.reading.event) {
        this.recent.shift();
        this.recentBytes -= recent.batch.bytes;
        this.reading = recent.next;
        return { ...recent.batch, next: recent.next };
      }
      const last = this.segments.at(-1);
      if (last === undefined || !isBefore(this.reading, { segment: last.id, offset: last.bytes, event: 0 })) {
        if (this.countGap(this.nextEvent)) continue;
        return this.takeUnwritten();
      }
      const batch = this.readBack();
      if (batch !== undefined) return batch;
    }
  }

  acknowledge({ next }: SpooledBatch): void {
    // The limit may have thrown out what was in flight.
    if (next === undefined || isBefore(next, this.acknowledged) || this.isClosed) return;
    this.moveCursor(next);
    const isNews = this.retireAcknowledged();
    if (isNews || (this.done.length > 0 && performance.now() >= this.removeAgainAt)) this.removeDone();
  }

  close(unsent: readonly Unsent<SpooledBatch>[]): number {
    if (this.isClosed) return 0;
    this.isClosed = true;
    this.writeOut();
    this.saveCursor();
    this.removeDone();
    this.reader?.close();
    this.writer?.close();
    this.cursor.close();
    try {
      this.unlock();
    } catch (error) {
      // The next start takes a lock away whose holder is gone.
      this.removing.met(this.removalText('lock', error as NodeJS.ErrnoException));
    }
    // What the limit threw out while it was in flight is kept no more.
    const gone = unsent.filter(({ batch: { next } }) => next === undefined || next.event <= this.acknowledged.event);
    return [...this.unwritten.map(({ events }) => events), ...gone.map(({ remaining }) => remaining)].flat().length;
  }

  /** Takes a segment that an earlier run left into the books. */
  private inspect(id: number): void {
    const reader = new SegmentReader(this.directory, id);
    const { size } = reader;
    this.segments.push({ id, first: reader.find(0)?.header.first ?? this.nextEvent, bytes: size });
    this.total += size;
    reader.close();
  }

  /** The number after that of the last event that an earlier run left. */
  private lastEvent(): number {
    for (const { id } of this.segments.toReversed()) {
      const reader = new SegmentReader(this.directory, id);
      let last = reader.find(0);
      for (let record = last; record !== undefined; record = reader.find(record.end)) last = record;
      reader.close();
      if (last !== undefined) return last.header.first + last.header.events;
    }
    return 0;
  }

  /** Undefined when everything is on the disk. */
  private writeOut(): NodeJS.ErrnoException | undefined {
    this.isWriting = true;
    try {
      for (let batch = this.unwritten[0]; batch !== undefined; batch = this.unwritten[0]) {
        this.write(batch);
        this.unwritten.shift();
        this.unwrittenBytes -= batch.bytes;
      }
      return undefined;
    } catch (error) {
      return error as NodeJS.ErrnoException;
    } finally {
      this.isWriting = false;
    }
  }

  private write(batch: Batch): void {
    const parts = encodeRecord(batch, this.nextEvent);
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    while (this.segments.length > 0 && this.total + length > this.maxBytes) this.throwOutOldest();
    const writer = this.openWriter();
    writer.append(parts);
    const segment = this.segments.at(-1)!;
    segment.bytes = writer.bytes;
    this.total += length;
    const first = this.nextEvent;
    this.nextEvent += batch.events.length;
    this.keepRecent({ batch, first, next: { segment: writer.id, offset: writer.bytes, event: this.nextEvent } });
  }

  /** The batch stays in memory if there is room and nothing that only the disk has comes before it. */
  private keepRecent(item: Recent): void {
    const before = this.recent.at(-1)?.next ?? this.reading;
    if (before.event !== item.first || this.recentBytes + item.batch.bytes > MAX_RECENT_BYTES) return;
    this.recent.push(item);
    this.recentBytes += item.batch.bytes;
  }

  private openWriter(): SegmentWriter {
    if (this.writer !== undefined && this.writer.bytes < this.segmentBytes) return this.writer;
    this.writer?.retire();
    this.writer = undefined;
    // Never an old segment: its end may be torn. Nor a name that somebody else has taken.
    for (let id = this.newest + 1; this.writer === undefined; id++) {
      try {
        this.writer = new SegmentWriter(this.directory, id);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
    }
    this.newest = this.writer.id;
    this.segments.push({ id: this.newest, first: this.nextEvent, bytes: 0 });
    return this.writer;
  }

  private throwOutOldest(): void {
    const oldest = this.segments.shift()!;
    this.total -= oldest.bytes;
    if (this.writer?.id === oldest.id) {
      this.writer.retire();
      this.writer = undefined;
    }
    const next: Position = {
      segment: this.segments[0]?.id ?? oldest.id + 1,
      offset: 0,
      event: this.segments[0]?.first ?? this.nextEvent,
    };
    const isUnread = isBefore(this.reading, next);
    const lost = isUnread ? Math.max(0, next.event - this.reading.event) : 0;
    if (isUnread) this.moveReading(next);
    if (isBefore(this.acknowledged, next)) this.moveCursor(next);
    this.done.push(oldest.id);
    this.removeDone();
    // Told last: the notice may come back as an event, which must find nothing here of what is gone.
    this.losses.add('spool_full', lost, 'the spool has reached spool_max_bytes');
  }

  private moveReading(to: Position): void {
    this.reading = to;
    while (this.recent[0] !== undefined && this.recent[0].first < to.event) {
      this.recentBytes -= this.recent[0].batch.bytes;
      this.recent.shift();
    }
  }

  /** The next batch of the disk; undefined where something was passed over, and another look is due. */
  private readBack(): SpooledBatch | undefined {
    const segment = this.segments.find(({ id }) => id >= this.reading.segment)!;
    if (segment.id !== this.reading.segment) this.reading = { ...this.reading, segment: segment.id, offset: 0 };
    if (this.reader?.id !== segment.id) {
      this.reader?.close();
      this.reader = new SegmentReader(this.directory, segment.id);
    }
    const record = this.reader.find(this.reading.offset);
    if (record === undefined) {
      // Numbers tell later how many events were here. The last one may still be written.
      const isLast = segment === this.segments.at(-1);
      const place = isLast ? { segment: segment.id, offset: segment.bytes } : { segment: segment.id + 1, offset: 0 };
      this.reading = { ...this.reading, ...place };
      return undefined;
    }
    this.reading = { ...this.reading, offset: record.at };
    if (this.countGap(record.header.first)) return undefined;
    const batch = this.reader.batch(record);
    const event = record.header.first + record.header.events;
    this.reading = {
      segment: segment.id,
      offset: record.end,
      event: batch === undefined ? record.header.first : event,
    };
    return batch && { ...batch, next: this.reading };
  }

  /**
   * Events between the last one read and this one were damaged.
   * @returns whether there were any: another look is due, for the notice may be an event that is in the spool by now, and
   * may have had what was next thrown out
   */
  private countGap(event: number): boolean {
    const lost = event - this.reading.event;
    if (lost <= 0) return false;
    const isAllAcknowledged = this.acknowledged.event === this.reading.event;
    this.reading = { ...this.reading, event };
    // The next start must not count them again; no acknowledgment may come until then.
    if (isAllAcknowledged) this.moveCursor(this.reading);
    this.losses.add('spool_damaged', lost, `a file in ${this.directory} is damaged or missing`);
    return true;
  }

  private takeUnwritten(): SpooledBatch | undefined {
    const batch = this.unwritten.shift();
    if (batch === undefined) return undefined;
    this.unwrittenBytes -= batch.bytes;
    return { ...batch, next: undefined };
  }

  private moveCursor(to: Position): void {
    this.acknowledged = to;
    this.saveCursor();
  }

  private saveCursor(): void {
    try {
      this.cursor.write(this.acknowledged, { segment: this.newest, event: this.nextEvent });
      this.moving.over(`the cursor in ${this.directory} is written again`);
    } catch (error) {
      // A cursor that stays behind costs duplicates after the next start, no event.
      const text = systemErrorText(error as NodeJS.ErrnoException);
      this.moving.met(
        `cannot write the cursor in ${this.directory}: ${text}; until it can, what is sent is sent again after a restart`,
      );
    }
  }

  /** Whether there were any. */
  private retireAcknowledged(): boolean {
    const before = this.done.length;
    for (let first = this.segments[0]; first !== undefined && first.id < this.acknowledged.segment; ) {
      this.segments.shift();
      this.total -= first.bytes;
      this.done.push(first.id);
      first = this.segments[0];
    }
    return this.done.length > before;
  }

  /** A file that stays costs room, no event: the cursor is beyond it. Tried again later, and by the next start. */
  private removeDone(): void {
    if (this.done.length === 0) return;
    const kept: number[] = [];
    for (const id of this.done) {
      try {
        unlinkSync(segmentPath(this.directory, id));
      } catch (thrown) {
        const error = thrown as NodeJS.ErrnoException;
        if (error.code === 'ENOENT') continue;
        kept.push(id);
        this.removing.met(this.removalText(basename(segmentPath(this.directory, id)), error));
      }
    }
    this.done = kept;
    if (kept.length > 0) this.removeAgainAt = performance.now() + REMOVE_AGAIN_MS;
    else this.removing.over(`files in ${this.directory} can be removed again`);
  }

  private removalText(name: string, error: NodeJS.ErrnoException): string {
    return `cannot remove ${join(this.directory, name)}: ${systemErrorText(error)}; nothing in it is needed any more, and its removal is tried again later: give the agent the right to write to ${this.directory}, or remove it`;
  }
}

function foreignText(directory: string, names: readonly string[]): string {
  const more = names.length > MAX_NAMES ? ` and ${names.length - MAX_NAMES} more` : '';
  return `${directory} holds what is not of this spool: ${names.slice(0, MAX_NAMES).join(', ')}${more}; it is left alone, and what it holds is not sent: move it away`;
}
