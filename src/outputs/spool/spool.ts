/**
 * What an output has not acknowledged yet, on disk: batches in segment files, and a cursor that moves after acknowledgments.
 * docs/adr/0004-spool.md says why it is not a database.
 */
import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { startError, UsageError } from '../../usage-error.ts';
import { type Batch, type BatchStore, HIGH_WATER_BYTES, type Unsent } from '../batch.ts';
import { makeDirectory } from '../directory.ts';
import type { Ledger } from '../ledger.ts';
import type { Losses } from '../notice.ts';
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
  /** Acknowledged up to here. */
  private acknowledged: Position;
  /** Oldest first. The last may be the writer's. */
  private readonly segments: Segment[] = [];
  private total = 0;
  private writer: SegmentWriter | undefined;
  /** Number of the next event to be written. */
  private nextEvent: number;
  private reader: SegmentReader | undefined;
  private reading: Position;
  /** The batches that follow `reading`, without a gap; more may follow on the disk. */
  private readonly recent: Recent[] = [];
  private recentBytes = 0;
  private readonly unwritten: Batch[] = [];
  private unwrittenBytes = 0;
  private isClosed = false;

  constructor(directory: string, maxBytes: number, ledger: Ledger, losses: Losses, unlock: () => void) {
    this.directory = directory;
    this.maxBytes = maxBytes;
    this.segmentBytes = Math.min(MAX_SEGMENT_BYTES, Math.floor(maxBytes / SEGMENTS_OF_LIMIT));
    this.highWater = Math.min(HIGH_WATER_BYTES, maxBytes / 2);
    this.losses = losses;
    this.unlock = unlock;
    this.cursor = new CursorFile(join(directory, 'cursor'));
    const ids = listSegments(directory);
    this.nextEvent = this.cursor.start?.event ?? 0;
    for (const id of ids) this.inspect(id);
    this.nextEvent = Math.max(this.nextEvent, this.lastEvent());
    const first = this.segments[0];
    this.acknowledged = this.cursor.start ?? {
      segment: first?.id ?? 0,
      offset: 0,
      event: first?.first ?? this.nextEvent,
    };
    this.reading = this.acknowledged;
    this.removeAcknowledged();
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
    const error = this.writeOut();
    if (error === undefined || this.unwrittenBytes <= MAX_UNWRITTEN_BYTES) return;
    this.unwritten.pop();
    this.unwrittenBytes -= batch.bytes;
    this.losses.add('spool_full', batch.events.length, `cannot write the spool: ${systemErrorText(error)}`);
  }

  next(): SpooledBatch | undefined {
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
        this.countGap(this.nextEvent);
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
    this.removeAcknowledged();
  }

  close(unsent: readonly Unsent<SpooledBatch>[]): number {
    if (this.isClosed) return 0;
    this.isClosed = true;
    this.writeOut();
    this.reader?.close();
    this.writer?.close();
    this.cursor.close();
    this.unlock();
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
    for (let batch = this.unwritten[0]; batch !== undefined; batch = this.unwritten[0]) {
      try {
        this.write(batch);
      } catch (error) {
        return error as NodeJS.ErrnoException;
      }
      this.unwritten.shift();
      this.unwrittenBytes -= batch.bytes;
    }
    return undefined;
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
    // Never an old segment: its end may be torn.
    const id = 1 + (this.segments.at(-1)?.id ?? this.acknowledged.segment);
    this.writer = new SegmentWriter(this.directory, id);
    this.segments.push({ id, first: this.nextEvent, bytes: 0 });
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
    if (isBefore(this.reading, next)) {
      this.losses.add(
        'spool_full',
        Math.max(0, next.event - this.reading.event),
        'the spool has reached spool_max_bytes',
      );
      this.moveReading(next);
    }
    if (isBefore(this.acknowledged, next)) this.moveCursor(next);
    rmSync(segmentPath(this.directory, oldest.id), { force: true });
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
      // Numbers tell later how many events were here.
      this.reading = { ...this.reading, segment: segment.id + 1, offset: 0 };
      return undefined;
    }
    this.countGap(record.header.first);
    const batch = this.reader.batch(record);
    const event = record.header.first + record.header.events;
    this.reading = {
      segment: segment.id,
      offset: record.end,
      event: batch === undefined ? record.header.first : event,
    };
    return batch && { ...batch, next: this.reading };
  }

  /** Events between the last one read and this one were damaged. */
  private countGap(event: number): void {
    const lost = event - this.reading.event;
    if (lost <= 0) return;
    this.losses.add('spool_damaged', lost, `a file in ${this.directory} is damaged`);
    this.reading = { ...this.reading, event };
  }

  private takeUnwritten(): SpooledBatch | undefined {
    const batch = this.unwritten.shift();
    if (batch === undefined) return undefined;
    this.unwrittenBytes -= batch.bytes;
    return { ...batch, next: undefined };
  }

  private moveCursor(to: Position): void {
    this.acknowledged = to;
    try {
      this.cursor.write(to);
    } catch {
      // A cursor that stays behind costs duplicates after the next start, no event.
    }
  }

  private removeAcknowledged(): void {
    for (let first = this.segments[0]; first !== undefined && first.id < this.acknowledged.segment; ) {
      this.segments.shift();
      this.total -= first.bytes;
      rmSync(segmentPath(this.directory, first.id), { force: true });
      first = this.segments[0];
    }
  }
}
