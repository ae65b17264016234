/** One agent a spool: two would send each other's events and move each other's cursor. */
import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
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
  const mine = identity(process.pid) ?? `${process.pid}`;
  for (;;) {
    try {
      const fd = openSync(path, 'wx', 0o600);
      writeSync(fd, mine);
      closeSync(fd);
      return () => rmSync(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = readFileSync(path, 'latin1');
    if (holder !== '' && isRunning(holder))
      throw new UsageError(`${path} is held by process ${holder.split(' ')[0]}: two agents cannot share a spool`);
    rmSync(path, { force: true });
  }
}
