import assert from 'node:assert/strict';
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { type CimEvent, KINDS } from '../../../src/cim/event.ts';
import { createCounters, unaccountedEvents } from '../../../src/counters.ts';
import { Ledger } from '../../../src/outputs/ledger.ts';
import { type DeliveryNotice, Losses } from '../../../src/outputs/notice.ts';
import { openSpool, type Spool, type SpooledBatch, spoolName } from '../../../src/outputs/spool/spool.ts';
import { UsageError } from '../../../src/usage-error.ts';
import { eventsOf } from '../events.ts';

const folder = mkdtempSync(join(tmpdir(), 'vesper-spool-'));
after(() => rmSync(folder, { recursive: true }));

let spools = 0;

/** One spool through several lives of its agent. */
class Subject {
  readonly name = `output ${spools++}`;
  readonly place = join(folder, spoolName(this.name));
  readonly counters = createCounters();
  readonly notices: DeliveryNotice[] = [];
  ledger = new Ledger(this.counters);
  private made = 0;

  open(maxBytes = 64 * 1024 * 1024): Spool {
    this.ledger = new Ledger(createCounters());
    const losses = new Losses(this.name, this.ledger, (notice) => this.notices.push(notice));
    return openSpool({ directory: folder, name: this.name, maxBytes, ledger: this.ledger, losses });
  }

  /** Appends a batch of events that count on, padded to `bytes` each. */
  append(spool: Spool, events: number, bytes = 20): void {
    const lines = Array.from({ length: events }, () => `${this.made++}`.padEnd(bytes - 1));
    this.ledger.add('events.produced', events);
    this.ledger.add('events.queued', events);
    const batch = eventsOf(lines, KINDS);
    spool.append({ events: batch, bytes: events * bytes });
  }

  segments(): string[] {
    return readdirSync(this.place)
      .filter((name) => name.endsWith('.seg'))
      .sort();
  }

  acknowledge(spool: Spool, batch: SpooledBatch): void {
    this.ledger.settle('sent', batch.events.length);
    spool.acknowledge(batch);
  }

  /** Takes and acknowledges up to `most` batches. */
  take(spool: Spool, most = Number.POSITIVE_INFINITY): number[] {
    const numbers: number[] = [];
    for (let i = 0; i < most; i++) {
      const batch = spool.next();
      if (batch === undefined) break;
      numbers.push(...batch.events.map(numberOf));
      this.acknowledge(spool, batch);
    }
    return numbers;
  }

  assertBalanced(): void {
    assert.equal(unaccountedEvents(this.ledger.total), 0);
  }
}

const numberOf = (event: CimEvent): number => Number(event.line);
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

