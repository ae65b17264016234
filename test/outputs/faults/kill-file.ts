/** An agent that writes a rotating file and is killed again and again, while a forwarder reads the file. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { cleanEnvironment } from '../../support/cli.ts';

const WRITER = fileURLToPath(new URL('./file-writer.js', import.meta.url));
/** Rotates many times in a second. */
const ROTATE_BYTES = 50_000;
/** Lives of a writer last from its first written batch up to so long. */
const MAX_LIFE_MS = 150;

export interface KillOptions {
  readonly directory: string;
  readonly kills: number;
  readonly rotateBytes?: number;
  /** Of Node, before the writer. */
  readonly nodeOptions?: readonly string[];
  /** Called often while the writers write. */
  readonly meanwhile?: () => void;
  /** Whether a reader is near enough to the acknowledged events of all runs for one more batch. Without it nobody waits. */
  readonly mayWrite?: (acknowledged: number) => boolean;
}

export interface WrittenRuns {
  /** Events that each run said were written. */
  readonly acknowledged: readonly number[];
  readonly rotations: number;
}

/** Every second writer ends by SIGTERM, the others by SIGKILL, at a random moment. */
export async function writeAndKill({
  directory,
  kills,
  rotateBytes = ROTATE_BYTES,
  nodeOptions = [],
  meanwhile = () => {},
  mayWrite,
}: KillOptions): Promise<WrittenRuns> {
  const acknowledged: number[] = [];
  let before = 0;
  for (let run = 0; run < kills; run++) {
    const pace = mayWrite === undefined ? 'free' : 'paced';
    const child = spawn(
      process.execPath,
      [...nodeOptions, WRITER, join(directory, 'events.ndjson'), `${run}`, `${rotateBytes}`, pace],
      {
        env: cleanEnvironment(),
        stdio: ['pipe', 'pipe', 'inherit'],
      },
    );
    // A killed writer's pipe is closed.
    child.stdin.on('error', () => {});
    let told = 0;
    const count = await liveAndDie(child, run % 2 === 0 ? 'SIGKILL' : 'SIGTERM', (written) => {
      meanwhile();
      if (written === told || mayWrite?.(before + written) !== true) return;
      told = written;
      child.stdin.write('\n');
    });
    acknowledged.push(count);
    before += count;
  }
  const rotations = readdirSync(directory).filter((name) => /^events\.ndjson\.\d+/.test(name)).length;
  return { acknowledged, rotations };
}

async function liveAndDie(
  child: ChildProcess,
  signal: NodeJS.Signals,
  meanwhile: (written: number) => void,
): Promise<number> {
  let told = '';
  const written = () => Number(told.trimEnd().split('\n').at(-1));
  child.stdout?.on('data', (part: Buffer) => {
    told += part.toString();
  });
  const exited = once(child, 'close');
  while (!told.includes('\n') && child.exitCode === null) await sleep(5);
  const end = performance.now() + Math.random() * MAX_LIFE_MS;
  while (performance.now() < end) {
    meanwhile(written());
    await sleep(3);
  }
  child.kill(signal);
  const [status] = (await exited) as [number | null];
  if (signal === 'SIGTERM' && status !== 0) throw new Error(`the writer ended with ${status}`);
  meanwhile(written());
  return written();
}

export interface ReadReport {
  readonly read: number;
  /** Acknowledged and not read. */
  readonly lost: number;
  readonly doubled: number;
  /** Events that are not the next of their run after the one before them in their file. */
  readonly disordered: number;
  /** Lines that a kill has torn. */
  readonly torn: number;
}

/** @param files the lines of each file */
export function compare(acknowledged: readonly number[], files: readonly (readonly string[])[]): ReadReport {
  const seen = acknowledged.map(() => new Map<number, number>());
  const report = { read: 0, lost: 0, doubled: 0, disordered: 0, torn: 0 };
  for (const lines of files) {
    let before: { n: number; run: string } | undefined;
    for (const line of lines) {
      let event: { n: number; run: string };
      try {
        event = JSON.parse(line);
      } catch {
        report.torn++;
        continue;
      }
      report.read++;
      if (before?.run === event.run && event.n !== before.n + 1) report.disordered++;
      before = event;
      const times = seen[Number(event.run)];
      times?.set(event.n, (times.get(event.n) ?? 0) + 1);
    }
  }
  for (const [run, count] of acknowledged.entries()) {
    const times = seen[run] ?? new Map();
    for (let n = 0; n < count; n++) if (!times.has(n)) report.lost++;
    for (const often of times.values()) report.doubled += often - 1;
  }
  return report;
}
