/** Full disks, on small file systems in memory that the test mounts: it needs the right to (root). */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, beforeEach, describe, it } from 'node:test';
import type { CimEvent } from '../../../src/cim/event.ts';
import { type Counters, createCounters, unaccountedEvents } from '../../../src/counters.ts';
import { Delivery, type Route } from '../../../src/outputs/delivery.ts';
import { FileOutput } from '../../../src/outputs/file/file.ts';
import type { DeliveryNotice } from '../../../src/outputs/notice.ts';
import { DeliveryError, type Output } from '../../../src/outputs/output.ts';
import { openSpool } from '../../../src/outputs/spool/spool.ts';
import { eventsOf } from '../events.ts';
import { fileSettings, route, settingsOf } from '../routes.ts';

const folder = mkdtempSync(join(tmpdir(), 'vesper-full-disk-'));
const disk = join(folder, 'disk');
mkdirSync(disk);
after(() => rmSync(folder, { recursive: true }));

const mount = (): boolean => spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk]).status === 0;
const unmount = (): boolean => spawnSync('umount', [disk]).status === 0;
const canMount = mount() && unmount();

const ballast = join(disk, 'ballast');

/** Takes all room but so many bytes (of whole pages). */
function fillUp(leave = 0): void {
  try {
    writeFileSync(ballast, Buffer.alloc(2 ** 20 - leave));
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
  }
}

