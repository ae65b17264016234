/**
 * The least that a replay of `bulk` in JavaScript can take, beside tcpdump and the replay itself:
 *
 *     node dist/bench/floor.js [--runs 5]
 *
 * Processes in turns: Node alone; Node that reads the capture into one block again and again; the same and a bare loop over its
 * packets, which finds ports and addresses (Ethernet, IPv4 or IPv6 without extension headers, TCP) and counts packets and bytes
 * of each direction of a flow in typed arrays, and nothing else: no checks, no time, no TCP state, no event. Then the agent with
 * next to no packets, and with all.
 */
import { mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { PROJECT } from '../test/support/shared.ts';
import { takeTurns } from './measure.ts';
import { tcpdump, vesper } from './tools.ts';

const MAIN = join(import.meta.dirname, '../src/main.js');
const CAPTURE = join(PROJECT, 'bench/data/bulk.pcap');
const SMALL = join(PROJECT, 'test/fixtures/cases/office-hour/input.pcap');
const BLOCK = 256 * 1024;
const FILE_HEADER = 24;
const RECORD_HEADER = 16;
const ETHERTYPE_IPV4 = 0x0800;

/** `bulk` has 100,000 directions. */
const CELLS = 262_144;
/** Ports and two addresses of IPv6. */
const KEY = 9;

/** Calls `packets` with each block; it returns where the first packet begins that is not whole. */
function read(packets: (view: DataView, from: number, to: number) => number): void {
  const fd = openSync(CAPTURE, 'r');
  const bytes = new Uint8Array(BLOCK);
  const view = new DataView(bytes.buffer);
  let from = FILE_HEADER;
  for (let kept = 0; ; from = 0) {
    const got = readSync(fd, bytes, kept, BLOCK - kept, null);
    if (got === 0) return;
    const rest = packets(view, from, kept + got);
    bytes.copyWithin(0, rest, kept + got);
    kept += got - rest;
  }
}

/** Returns how many directions there were. */
function countDirections(): number {
  const keys = new Int32Array(CELLS * KEY);
  const counts = new Float64Array(CELLS * 2);
  const key = new Int32Array(KEY);
  let directions = 0;
  read((view, from, to) => {
    let at = from;
    while (at + RECORD_HEADER <= to) {
      const next = at + RECORD_HEADER + view.getUint32(at + 8, true);
      if (next > to) break;
      const ip = at + RECORD_HEADER + 14;
      const isIpv4 = view.getUint16(ip - 2) === ETHERTYPE_IPV4;
      const addresses = isIpv4 ? ip + 12 : ip + 8;
      const length = isIpv4 ? 3 : 9;
      const ports = isIpv4 ? ip + 4 * (view.getUint8(ip) & 15) : ip + 40;
      let hash = 0;
      for (let i = 0; i < length; i++) {
        const word = view.getInt32(i === 0 ? ports : addresses + 4 * (i - 1));
        key[i] = word;
        hash = Math.imul(hash ^ word, 0x9e3779b1);
        hash ^= hash >>> 15;
      }
      let cell = hash & (CELLS - 1);
      while (counts[2 * cell] !== 0) {
        let same = 0;
        while (same < length && keys[cell * KEY + same] === key[same]) same++;
        if (same === length) break;
        cell = (cell + 1) & (CELLS - 1);
      }
      if (counts[2 * cell] === 0) {
        keys.set(key, cell * KEY);
        directions++;
      }
      counts[2 * cell] = counts[2 * cell]! + 1;
      counts[2 * cell + 1] = counts[2 * cell + 1]! + view.getUint16(isIpv4 ? ip + 2 : ip + 4);
      at = next;
    }
    return at;
  });
  return directions;
}

const { values } = parseArgs({ options: { runs: { type: 'string', default: '5' }, part: { type: 'string' } } });
if (values.part === 'read') read((_view, _from, to) => to);
else if (values.part === 'count') console.log(countDirections());
else compare(Number(values.runs));

function compare(times: number): void {
  const folder = mkdtempSync(join(tmpdir(), 'vesper-floor-'));
  const part = (name: string): string[] => [process.execPath, import.meta.filename, '--part', name];
  const commands: Readonly<Record<string, readonly string[]>> = {
    [tcpdump.name]: tcpdump.command(CAPTURE, folder),
    'node -e 0': [process.execPath, '-e', '0'],
    'Node reads the file': part('read'),
    'and counts packets by flow and direction': part('count'),
    'vesper replay, 229 packets': vesper(MAIN).command(SMALL, folder),
    'vesper replay': vesper(MAIN).command(CAPTURE, folder),
  };
  const turns = takeTurns(commands, times, folder);
  rmSync(folder, { recursive: true });

  console.log('| | wall s, median (least) | tcpdump = 1 |\n|---|---:|---:|');
  for (const { name, wall, least, ratio } of turns) {
    console.log(`| ${name} | ${wall.toFixed(2)} (${least.toFixed(2)}) | ${ratio.toFixed(1)} × |`);
  }
}
