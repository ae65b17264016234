/** Events to files: whole lines appended, a file for each kind where the path says `{kind}`. */
import { closeSync, fstatSync, mkdirSync, openSync, readSync } from 'node:fs';
import { dirname } from 'node:path';
import { type CimEvent, KINDS, type Kind } from '../cim/event.ts';
import type { Output } from './output.ts';
import { KIND_PLACEHOLDER } from './target.ts';
import { deliveryError, gather, wholeEvents, writeAll } from './write.ts';

/** Readable by the group, such as the forwarder's, and nobody else: events tell who talks to whom. */
const FILE_MODE = 0o640;
const DIRECTORY_MODE = 0o750;

const NEWLINE = 0x0a;

export class FileOutput implements Output {
  readonly name: string;
  private readonly byKind: boolean;
  private readonly descriptors = new Map<string, number>();

  /** Touches nothing: a file comes into being with its first event. */
  constructor(path: string) {
    this.name = path;
    this.byKind = path.includes(KIND_PLACEHOLDER);
  }

  sendNow(batch: readonly CimEvent[]): void {
    if (!this.byKind) {
      this.append(this.name, batch, undefined, 0);
      return;
    }
    let delivered = 0;
    for (const kind of KINDS) {
      delivered += this.append(this.name.replaceAll(KIND_PLACEHOLDER, kind), batch, kind, delivered);
    }
  }

  async send(batch: readonly CimEvent[]): Promise<void> {
    this.sendNow(batch);
  }

  async close(): Promise<void> {
    const open = [...this.descriptors];
    this.descriptors.clear();
    let failure: Error | undefined;
    for (const [path, descriptor] of open) {
      try {
        closeSync(descriptor);
      } catch (error) {
        failure ??= deliveryError(path, error as NodeJS.ErrnoException, 0);
      }
    }
    if (failure) throw failure;
  }

  /** Returns how many events it wrote. */
  private append(path: string, batch: readonly CimEvent[], kind: Kind | undefined, before: number): number {
    const { bytes, count } = gather(batch, kind);
    if (count === 0) return 0;
    let descriptor: number;
    try {
      descriptor = this.descriptors.get(path) ?? this.open(path);
    } catch (error) {
      throw deliveryError(path, error as NodeJS.ErrnoException, before);
    }
    const failure = writeAll(descriptor, bytes);
    if (failure === undefined) return count;
    throw deliveryError(path, failure.error, before + wholeEvents(batch, failure.written, kind));
  }

  private open(path: string): number {
    mkdirSync(dirname(path), { recursive: true, mode: DIRECTORY_MODE });
    const descriptor = openSync(path, 'a', FILE_MODE);
    this.descriptors.set(path, descriptor);
    // A crash may have torn the last line. A forwarder may have read it already, so it is ended, not removed.
    if (isLastLineTorn(path, descriptor)) {
      const failure = writeAll(descriptor, Buffer.of(NEWLINE));
      if (failure !== undefined) throw failure.error;
    }
    return descriptor;
  }
}

function isLastLineTorn(path: string, descriptor: number): boolean {
  const status = fstatSync(descriptor);
  if (!status.isFile() || status.size === 0) return false;
  const reader = openSync(path, 'r');
  try {
    const last = Buffer.alloc(1);
    return readSync(reader, last, 0, 1, status.size - 1) === 1 && last[0] !== NEWLINE;
  } finally {
    closeSync(reader);
  }
}
