/**
 * Replays the captures of `make-captures.ts` side by side with other tools, and prints a table in Markdown:
 *
 *     node dist/bench/replay.js [--runs 3] [--only bulk,dns,tls] [--tshark-packets 100000 | --whole]
 *
 * The tools take turns within each run, so that a drift of the machine hits all of them; figures are medians. tshark
 * runs once for each capture and, unless --whole, on its first packets only: its time is then scaled to the whole
 * file (start-up left out), and its memory is what it was by then.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { PROJECT } from '../test/support/shared.ts';
import { measure, median, type Run } from './measure.ts';
import { ndpiReader, type Tool, tcpdump, tshark, vesper } from './tools.ts';

const DATA = join(PROJECT, 'bench/data');
const OUTPUT = join(DATA, 'out');
const STANDARD_OUTPUT = join(OUTPUT, 'stdout');
/** The same build as this file's. */
const MAIN = join(import.meta.dirname, '../src/main.js');

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '3' },
    only: { type: 'string' },
    'tshark-packets': { type: 'string', default: '100000' },
    whole: { type: 'boolean', default: false },
  },
});

interface Result {
  readonly capture: string;
  readonly packets: number;
  readonly tool: Tool;
  readonly runs: Run[];
  made: string;
  note: string;
}

async function once(result: Result): Promise<void> {
  rmSync(OUTPUT, { recursive: true, force: true });
  mkdirSync(OUTPUT);
  result.runs.push(measure(result.tool.command(pathOf(result.capture), OUTPUT), OUTPUT, STANDARD_OUTPUT));
  result.made = await result.tool.made(OUTPUT, STANDARD_OUTPUT);
}

/** tshark on the first packets, scaled: start + (time - start) × all packets ÷ those packets. */
async function onceTshark(capture: string, packets: number): Promise<Result> {
  const part = values.whole ? packets : Math.min(packets, Number(values['tshark-packets']));
  const start: Result = { capture, packets, tool: tshark(capture, 1), runs: [], made: '', note: '' };
  await once(start);
  const result: Result = { capture, packets, tool: tshark(capture, part), runs: [], made: '', note: '' };
  await once(result);
  if (part < packets) {
    const [startUp, run] = [start.runs[0] as Run, result.runs[0] as Run];
    const scale = (key: 'wall' | 'cpu') => startUp[key] + ((run[key] - startUp[key]) * packets) / part;
    result.runs[0] = { wall: scale('wall'), cpu: scale('cpu'), rss: run.rss };
    result.note = ` (scaled from ${part} packets)`;
  }
  return result;
}

function pathOf(capture: string): string {
  return join(DATA, `${capture}.pcap`);
}

/** Counts the packets, and has the file in memory before the first measurement. */
function countPackets(capture: string): number {
  const { stdout } = spawnSync('tcpdump', ['--count', '-r', pathOf(capture)], { encoding: 'utf8' });
  return Number.parseInt(stdout, 10);
}

function row(result: Result, floor: number): string {
  const walls = result.runs.map((run) => run.wall);
  const wall = median(walls);
  const spread = walls.length > 1 ? ` (${Math.min(...walls).toFixed(2)}–${Math.max(...walls).toFixed(2)})` : '';
  const cells = [
    result.capture,
    result.tool.name + result.note,
    `${wall.toFixed(2)}${spread}`,
    median(result.runs.map((run) => run.cpu)).toFixed(2),
    Math.max(...result.runs.map((run) => run.rss)).toFixed(0),
    (result.packets / wall / 1e6).toFixed(3),
    `${(wall / floor).toFixed(2)} ×`,
    result.made,
  ];
  return `| ${cells.join(' | ')} |`;
}

const captures = (
  values.only?.split(',') ??
  readdirSync(DATA)
    .filter((file) => file.endsWith('.pcap'))
    .sort()
).map((name) => name.replace(/\.pcap$/, ''));
const tools: Tool[] = [tcpdump, ndpiReader];
if (existsSync(MAIN)) tools.push(vesper(MAIN));
else console.error(`replay: ${MAIN} is missing; only the other tools are measured`);

const results: Result[] = [];
for (const capture of captures) {
  const packets = countPackets(capture);
  for (const tool of tools) results.push({ capture, packets, tool, runs: [], made: '', note: '' });
}
for (let run = 1; run <= Number(values.runs); run++) {
  for (const result of results) {
    console.error(`run ${run}: ${result.capture}, ${result.tool.name}`);
    await once(result);
  }
}
for (const capture of captures) {
  console.error(`tshark: ${capture}`);
  const last = results.findLastIndex((result) => result.capture === capture);
  results.splice(last + 1, 0, await onceTshark(capture, results[last]?.packets ?? 0));
}
rmSync(OUTPUT, { recursive: true, force: true });

const model = /model name\s*:\s*(.*)/.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? 'unknown processor';
console.log(`${cpus().length} × ${model}, Node ${process.version}, ${values.runs} runs.\n`);
console.log('| capture | tool | wall s, median (range) | CPU s | max RSS MB | Mpackets/s | tcpdump = 1 | made |');
console.log('|---|---|---:|---:|---:|---:|---:|---|');
for (const result of results) {
  const floor = results.find(({ capture, tool }) => capture === result.capture && tool === tcpdump) as Result;
  console.log(row(result, median(floor.runs.map((run) => run.wall))));
}
