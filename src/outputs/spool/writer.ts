/** The segment that is being written. */
import { fdatasync, fdatasyncSync, ftruncateSync, openSync, writevSync } from 'node:fs';
import { closeQuietly } from './close.ts';
import { segmentPath } from './segment.ts';

/** What a failing machine, not a failing agent, may lose of a spool. */
const SYNC_INTERVAL_MS = 1_000;

export class SegmentWriter {
  readonly id: number;
  bytes = 0;
  private readonly fd: number;
  private syncing: Promise<void> = Promise.resolve();
  private timer: NodeJS.Timeout | undefined;

  /** @throws the system's error; a segment of this id must not be there */
  constructor(directory: string, id: number) {
    this.id = id;
    this.fd = openSync(segmentPath(directory, id), 'wx', 0o600);
  }

  /** Writes all of the parts or, as far as can be seen afterwards, nothing. @throws the system's error */
  append(parts: readonly Buffer[]): void {
    let left = [...parts];
    let written = 0;
    try {
      while (left.length > 0) {
        let count = writevSync(this.fd, left, this.bytes + written);
        written += count;
        while (left[0] !== undefined && count >= left[0].length) {
          count -= left[0].length;
          left = left.slice(1);
        }
        if (left[0] !== undefined) left[0] = left[0].subarray(count);
      }
    } catch (error) {
      // Nobody but us has read these bytes. Should this fail too, the next record overwrites them.
      if (written > 0) ftruncateSync(this.fd, this.bytes);
      throw error;
    }
    this.bytes += written;
    this.timer ??= setTimeout(() => this.sync(), SYNC_INTERVAL_MS).unref();
  }

  /** No more is written. The file is closed once it is on the disk. */
  retire(): void {
    this.sync();
    this.syncing = this.syncing.then(() => closeQuietly(this.fd));
  }

  /** The same, done when it returns. */
  close(): void {
    clearTimeout(this.timer);
    try {
      fdatasyncSync(this.fd);
    } catch {
      // What a full or failing disk did not take is read back as damaged, and counted then.
    }
    // Syncs under way use the descriptor until they end.
    void this.syncing.then(() => closeQuietly(this.fd));
  }

  private sync(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    // One after another: a descriptor must not be closed while the disk works for it.
    this.syncing = this.syncing.then(() => new Promise((resolve) => fdatasync(this.fd, () => resolve())));
  }
}
