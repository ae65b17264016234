import { closeSync } from 'node:fs';

/**
 * The descriptor is gone whatever the system says (close(2)); an error tells of data that the disk did not take, which is
 * read back as damaged, and counted then.
 */
export function closeQuietly(fd: number): void {
  try {
    closeSync(fd);
  } catch {
    // See above.
  }
}