describe('Spool', () => {
  it('gives batches in order, each once, and keeps nothing that is acknowledged', () => {
    const subject = new Subject();
    const spool = subject.open();
    for (let i = 0; i < 10; i++) subject.append(spool, 7);
    assert.deepEqual(subject.take(spool), range(0, 70));
    assert.equal(spool.next(), undefined);
    assert.equal(spool.bytes, 0);
    subject.assertBalanced();
    spool.close([]);
    const again = subject.open();
    assert.equal(again.next(), undefined);
    assert.equal(subject.ledger.own['events.recovered'], 0);
    again.close([]);
  });

  it('keeps what was not acknowledged, and what an event is, over a restart', () => {
    const subject = new Subject();
    const spool = subject.open();
    const times = eventsOf(['a', 'é', 'c'], ['tls', 'agent']);
    const events = times.map((event, i) => Object.assign(event, { seconds: 2 ** 33 + i, nanos: 999_999_999 - i }));
    subject.ledger.add('events.produced', 3);
    subject.ledger.add('events.queued', 3);
    spool.append({ events, bytes: 7 });
    for (let i = 0; i < 3; i++) subject.append(spool, 5);
    spool.next();
    spool.next();
    spool.close([]);
    const again = subject.open();
    assert.equal(subject.ledger.own['events.recovered'], 18);
    assert.equal(subject.ledger.own['events.queued'], 18);
    const first = again.next();
    assert.deepEqual(
      first?.events.map(({ kind, seconds, nanos, line }) => [kind, seconds, nanos, line]),
      events.map(({ kind, seconds, nanos, line }) => [kind, seconds, nanos, line]),
    );
    if (first) subject.acknowledge(again, first);
    assert.deepEqual(subject.take(again), range(0, 15));
    subject.assertBalanced();
    again.close([]);
  });

  it('reads back what does not fit in memory, while more comes', () => {
    const subject = new Subject();
    const spool = subject.open();
    for (let i = 0; i < 40; i++) subject.append(spool, 1_000, 1_000); // 40 MB, of which 8 stay in memory
    const taken = subject.take(spool, 15);
    for (let i = 0; i < 5; i++) subject.append(spool, 1_000, 1_000);
    taken.push(...subject.take(spool, 20));
    for (let i = 0; i < 5; i++) subject.append(spool, 1_000, 1_000);
    taken.push(...subject.take(spool));
    assert.deepEqual(taken, range(0, 50_000));
    assert.ok(subject.segments().length <= 1, 'segments that were sent are removed');
    subject.assertBalanced();
    spool.close([]);
  });

  it('throws out the oldest at its limit, counted and told', () => {
    const subject = new Subject();
    const limit = 1024 * 1024;
    const spool = subject.open(limit);
    for (let i = 0; i < 100; i++) subject.append(spool, 50, 1_000); // 5 MB
    const size = subject.segments().reduce((sum, name) => sum + statSync(join(subject.place, name)).size, 0);
    assert.ok(size <= limit, `${size}`);
    const lost = subject.ledger.own['events.dropped.spool_full'];
    const taken = subject.take(spool);
    assert.deepEqual(taken, range(lost, 5_000));
    assert.ok(taken.length * 1_000 > limit / 2, 'no more than it must');
    subject.assertBalanced();
    spool.close([]);
    const [notice] = subject.notices;
    assert.ok(notice?.what === 'lost' && notice.loss === 'spool_full' && notice.events > 0);
  });

  it('does not count as lost what is in flight while its part of the spool goes', () => {
    const subject = new Subject();
    const spool = subject.open(1024 * 1024);
    subject.append(spool, 50, 1_000);
    const inFlight = spool.next();
    for (let i = 0; i < 100; i++) subject.append(spool, 50, 1_000);
    assert.ok(inFlight);
    subject.acknowledge(spool, inFlight);
    const lost = subject.ledger.own['events.dropped.spool_full'];
    assert.deepEqual(subject.take(spool), range(50 + lost, 5_050));
    subject.assertBalanced();
    spool.close([]);
  });

  it('remembers over a restart what the limit threw out', () => {
    const subject = new Subject();
    const spool = subject.open(1024 * 1024);
    for (let i = 0; i < 100; i++) subject.append(spool, 50, 1_000);
    const left = 5_000 - subject.ledger.own['events.dropped.spool_full'];
    spool.close([]);
    const again = subject.open(1024 * 1024);
    assert.equal(subject.ledger.own['events.recovered'], left);
    assert.equal(subject.take(again).length, left);
    assert.equal(subject.ledger.own['events.dropped.spool_damaged'], 0);
    subject.assertBalanced();
    again.close([]);
  });

  it('is held by one agent', () => {
    const subject = new Subject();
    const spool = subject.open();
    assert.throws(() => subject.open(), UsageError);
    spool.close([]);
    subject.open().close([]);
    // A lock of a process that is no more is nobody's.
    writeFileSync(join(subject.place, 'lock'), `4194304 1 ${readlinkSync('/proc/self/ns/pid')}`);
    subject.open().close([]);
    writeFileSync(join(subject.place, 'lock'), '');
    subject.open().close([]);
  });

  it('is held by an agent of another container as long as that gives signs of life', () => {
    const subject = new Subject();
    subject.open().close([]);
    const path = join(subject.place, 'lock');
    writeFileSync(path, '\x1b[2J\n');
    assert.throws(() => subject.open(), /lock is held by another process: two agents cannot share a spool$/);
    writeFileSync(path, '1 1 pid:[1]');
    assert.throws(() => subject.open(), /is held by process 1: two agents/);
    const minuteAgo = new Date(Date.now() - 60_000);
    utimesSync(path, minuteAgo, minuteAgo);
    subject.open().close([]);
    assert.deepEqual(
      readdirSync(subject.place).filter((name) => name.startsWith('lock')),
      [],
    );
  });

  it('says why it cannot be used', () => {
    const file = join(folder, 'a file');
    writeFileSync(file, '');
    const ledger = new Ledger(createCounters());
    const losses = new Losses('x', ledger, () => {});
    assert.throws(
      () => openSpool({ directory: file, name: 'x', maxBytes: 2 ** 20, ledger, losses }),
      (error: Error) => error instanceof UsageError && /cannot use the spool .*not a directory/.test(error.message),
    );
  });

  it('is for the agent alone', () => {
    const subject = new Subject();
    const spool = subject.open();
    subject.append(spool, 1);
    assert.equal(statSync(subject.place).mode & 0o077, 0);
    for (const name of readdirSync(subject.place)) assert.equal(statSync(join(subject.place, name)).mode & 0o077, 0);
    spool.close([]);
  });
});

