/** Real forwarders read a file while it rotates and its agents are killed: each must have every line once. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { COLLECTOR_AT, skipWithoutService } from '../../services/cache.ts';
import { Collector } from '../../services/collector.ts';
import { compare, type WrittenRuns, writeAndKill } from './kill-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'vesper-readers-'));
after(() => rmSync(folder, { recursive: true }));

const KILLS = 6;
const ROTATE_BYTES = 200_000;
/**
 * Less than a file holds: of a file that was renamed twice before it looked, a forwarder knows nothing. It looks in its own
 * time, so the writers wait for it.
 */
const MAX_UNREAD_EVENTS = 500;
const MAX_WAIT_MS = 60_000;

const hasRsyslog = spawnSync('rsyslogd', ['-v']).status === 0;
if (!hasRsyslog && (process.env.VESPER_REQUIRE ?? '').split(',').includes('rsyslog'))
  throw new Error('rsyslogd is missing');

/** @param read lines that the forwarder has */
async function write(directory: string, read: () => number): Promise<{ runs: WrittenRuns; least: number }> {
  const mayWrite = (acknowledged: number) => acknowledged - read() < MAX_UNREAD_EVENTS;
  const runs = await writeAndKill({ directory, kills: KILLS, rotateBytes: ROTATE_BYTES, mayWrite });
  assert.ok(runs.rotations > 0);
  return { runs, least: runs.acknowledged.reduce((total, each) => total + each, 0) };
}

function linesOf(path: string): string[] {
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : [];
}

/** Waits until a forwarder has as many lines as were written, then a little for lines too many. */
async function caughtUp(read: () => readonly string[], expected: number): Promise<readonly string[]> {
  for (let waited = 0; read().length < expected && waited < MAX_WAIT_MS; waited += 100) await sleep(100);
  await sleep(500);
  return read();
}

describe('rsyslog (imfile)', { skip: !hasRsyslog && 'rsyslogd is missing (Debian package rsyslog)' }, () => {
  it('has every event once and in order', async () => {
    const place = join(folder, 'rsyslog');
    const [logs, work, out] = [join(place, 'logs'), join(place, 'work'), join(place, 'out')];
    for (const directory of [place, logs, work]) mkdirSync(directory);
    // The file by its name: of a pattern that rotated files match, imfile takes a renamed file for a new one.
    writeFileSync(
      join(place, 'rsyslog.conf'),
      `global(workDirectory="${work}" maxMessageSize="64k")
module(load="imfile" mode="inotify")
template(name="line" type="string" string="%msg%\\n")
ruleset(name="out") { action(type="omfile" file="${out}" template="line") }
input(type="imfile" file="${join(logs, 'events.ndjson')}" tag="vesper" ruleset="out")
`,
    );
    const args = ['-n', '-f', join(place, 'rsyslog.conf'), '-i', join(place, 'pid')];
    const daemon: ChildProcess = spawn('rsyslogd', args, { stdio: 'ignore' });
    try {
      while (!existsSync(join(place, 'pid'))) await sleep(20);
      const { runs, least } = await write(logs, () => linesOf(out).length);
      const lines = await caughtUp(() => linesOf(out), least);
      const { read, torn, ...faults } = compare(runs.acknowledged, [lines]);
      assert.ok(read >= least, `${read} of ${least}`);
      assert.ok(torn <= KILLS, `${torn} torn lines`);
      assert.deepEqual(faults, { lost: 0, doubled: 0, disordered: 0 });
    } finally {
      daemon.kill('SIGKILL');
      await once(daemon, 'close');
    }
  });
});

const skip = COLLECTOR_AT === undefined ? skipWithoutService('collector') : 'the collector that runs reads no files';

describe("the OpenTelemetry Collector's filelog receiver", { skip }, () => {
  it('has every event once', async () => {
    const logs = join(folder, 'filelog');
    mkdirSync(logs);
    const collector = await Collector.start({
      receivers: {
        filelog: {
          include: [join(logs, 'events.ndjson*')],
          exclude: [join(logs, '*.gz'), join(logs, '*.tmp')],
          start_at: 'beginning',
          poll_interval: '50ms',
        },
      },
    });
    try {
      const { runs, least } = await write(logs, () => collector.records.length);
      const lines = await caughtUp(() => collector.records.map(({ body }) => String(body)), least);
      // It reads several files at once: there is no order from one to the next.
      const { read, lost, doubled } = compare(runs.acknowledged, [lines]);
      assert.ok(read >= least, `${read} of ${least}`);
      assert.deepEqual({ lost, doubled }, { lost: 0, doubled: 0 });
    } finally {
      await collector.close();
    }
  });
});
