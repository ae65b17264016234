/**
 * Writes numbered events to a rotating file until it is killed, and tells on standard output after each batch how many are
 * written. SIGTERM ends it in order. If it is paced, each batch but the first waits for a line on standard input.
 */
import { once } from 'node:events';
import { createCounters } from '../../../src/counters.ts';
import { openDelivery } from '../../../src/outputs/open.ts';
import { eventsOf } from '../events.ts';
import { fileSettings } from '../routes.ts';

const [path = '', run = '', rotateBytes = '0', pace = 'free'] = process.argv.slice(2);
const BATCH = 50;

const settings = fileSettings(path, {
  batch: { events: BATCH },
  rotate: { bytes: Number(rotateBytes) },
});
const counters = createCounters();
const delivery = await openDelivery(
  [settings],
  { live: true, spoolDirectory: () => '', sensor: 'test' },
  counters,
  (notice) => {
    throw new Error(JSON.stringify(notice));
  },
);
const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());
for (let made = 0; !stop.signal.aborted; made += BATCH) {
  const lines = Array.from({ length: BATCH }, (_, i) => JSON.stringify({ n: made + i, run, pad: 'x'.repeat(i * 7) }));
  for (const event of eventsOf(lines)) delivery.push(event, 'cim');
  await delivery.drain();
  process.stdout.write(`${counters['events.sent']}\n`);
  if (pace === 'paced') await once(process.stdin, 'data', { signal: stop.signal }).catch(() => {});
}
await delivery.close();
process.stdin.destroy();