describe('a damaged spool', () => {
  /** A spool of 20 batches of 10 events in one segment, its agent dead, and the bytes of the segment. */
  function dead(): { subject: Subject; path: string; bytes: Buffer; record: number } {
    const subject = new Subject();
    const spool = subject.open();
    for (let i = 0; i < 20; i++) subject.append(spool, 10, 100);
    spool.close([]);
    const path = join(subject.place, subject.segments()[0] ?? '');
    const bytes = readFileSync(path);
    return { subject, path, bytes, record: bytes.length / 20 };
  }

  function recover(subject: Subject): { taken: number[]; lost: number } {
    const spool = subject.open();
    const taken = subject.take(spool);
    subject.append(spool, 10, 100); // numbers go on behind a damaged end
    taken.push(...subject.take(spool));
    subject.assertBalanced();
    assert.equal(subject.ledger.own['events.queued'], 0);
    spool.close([]);
    return { taken, lost: subject.ledger.own['events.dropped.spool_damaged'] };
  }

  it('loses the batch whose payload is damaged and no other', () => {
    const { subject, path, bytes, record } = dead();
    bytes[record * 5 + 500]! ^= 1;
    writeFileSync(path, bytes);
    const { taken, lost } = recover(subject);
    assert.deepEqual(taken, [...range(0, 50), ...range(60, 210)]);
    assert.equal(lost, 10);
  });

  it('loses the batch whose header is damaged and no other', () => {
    for (const at of [0, 5, 9, 17, 21]) {
      const { subject, path, bytes, record } = dead();
      bytes[record * 5 + at]! ^= 0xff;
      writeFileSync(path, bytes);
      const { taken, lost } = recover(subject);
      assert.deepEqual(taken, [...range(0, 50), ...range(60, 210)]);
      assert.equal(lost, 10);
    }
  });

  it('reads over a hole', () => {
    const { subject, path, bytes, record } = dead();
    bytes.fill(0, record * 3 + 100, record * 6 + 100);
    writeFileSync(path, bytes);
    const { taken, lost } = recover(subject);
    assert.deepEqual(taken, [...range(0, 30), ...range(70, 210)]);
    assert.equal(lost, 40);
  });

  it('counts the batch that a crash has torn, as far as its header tells', () => {
    const { subject, path, record } = dead();
    truncateSync(path, record * 19 + 300);
    const { taken, lost } = recover(subject);
    assert.deepEqual(taken, [...range(0, 190), ...range(200, 210)]);
    assert.equal(lost, 10);
  });

  it('goes on where not even the header of the torn batch is whole: it was never kept', () => {
    const { subject, path, record } = dead();
    truncateSync(path, record * 19 + 10);
    const { taken, lost } = recover(subject);
    assert.deepEqual(taken, [...range(0, 190), ...range(200, 210)]);
    assert.equal(lost, 0);
  });

  it('counts a segment that is gone', () => {
    const subject = new Subject();
    const spool = subject.open(8 * 1024 * 1024); // segments of 1 MiB
    for (let i = 0; i < 40; i++) subject.append(spool, 100, 1_000);
    spool.close([]);
    const segments = subject.segments();
    assert.ok(segments.length > 3);
    rmSync(join(subject.place, segments[1] ?? ''));
    const again = subject.open(8 * 1024 * 1024);
    const taken = subject.take(again);
    const lost = subject.ledger.own['events.dropped.spool_damaged'];
    assert.ok(lost > 500);
    assert.equal(taken.length + lost, 4_000);
    assert.deepEqual(
      taken,
      [...taken].sort((a, b) => a - b),
    );
    subject.assertBalanced();
    again.close([]);
  });

  it('sends everything again where the cursor says nothing', () => {
    const { subject } = dead();
    const spool = subject.open();
    subject.take(spool, 7);
    spool.close([]);
    writeFileSync(join(subject.place, 'cursor'), 'damaged');
    const { taken, lost } = recover(subject);
    assert.deepEqual(taken, range(0, 210));
    assert.equal(lost, 0);
  });

  it('has the other slot of the cursor where one is torn', () => {
    for (const slot of [0, 64]) {
      const { subject } = dead();
      const spool = subject.open();
      subject.take(spool, 7);
      spool.close([]);
      const path = join(subject.place, 'cursor');
      const cursor = readFileSync(path);
      cursor.fill(0xff, slot, slot + 20);
      writeFileSync(path, cursor);
      const { taken } = recover(subject);
      assert.ok(taken[0] === 60 || taken[0] === 70, `${taken[0]}`);
      assert.deepEqual(taken, range(taken[0] ?? 0, 210));
    }
  });

  it('survives any single damage: what comes out is in order, and with what is counted it is all', () => {
    const { subject, path, bytes } = dead();
    for (let at = 0; at < bytes.length; at += 97) {
      const damaged = Buffer.from(bytes);
      damaged[at]! ^= 0x55;
      rmSync(join(subject.place, 'cursor'), { force: true });
      for (const name of subject.segments()) rmSync(join(subject.place, name));
      writeFileSync(path, damaged);
      const spool = subject.open();
      const taken = subject.take(spool);
      const lost = subject.ledger.own['events.dropped.spool_damaged'];
      // A damaged first batch was never anything that this spool knows of.
      assert.equal(taken.length, 190, `byte ${at}`);
      assert.ok(lost === 10 || at < bytes.length / 20 || at >= (bytes.length * 19) / 20, `byte ${at}: ${lost}`);
      assert.deepEqual(
        taken,
        [...taken].sort((a, b) => a - b),
      );
      subject.assertBalanced();
      spool.close([]);
    }
  });
});
