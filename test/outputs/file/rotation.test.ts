import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { LogFile, type LogFileSettings } from '../../../src/outputs/file/log-file.ts';
import type { Fsync } from '../../../src/outputs/options.ts';
import { DeliveryError } from '../../../src/outputs/output.ts';
import { eventOf, eventsOf } from '../events.ts';
import { fileSettings } from '../routes.ts';

const folder = mkdtempSync(join(tmpdir(), 'vesper-rotation-'));
after(() => rmSync(folder, { recursive: true }));

let files = 0;

function logSettings(path: string, options: object = {}): LogFileSettings {
  const { rotate, fsync } = fileSettings(path, { fsync: 'interval', ...options });
  return { rotate, fsync: fsync as Fsync };
}

/** A file in a directory of its own, and what is in that directory. */
class Subject {
  readonly directory = join(folder, String(files++));
  readonly path = join(this.directory, 'events.ndjson');
  readonly warnings: string[] = [];
  private readonly log: LogFile;
  private made = 0;

  /** @param options of a file output */
  constructor(options: object, gzipAfterMs = 0) {
    this.log = new LogFile(this.path, logSettings(this.path, options), (text) => this.warnings.push(text), gzipAfterMs);
  }

  /** Appends batches of one line of ten bytes. */
  append(batches: number): void {
    for (let i = 0; i < batches; i++) this.log.appendNow([eventOf(String(this.made++).padStart(9, '0'))]);
  }

  reopen(): void {
    this.log.reopen();
  }

  names(): string[] {
    return readdirSync(this.directory).sort();
  }

  text(name: string): string {
    const bytes = readFileSync(join(this.directory, name));
    return (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString();
  }

  /** All lines there are, in the order of rotation. */
  lines(): number[] {
    const current = basename(this.path);
    const rotated = this.names().filter((name) => name !== current);
    return [...rotated, current].flatMap((name) => this.text(name).trimEnd().split('\n').map(Number));
  }

  /** Waits for work in the background. */
  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 10));
  }

  close(): Promise<void> {
    return this.log.close();
  }
}

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

describe('a file that rotates', () => {
  it('by size: no file grows beyond it, no line is in two', async () => {
    const subject = new Subject({ rotate: { bytes: 50, gzip: false } });
    subject.append(23);
    assert.deepEqual(subject.names(), ['events.ndjson', ...[1, 2, 3, 4].map((n) => `events.ndjson.00000${n}`)]);
    for (const name of subject.names()) assert.ok(statSync(join(subject.directory, name)).size <= 50);
    assert.deepEqual(subject.lines(), range(23));
    await subject.close();
  });

  it('does not rotate for one line that is larger', async () => {
    const subject = new Subject({ rotate: { bytes: 5, gzip: false } });
    subject.append(2);
    assert.deepEqual(subject.names(), ['events.ndjson', 'events.ndjson.000001']);
    await subject.close();
  });

  it('by time, also over a restart', async () => {
    const subject = new Subject({ rotate: { interval_s: 1, gzip: false } });
    subject.append(3);
    await subject.close();
    const next = new LogFile(
      subject.path,
      logSettings(subject.path, { rotate: { interval_s: 1, gzip: false } }),
      assert.fail,
    );
    next.appendNow([eventOf('3')]);
    await new Promise((resolve) => setTimeout(resolve, 1_010));
    next.appendNow([eventOf('4')]);
    assert.equal(subject.text('events.ndjson.000001').split('\n').length, 5);
    assert.equal(subject.text('events.ndjson'), '4\n');
    await next.close();
  });

  it('compresses all rotated files but the newest, as old as they were', async () => {
    const subject = new Subject({ rotate: { bytes: 30 } });
    const umask = process.umask(0o077);
    subject.append(12);
    await subject.until(() => subject.names().filter((name) => name.endsWith('.gz')).length === 2);
    process.umask(umask);
    assert.deepEqual(subject.names(), [
      'events.ndjson',
      'events.ndjson.000001.gz',
      'events.ndjson.000002.gz',
      'events.ndjson.000003',
    ]);
    assert.deepEqual(subject.lines(), range(12));
    for (const name of subject.names()) assert.equal(statSync(join(subject.directory, name)).mode & 0o777, 0o640);
    await subject.close();
    assert.deepEqual(subject.warnings, []);
  });

  it('leaves a rotated file uncompressed for a while: a forwarder may be behind', async () => {
    const subject = new Subject({ rotate: { bytes: 30 } }, 3_600_000);
    subject.append(12);
    await subject.close();
    assert.deepEqual(
      subject.names().filter((name) => name.endsWith('.gz')),
      [],
    );
  });

  it('keeps so many, the newest', async () => {
    const subject = new Subject({ rotate: { bytes: 30, keep_files: 2, gzip: false } });
    subject.append(30);
    await subject.until(() => subject.names().length === 3);
    assert.deepEqual(subject.names(), ['events.ndjson', 'events.ndjson.000008', 'events.ndjson.000009']);
    assert.deepEqual(subject.lines(), range(30).slice(21));
    await subject.close();
  });

  it('removes what is too old, and nothing that is not its own', async () => {
    const subject = new Subject({ rotate: { bytes: 1_000, keep_s: 3_600, gzip: false } });
    mkdirSync(subject.directory);
    const names = ['events.ndjson.000001.gz', 'events.ndjson.000007', 'events.ndjson.bak', 'events.ndjson.000008x'];
    for (const name of names) {
      writeFileSync(join(subject.directory, name), 'x\n');
      utimesSync(join(subject.directory, name), 1e9, 1e9);
    }
    writeFileSync(join(subject.directory, 'events.ndjson.000009'), 'x\n');
    subject.append(1);
    await subject.until(() => subject.names().length === 4);
    assert.deepEqual(subject.names(), [
      'events.ndjson',
      'events.ndjson.000008x',
      'events.ndjson.000009',
      'events.ndjson.bak',
    ]);
    await subject.close();
  });

  it('finishes what a crash left half done', async () => {
    const subject = new Subject({ rotate: { bytes: 30 } });
    mkdirSync(subject.directory);
    const write = (name: string, text: string): void => writeFileSync(join(subject.directory, name), text);
    write('events.ndjson.000001', '0\n');
    write('events.ndjson.000001.gz.tmp', 'half');
    write('events.ndjson.000002', '1\n');
    subject.append(1);
    await subject.until(() => subject.names().includes('events.ndjson.000001.gz'));
    await subject.close();
    assert.deepEqual(subject.names(), ['events.ndjson', 'events.ndjson.000001.gz', 'events.ndjson.000002']);
  });

  it('counts on from the files that are there', async () => {
    const subject = new Subject({ rotate: { bytes: 10, gzip: false } });
    mkdirSync(subject.directory);
    writeFileSync(join(subject.directory, 'events.ndjson.000041'), '');
    subject.append(2);
    assert.ok(subject.names().includes('events.ndjson.000042'));
    await subject.close();
  });
});

