/** Cost of making one line of each kind, beside `JSON.stringify` of the same object, and of writing lines to a file. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CimEvent } from '../src/cim/event.ts';
import { NativeFormat } from '../src/cim/native.ts';
import { Normalizer } from '../src/cim/normalize.ts';
import { createCounters } from '../src/counters.ts';
import type { NetworkEvent } from '../src/dissect/event.ts';
import { parseOutputs } from '../src/output-settings.ts';
import { openDelivery } from '../src/outputs/open.ts';
import { CERTIFICATE } from '../test/cim/oracle/fixtures.ts';
import { DNS, FINDING, FLOW, OPTIONS, RESPONSE, TIME, TLS, UDP, VERDICTS } from '../test/cim/samples.ts';
import { conversationOf } from '../test/conversation.ts';

const LINES = 200_000;
const ROUNDS = 7;

/** Least processor time of the rounds, in nanoseconds a line: other load on the machine only ever adds. */
function measure(name: string, length: number, round: () => void): void {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < ROUNDS; i++) {
    const before = process.cpuUsage();
    round();
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, ((user + system) * 1000) / LINES);
  }
  console.log(`${name.padEnd(44)} ${least.toFixed(0).padStart(6)} ns/line  ${length} bytes`);
}

/** The same event with other times, ports and counts, so that no number is constant. */
const flows = Array.from({ length: 1024 }, (_, i) => ({
  ...FLOW,
  time: { seconds: TIME.seconds + i, nanos: (i * 7_919_000) % 1e9 },
  conversation: conversationOf({ client: { ip: `192.0.2.${i & 255}`, port: 1024 + i }, session: i }, FLOW.conversation),
  out: { packets: i, bytes: i * 313, payloadBytes: i * 200 },
}));
const transactions = Array.from({ length: 1024 }, (_, i) => ({
  ...DNS,
  time: { seconds: TIME.seconds + i, nanos: (i * 7_919_000) % 1e9 },
  conversation: conversationOf({ client: { ip: `2001:db8::${i & 255}`, port: 1024 + i }, session: i }, UDP),
}));
const messages = transactions.map(({ time, conversation }) => ({
  kind: 'dns_message' as const,
  time,
  conversation,
  protocol: 'dns' as const,
  message: RESPONSE,
}));

const cim = new Normalizer(OPTIONS);
const native = new NativeFormat();

function lines(name: string, make: (i: number) => CimEvent | undefined): void {
  const sample = make(0);
  if (sample === undefined) throw new Error(`${name} makes no event`);
  const { line } = sample;
  measure(name, line.length, () => {
    for (let i = 0; i < LINES; i++) make(i);
  });
  const object = JSON.parse(line) as object;
  measure(`  JSON.stringify of the same`, line.length, () => {
    for (let i = 0; i < LINES; i++) JSON.stringify(object);
  });
  measure(`  JSON.stringify and encode of the same`, line.length, () => {
    for (let i = 0; i < LINES; i++) Buffer.from(JSON.stringify(object));
  });
}

const at = (events: readonly NetworkEvent[], i: number): NetworkEvent => events[i & 1023] as NetworkEvent;

lines('cim flow', (i) => cim.normalize(at(flows, i), []));
lines('cim dns', (i) => cim.normalize(at(transactions, i), []));
lines('cim tls', () => cim.normalize(TLS, VERDICTS));
lines('cim certificate', () => cim.normalize(CERTIFICATE, []));
lines('cim finding', () => cim.finding(FINDING, 0));
lines('native flow', (i) => native.normalize(at(flows, i)));
lines('native dns response', (i) => native.normalize(at(messages, i)));

const folder = mkdtempSync(join(tmpdir(), 'vesper-bench-'));
for (const [name, path] of [
  ['to nowhere', '/dev/null'],
  ['to one file', join(folder, 'all.ndjson')],
  ['to a file for each kind', join(folder, '{kind}.ndjson')],
] as const) {
  const options = { live: false, spoolDirectory: () => folder, sensor: 'bench' };
  const outputs = parseOutputs([path], 'cim').outputs;
  const delivery = await openDelivery(outputs, options, createCounters(), (notice) => {
    throw new Error(JSON.stringify(notice));
  });
  measure(`cim flow and dns, made and sent ${name}`, 0, () => {
    for (let i = 0; i < LINES; i++) {
      const event = cim.normalize(at((i & 1) === 0 ? flows : transactions, i), []);
      if (event !== undefined) delivery.push(event, 'cim');
    }
  });
  await delivery.close();
}
rmSync(folder, { recursive: true });
