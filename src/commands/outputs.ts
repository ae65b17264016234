/** What the commands that run the pipeline have in common about outputs. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../config.ts';
import type { DeliveryNotice } from '../outputs/notice.ts';
import { ReaderGoneError } from '../outputs/output.ts';
import { UsageError } from '../usage-error.ts';

export interface NoticeText {
  readonly level: 'info' | 'warn' | 'error';
  readonly text: string;
}

/** A notice for the log; undefined where it is no news: a reader that has seen enough. */
export function noticeText(notice: DeliveryNotice): NoticeText | undefined {
  const { output } = notice;
  switch (notice.what) {
    case 'failing': {
      const { error, since } = notice;
      const still =
        since &&
        `failing for ${durationText(since.seconds)}, ${eventsText(since.waiting)} ${since.waiting === 1 ? 'waits' : 'wait'}; `;
      return { level: 'warn', text: `${output}: ${error.message}; ${still ?? ''}trying again until it works` };
    }
    case 'recovered':
      return { level: 'info', text: `${output}: works again after ${notice.seconds.toFixed(1)} s` };
    case 'lost':
      return { level: 'error', text: `${output}: ${eventsText(notice.events)} lost: ${notice.reason}` };
    case 'warning':
      return { level: notice.isOver ? 'info' : 'warn', text: `${output}: ${notice.text}` };
    case 'failed':
      if (notice.error instanceof ReaderGoneError) return undefined;
      return { level: 'error', text: `${output}: ${notice.error.message}` };
  }
}

function eventsText(count: number): string {
  return count === 1 ? '1 event' : `${count} events`;
}

/** `90 s`, `5 min`, `3.5 h`, `6.2 d`: what somebody who reads a log wants to know of it. */
function durationText(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${(seconds / 3_600).toFixed(1)} h`;
  return `${(seconds / 86_400).toFixed(1)} d`;
}

/** @throws UsageError where `auto` finds no place */
export function spoolDirectory({ spool }: Config): string {
  if (spool.directory !== 'auto') return spool.directory;
  const { STATE_DIRECTORY } = process.env;
  // systemd.exec(5): several directories are separated by colons.
  if (STATE_DIRECTORY) return join(STATE_DIRECTORY.split(':')[0] ?? '', 'spool');
  if (process.getuid?.() === 0) return '/var/lib/vesper/spool';
  try {
    return join(homedir(), '.local', 'state', 'vesper', 'spool');
  } catch {
    // Neither $HOME nor a line in the user database, as of a container's user that is just a number.
    throw new UsageError('this user has no home directory for the spool: set spool.directory');
  }
}

/** Gives the work of the end a deadline that comes so many seconds after the signal aborts. */
export async function endInTime(
  signal: AbortSignal,
  seconds: number,
  work: (deadline: Promise<void>) => Promise<void>,
): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<void>((resolve) => {
    const start = (): void => {
      timer = setTimeout(resolve, seconds * 1000);
    };
    if (signal.aborted) start();
    else signal.addEventListener('abort', start, { once: true });
  });
  try {
    await work(deadline);
  } finally {
    clearTimeout(timer);
  }
}
