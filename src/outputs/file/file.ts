/** Events to files: whole lines appended, a file for each kind where the path says `{kind}`. */
import { type CimEvent, KINDS, type Kind } from '../../cim/event.ts';
import type { FileSettings, Fsync } from '../options.ts';
import { DeliveryError, type Output } from '../output.ts';
import { KIND_PLACEHOLDER } from '../target.ts';
import { LogFile, type LogFileSettings } from './log-file.ts';

interface Part {
  readonly file: LogFile;
  readonly events: readonly CimEvent[];
}

export class FileOutput implements Output {
  readonly name: string;
  private readonly path: string;
  private readonly settings: LogFileSettings;
  private readonly warn: (text: string) => void;
  private readonly byKind: boolean;
  private readonly files = new Map<string, LogFile>();

  /**
   * Touches nothing: a file comes into being with its first event.
   * @param warn is told what goes wrong with files that are already rotated
   * @param autoFsync what `fsync: auto` means
   */
  constructor(settings: FileSettings, warn: (text: string) => void, autoFsync: Fsync = 'interval') {
    this.name = settings.name;
    this.path = settings.path;
    const { rotate, fsync } = settings;
    this.settings = { rotate, fsync: fsync === 'auto' ? autoFsync : fsync };
    this.warn = warn;
    this.byKind = settings.path.includes(KIND_PLACEHOLDER);
  }

  sendNow(batch: readonly CimEvent[]): void {
    const failures: Failure[] = [];
    for (const { file, events } of this.split(batch)) {
      try {
        file.appendNow(events);
      } catch (error) {
        failures.push({ error, events });
      }
    }
    throwAll(failures);
  }

  async send(batch: readonly CimEvent[]): Promise<void> {
    const failures: Failure[] = [];
    for (const { file, events } of this.split(batch)) {
      try {
        await file.append(events);
      } catch (error) {
        failures.push({ error, events });
      }
    }
    throwAll(failures);
  }

  reopen(): void {
    for (const file of this.files.values()) file.reopen();
  }

  async close(): Promise<void> {
    const results = await Promise.allSettled([...this.files.values()].map((file) => file.close()));
    this.files.clear();
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }

  private split(batch: readonly CimEvent[]): Part[] {
    if (batch.length === 0) return [];
    const { path } = this;
    if (!this.byKind) return [{ file: this.file(path), events: batch }];
    const byKind = groupByKind(batch);
    return KINDS.flatMap((kind) => {
      const events = byKind.get(kind);
      return events === undefined ? [] : { file: this.file(path.replaceAll(KIND_PLACEHOLDER, kind)), events };
    });
  }

  private file(path: string): LogFile {
    let file = this.files.get(path);
    if (file === undefined) {
      file = new LogFile(path, this.settings, this.warn);
      this.files.set(path, file);
    }
    return file;
  }
}

/** In one pass: one for each kind took as long as the copy of the lines. */
function groupByKind(batch: readonly CimEvent[]): ReadonlyMap<Kind, readonly CimEvent[]> {
  const groups = new Map<Kind, CimEvent[]>();
  for (const event of batch) {
    const group = groups.get(event.kind);
    if (group === undefined) groups.set(event.kind, [event]);
    else group.push(event);
  }
  return groups;
}

interface Failure {
  readonly error: unknown;
  readonly events: readonly CimEvent[];
}

/** One file that cannot be written holds up no other: what the others took is not sent again. */
function throwAll(failures: readonly Failure[]): void {
  const [first, ...more] = failures;
  if (first === undefined) return;
  if (more.length === 0 || !(first.error instanceof DeliveryError)) throw first.error;
  const remaining = failures.flatMap(({ error, events }) => (error as DeliveryError).remaining ?? events);
  const retryable = failures.some(({ error }) => (error as DeliveryError).retryable);
  throw new DeliveryError(first.error.message, retryable, { cause: first.error.cause, remaining });
}
