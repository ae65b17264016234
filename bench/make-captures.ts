/**
 * Makes the captures that `replay.ts` measures, the same bytes every time, in bench/data (about 2 GB):
 *
 *     node dist/bench/make-captures.js [NAME…]        (no NAME: all that are missing)
 */
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT } from '../test/support/shared.ts';
import { writeBulk } from './captures/bulk.ts';
import { writeDns } from './captures/dns.ts';
import { writeFlows } from './captures/flows.ts';
import { writeTls } from './captures/tls.ts';
import { CaptureWriter } from './captures/writer.ts';

const FOLDER = join(PROJECT, 'bench/data');
const FLOW_PACKETS = 2_000_000;

const CAPTURES: Readonly<Record<string, (writer: CaptureWriter) => void>> = {
  bulk: (writer) => writeBulk(writer, 50_000, 1_000_000),
  dns: (writer) => writeDns(writer, 500_000),
  tls: (writer) => writeTls(writer, 100_000, join(PROJECT, 'test/fixtures/cases')),
  'flows-1k': (writer) => writeFlows(writer, 1000, FLOW_PACKETS),
  'flows-50k': (writer) => writeFlows(writer, 50_000, FLOW_PACKETS),
  'flows-1m': (writer) => writeFlows(writer, 1_000_000, FLOW_PACKETS),
};

function make(name: string): void {
  const write = CAPTURES[name];
  if (!write) throw new Error(`no capture ${name}; there are ${Object.keys(CAPTURES).join(', ')}`);
  const started = performance.now();
  const path = join(FOLDER, `${name}.pcap`);
  // Under another name until it is whole: a cut file must not be measured.
  const writer = new CaptureWriter(`${path}.part`);
  write(writer);
  writer.close();
  renameSync(`${path}.part`, path);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${name}.pcap: ${writer.packets} packets, ${(writer.bytes / 1e6).toFixed(1)} MB, made in ${seconds} s`);
}

mkdirSync(FOLDER, { recursive: true });
const asked = process.argv.slice(2);
const missing = Object.keys(CAPTURES).filter((name) => !existsSync(join(FOLDER, `${name}.pcap`)));
for (const name of asked.length > 0 ? asked : missing) make(name);
