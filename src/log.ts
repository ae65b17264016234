/** The agent's own log: JSON lines for machines, short text for a person at a terminal. Always on standard error. */
import { type Logger, pino } from 'pino';

export type { Logger };
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

/** Writes are synchronous: a line said before an exit is on the terminal. */
export function createLogger(level: string, format: LogFormat): Logger {
  const stream = {
    write(line: string): void {
      process.stderr.write(format === 'text' ? toText(line) : line);
    },
  };
  return pino({ level, base: null }, stream);
}
