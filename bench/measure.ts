import { spawnSync } from 'node:child_process';
import { closeSync, createReadStream, existsSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** One run of a program. Seconds, megabytes (10^6 bytes). */
export interface Run {
  readonly wall: number;
  readonly cpu: number;
  readonly rss: number;
}

const GNU_TIME = '/usr/bin/time';

/** Runs a program to its end with its standard output in a file; throws when it fails. */
export function measure(command: readonly string[], folder: string, outputFile: string): Run {
  if (!existsSync(GNU_TIME)) throw new Error(`${GNU_TIME} is missing (Debian package time): it measures memory`);
  const report = join(folder, 'time');
  const output = openSync(outputFile, 'w');
  const started = performance.now();
  const { status, stderr } = spawnSync(GNU_TIME, ['-f', '%U %S %M', '-o', report, ...command], {
    stdio: ['ignore', output, 'pipe'],
  });
  const wall = (performance.now() - started) / 1000;
  closeSync(output);
  if (status !== 0) throw new Error(`${command.join(' ')} ended with ${status}: ${stderr}`);
  const [user = 0, system = 0, kilobytes = 0] = readFileSync(report, 'utf8').trim().split(' ').map(Number);
  rmSync(report);
  return { wall, cpu: user + system, rss: (kilobytes * 1024) / 1e6 };
}

/** The runs of one program among others. */
export interface Turns {
  readonly name: string;
  readonly runs: readonly Run[];
  /** Median and least of the wall times in seconds, and the median as a multiple of the first program's. */
  readonly wall: number;
  readonly least: number;
  readonly ratio: number;
}

/** Runs each program so often, in turns: a drift of the machine hits all of them. */
export function takeTurns(
  commands: Readonly<Record<string, readonly string[]>>,
  times: number,
  folder: string,
): Turns[] {
  const runs = new Map<string, Run[]>(Object.keys(commands).map((name) => [name, []]));
  for (let run = 0; run < times; run++) {
    for (const [name, command] of Object.entries(commands)) {
      runs.get(name)?.push(measure(command, folder, join(folder, 'stdout')));
    }
  }
  let first: number | undefined;
  return [...runs].map(([name, measured]) => {
    const walls = measured.map(({ wall }) => wall);
    const wall = median(walls);
    first ??= wall;
    return { name, runs: measured, wall, least: Math.min(...walls), ratio: wall / first };
  });
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >>> 1;
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

const NEWLINE = 10;

export async function countLines(path: string): Promise<number> {
  let lines = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, at + 1)) lines++;
  }
  return lines;
}
