/** An agent with a spool that is killed again and again while its peer is unreliable. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Counters } from '../../../src/counters.ts';
import { cleanEnvironment } from '../../support/cli.ts';
import type { UnreliableServer } from './unreliable-server.ts';

const WRITER = fileURLToPath(new URL('./spool-writer.js', import.meta.url));
export const BATCH = 50;
/** Lives of a writer last from its start up to so long. */
const MAX_LIFE_MS = 200;

export interface Life {
  /** Events that were in the spool, or beyond it, when the writer last spoke. */
  readonly kept: number;
  /** Of a writer that ended in order. */
  readonly counters: Counters | undefined;
}

export interface LifeOptions {
  readonly directory: string;
  readonly port: number;
  readonly run: number;
  readonly batches: number;
  readonly maxBytes: number;
  /** How it ends; undefined: by itself, when everything is sent. */
  readonly signal?: NodeJS.Signals;
  /** When, after its start. */
  readonly after?: number;
}

export async function live({ directory, port, run, batches, maxBytes, signal, after }: LifeOptions): Promise<Life> {
  const args = [WRITER, directory, port, run, batches, maxBytes].map(String);
  const child = spawn(process.execPath, args, { env: cleanEnvironment(), stdio: ['ignore', 'pipe', 'inherit'] });
  let told = '';
  child.stdout.on('data', (part: Buffer) => {
    told += part.toString();
  });
  const exited = once(child, 'close');
  while (!told.includes('\n') && child.exitCode === null) await sleep(2);
  if (signal !== undefined) {
    await sleep(after ?? Math.random() * MAX_LIFE_MS);
    child.kill(signal);
  }
  const [status] = (await exited) as [number | null];
  if (signal !== 'SIGKILL' && status !== 0) throw new Error(`the writer ended with ${status}`);
  const lines = told.trimEnd().split('\n');
  const counters = signal === 'SIGKILL' ? undefined : (JSON.parse(lines.pop() ?? '') as Counters);
  return { kept: Number(lines.at(-1)), counters };
}

/** Kills a writer so many times, then lets one send the rest. Every third ends by SIGTERM. */
export async function sendAndKill(directory: string, server: UnreliableServer, kills: number): Promise<Life[]> {
  const port = await server.listen();
  const lives: Life[] = [];
  const options = { directory, port, batches: Number.POSITIVE_INFINITY, maxBytes: 2 ** 30 };
  for (let run = 0; run < kills; run++)
    lives.push(await live({ ...options, run, signal: run % 3 === 2 ? 'SIGTERM' : 'SIGKILL' }));
  server.behavior = () => 'take';
  lives.push(await live({ ...options, run: kills, batches: 0 }));
  server.close();
  return lives;
}

export interface Arrivals {
  readonly distinct: number;
  /** Kept, and never arrived. */
  readonly lost: number;
  readonly doubled: number;
  /** Events that arrived for the first time after a later one. */
  readonly disordered: number;
}

export function arrivals(kept: readonly number[], lines: readonly string[]): Arrivals {
  const seen = kept.map(() => new Set<number>());
  let disordered = 0;
  let doubled = 0;
  let lastRun = 0;
  let last = -1;
  for (const line of lines) {
    const { n, run } = JSON.parse(line) as { n: number; run: string };
    const of = seen[Number(run)];
    if (of?.has(n)) {
      doubled++;
      continue;
    }
    of?.add(n);
    if (Number(run) < lastRun || (Number(run) === lastRun && n <= last)) disordered++;
    lastRun = Number(run);
    last = n;
  }
  let lost = 0;
  for (const [run, count] of kept.entries()) for (let n = 0; n < count; n++) if (!seen[run]?.has(n)) lost++;
  return { distinct: seen.reduce((sum, { size }) => sum + size, 0), lost, doubled, disordered };
}
