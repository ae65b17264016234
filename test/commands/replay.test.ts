import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { cleanEnvironment, MAIN, vesper } from '../support/cli.ts';
import { PROJECT } from '../support/shared.ts';

const OFFICE = join(PROJECT, 'test', 'fixtures', 'cases', 'office-hour', 'input.pcap');
const folder = mkdtempSync(join(tmpdir(), 'vesper-replay-'));
after(() => rmSync(folder, { recursive: true }));

type Event = Record<string, unknown> & { vesper: Record<string, Record<string, unknown>> };

const events = (text: string): Event[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Event);

/** The counters of the log line at the end. */
function counters(stderr: string): Record<string, number> {
  const done = stderr.split('\n').find((line) => line.includes('"replay done"'));
  assert.ok(done, stderr);
  return (JSON.parse(done) as { counters: Record<string, number> }).counters;
}

function count(all: Record<string, number>, pattern: RegExp): number {
  return Object.entries(all).reduce((sum, [name, value]) => sum + (pattern.test(name) ? value : 0), 0);
}

describe('vesper replay', () => {
  it('writes events to standard output and nothing else there', async () => {
    const { status, stdout, stderr } = await vesper(['replay', OFFICE]);
    assert.equal(status, 0, stderr);
    const all = events(stdout);
    const kinds = new Set(all.flatMap(({ vesper: extras }) => Object.keys(extras)));
    for (const kind of ['flow', 'dns', 'tls', 'certificate', 'finding']) assert.ok(kinds.has(kind), `no ${kind} event`);
    assert.equal(new Set(all.map((event) => event.event_id)).size, all.length);
    const totals = counters(stderr);
    assert.equal(totals['events.sent'], all.length);
    const accounted = count(totals, /^frames\.(emitted|filtered|dropped|undecodable)/);
    assert.equal(totals['frames.received'], accounted);
  });

  it('gives the same bytes twice', async () => {
    const [one, two] = await Promise.all([vesper(['replay', OFFICE]), vesper(['replay', OFFICE])]);
    assert.equal(one.stdout, two.stdout);
  });

  it('gives the same events from a path, a gzip and standard input', async () => {
    const zipped = join(folder, 'office.pcap.gz');
    writeFileSync(zipped, gzipSync(readFileSync(OFFICE)));
    const plain = await vesper(['replay', OFFICE]);
    assert.equal((await vesper(['replay', zipped])).stdout, plain.stdout);
    assert.equal((await vesper(['replay', '-'], { input: readFileSync(OFFICE) })).stdout, plain.stdout);
  });

  it('writes a file for each kind, whole lines, in the folder that it makes', async () => {
    const pattern = join(folder, 'out', '{kind}.ndjson');
    const { status, stdout } = await vesper(['replay', OFFICE, '-o', pattern]);
    assert.equal(status, 0);
    assert.equal(stdout, '');
    const files = readdirSync(join(folder, 'out')).sort();
    assert.deepEqual(files, ['certificate.ndjson', 'dns.ndjson', 'finding.ndjson', 'flow.ndjson', 'tls.ndjson']);
    const whole = (await vesper(['replay', OFFICE])).stdout.split('\n').sort();
    const parts = files.flatMap((file) =>
      readFileSync(join(folder, 'out', file), 'utf8')
        .split('\n')
        .slice(0, -1),
    );
    assert.deepEqual([...parts, ''].sort(), whole);
  });

  it('sends every event to each of several outputs', async () => {
    const path = join(folder, 'both.ndjson');
    const { stdout } = await vesper(['replay', OFFICE, '-o', '-', '-o', path]);
    assert.equal(readFileSync(path, 'utf8'), stdout);
  });

  it('gives native events in their own shape', async () => {
    const { stdout } = await vesper(['replay', OFFICE, '--format', 'native']);
    const types = new Set(events(stdout).map((event) => event.type));
    const known = [
      'DnsQuery',
      'DnsResponse',
      'TlsClientHello',
      'TlsServerHello',
      'TlsCertificate',
      'Flow',
      'PolicyViolation',
    ];
    assert.deepEqual([...types].sort(), known.sort());
  });

  it('makes only the kinds that are asked for', async () => {
    const { stdout, stderr } = await vesper(['replay', OFFICE, '--collect', 'dns']);
    assert.ok(events(stdout).length > 0);
    assert.ok(events(stdout).every((event) => event.vesper.dns !== undefined));
    const totals = counters(stderr);
    assert.ok((totals['frames.filtered.kind'] ?? 0) > 0);
    assert.equal(totals['frames.received'], count(totals, /^frames\.(emitted|filtered|dropped|undecodable)/));
  });

  it('reports violations alone where only findings are asked for', async () => {
    const { stdout } = await vesper(['replay', OFFICE, '--collect', 'finding']);
    assert.ok(events(stdout).length > 0);
    assert.ok(events(stdout).every((event) => event.vesper.finding !== undefined));
  });

  it('gives the lines that the README shows of the demo', async () => {
    const { stdout } = await vesper(['replay', OFFICE, '--set', 'sensor.name=demo']);
    const shown = readFileSync(join(PROJECT, 'README.md'), 'utf8').match(/^\{"time":.*$/gm) ?? [];
    assert.ok(shown.length >= 2);
    for (const line of shown) assert.ok(stdout.includes(`${line}\n`), line);
  });

  it('ignores networks, ports and domains, and counts what it ignored', async () => {
    const all = events((await vesper(['replay', OFFICE])).stdout);
    const port = await vesper(['replay', OFFICE, '--ignore-port', '53']);
    assert.ok(events(port.stdout).every((event) => event.dest_port !== 53));
    assert.ok((counters(port.stderr)['frames.filtered.port'] ?? 0) > 0);
    const ports = await vesper(['replay', OFFICE, '--ignore-port', '53,443', '--ignore-port', '80']);
    assert.ok(events(ports.stdout).every((event) => ![53, 80, 443].includes(Number(event.dest_port))));
    assert.ok(
      Number(counters(ports.stderr)['frames.filtered.port']) > Number(counters(port.stderr)['frames.filtered.port']),
    );
    const source = all.find((event) => event.src !== undefined)?.src as string;
    const network = await vesper(['replay', OFFICE, '--ignore-network', `${source}/32`]);
    assert.ok(events(network.stdout).every((event) => event.src !== source && event.dest !== source));
    assert.ok((counters(network.stderr)['frames.filtered.network'] ?? 0) > 0);
    const from = await vesper(['replay', OFFICE, '--set', `ignore.sources=${source}/32`]);
    assert.ok((counters(from.stderr)['frames.filtered.source'] ?? 0) > 0);
    assert.equal(counters(from.stderr)['frames.filtered.network'], undefined);
    const server = all.find((event) => event.dest !== undefined)?.dest as string;
    const to = await vesper(['replay', OFFICE, '--set', `ignore.destinations=${server}/32`]);
    assert.ok((counters(to.stderr)['frames.filtered.destination'] ?? 0) > 0);
    const domain = await vesper(['replay', OFFICE, '--ignore-domain', '*.example.test']);
    const named = events(domain.stdout).filter((event) => /\.example\.test$/i.test(String(event.query)));
    assert.deepEqual(named, []);
    assert.ok((counters(domain.stderr)['events.filtered.domain'] ?? 0) > 0);
    const unread = join(PROJECT, 'test/fixtures/cases/dns-question-only-in-response/input.pcap');
    const told = await vesper(['replay', unread, '--collect', 'dns', '--ignore-domain', '*.example.test']);
    assert.equal(told.stdout, '');
    assert.equal(counters(told.stderr)['events.filtered.domain'], 1);
  });

  it('continues over several files as one stretch of traffic', async () => {
    const bytes = readFileSync(OFFICE);
    let at = 24;
    for (let packets = 0; packets < 60; packets++) at += 16 + bytes.readUInt32LE(at + 8);
    const first = join(folder, 'first.pcap');
    const second = join(folder, 'second.pcap');
    writeFileSync(first, bytes.subarray(0, at));
    writeFileSync(second, Buffer.concat([bytes.subarray(0, 24), bytes.subarray(at)]));
    assert.equal((await vesper(['replay', first, second])).stdout, (await vesper(['replay', OFFICE])).stdout);
  });

  it('gives what is whole of a cut file, warns, and ends with 1', async () => {
    const cut = join(folder, 'cut.pcap');
    writeFileSync(cut, readFileSync(OFFICE).subarray(0, 5_000));
    const { status, stdout, stderr } = await vesper(['replay', cut]);
    assert.equal(status, 1);
    assert.ok(events(stdout).length > 0);
    assert.match(stderr, /cut\.pcap/);
  });

  it('ends quietly when its reader has seen enough', async () => {
    const pipeline = `"${process.execPath}" "${MAIN}" replay "${OFFICE}" | head -n 1`;
    const child = spawn('sh', ['-c', pipeline], { env: cleanEnvironment() });
    let out = '';
    let error = '';
    child.stdout.on('data', (part) => (out += part));
    child.stderr.on('data', (part) => (error += part));
    const [status] = await once(child, 'close');
    assert.equal(status, 0);
    assert.equal(events(out).length, 1);
    assert.doesNotMatch(error, /EPIPE|at .*\.js/);
  });

  it('ends with 1 and the reason when an output fails on the way', async () => {
    const { status, stderr } = await vesper(['replay', OFFICE, '-o', '/dev/full']);
    assert.equal(status, 1);
    assert.match(stderr, /\/dev\/full/);
    assert.match(stderr, /no space/i);
  });
});

describe('vesper replay, wrongly used', () => {
  const out = join(folder, 'never.ndjson');

  async function refused(args: readonly string[], reason: RegExp): Promise<void> {
    const { status, stdout, stderr } = await vesper(['replay', ...args, '-o', out]);
    assert.equal(status, 2, stderr);
    assert.equal(stdout, '');
    assert.match(stderr, reason);
    assert.doesNotMatch(stderr, /\n {4}at /);
    assert.equal(existsSync(out), false, 'an output was made');
  }

  it('wants a file', () => refused([], /name a capture file/));
  it('refuses a file that is not there', () => refused([join(folder, 'none.pcap')], /none\.pcap/));
  it('refuses a folder', () => refused([folder], /directory|folder/i));
  it('refuses an empty file', () => {
    const empty = join(folder, 'empty.pcap');
    writeFileSync(empty, '');
    return refused([empty], /empty/);
  });
  it('refuses what is not a capture, even after one that is', () => refused([OFFICE, MAIN], /main\.js.*not a capture/));
  it('refuses an unknown option', () => refused([OFFICE, '--polcy', 'x'], /did you mean --policy/));
  it('refuses an unknown policy', () => refused([OFFICE, '--policy', 'baselin'], /did you mean baseline/));
  it('refuses an unknown kind', () => refused([OFFICE, '--collect', 'dsn'], /did you mean dns/));
  it('refuses a wrong network', () => refused([OFFICE, '--ignore-network', '10.0.0.0/99'], /ignore\.networks/));
  it('refuses a missing configuration', () => refused([OFFICE, '-c', join(folder, 'no.yaml')], /no\.yaml/));
  it('refuses a target of a kind that it has not', () => refused([OFFICE, '-o', 'ftp://h/t'], /ftp/));
});

describe('vesper', () => {
  it('explains itself', async () => {
    const help = await vesper(['--help']);
    assert.equal(help.status, 0);
    for (const command of ['replay', 'run', 'policy', 'config', 'doctor'])
      assert.match(help.stdout, new RegExp(command));
    const replay = await vesper(['replay', '--help']);
    assert.equal(replay.status, 0);
    assert.match(replay.stdout, /--output TARGET/);
    assert.equal((await vesper([])).status, 2);
    assert.match((await vesper(['--version'])).stdout, /^vesper \d+\.\d+\.\d+\n$/);
  });

  it('suggests the command that was meant', async () => {
    const { status, stderr } = await vesper(['repaly']);
    assert.equal(status, 2);
    assert.match(stderr, /did you mean replay\?/);
  });

  it('prints the settings in force and their reference', async () => {
    const { stdout } = await vesper(['config', '--set', 'dns.query_timeout_s=7']);
    assert.match(stdout, /query_timeout_s: 7/);
    assert.match((await vesper(['config', '--docs'])).stdout, /\| `flows\.capacity` \|/);
  });

  it('says what works here', async () => {
    const { status, stdout } = await vesper(['doctor']);
    const isLive = /^works {4}live capture/m.test(stdout) && /^works {4}interfaces/m.test(stdout);
    assert.equal(status, isLive ? 0 : 1);
    assert.match(stdout, /works {4}Node\.js/);
  });

  it('takes no arguments where there is nothing to name', async () => {
    for (const command of ['config', 'doctor', 'run']) {
      const { status, stderr } = await vesper([command, 'extra']);
      assert.equal(status, 2);
      assert.match(stderr, /takes no arguments: .*extra\?/);
    }
  });

  it('takes a short option apart from its value', async () => {
    const { status, stderr } = await vesper(['replay', OFFICE, '-o=hec://h:8088']);
    assert.equal(status, 2);
    assert.equal(stderr, 'vesper: -o=hec://h:8088: write it as -o hec://h:8088\n');
  });

  it('says that standard output is full, and nothing of a reader that has gone', () => {
    for (const args of ['config', '--help', 'policy list', `policy test baseline --capture ${OFFICE}`]) {
      const full = spawnSync('sh', ['-c', `exec "$0" "$1" ${args} > /dev/full`, process.execPath, MAIN], {
        encoding: 'utf8',
      });
      assert.equal(full.status, 1);
      assert.equal(full.stderr, 'vesper: cannot write standard output: no space left on device (ENOSPC)\n');
      const gone = spawnSync('sh', ['-c', `"$0" "$1" ${args} | true`, process.execPath, MAIN], { encoding: 'utf8' });
      assert.equal(gone.stderr, '');
    }
  });

  it('runs from the link that npm makes', () => {
    const text = execFileSync(process.execPath, ['--preserve-symlinks', MAIN, '--version'], { encoding: 'utf8' });
    assert.match(text, /^vesper /);
  });
});

describe('vesper policy', () => {
  it('lists, shows and checks policies', async () => {
    assert.match((await vesper(['policy', 'list'])).stdout, /^baseline /m);
    assert.match((await vesper(['policy', 'show', 'baseline'])).stdout, /^baseline 1/);
    const file = join(PROJECT, 'config', 'policies', 'baseline.yaml');
    assert.equal((await vesper(['policy', 'check', file])).status, 0);
    const wrong = join(folder, 'wrong.yaml');
    writeFileSync(wrong, readFileSync(file, 'utf8').replace('severity: critical', 'severity: critcal'));
    const { status, stderr } = await vesper(['policy', 'check', wrong]);
    assert.equal(status, 2);
    assert.match(stderr, /wrong\.yaml:\d+:\d+: .*critical/);
  });

  it('tests a capture: a line for each handshake, 1 when one is not compliant', async () => {
    const { status, stdout } = await vesper(['policy', 'test', 'baseline', '--capture', OFFICE]);
    assert.equal(status, 1);
    assert.match(stdout, /non_compliant .* TLSv1\.0 .* no-tls-1\.0-1\.1/);
    assert.match(stdout, /^compliant .* TLSv1\.3 /m);
    const good = join(PROJECT, 'test', 'fixtures', 'cases', 'tls13', 'input.pcap');
    assert.equal((await vesper(['policy', 'test', 'baseline', '--capture', good])).status, 0);
  });
});