describe('a file that others move', () => {
  it('is opened anew when told (logrotate: move, then SIGHUP)', async () => {
    const subject = new Subject({});
    subject.append(2);
    renameSync(subject.path, `${subject.path}.1`);
    subject.append(1);
    assert.equal(existsSync(subject.path), false);
    subject.reopen();
    subject.append(2);
    assert.equal(subject.text('events.ndjson.1').split('\n').length, 4);
    assert.equal(subject.text('events.ndjson').split('\n').length, 3);
    await subject.close();
  });

  it('is opened anew within seconds when not told', async () => {
    const subject = new Subject({});
    subject.append(1);
    renameSync(subject.path, `${subject.path}.1`);
    await subject.until(() => {
      subject.append(1);
      return existsSync(subject.path);
    });
    await subject.close();
    assert.deepEqual(
      [
        ...subject.text('events.ndjson.1').trimEnd().split('\n'),
        ...subject.text('events.ndjson').trimEnd().split('\n'),
      ].map(Number),
      range(subject.text('events.ndjson.1').split('\n').length),
    );
  });

  it('goes on where its end was cut (copytruncate)', async () => {
    const subject = new Subject({});
    subject.append(2);
    writeFileSync(subject.path, '');
    subject.append(1);
    assert.equal(subject.text('events.ndjson'), '000000002\n');
    await subject.close();
  });
});

describe('a file in a dangerous place', () => {
  const refusal = (path: string): string => {
    const log = new LogFile(path, logSettings(path), assert.fail);
    try {
      log.appendNow(eventsOf(['1']));
    } catch (error) {
      assert.ok(error instanceof DeliveryError);
      assert.equal(error.retryable, true, 'somebody may mend it');
      return error.message;
    }
    return 'none';
  };

  it('is not written through a symbolic link', () => {
    const target = join(folder, 'target');
    const link = join(folder, 'link.ndjson');
    writeFileSync(target, '');
    symlinkSync(target, link);
    assert.match(refusal(link), /symbolic link/);
    assert.equal(readFileSync(target, 'utf8'), '');
  });

  it('is not made where everybody may replace it', () => {
    const open = join(folder, 'open');
    mkdirSync(open);
    chmodSync(open, 0o777);
    assert.match(refusal(join(open, 'x.ndjson')), /writable by all/);
    assert.deepEqual(readdirSync(open), []);
    chmodSync(open, 0o1777);
    assert.equal(refusal(join(open, 'x.ndjson')), 'none');
  });

  it('has the rights that the forwarder needs, whatever the umask', () => {
    const path = join(folder, 'rights.ndjson');
    const before = process.umask(0o077);
    try {
      assert.equal(refusal(path), 'none');
    } finally {
      process.umask(before);
    }
    assert.equal(statSync(path).mode & 0o777, 0o640);
  });
});

describe('forcing to the disk', () => {
  for (const fsync of ['never', 'interval', 'batch'] as const)
    it(`${fsync}: writes the same`, async () => {
      const subject = new Subject({ fsync, rotate: { bytes: 100, gzip: false } });
      subject.append(25);
      await subject.close();
      assert.deepEqual(subject.lines(), range(25));
    });
});
