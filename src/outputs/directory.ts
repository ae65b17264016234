/** Making directories. */
import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * As `mkdir -p`. Node's own `recursive` never ends where a file system lets nobody make directories (/proc), and tells of a
 * read-only one that the directory is not there.
 * @throws Error of the system
 */
export function makeDirectory(path: string, mode: number): void {
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
    const parent = dirname(path);
    if (code === 'EEXIST') throw Object.assign(new Error(), { code: 'ENOTDIR', errno: -20 });
    if (code !== 'ENOENT' || parent === path) throw error;
    const hasParent = statSync(parent, { throwIfNoEntry: false }) !== undefined;
    makeDirectory(parent, mode);
    if (hasParent) throw error;
    mkdirSync(path, { mode });
  }
}
