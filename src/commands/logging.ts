/** What the commands that run the pipeline say in the log. */
import type { Config } from '../config.ts';
import type { Counters } from '../counters.ts';
import { createLogger, type LogFormat, type Logger } from '../log.ts';

export function openLogger(config: Config, counters: Counters): Logger {
  return createLogger(config.log.level, logFormat(config), () => counters['log.lost']++);
}

function logFormat(config: Config): LogFormat {
  if (config.log.format !== 'auto') return config.log.format;
  return process.stderr.isTTY ? 'text' : 'json';
}

/** The counters that are not zero. */
export function summary(counters: Counters): Partial<Counters> {
  return Object.fromEntries(Object.entries(counters).filter(([, count]) => count !== 0));
}
