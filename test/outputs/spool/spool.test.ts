import assert from 'node:assert/strict';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { crc32 } from 'node:zlib';
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

/** Runs the work as somebody who may not write to the directory. */
function withoutRight(directory: string, work: () => void): void {
  // Nothing is forbidden to root: another user's rights do it there, for one who cannot even enter.
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) process.seteuid?.(65_534);
  else chmodSync(directory, 0o500);
  try {
    work();
  } finally {
    if (isRoot) process.seteuid?.(0);
    else chmodSync(directory, 0o700);
  }
}

/** Texts of the warnings; those that say that it is over begin with `+`. */
const warnings = ({ notices }: Subject): string[] =>
  notices.flatMap((notice) => (notice.what === 'warning' ? `${notice.isOver ? '+' : ''}${notice.text}` : []));

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

describe('a spool that others meddle with', () => {
  const LIMIT = 8 * 1024 * 1024; // segments of 1 MiB

  /** A spool of 40 batches of 100 events in four segments. */
  function full(): { subject: Subject; spool: Spool } {
    const subject = new Subject();
    const spool = subject.open(LIMIT);
    for (let i = 0; i < 40; i++) subject.append(spool, 100, 1_000);
    return { subject, spool };
  }

  it('goes on where it may not remove files, says so once, and removes them when it may', () => {
    const { subject, spool } = full();
    const before = subject.segments().length;
    assert.ok(before > 3);
    const taken: number[] = [];
    withoutRight(subject.place, () => taken.push(...subject.take(spool, 30)));
    assert.equal(subject.segments().length, before);
    taken.push(...subject.take(spool));
    assert.deepEqual(taken, range(0, 4_000));
    assert.ok(subject.segments().length <= 1);
    const [said, over, ...more] = warnings(subject);
    assert.match(
      said ?? '',
      /^cannot remove .*0000000001\.seg: permission denied \(EACCES\); .*give the agent the right/,
    );
    assert.match(over ?? '', /^\+files in .* can be removed again$/);
    assert.deepEqual(more, []);
    subject.assertBalanced();
    spool.close([]);
  });

  it('removes with a later acknowledgment what could not be removed, no new segment needed', (t) => {
    let now = 0;
    t.mock.method(performance, 'now', () => now);
    const { subject, spool } = full();
    withoutRight(subject.place, () => subject.take(spool, 12));
    assert.equal(subject.segments()[0], '0000000001.seg');
    now += 1_000;
    subject.take(spool, 1);
    assert.equal(subject.segments()[0], '0000000002.seg');
    spool.close([]);
  });

  it('ends where it may not remove its lock, and leaves to the next start what it could not remove', () => {
    const { subject, spool } = full();
    withoutRight(subject.place, () => {
      subject.take(spool, 30);
      spool.close([]);
    });
    assert.equal(warnings(subject).length, 1);
    assert.ok(existsSync(join(subject.place, 'lock')));
    rmSync(join(subject.place, 'lock')); // of this process, which lives
    const again = subject.open(LIMIT);
    assert.deepEqual(subject.take(again), range(3_000, 4_000));
    assert.ok(subject.segments().length <= 1);
    again.close([]);
  });

  it('throws out the oldest at its limit although it cannot remove it', () => {
    const { subject, spool } = full();
    withoutRight(subject.place, () => {
      for (let i = 0; i < 100; i++) subject.append(spool, 100, 1_000);
    });
    const lost = subject.ledger.own['events.dropped.spool_full'];
    assert.deepEqual(subject.take(spool), range(lost, 14_000));
    subject.assertBalanced();
    spool.close([]);
  });

  it('passes over a directory in place of a segment', () => {
    const { subject, spool } = full();
    const first = join(subject.place, '0000000001.seg');
    rmSync(first);
    mkdirSync(first);
    const taken = subject.take(spool);
    const lost = subject.ledger.own['events.dropped.spool_damaged'];
    assert.equal(taken.length + lost, 4_000);
    assert.match(warnings(subject).join(), /^cannot remove .*0000000001\.seg: /);
    spool.close([]);
    const again = subject.open(LIMIT);
    assert.match(warnings(subject).at(-1) ?? '', /holds what is not of this spool: 0000000001\.seg;/);
    again.close([]);
    assert.ok(subject.segments().includes('0000000001.seg'));
  });

  it('leaves alone what it has not made, tells it at each start, and numbers its own as before', () => {
    const { subject, spool } = full();
    const elsewhere = join(folder, 'elsewhere');
    copyFileSync(join(subject.place, '0000000001.seg'), elsewhere);
    spool.close([]);
    mkdirSync(join(subject.place, '0000000098.seg'));
    symlinkSync(elsewhere, join(subject.place, '0000000099.seg'));
    writeFileSync(join(subject.place, '9999999999.seg'), 'no segment');
    copyFileSync(elsewhere, join(subject.place, '99999999999999999999.seg'));
    const foreign = ['0000000098.seg', '0000000099.seg', '9999999999.seg', '99999999999999999999.seg'];
    let next = 4_000;
    for (let start = 1; start < 4; start++) {
      const again = subject.open(LIMIT);
      subject.append(again, 10);
      const from = start === 1 ? 0 : next - 10;
      assert.deepEqual(subject.take(again, start === 1 ? 40 : 1), range(from, next));
      next += 10;
      subject.assertBalanced();
      again.close([]);
      assert.equal(warnings(subject).length, start);
      assert.match(warnings(subject)[0] ?? '', /0000000098\.seg, .* and 1 more; it is left alone/);
      const own = subject.segments().filter((name) => !foreign.includes(name));
      assert.ok(own.length > 0 && own.every((name) => /^00000000[01]\d\.seg$/.test(name)), own.join());
      for (const name of foreign) assert.ok(subject.segments().includes(name));
    }
  });

  it('follows links to segments that were moved to another disk, and says that it sends nothing of those it cannot', () => {
    const { subject, spool } = full();
    spool.close([]);
    const disk = mkdtempSync(join(folder, 'disk-'));
    for (const name of subject.segments()) {
      renameSync(join(subject.place, name), join(disk, name));
      symlinkSync(join(disk, name), join(subject.place, name));
    }
    const names = subject.segments();
    const [, , third = ''] = names;
    rmSync(join(disk, third));
    const again = subject.open(LIMIT);
    assert.match(
      warnings(subject)[0] ?? '',
      /not of this spool: 0000000003\.seg; it is left alone, and what it holds is not sent/,
    );
    const taken = subject.take(again);
    const lost = subject.ledger.own['events.dropped.spool_damaged'];
    assert.ok(lost > 500 && lost < 1_500, `${lost}`);
    assert.equal(taken.length + lost, 4_000);
    subject.append(again, 10);
    assert.deepEqual(subject.take(again), range(4_000, 4_010));
    subject.assertBalanced();
    again.close([]);
    // The links are removed like segments, what they lead to is the operator's.
    assert.ok(!subject.segments().includes(names[0] ?? ''));
    assert.deepEqual(
      readdirSync(disk).sort(),
      names.filter((name) => name !== third),
    );
  });

  it('takes the next name where somebody has taken one', () => {
    const { subject, spool } = full();
    mkdirSync(join(subject.place, '0000000005.seg'));
    mkdirSync(join(subject.place, '0000000006.seg'));
    for (let i = 0; i < 20; i++) subject.append(spool, 100, 1_000);
    assert.ok(subject.segments().includes('0000000007.seg'));
    assert.deepEqual(subject.take(spool), range(0, 6_000));
    assert.deepEqual(warnings(subject), []);
    spool.close([]);
  });

  it('goes on behind ten digits', () => {
    const subject = new Subject();
    const spool = subject.open();
    subject.append(spool, 10);
    spool.close([]);
    renameSync(join(subject.place, '0000000001.seg'), join(subject.place, '9999999999.seg'));
    rmSync(join(subject.place, 'cursor'));
    for (let start = 0; start < 3; start++) {
      const again = subject.open();
      assert.equal(subject.ledger.own['events.recovered'], 10 + start * 10);
      subject.append(again, 10);
      again.close([]);
    }
    assert.deepEqual(subject.segments(), ['10000000000.seg', '10000000001.seg', '10000000002.seg', '9999999999.seg']);
    const last = subject.open();
    assert.deepEqual(subject.take(last), range(0, 40));
    last.close([]);
  });

  it('says at once that it cannot write, and when it can again; nothing is lost', () => {
    const subject = new Subject();
    const spool = subject.open();
    withoutRight(subject.place, () => {
      for (let i = 0; i < 3; i++) subject.append(spool, 10);
    });
    assert.equal(warnings(subject).length, 1);
    assert.match(
      warnings(subject)[0] ?? '',
      /^cannot write the spool: permission denied \(EACCES\); .*the right to write/,
    );
    subject.append(spool, 10);
    assert.match(warnings(subject)[1] ?? '', /^\+the spool .* is written again$/);
    assert.equal(warnings(subject).length, 2);
    spool.close([]);
    const again = subject.open();
    assert.deepEqual(subject.take(again), range(0, 40));
    again.close([]);
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

  it('counts a batch that was whole once, though not even its header is', () => {
    const { subject, path, record } = dead();
    truncateSync(path, record * 19 + 10);
    const { taken, lost } = recover(subject);
    assert.deepEqual(taken, [...range(0, 190), ...range(200, 210)]);
    assert.equal(lost, 10);
  });

  it('goes on where not even the header of the torn batch is whole: it was never kept', () => {
    const { subject, path, record } = dead();
    // The cursor of a moment before: the agent was killed in the middle of the write.
    const spool = subject.open();
    spool.close([]);
    copyFileSync(join(subject.place, 'cursor'), join(folder, 'cursor'));
    const killed = subject.open();
    subject.append(killed, 10, 100);
    killed.close([]);
    copyFileSync(join(folder, 'cursor'), join(subject.place, 'cursor'));
    truncateSync(join(subject.place, subject.segments()[1] ?? ''), 10);
    assert.equal(statSync(path).size, record * 20);
    const { taken, lost } = recover(subject);
    assert.deepEqual(taken, [...range(0, 200), ...range(210, 220)]);
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

  /** A spool of 40 batches of 100 events in four segments, some sent, its agent killed: nothing was closed. */
  function killed(sent: number): Subject {
    const subject = new Subject();
    const spool = subject.open(8 * 1024 * 1024);
    for (let i = 0; i < 40; i++) subject.append(spool, 100, 1_000);
    subject.take(spool, sent);
    rmSync(join(subject.place, 'lock'));
    return subject;
  }

  for (const sent of [0, 3])
    for (const gone of ['the newest', 'all'])
      it(`counts once and exactly what is missing at the end: ${gone}, after ${sent} batches sent`, () => {
        const subject = killed(sent);
        const segments = subject.segments();
        assert.ok(segments.length > 3);
        for (const name of gone === 'all' ? segments : segments.slice(-1)) rmSync(join(subject.place, name));
        const again = subject.open(8 * 1024 * 1024);
        assert.equal(subject.ledger.own['events.recovered'], 4_000 - 100 * sent);
        const taken = subject.take(again);
        const lost = subject.ledger.own['events.dropped.spool_damaged'];
        assert.equal(taken.length + lost, 4_000 - 100 * sent);
        assert.equal(lost, gone === 'all' ? 4_000 - 100 * sent : 4_000 - (taken.at(-1) ?? 0) - 1);
        assert.ok(lost > 0);
        const notice = subject.notices.find(({ what }) => what === 'lost');
        assert.ok(notice?.what === 'lost' && notice.events === lost && /damaged or missing/.test(notice.reason));
        subject.append(again, 10);
        assert.deepEqual(subject.take(again), range(4_000, 4_010));
        subject.assertBalanced();
        again.close([]);
        // The same where no acknowledgment moves the cursor behind what was lost.
        subject.open(8 * 1024 * 1024).close([]);
        assert.equal(subject.ledger.own['events.recovered'], 0);
      });

  it('counts what is missing but once, though nothing is acknowledged after it', () => {
    const subject = killed(0);
    for (const name of subject.segments()) rmSync(join(subject.place, name));
    const spool = subject.open();
    assert.equal(spool.next(), undefined);
    assert.equal(subject.ledger.own['events.dropped.spool_damaged'], 4_000);
    spool.close([]);
    subject.open().close([]);
    assert.equal(subject.ledger.own['events.recovered'], 0);
  });

  it('keeps what is on its way while something behind it is missing', () => {
    const subject = killed(0);
    for (const name of subject.segments().slice(1)) rmSync(join(subject.place, name));
    const spool = subject.open();
    const inFlight: SpooledBatch[] = [];
    for (let batch = spool.next(); batch !== undefined; batch = spool.next()) inFlight.push(batch);
    assert.ok(subject.ledger.own['events.dropped.spool_damaged'] > 0);
    spool.close([]);
    const again = subject.open();
    assert.deepEqual(subject.take(again), range(0, inFlight.length * 100));
    again.close([]);
  });

  it('goes on behind the end of its newest segment that somebody has cut while it ran', () => {
    const subject = new Subject();
    const spool = subject.open(64 * 1024 * 1024);
    for (let i = 0; i < 12; i++) subject.append(spool, 1_000, 1_000); // 12 MB, of which 8 stay in memory
    const [name = ''] = subject.segments();
    truncateSync(join(subject.place, name), 9_000_000);
    const taken = subject.take(spool);
    for (let i = 0; i < 12; i++) subject.append(spool, 1_000, 1_000);
    taken.push(...subject.take(spool));
    const lost = subject.ledger.own['events.dropped.spool_damaged'];
    assert.ok(lost > 0 && lost < 12_000, `${lost}`);
    assert.equal(taken.length + lost, 24_000);
    assert.deepEqual(taken.slice(-12_000), range(12_000, 24_000));
    subject.assertBalanced();
    spool.close([]);
  });

  it('reads a cursor of before: what is missing at the end was not in it', () => {
    const subject = killed(3);
    const path = join(subject.place, 'cursor');
    const cursor = readFileSync(path);
    cursor.fill(0, 36, 64);
    cursor.fill(0, 100);
    writeFileSync(path, cursor);
    rmSync(join(subject.place, subject.segments().at(-1) ?? ''));
    const spool = subject.open();
    const taken = subject.take(spool);
    assert.deepEqual(taken, range(300, 300 + taken.length));
    assert.equal(subject.ledger.own['events.dropped.spool_damaged'], 0);
    subject.append(spool, 10);
    assert.equal(subject.take(spool).length, 10);
    spool.close([]);
  });

  it('has what an agent of before can read', () => {
    const subject = killed(3);
    const cursor = readFileSync(join(subject.place, 'cursor'));
    for (const at of [0, 64]) assert.equal(crc32(cursor.subarray(at, at + 32)), cursor.readUInt32LE(at + 32));
  });

  it('takes what a torn slot of the cursor still tells, and the rest from the other', () => {
    for (const slot of [0, 64]) {
      const subject = killed(3);
      const path = join(subject.place, 'cursor');
      const cursor = readFileSync(path);
      cursor.fill(0xff, slot + 40, slot + 60);
      writeFileSync(path, cursor);
      for (const name of subject.segments()) rmSync(join(subject.place, name));
      const spool = subject.open();
      assert.equal(subject.ledger.own['events.recovered'], 3_700);
      spool.close([]);
    }
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
