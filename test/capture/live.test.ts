/** The three captures on the same traffic of real programs. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { MAIN, vesper } from '../support/cli.ts';
import { Cable, HERE, says, THERE } from '../support/netns.ts';
import { skipWithoutCapture } from '../support/privilege.ts';

type Event = Record<string, unknown> & { vesper: Record<string, unknown> };

/** What a backend cannot know, and what is another in every run. */
const OWN_FIELDS = ['time', 'event_id', 'session_id', 'duration', 'response_time', 'process_id', 'user', 'direction'];

function comparable(event: Event): string {
  const { interface: _interface, process: _process, flow, ...vesperFields } = event.vesper;
  const { rtt: _rtt, ...flowFields } = (flow ?? {}) as Record<string, unknown>;
  const fields = Object.entries({ ...event, vesper: { ...vesperFields, flow: flowFields } });
  return JSON.stringify(fields.filter(([name]) => !OWN_FIELDS.includes(name)));
}

function eventsOf(file: string): Event[] {
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  const events = lines.map((line) => JSON.parse(line) as Event);
  return events.filter(({ src, dest }) => [src, dest].every((end) => end === HERE || end === THERE));
}

const skip = skipWithoutCapture('ebpf') || skipWithoutCapture('af_packet');

describe('eBPF, AF_PACKET and tcpdump with replay see the same', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'vesper-live-'));
  const path = (name: string): string => join(folder, name);
  const found: Record<string, Event[]> = {};
  let cable: Cable;

  before(async () => {
    cable = new Cable();
    const subject = ['-subj', '/CN=server.test', '-keyout', path('key'), '-out', path('cert')];
    execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...subject], { stdio: 'ignore' });
    const tls = (port: string, ...more: string[]) =>
      cable.start(cable.there, [
        'openssl',
        's_server',
        '-quiet',
        '-accept',
        port,
        '-key',
        path('key'),
        '-cert',
        path('cert'),
        ...more,
      ]);
    tls('443');
    tls('8443', '-tls1_2');
    const names = ['--no-resolv', '--no-hosts', '--address=/example.test/192.0.2.1', `--listen-address=${THERE}`];
    cable.start(cable.there, ['dnsmasq', '-k', '--user=root', '-x', path('pid'), ...names]);
    const agents = (['ebpf', 'af_packet'] as const).map((backend) =>
      cable.start(cable.here, [
        ...[process.execPath, MAIN, 'run', '-i', 'va', '--capture', backend, '--set', 'log.level=debug'],
        ...['-o', path(backend), '--set', 'sensor.name=test'],
      ]),
    );
    const dump = cable.start(cable.here, ['tcpdump', '-i', 'va', '--immediate-mode', '-U', '-w', path('pcap')]);
    await Promise.all([says(dump, 'listening on'), ...agents.map((agent) => says(agent, 'capturing'))]);

    const question = ['dig', '+tries=1', '+time=3', `@${THERE}`, 'www.example.test'];
    await cable.run(cable.here, question);
    await cable.run(cable.here, [...question, '+tcp']);
    const client = ['timeout', '10', 'openssl', 's_client', '-servername', 'server.test'];
    await cable.run(cable.here, [...client, '-connect', `${THERE}:443`], 'hello\n');
    await cable.run(cable.here, [...client, '-connect', `${THERE}:8443`], 'hello\n');
    await cable.run(cable.here, ['ping', '-c', '2', '-i', '0.2', THERE]);
    await sleep(500);

    await Promise.all([dump, ...agents].map((child) => cable.stop(child)));
    await vesper(['replay', path('pcap'), '-o', path('replay'), '--set', 'sensor.name=test']);
    for (const name of ['ebpf', 'af_packet', 'replay']) found[name] = eventsOf(path(name));
  });

  after(() => {
    cable.close();
    rmSync(folder, { recursive: true });
  });

  it('captures queries, handshakes and flows', () => {
    const events = found.replay ?? [];
    assert.equal(events.filter((event) => 'query' in event).length, 2);
    assert.equal(events.filter((event) => 'ssl_version' in event).length, 2);
  });

  for (const backend of ['ebpf', 'af_packet']) {
    it(`${backend}: equal events`, () => {
      const lines = (name: string): string[] => (found[name] ?? []).map(comparable).sort();
      assert.deepEqual(lines(backend), lines('replay'));
    });

    it(`${backend}: times within a millisecond of tcpdump's`, () => {
      const times = (name: string): Map<unknown, number> =>
        new Map((found[name] ?? []).map((event) => [`${event.flow_id} ${'query' in event}`, Number(event.time)]));
      const theirs = times('replay');
      for (const [flow, time] of times(backend)) {
        assert.ok(Math.abs(time - (theirs.get(flow) ?? 0)) <= 0.001, `${flow}: ${time} and ${theirs.get(flow)}`);
      }
    });
  }

  it('names the processes of queries, however short they live', () => {
    const queries = (found.ebpf ?? []).filter((event) => 'query' in event);
    const names = queries.map((event) => (event.vesper.process as { name?: string } | undefined)?.name);
    assert.deepEqual(names, ['dig', 'dig']);
  });
});
