/**
 * Reads growing and rotating files as a universal forwarder does: a file is what its first 256 bytes say, whatever its name;
 * reading goes on where it ended, line by line; compressed files are left alone.
 */
import { closeSync, fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';

const IDENTITY_BYTES = 256;
const CHUNK_BYTES = 1024 * 1024;

export class Tailer {
  private readonly directory: string;
  private readonly isMonitored: (name: string) => boolean;
  /** By the CRC of the first bytes. */
  private readonly files = new Map<number, { offset: number; readonly lines: string[] }>();
  private readonly chunk = Buffer.alloc(CHUNK_BYTES);

  constructor(directory: string, isMonitored: (name: string) => boolean) {
    this.directory = directory;
    this.isMonitored = isMonitored;
  }

  /** Reads what is new. `atEnd`: nothing more is written, so that short files and unfinished lines are read, too. */
  poll(atEnd = false): void {
    const names = readdirSync(this.directory).filter((name) => this.isMonitored(name) && !/\.(gz|tmp)$/.test(name));
    for (const name of names.sort()) this.follow(join(this.directory, name), atEnd);
  }

  /** The lines of each file. A forwarder keeps the order within a file, not from one to the next. */
  read(): string[][] {
    return [...this.files.values()].map(({ lines }) => lines);
  }

  private follow(path: string, atEnd: boolean): void {
    let fd: number;
    try {
      fd = openSync(path, 'r');
    } catch {
      return; // renamed since it was listed: the next poll finds it
    }
    try {
      if (!atEnd && fstatSync(fd).size < IDENTITY_BYTES) return;
      const start = readSync(fd, this.chunk, 0, IDENTITY_BYTES, 0);
      const identity = crc32(this.chunk.subarray(0, start));
      const file = this.files.get(identity) ?? { offset: 0, lines: [] };
      this.files.set(identity, file);
      for (;;) {
        const read = readSync(fd, this.chunk, 0, CHUNK_BYTES, file.offset);
        const end = this.chunk.subarray(0, read).lastIndexOf(0x0a) + 1;
        if (end > 0) file.lines.push(...this.chunk.toString('utf8', 0, end - 1).split('\n'));
        else if (atEnd && read > 0) file.lines.push(this.chunk.toString('utf8', 0, read));
        file.offset += end;
        if (end === 0) break;
      }
    } finally {
      closeSync(fd);
    }
  }
}
