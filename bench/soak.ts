/**
 * The fault tests of the file output and of the spool, as often as one likes.
 *
 *     node dist/bench/soak.js file|spool KILLS
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compare, writeAndKill } from '../test/outputs/faults/kill-file.ts';
import { arrivals, sendAndKill } from '../test/outputs/faults/kill-spool.ts';
import { Tailer } from '../test/outputs/faults/tailer.ts';
import { UnreliableServer } from '../test/outputs/faults/unreliable-server.ts';

const [what, count = ''] = process.argv.slice(2);
const kills = Number(count);
if ((what !== 'file' && what !== 'spool') || !(kills > 0)) throw new Error('node dist/bench/soak.js file|spool KILLS');

const folder = mkdtempSync(join(tmpdir(), 'vesper-soak-'));
const started = performance.now();
try {
  const report = what === 'file' ? await files() : await spool();
  process.stdout.write(`${JSON.stringify({ kills, seconds: (performance.now() - started) / 1000, ...report })}\n`);
  if (report.lost > 0 || report.disordered > 0) process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true });
}

async function files() {
  const tailer = new Tailer(folder, (name) => name.startsWith('events.ndjson'));
  const { acknowledged, rotations } = await writeAndKill({
    directory: folder,
    kills,
    meanwhile: () => tailer.poll(),
  });
  tailer.poll(true);
  return { rotations, acknowledged: sum(acknowledged), ...compare(acknowledged, tailer.read()) };
}

async function spool() {
  const server = new UnreliableServer();
  let requests = 0;
  server.behavior = () => {
    requests++;
    const one = Math.random();
    return one < 0.6 ? 'take' : one < 0.75 ? 'refuse' : one < 0.85 ? 'reset' : one < 0.97 ? 'take and reset' : 'hang';
  };
  const lives = await sendAndKill(folder, server, kills);
  const kept = lives.map((life) => life.kept);
  return { requests, kept: sum(kept), ...arrivals(kept, server.taken) };
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, each) => total + each, 0);
}
