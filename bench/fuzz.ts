/**
 * The fuzzer's long run: mutated captures through everything from the frame to the line of JSON, in one process.
 *
 *     node dist/bench/fuzz.js [--packets 5000000] [--seed 24301] [--run NUMBER]
 *
 * The captures are the golden ones of the tests and, where it is found, the corpus. It ends with status 1 where a run
 * failed: `--run NUMBER` looks at that one again. The slowest frames are timed anew, their whole run each time: the
 * least of several times is what the frame costs, the rest was the machine.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type CounterName, createCounters } from '../src/counters.ts';
import { type FrameTime, Fuzzer, type FuzzRun } from '../test/fuzz/fuzzer.ts';
import { readMaterial } from '../test/fuzz/material.ts';
import { capturesBelow, PROJECT, sharedFolder } from '../test/support/shared.ts';

/** Every so many runs one is run twice, with other bytes around its frames in memory: it must give the same lines. */
const TWICE_EVERY = 16;
/** Slowest frames that are timed anew, and how often. */
const SLOWEST = 24;
const REPEATS = 5;
/** Failures told before it gives up. */
const MAX_FAILURES = 10;

interface Slow extends FrameTime {
  readonly number: number;
  readonly capture: string;
}

const { values } = parseArgs({
  options: {
    packets: { type: 'string', default: '5000000' },
    seed: { type: 'string', default: '24301' },
    run: { type: 'string' },
  },
});

const folders = [join(PROJECT, 'test/fixtures/cases')];
const corpus = sharedFolder('corpus');
if (corpus !== undefined) folders.push(join(corpus, 'captures'), join(corpus, 'malformed'));
const material = (await Promise.all(folders.map((folder) => readMaterial(capturesBelow(folder), folder)))).flat();
const fuzzer = new Fuzzer(material, Number(values.seed));
const frames = material.reduce((sum, one) => sum + one.frames.length, 0);
console.log(`${material.length} captures, ${frames} frames, seed ${values.seed}`);

const totals = createCounters();
const slowest: Slow[] = [];
let mutated = 0;
let sent = 0;
let lines = 0;
let twice = 0;
let failures = 0;

function fail(number: number, { capture, failure }: FuzzRun): void {
  failures++;
  console.log(`run ${number}, ${capture}: frame ${failure?.frame} (${failure?.done}) ${failure?.bytes}`);
  console.log(failure?.error);
}

function take(number: number, run: FuzzRun): void {
  mutated += run.mutated;
  sent += run.frames;
  lines += run.lineCount;
  for (const name of Object.keys(totals) as CounterName[]) totals[name] += run.counters[name];
  slowest.push({ ...run.worst, number, capture: run.capture });
  slowest.sort((a, b) => b.milliseconds - a.milliseconds);
  if (slowest.length > SLOWEST) slowest.pop();
  if (run.failure !== undefined) fail(number, run);
}

function runTwice(number: number): void {
  twice++;
  const [a, b] = [0x00, 0x16].map((around) => fuzzer.run(number, { lines: true, around }));
  const at = a?.lines?.findIndex((line, i) => line !== b?.lines?.[i]) ?? -1;
  if (at < 0 && a?.lines?.length === b?.lines?.length) return;
  failures++;
  console.log(`run ${number}, ${a?.capture}: what lies around the frames changes line ${at}:`);
  console.log(`${a?.lines?.[at]}\n${b?.lines?.[at]}`);
}

function costOf({ number, frame }: Slow): number {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < REPEATS; i++) least = Math.min(least, fuzzer.run(number, { timed: frame }).worst.milliseconds);
  return least;
}

const started = performance.now();
if (values.run !== undefined) {
  take(Number(values.run), fuzzer.run(Number(values.run)));
  runTwice(Number(values.run));
} else {
  const wanted = Number(values.packets);
  for (let number = 0; mutated < wanted && failures < MAX_FAILURES; number++) {
    take(number, fuzzer.run(number));
    if (number % TWICE_EVERY === 0) runTwice(number);
  }
}
const seconds = (performance.now() - started) / 1000;

console.log(`${mutated} mutated packets among ${sent}, ${lines} lines, ${seconds.toFixed(0)} s; ${failures} failures`);
console.log(
  `${twice} runs twice with other bytes around their frames; ${Math.round(process.resourceUsage().maxRSS / 1024)} MiB at most`,
);
for (const [name, count] of Object.entries(totals)) if (count > 0) console.log(`  ${name}: ${count}`);
console.log('slowest frames, the least of several times:');
const costs = slowest.map((slow) => ({ ...slow, least: costOf(slow) })).sort((a, b) => b.least - a.least);
for (const { number, capture, frame, length, done, least, milliseconds } of costs.slice(0, 6)) {
  const times = `${least.toFixed(3)} ms (at first ${milliseconds.toFixed(1)})`;
  console.log(`  ${times}: run ${number}, ${capture}, frame ${frame}, ${length} bytes (${done || 'not changed'})`);
}
process.exitCode = failures > 0 ? 1 : 0;
