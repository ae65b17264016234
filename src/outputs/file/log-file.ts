/** One file that lines are appended to: opened anew when it was moved away, rotated, forced to the disk. */
import { closeSync, fdatasync, fdatasyncSync, renameSync, statSync } from 'node:fs';
import type { CimEvent } from '../../cim/event.ts';
import type { FileSettings, Fsync } from '../options.ts';
import {
  gather,
  systemErrorText,
  type WriteFailure,
  wholeEvents,
  writeAll,
  writeAllNow,
  writeError,
} from '../write.ts';
import { type OpenLog, openLog } from './open-log.ts';
import { GZIP_AFTER_MS, keepRotated, nextRotatedPath } from './rotated.ts';

const SYNC_INTERVAL_MS = 1_000;
/** How often it is looked whether somebody has moved the file away without telling. */
const PLACE_CHECK_MS = 1_000;
/** How often rotated files are looked after where no rotation gives the occasion. */
const KEEP_INTERVAL_MS = 60_000;

/** What a file is told of the settings. */
export interface LogFileSettings {
  readonly rotate: FileSettings['rotate'];
  readonly fsync: Fsync;
}

export class LogFile {
  private readonly path: string;
  private readonly settings: LogFileSettings;
  private readonly warn: (text: string) => void;
  private readonly gzipAfterMs: number;
  private log: OpenLog | undefined;
  private size = 0;
  /** When the file was begun, by the clock that nobody steps. */
  private begun = 0;
  /** Bytes of the first event of the batch to come that are in the file already: a full disk took no more. */
  private torn = 0;
  private isWriting = false;
  private mustReopen = false;
  private placeChecked = 0;
  private syncTimer: NodeJS.Timeout | undefined;
  private syncing: Promise<void> = Promise.resolve();
  private keepTimer: NodeJS.Timeout | undefined;
  private keeping: Promise<void> = Promise.resolve();
  private warned = '';
  private readonly closing = new AbortController();

  constructor(path: string, settings: LogFileSettings, warn: (text: string) => void, gzipAfterMs = GZIP_AFTER_MS) {
    this.path = path;
    this.settings = settings;
    this.warn = warn;
    this.gzipAfterMs = gzipAfterMs;
  }

  /** @throws DeliveryError */
  appendNow(events: readonly CimEvent[]): void {
    const bytes = gather(events).subarray(this.torn);
    const log = this.prepare(events, bytes.length);
    this.settle(events, bytes.length, writeAllNow(log.fd, bytes));
    if (this.settings.fsync === 'batch') this.attempt(events, () => fdatasyncSync(log.fd));
  }

  /** The same in the background; one call at a time. */
  async append(events: readonly CimEvent[]): Promise<void> {
    const bytes = gather(events).subarray(this.torn);
    const log = this.prepare(events, bytes.length);
    this.isWriting = true;
    const failure = await writeAll(log.fd, bytes);
    this.isWriting = false;
    this.settle(events, bytes.length, failure);
    if (this.settings.fsync !== 'batch') return;
    const error = await new Promise<NodeJS.ErrnoException | null>((resolve) => fdatasync(log.fd, resolve));
    if (error !== null) throw writeError(this.path, error, events);
  }

  /** The next events go to the file that is at the path then. */
  reopen(): void {
    this.mustReopen = true;
  }

  async close(): Promise<void> {
    this.closing.abort();
    clearTimeout(this.keepTimer);
    // A write that hangs still has the descriptor, which must not become another file's.
    if (!this.isWriting) this.attempt([], () => this.release());
    await Promise.all([this.keeping, this.syncing]);
  }

  /** Opens or rotates as it is due. */
  private prepare(events: readonly CimEvent[], incoming: number): OpenLog {
    // A line that is begun is ended in the same file.
    if (this.log !== undefined && this.torn === 0)
      this.attempt(events, () => {
        if (this.mustReopen || this.isMovedAway()) this.release();
        else if (this.isRotationDue(incoming)) this.rotate();
      });
    return this.log ?? this.attempt(events, () => this.open());
  }

