import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { CimEvent } from '../../src/cim/event.ts';
import { type Counters, createCounters, unaccountedEvents } from '../../src/counters.ts';
import { HIGH_WATER_BYTES } from '../../src/outputs/batch.ts';
import { Delivery } from '../../src/outputs/delivery.ts';
import { DeliveryError, type Output } from '../../src/outputs/output.ts';
import { MAX_QUEUED_BYTES, MAX_QUEUED_EVENTS } from '../../src/outputs/queue.ts';
import { openSpool, spoolName } from '../../src/outputs/spool/spool.ts';
import { eventOf, eventsOf } from './events.ts';
import { route, settingsOf } from './routes.ts';

const BATCH_BYTES = settingsOf('-').batch.bytes;

/** An output that acknowledges when the test says so. */
class SlowOutput implements Output {
  readonly name = 'slow';
  readonly batches: (readonly CimEvent[])[] = [];
  readonly pending: { resolve: () => void; reject: (error: Error) => void }[] = [];
  closed = 0;

  send(batch: readonly CimEvent[]): Promise<void> {
    this.batches.push(batch);
    return new Promise((resolve, reject) => this.pending.push({ resolve, reject }));
  }

  async close(): Promise<void> {
    this.closed++;
  }

  lines(): string[] {
    return this.batches.flat().map(({ line }) => line);
  }
}

/** An output that takes everything. */
class WillingOutput extends SlowOutput {
  override async send(batch: readonly CimEvent[]): Promise<void> {
    this.batches.push(batch);
  }
}

/** An output whose peer is away until the test says that it is back. */
class ReturningOutput extends SlowOutput {
  isAway = true;
  inFlight = 0;
  mostInFlight = 0;

  override async send(batch: readonly CimEvent[]): Promise<void> {
    this.mostInFlight = Math.max(this.mostInFlight, ++this.inFlight);
    await turn();
    this.inFlight--;
    if (this.isAway) throw new DeliveryError('away', true);
    this.batches.push(batch);
  }
}

