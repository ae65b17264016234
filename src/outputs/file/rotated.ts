/** Files that were rotated: `events.ndjson.000001`, `.000002` …, the highest the newest; older ones compressed and removed. */
import {
  chmodSync,
  chownSync,
  createReadStream,
  createWriteStream,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { FileSettings } from '../options.ts';
import { FILE_MODE } from './open-log.ts';

/**
 * A rotated file stays uncompressed for so long, whether it is the newest or not: a forwarder that is behind must still find
 * what it has not read, and would take the compressed copy for another file.
 */
export const GZIP_AFTER_MS = 60_000;

/** Of `st_mode` (inode(7)). */
const PERMISSIONS = 0o7777;

interface Rotated {
  readonly path: string;
  readonly sequence: number;
  readonly isCompressed: boolean;
}

/** Oldest first. A number, not a time, orders them: clocks are stepped. */
function list(path: string): Rotated[] {
  const prefix = `${basename(path)}.`;
  const directory = dirname(path);
  return readdirSync(directory)
    .flatMap((name) => {
      const match = name.startsWith(prefix) ? /^(\d{6,})(\.gz)?$/.exec(name.slice(prefix.length)) : null;
      if (match === null) return [];
      return { path: join(directory, name), sequence: Number(match[1]), isCompressed: match[2] !== undefined };
    })
    .sort((a, b) => a.sequence - b.sequence);
}

/** The name that the file gets when it is rotated now. */
export function nextRotatedPath(path: string): string {
  const sequence = 1 + (list(path).at(-1)?.sequence ?? 0);
  return `${path}.${String(sequence).padStart(6, '0')}`;
}

export interface KeepOptions extends Pick<FileSettings['rotate'], 'gzip' | 'keep_files' | 'keep_s'> {
  readonly gzipAfterMs: number;
}

/** Removes and compresses what is due. @throws the system's error; what was done until then stays done */
export async function keepRotated(path: string, options: KeepOptions, signal: AbortSignal): Promise<void> {
  removeHalves(path);
  prune(path, options);
  if (!options.gzip) return;
  for (const { path: file } of list(path)
    .slice(0, -1)
    .filter(({ isCompressed }) => !isCompressed)) {
    signal.throwIfAborted();
    if (Date.now() - statSync(file).mtimeMs < options.gzipAfterMs) continue;
    await compress(file, signal);
  }
}

/** What a crash in the middle of `compress` left. */
function removeHalves(path: string): void {
  const halves = readdirSync(dirname(path)).filter(
    (name) => name.startsWith(`${basename(path)}.`) && /\.\d{6,}\.gz\.tmp$/.test(name),
  );
  for (const name of halves) rmSync(join(dirname(path), name), { force: true });
  const files = list(path);
  for (const { path: file, isCompressed } of files)
    if (!isCompressed && files.some((other) => other.path === `${file}.gz`)) rmSync(file, { force: true });
}

function prune(path: string, { keep_files, keep_s }: KeepOptions): void {
  const files = list(path);
  for (const [i, { path: file }] of files.entries()) {
    const isBeyond = keep_files > 0 && files.length - i > keep_files;
    const isOld = keep_s > 0 && Date.now() - statSync(file).mtimeMs > keep_s * 1000;
    if (isBeyond || isOld) rmSync(file, { force: true });
  }
}

async function compress(file: string, signal: AbortSignal): Promise<void> {
  const half = `${file}.gz.tmp`;
  try {
    const { mtime, atime, mode, uid, gid } = statSync(file);
    const [{ pipeline }, { createGzip }] = await Promise.all([import('node:stream/promises'), import('node:zlib')]);
    await pipeline(createReadStream(file), createGzip(), createWriteStream(half, { mode: FILE_MODE, flush: true }), {
      signal,
    });
    // Whatever the umask says, it stays readable for whoever may read the other files.
    chmodSync(half, mode & PERMISSIONS);
    chownSync(half, uid, gid);
    // Its age is that of its events.
    utimesSync(half, atime, mtime);
    renameSync(half, `${file}.gz`);
    rmSync(file);
  } catch (error) {
    rmSync(half, { force: true });
    throw error;
  }
}
