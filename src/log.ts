/** The agent's own log: JSON lines for machines, short text for a person at a terminal. Always on standard error. */
import { createRequire } from 'node:module';
import type { Logger as PinoLogger } from 'pino';
import { toStandardError } from './standard-error.ts';

export type Logger = Pick<PinoLogger, 'info' | 'warn' | 'error'>;
export type LogFormat = 'json' | 'text';

const LEVEL_NAMES: Readonly<Record<number, string>> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'warning',
  50: 'error',
  60: 'fatal',
};

/** `warning: message key=value …` from one of pino's lines. */
function toText(line: string): string {
  const { level, time: _time, msg, ...rest } = JSON.parse(line) as Record<string, unknown>;
  const fields = Object.entries(rest).map(
    ([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  return `${[`vesper: ${LEVEL_NAMES[Number(level)] ?? level}: ${msg}`, ...fields].join(' ')}\n`;
}

const require = createRequire(import.meta.url);

function openLog(level: string, format: LogFormat, onLost: () => void): PinoLogger {
  const { pino }: typeof import('pino') = require('pino');
  const stream = {
    write(line: string): void {
      if (!toStandardError(format === 'text' ? toText(line) : line)) onLost();
    },
  };
  return pino({ level, base: null }, stream);
}

/**
 * Writes are synchronous: a line said before an exit is on the terminal. pino is loaded with the first line: it takes 30 ms
 * of a start.
 * @param onLost a line could not be written
 */
export function createLogger(level: string, format: LogFormat, onLost: () => void): Logger {
  let opened: PinoLogger | undefined;
  const say = <M extends keyof Logger>(method: M): Logger[M] => {
    opened ??= openLog(level, format, onLost);
    return opened[method].bind(opened);
  };
  return {
    get info() {
      return say('info');
    },
    get warn() {
      return say('warn');
    },
    get error() {
      return say('error');
    },
  };
}
