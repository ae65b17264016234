/** How far an output has come in its spool, on disk. */
import { constants, openSync, readSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { closeQuietly } from './close.ts';

export interface Position {
  readonly segment: number;
  readonly offset: number;
  /** Number of the next event. */
  readonly event: number;
}

/** How far the spool has been written: what is missing at its end can be told by this alone. */
export interface Written {
  /** The newest that was begun. */
  readonly segment: number;
  /** Number of the next event. */
  readonly event: number;
}

export function isBefore(a: Position, b: Position): boolean {
  return a.segment < b.segment || (a.segment === b.segment && a.offset < b.offset);
}

/** Segment, offset, event and the count of writes as u64, then their CRC-32: all that the first cursor files had. */
const POSITION_BYTES = 32;
/** Four bytes of zero, segment and event of `Written` as u64, then the CRC-32 of all before it except the first one's. */
const WRITTEN_AT = POSITION_BYTES + 4;
const WRITTEN_BYTES = 20;
const SLOT_BYTES = WRITTEN_AT + WRITTEN_BYTES + 4;

/**
 * Two slots, written in turn: a crash in the middle of a write leaves the other. 64 bytes apart, each within one sector.
 */
const SLOT_DISTANCE = 64;

const positionCrc = (slot: Buffer): number => crc32(slot.subarray(0, POSITION_BYTES));
const writtenCrc = (slot: Buffer, before: number): number =>
  crc32(slot.subarray(WRITTEN_AT, WRITTEN_AT + WRITTEN_BYTES), before);

export class CursorFile {
  /** Where the file says that the output was; undefined where it says nothing that can be trusted. */
  readonly start: Position | undefined;
  /** The same for how far the spool was written. */
  readonly written: Written | undefined;
  private readonly fd: number;
  private writes = 0;
  private readonly slot = Buffer.alloc(SLOT_BYTES);

  /** @throws the system's error */
  constructor(path: string) {
    this.fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
    const bytes = Buffer.alloc(2 * SLOT_DISTANCE);
    readSync(this.fd, bytes, 0, bytes.length, 0);
    for (const at of [0, SLOT_DISTANCE]) {
      const slot = bytes.subarray(at, at + SLOT_BYTES);
      const crc = positionCrc(slot);
      if (crc !== slot.readUInt32LE(POSITION_BYTES)) continue;
      // An agent before this format, or a torn write, may have left a slot of which only the first part counts.
      const event = Number(slot.readBigUInt64LE(WRITTEN_AT + 12));
      if (
        writtenCrc(slot, crc) === slot.readUInt32LE(WRITTEN_AT + WRITTEN_BYTES) &&
        event >= (this.written?.event ?? 0)
      )
        this.written = { segment: Number(slot.readBigUInt64LE(WRITTEN_AT + 4)), event };
      const writes = Number(slot.readBigUInt64LE(24));
      if (writes <= this.writes) continue;
      this.writes = writes;
      this.start = {
        segment: Number(slot.readBigUInt64LE(0)),
        offset: Number(slot.readBigUInt64LE(8)),
        event: Number(slot.readBigUInt64LE(16)),
      };
    }
  }

  /** @throws the system's error */
  write({ segment, offset, event }: Position, written: Written): void {
    const { slot } = this;
    this.writes++;
    slot.writeBigUInt64LE(BigInt(segment), 0);
    slot.writeBigUInt64LE(BigInt(offset), 8);
    slot.writeBigUInt64LE(BigInt(event), 16);
    slot.writeBigUInt64LE(BigInt(this.writes), 24);
    const crc = positionCrc(slot);
    slot.writeUInt32LE(crc, POSITION_BYTES);
    slot.writeBigUInt64LE(BigInt(written.segment), WRITTEN_AT + 4);
    slot.writeBigUInt64LE(BigInt(written.event), WRITTEN_AT + 12);
    slot.writeUInt32LE(writtenCrc(slot, crc), WRITTEN_AT + WRITTEN_BYTES);
    writeSync(this.fd, slot, 0, SLOT_BYTES, (this.writes % 2) * SLOT_DISTANCE);
  }

  close(): void {
    closeQuietly(this.fd);
  }
}
