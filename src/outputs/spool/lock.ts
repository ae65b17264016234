/** One agent a spool: two would send each other's events and move each other's cursor. */
import { linkSync, readFileSync, readlinkSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { ObstacleError } from '../../usage-error.ts';

/** How often a holder shows that it is there, to those that cannot see its process. */
const SIGN_INTERVAL_MS = 10_000;
/** A holder that has given no sign for so long is gone. */
const GONE_AFTER_MS = 3 * SIGN_INTERVAL_MS;

/** Pid, start time and PID namespace: a pid alone may be another process by now, or one of another container. */
function identity(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // Field 22 is the start time; the name in field 2 may hold blanks and parentheses (proc_pid_stat(5)).
    return `${pid} ${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return undefined;
  }
}

/** What the process says of itself, and when it did so last. */
interface Holder {
  readonly says: string;
  readonly signMs: number;
}

function isRunning({ says, signMs }: Holder): boolean {
  const [pidText, , namespace] = says.split(' ');
  const pid = Number(pidText);
  const own = identity(process.pid);
  if (own !== undefined) {
    if (own.endsWith(` ${namespace}`)) return identity(pid) === says;
    return Date.now() - signMs < GONE_AFTER_MS;
  }
  // No /proc: whether a process of that number is there at all.
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * @returns releases the lock; throws the system's error where its file cannot be removed: it is stale from then on
 * @throws ObstacleError where a running process holds it; the system's error otherwise
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
  const signs = setInterval(() => {
    const now = new Date();
    try {
      utimesSync(path, now, now);
    } catch {
      // Where it cannot be changed (gone, read-only by now) there is nothing to show, and no reason to end.
    }
  }, SIGN_INTERVAL_MS).unref();
  return () => {
    clearInterval(signs);
    rmSync(path, { force: true });
  };
}

/** Takes away what an ended process has left; nothing where somebody else was faster. */
function takeAway(path: string): void {
  let holder: Holder = { says: '', signMs: 0 };
  const isThere = unless('ENOENT', () => {
    holder = { says: readFileSync(path, 'latin1'), signMs: statSync(path).mtimeMs };
  });
  if (!isThere) return;
  if (holder.says !== '' && isRunning(holder))
    // It may be anything: what is shown is a number, or nothing of it.
    throw new ObstacleError(
      `${path} is held by ${/^\d+/.exec(holder.says) ? `process ${Number.parseInt(holder.says, 10)}` : 'another process'}: two agents cannot share a spool`,
    );
  const stale = `${path}.${process.pid}.stale`;
  if (!unless('ENOENT', () => renameSync(path, stale))) return;
  // Another start may have put its own lock there since it was read.
  if (readFileSync(stale, 'latin1') !== holder.says) unless('EEXIST', () => linkSync(stale, path));
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
