/** What commands say on standard output. */
import { systemErrorText } from '../outputs/write.ts';
import { toStandardError } from '../standard-error.ts';

let isWatched = false;

/** Whoever has read enough is no error; a disk that is full is one. */
function watch(): void {
  let failed = false;
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE' || failed) return;
    failed = true;
    toStandardError(`vesper: cannot write standard output: ${systemErrorText(error)}\n`);
  });
  process.on('exit', () => {
    if (failed) process.exitCode = 1;
  });
}

export function print(text: string): void {
  if (!isWatched) watch();
  isWatched = true;
  process.stdout.write(text);
}
