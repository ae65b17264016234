/**
 * Sends numbered events through a spool to an HTTP server until it is killed, and tells on standard output after each batch
 * how many are in the spool or sent. SIGTERM ends it in order: the last line is then its counters as JSON. With `0` batches
 * it only sends what earlier runs have left.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { CimEvent } from '../../../src/cim/event.ts';
import { createCounters } from '../../../src/counters.ts';
import { Delivery } from '../../../src/outputs/delivery.ts';
import { DeliveryError, type Output } from '../../../src/outputs/output.ts';
import { openSpool } from '../../../src/outputs/spool/spool.ts';
import { gather } from '../../../src/outputs/write.ts';
import { eventsOf } from '../events.ts';
import { route, settingsOf } from '../routes.ts';

const [directory = '', port = '', run = '', batches = '', maxBytes = ''] = process.argv.slice(2);
const BATCH = 50;
const SHUTDOWN_MS = 2_000;

const output: Output = {
  name: 'server',
  async send(batch: readonly CimEvent[], signal?: AbortSignal): Promise<void> {
    let status: number;
    try {
      const init = { method: 'POST', body: new Uint8Array(gather(batch)), ...(signal && { signal }) };
      const response = await fetch(`http://127.0.0.1:${port}/`, init);
      await response.arrayBuffer();
      status = response.status;
    } catch (error) {
      throw new DeliveryError((error as Error).message, true);
    }
    if (status !== 200) throw new DeliveryError(`status ${status}`, status === 503);
  },
  async close() {},
};

const counters = createCounters();
const settings = { ...settingsOf('-'), retry: { initial_ms: 5, max_ms: 50, give_up_s: 0 } };
const delivery = new Delivery(
  [
    route(output, {
      settings: { ...settings, batch: { events: BATCH, bytes: 1_000_000, interval_ms: 1_000 } },
      openStore: (ledger, losses) =>
        openSpool({ directory, name: 'server', maxBytes: Number(maxBytes), ledger, losses }),
      direct: false,
      giveUpAfterMs: Number.POSITIVE_INFINITY,
      timeoutMs: 500,
    }),
  ],
  counters,
  () => {},
);

let stopped = false;
process.once('SIGTERM', () => {
  stopped = true;
});
process.stdout.write('0\n');
for (let made = 0; !stopped; ) {
  if (made / BATCH < Number(batches)) {
    const lines = Array.from({ length: BATCH }, (_, i) => JSON.stringify({ n: made + i, run, pad: 'x'.repeat(i * 7) }));
    for (const event of eventsOf(lines)) delivery.push(event, 'cim');
    made += BATCH;
    process.stdout.write(`${made}\n`);
  } else if (counters['events.queued'] === 0) break;
  await sleep(1);
}
await delivery.close(sleep(SHUTDOWN_MS, undefined, { ref: false }));
process.stdout.write(`${JSON.stringify(counters)}\n`);
