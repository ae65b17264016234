/** Opening a file for lines to be appended, with the checks that a process with rights owes its host. */
import { closeSync, constants, fchmodSync, fstatSync, openSync, readSync, type Stats, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { makeDirectory } from '../directory.ts';
import { writeAllNow } from '../write.ts';

/** Readable by the group, such as the forwarder's, and nobody else: events tell who talks to whom. */
export const FILE_MODE = 0o640;
const DIRECTORY_MODE = 0o750;
const WRITABLE_BY_ALL = 0o002;
const STICKY = 0o1000;
const NEWLINE = 0x0a;

export interface OpenLog {
  readonly fd: number;
  readonly size: number;
  /** Not a pipe or a device: it can be rotated. */
  readonly isRegular: boolean;
  readonly inode: number;
  readonly device: number;
  /** When it was made, in milliseconds since 1970; what the file system says. */
  readonly born: number;
}

/** Creates the file and its directories where they are not there. @throws Error with what is wrong */
export function openLog(path: string): OpenLog {
  const directory = dirname(path);
  makeDirectory(directory, DIRECTORY_MODE);
  const place = statSync(directory);
  const isOpenToAll = (place.mode & WRITABLE_BY_ALL) !== 0;
  if (isOpenToAll && (place.mode & STICKY) === 0)
    throw new Error(`everybody may put another file in its place: ${directory} is writable by all`);
  const fd = openOrCreate(path);
  try {
    const status = fstatSync(fd);
    if (status.isDirectory()) throw Object.assign(new Error(), { code: 'EISDIR', errno: -21 });
    if (isOpenToAll && status.isFile() && isForeign(status))
      throw new Error(`somebody else made it, in a directory that is writable by all`);
    if (status.isFile() && isLastLineTorn(path, status.size)) {
      // A crash tore it. A forwarder may have read it already, so it is ended, not removed.
      const failure = writeAllNow(fd, Buffer.of(NEWLINE));
      if (failure !== undefined) throw failure.error;
    }
    return {
      fd,
      size: fstatSync(fd).size,
      isRegular: status.isFile(),
      inode: status.ino,
      device: status.dev,
      born: status.birthtimeMs,
    };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function openOrCreate(path: string): number {
  // A link would lead a process with rights to any file of the host; to open a pipe that nobody reads would hold the whole
  // process until somebody does. Not known everywhere: then 0.
  const guards = (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
  const flags = constants.O_WRONLY | constants.O_APPEND | guards;
  try {
    const fd = openSync(path, flags | constants.O_CREAT | constants.O_EXCL, FILE_MODE);
    // Whatever the umask says: the forwarder's group must be able to read.
    fchmodSync(fd, FILE_MODE);
    return fd;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  try {
    return openSync(path, flags);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENXIO') throw new Error('it is a pipe that nobody reads');
    if (code === 'ELOOP') throw new Error('it is a symbolic link, and these are not followed');
    throw error;
  }
}

function isForeign({ uid }: Stats): boolean {
  return process.getuid !== undefined && uid !== process.getuid();
}

function isLastLineTorn(path: string, size: number): boolean {
  if (size === 0) return false;
  const reader = openSync(path, 'r');
  try {
    const last = Buffer.alloc(1);
    return readSync(reader, last, 0, 1, size - 1) === 1 && last[0] !== NEWLINE;
  } finally {
    closeSync(reader);
  }
}