  private open(): OpenLog {
    const log = openLog(this.path);
    this.log = log;
    this.mustReopen = false;
    this.size = log.size;
    this.placeChecked = performance.now();
    this.begun = performance.now() - (log.size === 0 ? 0 : Math.max(0, Date.now() - log.born));
    if (log.isRegular) this.keep();
    return log;
  }

  private isMovedAway(): boolean {
    const { log } = this;
    if (!log?.isRegular || performance.now() - this.placeChecked < PLACE_CHECK_MS) return false;
    this.placeChecked = performance.now();
    return !this.isAtPath(log);
  }

  private isAtPath({ inode, device }: OpenLog): boolean {
    const status = statSync(this.path, { throwIfNoEntry: false });
    return status?.ino === inode && status.dev === device;
  }

  private isRotationDue(incoming: number): boolean {
    const { bytes, interval_s } = this.settings.rotate;
    if (!this.log?.isRegular || this.size === 0) return false;
    const isLarge = bytes > 0 && this.size + incoming > bytes;
    return isLarge || (interval_s > 0 && performance.now() - this.begun >= interval_s * 1000);
  }

  private rotate(): void {
    // Whoever has moved the file away has rotated it.
    if (this.log !== undefined && this.isAtPath(this.log)) renameSync(this.path, nextRotatedPath(this.path));
    this.release();
  }

  private release(): void {
    const { log } = this;
    if (log === undefined) return;
    this.log = undefined;
    clearTimeout(this.syncTimer);
    this.syncTimer = undefined;
    const { fd, isRegular } = log;
    if (!isRegular || this.settings.fsync === 'never') {
      closeSync(fd);
      return;
    }
    // In the background, one after another: the disk may need its time for the end of a large file.
    this.syncing = this.syncing.then(() => new Promise((resolve) => fdatasync(fd, () => resolve())));
    this.syncing = this.syncing.then(() => closeSync(fd));
  }

  private settle(events: readonly CimEvent[], length: number, failure: WriteFailure | undefined): void {
    if (failure === undefined) {
      this.torn = 0;
      this.size += length;
      if (this.settings.fsync === 'interval')
        this.syncTimer ??= setTimeout(() => this.sync(), SYNC_INTERVAL_MS).unref();
      return;
    }
    this.size += failure.written;
    const written = this.torn + failure.written;
    const whole = wholeEvents(events, written);
    this.torn = written - gather(events.slice(0, whole)).length;
    throw writeError(this.path, failure.error, events.slice(whole));
  }

  private sync(): void {
    this.syncTimer = undefined;
    const fd = this.log?.fd;
    if (fd === undefined || !this.log?.isRegular) return;
    // Its error says nothing that the next write does not.
    this.syncing = this.syncing.then(() => new Promise((resolve) => fdatasync(fd, () => resolve())));
  }

  /** Looks after rotated files, now and from time to time; nothing waits for it. */
  private keep(): void {
    const { rotate } = this.settings;
    if (rotate.bytes === 0 && rotate.interval_s === 0) return;
    clearTimeout(this.keepTimer);
    const { signal } = this.closing;
    this.keeping = this.keeping
      .then(() => keepRotated(this.path, { ...rotate, gzipAfterMs: this.gzipAfterMs }, signal))
      .catch((error: NodeJS.ErrnoException) => {
        const text = `cannot keep rotated files of ${this.path} in order: ${systemErrorText(error)}`;
        if (!signal.aborted && text !== this.warned) this.warn(text);
        this.warned = text;
      });
    this.keepTimer = setTimeout(() => this.keep(), KEEP_INTERVAL_MS).unref();
  }

  private attempt<T>(events: readonly CimEvent[], action: () => T): T {
    try {
      return action();
    } catch (error) {
      throw writeError(this.path, error as NodeJS.ErrnoException, events);
    }
  }
}
