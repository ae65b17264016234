/** One agent a spool: two would send each other's events and move each other's cursor. */
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { UsageError } from '../../usage-error.ts';

/** Pid and start time: a pid alone may be another process by now. */
function identity(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // Field 22 is the start time; the name in field 2 may hold blanks and parentheses (proc_pid_stat(5)).
    return `${pid} ${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`;
  } catch {
    return undefined;
  }
}

/** Where there is no /proc, whether the process is there at all. */
function isRunning(holder: string): boolean {
  const pid = Number(holder.split(' ')[0]);
  if (identity(process.pid) !== undefined) return identity(pid) === holder;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * @returns releases the lock
 * @throws UsageError where a running process holds it; the system's error otherwise
 */
export function lock(path: string): () => void {
  const own = `${path}.${process.pid}`;
  // Linked when it is whole: nobody reads a lock whose holder is not written yet.
  writeFileSync(own, identity(process.pid) ?? `${process.pid}`, { mode: 0o600 });
  try {
    while (!unless('EEXIST', () => linkSync(own, path))) takeAway(path);
  } finally {
    rmSync(own, { force: true });
  }
  return () => rmSync(path, { force: true });
}

/** Takes away what an ended process has left; nothing where somebody else was faster. */
function takeAway(path: string): void {
  let holder = '';
  const isThere = unless('ENOENT', () => {
    holder = readFileSync(path, 'latin1');
  });
  if (!isThere) return;
  if (holder !== '' && isRunning(holder))
    throw new UsageError(`${path} is held by process ${holder.split(' ')[0]}: two agents cannot share a spool`);
  const stale = `${path}.${process.pid}.stale`;
  if (!unless('ENOENT', () => renameSync(path, stale))) return;
  // Another start may have put its own lock there since it was read.
  if (readFileSync(stale, 'latin1') !== holder) unless('EEXIST', () => linkSync(stale, path));
  rmSync(stale);
}

/** Whether the action succeeded; false where it met just this error of the system. */
function unless(code: string, action: () => void): boolean {
  try {
    action();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== code) throw error;
    return false;
  }
}