function open(...outputs: Output[]): { delivery: Delivery; counters: Counters; failures: string[] } {
  const counters = createCounters();
  const failures: string[] = [];
  const delivery = new Delivery(
    outputs.map((output) => route(output)),
    counters,
    (notice) => {
      if (notice.what === 'failed') failures.push(`${notice.output}: ${notice.error.message}`);
    },
  );
  return { delivery, counters, failures };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** The law of counters.ts. */
const assertBalanced = (counters: Counters): void => assert.equal(unaccountedEvents(counters), 0);

/** An event whose line and newline have this many bytes. */
const big = (bytes: number): CimEvent => eventOf('x'.repeat(bytes - 1));

describe('Delivery', () => {
  it('sends in order, one batch at a time', async () => {
    const output = new SlowOutput();
    const { delivery, counters } = open(output);
    const half = big(BATCH_BYTES / 2); // one event again and again: its block never changes
    for (let i = 0; i < 6; i++) delivery.push(half, 'cim');
    assert.equal(output.batches.length, 1);
    assert.equal(counters['events.queued'], 6);
    assertBalanced(counters);
    output.pending.shift()?.resolve();
    await turn();
    assert.equal(output.batches.length, 2);
    assert.equal(counters['events.sent'], 2);
    assertBalanced(counters);
    const drained = delivery.drain();
    for (let i = 0; i < 2; i++) {
      output.pending.shift()?.resolve();
      await turn();
    }
    await drained;
    assert.deepEqual(
      output.batches.map((batch) => batch.length),
      [2, 2, 2],
    );
    assert.equal(counters['events.sent'], 6);
    assert.equal(counters['events.queued'], 0);
  });

  it('gives every output every event and drains them all', async () => {
    const outputs = [new WillingOutput(), new WillingOutput()];
    const { delivery, counters } = open(...outputs);
    const lines = Array.from({ length: 1_000 }, (_, i) => `line ${i}`);
    for (const line of lines) delivery.push(eventOf(line), 'cim');
    await delivery.close();
    await delivery.close();
    for (const output of outputs) {
      assert.deepEqual(output.lines(), lines);
      assert.equal(output.closed, 1);
    }
    assert.equal(counters['events.sent'], 2_000);
    assertBalanced(counters);
  });

  it('asks to wait above the high-water mark until the output has caught up', async () => {
    const output = new SlowOutput();
    const { delivery } = open(output);
    const event = big(BATCH_BYTES);
    assert.equal(delivery.ready(), undefined);
    for (let i = 0; i < HIGH_WATER_BYTES / BATCH_BYTES - 1; i++) delivery.push(event, 'cim');
    assert.equal(delivery.ready(), undefined);
    delivery.push(event, 'cim');
    const ready = delivery.ready();
    assert.ok(ready);
    let isReady = false;
    ready.then(() => {
      isReady = true;
    });
    output.pending.shift()?.resolve();
    await turn();
    assert.equal(isReady, false, 'one batch is not enough');
    while (output.pending.length > 0 && !isReady) {
      output.pending.shift()?.resolve();
      await turn();
    }
    assert.equal(isReady, true);
    assert.equal(delivery.ready(), undefined);
    assert.ok(output.batches.length < HIGH_WATER_BYTES / BATCH_BYTES);
  });

  it('drops and counts what a full queue cannot take, by bytes and by events', () => {
    for (const [event, limit] of [
      [big(BATCH_BYTES), MAX_QUEUED_BYTES / BATCH_BYTES],
      [eventOf('x'), MAX_QUEUED_EVENTS],
    ] as const) {
      const { delivery, counters, failures } = open(new SlowOutput());
      for (let i = 0; i < limit + 3; i++) delivery.push(event, 'cim');
      assert.equal(counters['events.queued'], limit);
      assert.equal(counters['events.dropped.queue_full'], 3);
      assertBalanced(counters);
      assert.deepEqual(failures, []);
    }
  });

  it('ends with the first error: reports it once, counts the rest as dropped, lets nobody wait', async () => {
    const output = new SlowOutput();
    const { delivery, counters, failures } = open(output, new WillingOutput());
    const event = big(BATCH_BYTES);
    for (let i = 0; i < HIGH_WATER_BYTES / BATCH_BYTES; i++) delivery.push(event, 'cim');
    const ready = delivery.ready();
    output.pending.shift()?.reject(new DeliveryError('broken', true));
    await ready;
    delivery.push(event, 'cim');
    await delivery.drain();
    assert.equal(delivery.ready(), undefined);
    assert.deepEqual(failures, ['slow: broken']);
    assert.equal(output.batches.length, 1);
    assert.equal(counters['events.dropped.output'], HIGH_WATER_BYTES / BATCH_BYTES + 1);
    assert.equal(counters['events.sent'], HIGH_WATER_BYTES / BATCH_BYTES + 1);
    assertBalanced(counters);
  });

  it('counts what a failing batch delivered before its error', async () => {
    const output = new SlowOutput();
    const { delivery, counters } = open(output);
    for (let i = 0; i < 5; i++) delivery.push(eventOf('x'), 'cim');
    const drained = delivery.drain();
    output.pending.shift()?.reject(new DeliveryError('full', true, { remaining: output.batches[0]?.slice(3) ?? [] }));
    await drained;
    assert.equal(counters['events.sent'], 3);
    assert.equal(counters['events.dropped.output'], 2);
    assertBalanced(counters);
  });

  it('sends at once to an output that never waits', () => {
    const sent: number[] = [];
    const output: Output = {
      name: 'now',
      sendNow: (batch) => void sent.push(batch.length),
      send: async () => assert.fail('send is for outputs that wait'),
      close: async () => {},
    };
    const { delivery, counters } = open(output);
    const event = big(BATCH_BYTES);
    for (let i = 0; i < 1_000; i++) delivery.push(event, 'cim');
    assert.equal(counters['events.sent'], 1_000);
    assert.equal(delivery.ready(), undefined);
    assert.equal(sent.length, 1_000);
  });

  it('ends a batch of a fair size where a block ends', async () => {
    const output = new WillingOutput();
    const { delivery } = open(output);
    const most = Array.from({ length: 200 }, (_, i) => String(i).padEnd(1_000));
    for (const event of [...eventsOf(most), ...eventsOf(['1', '2']), ...eventsOf(['3'])]) delivery.push(event, 'cim');
    await delivery.drain();
    assert.deepEqual(
      output.batches.map((batch) => batch.length),
      [200, 3],
    );
  });

  /** As in the agent: what is told of an output becomes an event of every output. */
  function openTelling(
    make: (output: SlowOutput) => Parameters<typeof route>[1],
    output = new SlowOutput(),
  ): {
    output: SlowOutput;
    delivery: Delivery;
    counters: Counters;
    lost: () => number;
  } {
    const counters = createCounters();
    let lost = 0;
    const delivery: Delivery = new Delivery([route(output, make(output))], counters, (notice) => {
      if (notice.what === 'lost') lost += notice.events;
      delivery.push(eventOf(notice.what, 'agent'), 'cim');
      assertBalanced(counters);
    });
    return { output, delivery, counters, lost: () => lost };
  }

  const PATIENT = { giveUpAfterMs: Number.POSITIVE_INFINITY };
  const SINGLE = { ...settingsOf('-'), batch: { events: 1, bytes: 1_000_000, interval_ms: 10 } };

  for (const settings of [settingsOf('-'), SINGLE])
    it(`has nothing queued after its end, though the notice of it is an event; batches of ${settings.batch.events}`, async () => {
      const { output, delivery, counters } = openTelling(() => ({ ...PATIENT, settings }));
      for (let i = 0; i < 5; i++) delivery.push(eventOf('x'), 'cim');
      const closed = delivery.close(Promise.resolve());
      delivery.push(eventOf('late'), 'cim');
      await closed;
      assert.equal(unaccountedEvents(counters), 0);
      assert.equal(counters['events.queued'], 0);
      assert.equal(counters['events.dropped.shutdown'], 7, 'five, the late one, the notice');
      const [{ counts } = assert.fail()] = delivery.outputs;
      assert.equal(counts['events.queued'], 0);
      assert.equal(counts['events.produced'], 7);
      assert.equal(output.closed, 1);
    });

  it('counts and tells every event that a full spool throws out, though each notice is an event in it', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'vesper-queue-'));
    try {
      const { delivery, counters, lost } = openTelling(({ name }) => ({
        ...PATIENT,
        settings: SINGLE,
        openStore: (ledger, losses) => openSpool({ directory, name, maxBytes: 2 ** 16, ledger, losses }),
      }));
      for (let i = 0; i < 200; i++) delivery.push(big(1_000), 'cim');
      assertBalanced(counters);
      assert.ok(counters['events.dropped.spool_full'] > 100);
      await delivery.close(Promise.resolve());
      assertBalanced(counters);
      // Of what is lost at the end, the notices themselves are not told.
      const untold = counters['events.dropped.spool_full'] + counters['events.dropped.shutdown'] - lost();
      assert.ok(untold >= 0 && untold <= 2, `${untold}`);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  /** A spool that has no room for one event more, and the output that could not send it. */
  async function fullToTheBrink(directory: string, inFlight: number) {
    const LIMIT = 2 ** 16;
    const output = new ReturningOutput();
    const place = join(directory, spoolName(output.name));
    const segments = (): string[] =>
      readdirSync(place)
        .filter((name) => name.endsWith('.seg'))
        .sort()
        .map((name) => join(place, name));
    const size = (): number => segments().reduce((sum, path) => sum + statSync(path).size, 0);
    const start = () =>
      openTelling(
        ({ name }) => ({
          ...PATIENT,
          inFlight,
          settings: { ...SINGLE, retry: { initial_ms: 1, max_ms: 1, give_up_s: 0 } },
          openStore: (ledger, losses) => openSpool({ directory, name, maxBytes: LIMIT, ledger, losses }),
        }),
        output,
      );
    const started = start();
    started.delivery.push(eventOf('0'), 'cim');
    // That the output fails is an event, too: it comes before the spool is full.
    while (started.counters['delivery.retries'] === 0) await turn();
    let made = 1;
    let record = 0;
    for (const bytes of [1_000, 4]) {
      do {
        const before = size();
        started.delivery.push(eventOf(`${made++}`.padEnd(bytes - 1)), 'cim');
        record = size() - before;
      } while (size() + record <= LIMIT);
    }
    assert.equal(started.counters['events.dropped.spool_full'], 0);
    return { ...started, output, segments, start };
  }

  /** All was sent or lost, nothing twice. */
  function assertSettled(output: ReturningOutput, counters: Counters, inFlight: number): void {
    assertBalanced(counters);
    assert.equal(counters['events.queued'], 0);
    const lines = output.lines().filter((line) => /^\d/.test(line));
    assert.deepEqual(
      lines.map(Number),
      [...new Set(lines.map(Number))].sort((a, b) => a - b),
    );
    assert.equal(output.lines().length, counters['events.sent']);
    assert.ok(output.mostInFlight <= inFlight, `${output.mostInFlight}`);
  }

  for (const inFlight of [1, 2, 4, 200])
    it(`counts once what a full spool throws out while its output comes back, ${inFlight} in flight`, async () => {
      const directory = mkdtempSync(join(tmpdir(), 'vesper-queue-'));
      try {
        const { delivery, counters, output } = await fullToTheBrink(directory, inFlight);
        output.isAway = false;
        await new Promise((resolve) => setTimeout(resolve, 50));
        await delivery.drain();
        assertSettled(output, counters, inFlight);
        assert.ok(counters['events.dropped.spool_full'] > 0);
        assert.equal(counters['events.dropped.spool_damaged'], 0);
        await delivery.close(Promise.resolve());
        assertBalanced(counters);
      } finally {
        rmSync(directory, { recursive: true });
      }
    });

  for (const inFlight of [1, 2, 4])
    it(`counts once what is damaged in a full spool, whose notice throws out its surroundings, ${inFlight} in flight`, async () => {
      const directory = mkdtempSync(join(tmpdir(), 'vesper-queue-'));
      try {
        const { delivery, output, segments, start } = await fullToTheBrink(directory, inFlight);
        await delivery.close(Promise.resolve());
        const [oldest = ''] = segments();
        const bytes = readFileSync(oldest);
        // The fifth and the sixth of about seven events: more follow in the same file.
        bytes.fill(0, 4_500, 5_600);
        writeFileSync(oldest, bytes);
        const newest = segments().at(-1) ?? '';
        truncateSync(newest, statSync(newest).size - 1);
        output.isAway = false;
        output.mostInFlight = 0;
        const again = start();
        await again.delivery.drain();
        assertSettled(output, again.counters, inFlight);
        assert.ok(again.counters['events.dropped.spool_damaged'] >= 3);
        await again.delivery.close(Promise.resolve());
        assertBalanced(again.counters);
      } finally {
        rmSync(directory, { recursive: true });
      }
    });

  it('sends the notice of what is missing at the end of a spool', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'vesper-queue-'));
    try {
      const { delivery, output, segments, start } = await fullToTheBrink(directory, 1);
      await delivery.close(Promise.resolve());
      rmSync(segments().at(-1) ?? '');
      output.isAway = false;
      const again = start();
      await again.delivery.drain();
      assertSettled(output, again.counters, 1);
      assert.ok(again.counters['events.dropped.spool_damaged'] > 0);
      assert.equal(output.lines().at(-1), 'lost');
      await again.delivery.close(Promise.resolve());
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it('sends a batch that does not fill up', async () => {
    const output = new WillingOutput();
    const { delivery, counters } = open(output);
    delivery.push(eventOf('alone'), 'cim');
    assert.equal(output.batches.length, 0);
    while (counters['events.sent'] === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.deepEqual(output.lines(), ['alone']);
  });
});
