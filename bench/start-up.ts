/**
 * What a replay costs before and after its packets, and how its cost grows with the number of flows:
 *
 *     node dist/bench/start-up.js [--runs 11] [--flows]
 *
 * Without --flows, the smallest replay beside a Node that does nothing. With it, replays of the captures flows-1k, flows-50k
 * and flows-1m of `make-captures.ts` without flow records, which alone would grow with the number of flows.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { PROJECT } from '../test/support/shared.ts';
import { median, takeTurns } from './measure.ts';

const MAIN = join(import.meta.dirname, '../src/main.js');

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '11' }, flows: { type: 'boolean', default: false } },
});
const folder = mkdtempSync(join(tmpdir(), 'vesper-start-up-'));

const replay = (capture: string, ...more: string[]): string[] => [
  ...[process.execPath, MAIN, 'replay', join(PROJECT, capture), '-o', join(folder, '{kind}.ndjson'), ...more],
];
const nothing = [process.execPath, '-e', '0'];
const version = [process.execPath, MAIN, '--version'];
const commands: Readonly<Record<string, readonly string[]>> = values.flows
  ? Object.fromEntries(
      ['1k', '50k', '1m'].map((name) => [name, replay(`bench/data/flows-${name}.pcap`, '--collect', 'tls')]),
    )
  : {
      'node -e 0': nothing,
      'vesper --version': version,
      'vesper replay office-hour': replay('test/fixtures/cases/office-hour/input.pcap'),
    };

const turns = takeTurns(commands, Number(values.runs), folder);
rmSync(folder, { recursive: true });

console.log('| | wall s, median (least) | CPU s | first row = 1 | max RSS MB |');
console.log('|---|---:|---:|---:|---:|');
for (const { name, runs, wall, least, ratio } of turns) {
  const cells = [
    name,
    `${wall.toFixed(3)} (${least.toFixed(3)})`,
    median(runs.map(({ cpu }) => cpu)).toFixed(2),
    `${ratio.toFixed(2)} ×`,
    Math.max(...runs.map(({ rss }) => rss)).toFixed(0),
  ];
  console.log(`| ${cells.join(' | ')} |`);
}
