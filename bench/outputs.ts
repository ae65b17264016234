/**
 * What delivering events costs: events/s and CPU of this process, for each way.
 *
 *     node dist/bench/outputs.js [--seconds N] [TARGET…]
 *
 * Without targets: the file output and a peer that acknowledges everything, with and without a spool: what the delivery layer
 * itself costs. With targets (kafka://…, otlp+http://…, hec://…): these, with and without a spool.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { CimEvent } from '../src/cim/event.ts';
import { createCounters } from '../src/counters.ts';
import { parseOutputs } from '../src/output-settings.ts';
import { Delivery } from '../src/outputs/delivery.ts';
import type { NoticeSink } from '../src/outputs/notice.ts';
import { openDelivery } from '../src/outputs/open.ts';
import { openSpool } from '../src/outputs/spool/spool.ts';
import { gather } from '../src/outputs/write.ts';
import { route } from '../test/outputs/routes.ts';

const { values, positionals } = parseArgs({ options: { seconds: { type: 'string' } }, allowPositionals: true });
const SECONDS = Number(values.seconds ?? 3);
const RUNS = 3;
/** A flow record of average length; as many in a block as the writer of lines puts there. */
const LINE_BYTES = 700;
const EVENTS_OF_BLOCK = 370;
const SPOOL_BYTES = 2 ** 30;

const LINE = Buffer.from(
  `${JSON.stringify({ time: 1795441477.511733, event_id: 'x', pad: 'y'.repeat(LINE_BYTES) }).slice(0, LINE_BYTES - 3)}"}\n`,
);

/** Events as the pipeline makes them: one after another in a block that is new memory each time. */
function makeBlock(push: (event: CimEvent) => void): void {
  const block = Buffer.allocUnsafeSlow(LINE.length * EVENTS_OF_BLOCK);
  for (let i = 0; i < EVENTS_OF_BLOCK; i++) {
    const start = i * LINE.length;
    LINE.copy(block, start);
    push(new CimEvent('flow', 1_795_441_477, 511_733_000, block, start, start + LINE.length - 1));
  }
}

interface Cost {
  readonly perSecond: number;
  /** CPU of this process in ms for 1,000 events. */
  readonly cpu: number;
}

async function measure(open: () => Promise<Delivery>): Promise<Cost> {
  const delivery = await open();
  const before = process.cpuUsage();
  const started = performance.now();
  let events = 0;
  while (performance.now() - started < SECONDS * 1000) {
    makeBlock((event) => delivery.push(event, 'cim'));
    events += EVENTS_OF_BLOCK;
    await delivery.ready();
  }
  await delivery.drain();
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(before);
  await delivery.close();
  return { perSecond: events / seconds, cpu: (user + system) / events };
}

async function row(name: string, open: () => Promise<Delivery>): Promise<Cost> {
  let best: Cost = { perSecond: 0, cpu: Number.POSITIVE_INFINITY };
  for (let run = 0; run < RUNS; run++) {
    const { perSecond, cpu } = await measure(open);
    best = { perSecond: Math.max(best.perSecond, perSecond), cpu: Math.min(best.cpu, cpu) };
  }
  process.stdout.write(
    `| ${name} | ${Math.round(best.perSecond).toLocaleString('en-US')} | ${best.cpu.toFixed(2)} |\n`,
  );
  return best;
}

const fail: NoticeSink = (notice) => {
  throw new Error(JSON.stringify(notice));
};

const folder = mkdtempSync(join(tmpdir(), 'vesper-bench-outputs-'));

const opened = (target: unknown, live: boolean) => (): Promise<Delivery> => {
  const { outputs, complaints } = parseOutputs([target], 'cim');
  if (complaints.length > 0) throw new Error(JSON.stringify(complaints));
  return openDelivery(
    outputs,
    { live, spoolDirectory: () => join(folder, 'spool'), sensor: 'bench' },
    createCounters(),
    fail,
  );
};

/** A peer that answers at once, after having looked at every byte. */
const acknowledging = (spooled: boolean) => async (): Promise<Delivery> => {
  const output = {
    name: 'peer',
    send: async (batch: readonly CimEvent[]) => void gather(batch),
    close: async () => {},
  };
  const options = { direct: false, giveUpAfterMs: Number.POSITIVE_INFINITY };
  const openStore: Parameters<typeof route>[1] = spooled
    ? {
        openStore: (ledger, losses) =>
          openSpool({ directory: join(folder, 'spool'), name: 'peer', maxBytes: SPOOL_BYTES, ledger, losses }),
      }
    : {};
  return new Delivery([route(output, { ...options, ...openStore })], createCounters(), fail);
};

process.stdout.write('| output | events/s | ms of CPU per 1,000 events |\n|---|---:|---:|\n');
try {
  if (positionals.length === 0) {
    const file = join(folder, 'events.ndjson');
    await row('file, replay', opened(file, false));
    rmSync(file);
    await row('file, run', opened(file, true));
    rmSync(file);
    await row(
      'file, run, rotating at 64 MiB, two kept',
      opened({ target: file, rotate: { bytes: 2 ** 26, keep_files: 2, gzip: false } }, true),
    );
    if (statSync(file).size === 0) throw new Error('nothing was written');
    const without = await row('a peer that acknowledges at once, no spool', acknowledging(false));
    const withSpool = await row('the same, with a spool', acknowledging(true));
    process.stdout.write(`\nThe spool costs ${(withSpool.cpu - without.cpu).toFixed(2)} ms of CPU per 1,000 events.\n`);
  }
  for (const target of positionals) {
    const without = await row(`${target}, no spool`, opened({ target, spool: false }, false));
    const withSpool = await row(`${target}, spool`, opened({ target, spool: true, name: 'spooled' }, false));
    const more = 100 * (withSpool.cpu / without.cpu - 1);
    process.stdout.write(`\nThe spool adds ${more.toFixed(0)} % of CPU.\n`);
  }
} finally {
  rmSync(folder, { recursive: true });
}
