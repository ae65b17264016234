/** How far an output has come in its spool, on disk. */
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';

export interface Position {
  readonly segment: number;
  readonly offset: number;
  /** Number of the next event. */
  readonly event: number;
}

export function isBefore(a: Position, b: Position): boolean {
  return a.segment < b.segment || (a.segment === b.segment && a.offset < b.offset);
}

/** Segment, offset, event and the count of writes as u64, then their CRC-32. */
const SLOT_BYTES = 36;

/**
 * Two slots, written in turn: a crash in the middle of a write leaves the other. 64 bytes apart, each within one sector.
 */
const SLOT_DISTANCE = 64;

export class CursorFile {
  /** Where the file says that the output was; undefined where it says nothing that can be trusted. */
  readonly start: Position | undefined;
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
      const writes = Number(slot.readBigUInt64LE(24));
      if (crc32(slot.subarray(0, 32)) !== slot.readUInt32LE(32) || writes <= this.writes) continue;
      this.writes = writes;
      this.start = {
        segment: Number(slot.readBigUInt64LE(0)),
        offset: Number(slot.readBigUInt64LE(8)),
        event: Number(slot.readBigUInt64LE(16)),
      };
    }
  }

  /** @throws the system's error */
  write({ segment, offset, event }: Position): void {
    const { slot } = this;
    this.writes++;
    slot.writeBigUInt64LE(BigInt(segment), 0);
    slot.writeBigUInt64LE(BigInt(offset), 8);
    slot.writeBigUInt64LE(BigInt(event), 16);
    slot.writeBigUInt64LE(BigInt(this.writes), 24);
    slot.writeUInt32LE(crc32(slot.subarray(0, 32)), 32);
    writeSync(this.fd, slot, 0, SLOT_BYTES, (this.writes % 2) * SLOT_DISTANCE);
  }

  close(): void {
    closeSync(this.fd);
  }
}
