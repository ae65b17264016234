/**
 * Memory while a peer is down: 5,000 events/s into the spool of an output that nobody takes anything from.
 *
 *     node dist/bench/outage.js [SECONDS]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CimEvent } from '../src/cim/event.ts';
import { createCounters } from '../src/counters.ts';
import { Delivery } from '../src/outputs/delivery.ts';
import { DeliveryError, type Output } from '../src/outputs/output.ts';
import { openSpool } from '../src/outputs/spool/spool.ts';
import { route } from '../test/outputs/routes.ts';

const SECONDS = Number(process.argv[2] ?? 60);
const EVENTS_PER_SECOND = 5_000;
const STEP_MS = 50;
const LINE = Buffer.from(`${'x'.repeat(699)}\n`);
const REPORTS = 6;

const folder = mkdtempSync(join(tmpdir(), 'vesper-bench-outage-'));
const counters = createCounters();
const peer: Output = {
  name: 'away',
  send: async () => {
    throw new DeliveryError('away', true);
  },
  close: async () => {},
};
const delivery = new Delivery(
  [
    route(peer, {
      giveUpAfterMs: Number.POSITIVE_INFINITY,
      openStore: (ledger, losses) => openSpool({ directory: folder, name: 'away', maxBytes: 2 ** 36, ledger, losses }),
    }),
  ],
  counters,
  () => {},
);
const started = performance.now();
let made = 0;
let reports = 0;
process.stdout.write('| seconds | events waiting | resident MB |\n|---:|---:|---:|\n');
while (performance.now() - started < SECONDS * 1000) {
  const due = Math.floor(((performance.now() - started) / 1000) * EVENTS_PER_SECOND) - made;
  const block = Buffer.allocUnsafeSlow(LINE.length * due);
  for (let i = 0; i < due; i++) {
    const start = i * LINE.length;
    LINE.copy(block, start);
    delivery.push(new CimEvent('flow', 0, 0, block, start, start + LINE.length - 1), 'cim');
  }
  made += due;
  const seconds = (performance.now() - started) / 1000;
  if (seconds >= ((reports + 1) * SECONDS) / REPORTS - 0.1) {
    reports++;
    const memory = Math.round(process.memoryUsage.rss() / 1e6);
    process.stdout.write(
      `| ${seconds.toFixed(0)} | ${counters['events.queued'].toLocaleString('en-US')} | ${memory} |\n`,
    );
  }
  await sleep(STEP_MS);
}
await delivery.close(Promise.resolve());
rmSync(folder, { recursive: true });