const RETRY = { initial_ms: 5, max_ms: 20, give_up_s: 0 };
const BATCH = { events: 100, bytes: 1_000_000, interval_ms: 10 };
const LINE = 'x'.repeat(92);
const lines = (from: number, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${LINE}${String(from + i).padStart(7, '0')}`);
const numberOf = (line: string): number => Number(line.slice(LINE.length));

interface Running {
  readonly delivery: Delivery;
  readonly counters: Counters;
  readonly notices: DeliveryNotice[];
  readonly push: (count: number) => void;
  readonly until: (isSo: () => boolean) => Promise<void>;
}

function open(made: Route): Running {
  const counters = createCounters();
  const notices: DeliveryNotice[] = [];
  const delivery = new Delivery([made], counters, (notice) => notices.push(notice));
  let pushed = 0;
  const push = (count: number): void => {
    for (const event of eventsOf(lines(pushed, count))) delivery.push(event, 'cim');
    pushed += count;
  };
  const until = async (isSo: () => boolean): Promise<void> => {
    while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(unaccountedEvents(counters), 0);
  };
  return { delivery, counters, notices, push, until };
}

describe('a full disk', { skip: !canMount && 'mounting a file system needs root' }, () => {
  beforeEach(() => assert.ok(mount()));
  afterEach(() => assert.ok(unmount()));

  it('under a file: said once, tried again, and in the end every line is there, whole and once', async () => {
    const path = join(disk, 'events.ndjson');
    const settings = { ...fileSettings(path, { batch: BATCH }), retry: RETRY };
    const output = new FileOutput(settings, assert.fail);
    const { delivery, counters, notices, push, until } = open(
      route(output, { settings, direct: false, giveUpAfterMs: Number.POSITIVE_INFINITY }),
    );
    push(200);
    await until(() => counters['events.sent'] === 200);
    fillUp();
    push(2_000);
    await until(() => counters['delivery.retries'] > 5);
    const torn = readFileSync(path);
    assert.notEqual(torn.at(-1), 0x0a, 'the disk ended in the middle of a line');
    assert.equal(notices.length, 1);
    const [notice] = notices;
    assert.ok(notice?.what === 'failing');
    assert.match(notice.error.message, /no space left on device \(ENOSPC\)$/);
    rmSync(ballast);
    await until(() => counters['events.sent'] === 2_200);
    push(100);
    await delivery.close();
    const read = readFileSync(path, 'utf8').trimEnd().split('\n').map(numberOf);
    assert.deepEqual(
      read,
      Array.from({ length: 2_300 }, (_, i) => i),
    );
    assert.deepEqual(
      notices.map(({ what }) => what),
      ['failing', 'recovered'],
    );
  });

  it('under a file whose agent must end: what is missing is counted, and the next agent begins a new line', async () => {
    const path = join(disk, 'events.ndjson');
    const settings = { ...fileSettings(path, { batch: BATCH }), retry: RETRY };
    const patient = { settings, direct: false, giveUpAfterMs: Number.POSITIVE_INFINITY };
    const first = open(route(new FileOutput(settings, assert.fail), patient));
    fillUp(8_192);
    first.push(500);
    await first.until(() => first.counters['delivery.retries'] > 2);
    await first.delivery.close(Promise.resolve());
    const { 'events.sent': sent, 'events.dropped.shutdown': lost } = first.counters;
    assert.equal(sent + lost, 500);
    rmSync(ballast);
    const second = open(route(new FileOutput(settings, assert.fail), patient));
    second.push(3);
    await second.delivery.close();
    const read = readFileSync(path, 'utf8').trimEnd().split('\n');
    const whole = read.filter((line) => line.length === 99).map(numberOf);
    assert.deepEqual(whole, [...Array.from({ length: sent }, (_, i) => i), 0, 1, 2]);
    assert.ok(read.length - whole.length <= 1, 'one torn line');
  });

  /** A peer that is away until it is told to come. */
  class Peer implements Output {
    readonly name = 'peer';
    readonly taken: number[] = [];
    isAway = true;
    async send(batch: readonly CimEvent[]): Promise<void> {
      await new Promise((resolve) => setImmediate(resolve));
      if (this.isAway) throw new DeliveryError('away', true);
      this.taken.push(...batch.map(({ line }) => numberOf(line)));
    }
    async close(): Promise<void> {}
  }

  it('under a spool: what the disk does not take waits in memory, and everything is sent in order', async () => {
    const peer = new Peer();
    const settings = { ...settingsOf('-'), batch: BATCH, retry: RETRY };
    const { delivery, counters, push, until } = open(
      route(peer, {
        settings,
        openStore: (ledger, losses) => openSpool({ directory: disk, name: 'x', maxBytes: 2 ** 30, ledger, losses }),
        giveUpAfterMs: Number.POSITIVE_INFINITY,
      }),
    );
    push(1_000);
    fillUp();
    push(3_000);
    rmSync(ballast);
    push(1_000);
    fillUp();
    push(2_000);
    peer.isAway = false;
    await until(() => counters['events.queued'] === 0);
    assert.deepEqual(
      peer.taken,
      Array.from({ length: 7_000 }, (_, i) => i),
    );
    await delivery.close();
  });

  it('under a spool for long: what does not fit in memory either is counted and told', async () => {
    const peer = new Peer();
    const settings = { ...settingsOf('-'), batch: { ...BATCH, events: 10_000 }, retry: RETRY };
    const { delivery, counters, notices, push, until } = open(
      route(peer, {
        settings,
        openStore: (ledger, losses) => openSpool({ directory: disk, name: 'x', maxBytes: 2 ** 30, ledger, losses }),
        giveUpAfterMs: Number.POSITIVE_INFINITY,
      }),
    );
    fillUp();
    push(400_000); // 40 MB
    const lost = counters['events.dropped.spool_full'];
    assert.ok(lost > 0);
    assert.equal(existsSync(ballast), true);
    const notice = notices.find(({ what }) => what === 'lost');
    assert.ok(notice?.what === 'lost');
    assert.match(notice.reason, /cannot write the spool: no space left on device/);
    peer.isAway = false;
    await until(() => counters['events.queued'] === 0);
    assert.deepEqual(
      peer.taken,
      Array.from({ length: 400_000 - lost }, (_, i) => i),
      'the newest were lost',
    );
    await delivery.close();
  });
});
