/** Live capture on devices of all sorts, and of packets that are not on the wire as the host sees them. */
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync } from 'node:child_process';
import { mkdtempSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { MAIN } from '../support/cli.ts';
import { unaccounted } from '../support/counting.ts';
import { Cable, HERE, says, THERE } from '../support/netns.ts';
import { skipWithoutCapture } from '../support/privilege.ts';
import { PROJECT } from '../support/shared.ts';
import { BACKENDS, countersIn, type Event, eventsIn, saidBy } from '../support/side-by-side.ts';

const skip = skipWithoutCapture('ebpf') || skipWithoutCapture('af_packet');
const SEND_FRAMES = fileURLToPath(new URL('../support/send-frames.js', import.meta.url));
const TUN_HERE = '10.98.0.1';
const TUN_THERE = '10.98.0.2';
const WIREGUARD_HERE = '10.97.0.1';
const WIREGUARD_THERE = '10.97.0.2';
const WIREGUARD_PORT = '51820';
/** Names of this process alone: control sockets of all namespaces are in one folder. */
const WIREGUARD_DEVICES = [`wga${process.pid}`, `wgb${process.pid}`] as const;
const HELLO_PORT = '8443';
/** Of the server `late`, which starts when the agents run; `old` is older than they. */
const LATE_PORT = '8444';
const MAX_WAIT_MS = 10_000;

interface Health {
  readonly event: string;
  readonly interface?: string;
}

describe('devices', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'vesper-devices-'));
  const path = (name: string): string => join(folder, name);
  const found: Record<string, Event[]> = {};
  const counters: Record<string, Record<string, number>> = {};
  /** What the system says of a process while it runs. */
  const running: Record<string, { readonly id: number; readonly executable: string }> = {};
  let cable: Cable;

  const remember = (name: string, { pid }: ChildProcess): void => {
    running[name] = { id: pid as number, executable: readlinkSync(`/proc/${pid}/exe`) };
  };
  const run = (...command: string[]) => cable.run(cable.here, ['timeout', '10', ...command], 'hello\n');
  const client = (name: string, connect: string) =>
    run('openssl', 's_client', '-connect', connect, '-servername', `${name}.test`);
  const dig = (server: string) => run('dig', '+tries=1', '+time=3', `@${server}`, 'www.example.test');
  const healthOf = (backend: string): Health[] =>
    eventsIn(path(backend)).flatMap((event) => (event.vesper.agent as Health | undefined) ?? []);

  function serve(namespace: string, port: string): ChildProcess {
    const identity = ['-key', path('key'), '-cert', path('cert')];
    return cable.start(namespace, ['openssl', 's_server', '-quiet', '-accept', port, ...identity]);
  }

  /** The ends of a WireGuard tunnel over the cable, by the implementation that needs no module of the kernel. */
  function startWireGuard(): void {
    const ends = [
      { namespace: cable.here, device: WIREGUARD_DEVICES[0], address: WIREGUARD_HERE, peer: THERE },
      { namespace: cable.there, device: WIREGUARD_DEVICES[1], address: WIREGUARD_THERE, peer: HERE },
    ];
    const keys = ends.map(({ device }) => {
      const secret = execFileSync('wg', ['genkey']);
      writeFileSync(path(device), secret, { mode: 0o600 });
      return execFileSync('wg', ['pubkey'], { input: secret, encoding: 'utf8' }).trim();
    });
    for (const [i, { namespace, device, address, peer }] of ends.entries()) {
      // Forks when its device and its control socket are there.
      execFileSync('nsenter', [`--net=/run/netns/${namespace}`, 'wireguard-go', device], { stdio: 'ignore' });
      const inside = (...command: string[]) => execFileSync('nsenter', [`--net=/run/netns/${namespace}`, ...command]);
      const other = [
        'peer',
        keys[1 - i] as string,
        'endpoint',
        `${peer}:${WIREGUARD_PORT}`,
        'allowed-ips',
        '10.97.0.0/24',
      ];
      inside('wg', 'set', device, 'private-key', path(device), 'listen-port', WIREGUARD_PORT, ...other);
      inside('ip', 'addr', 'add', `${address}/24`, 'dev', device);
      inside('ip', 'link', 'set', device, 'up');
    }
  }

  async function told(what: string, name: string): Promise<void> {
    const isTold = (backend: string): boolean =>
      healthOf(backend).some((health) => health.event === what && health.interface === name);
    for (let waited = 0; waited < MAX_WAIT_MS && !BACKENDS.every(isTold); waited += 100) await sleep(100);
  }

  /** Waits until somebody on the far side has bound the UDP port: what comes before would be refused. */
  async function bound(port: string): Promise<void> {
    const isBound = async () => (await cable.run(cable.there, ['ss', '-Hlun', `sport = :${port}`])) !== '';
    for (let waited = 0; waited < MAX_WAIT_MS && !(await isBound()); waited += 100) await sleep(100);
  }

  before(async () => {
    cable = new Cable();
    const ip = (...args: string[]) => execFileSync('ip', ['-n', cable.here, ...args]);
    ip('link', 'add', 'br0', 'type', 'bridge');
    ip('link', 'set', 'va', 'master', 'br0');
    ip('addr', 'del', `${HERE}/24`, 'dev', 'va');
    ip('addr', 'add', `${HERE}/24`, 'dev', 'br0');
    ip('link', 'set', 'br0', 'up');
    const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=server.test'];
    execFileSync('openssl', [...request, '-keyout', path('key'), '-out', path('cert')], { stdio: 'ignore' });
    const old = serve(cable.here, HELLO_PORT);
    serve(cable.there, HELLO_PORT);
    const names = ['--no-resolv', '--no-hosts', '--address=/example.test/192.0.2.1', '--except-interface=lo'];
    cable.start(cable.there, ['dnsmasq', '-k', '--user=root', '-x', path('pid'), '--bind-dynamic', ...names]);
    const agents = BACKENDS.map((backend): ChildProcess => {
      const command = [process.execPath, MAIN, 'run', '-i', 'auto,lo', '--capture', backend, '-o', path(backend)];
      return cable.start(cable.here, [...command, '--set', 'sensor.name=test']);
    });
    await Promise.all(agents.map((agent) => says(agent, 'capturing')));
    const said = agents.map(saidBy);

    await dig(THERE);
    await client('bridge', `${THERE}:${HELLO_PORT}`);
    await client('loopback', `127.0.0.1:${HELLO_PORT}`);
    // Their tags are in the packet's metadata when the program sees them: the receiving kernel has taken them out.
    const index = execFileSync('ip', ['-n', cable.there, '-o', 'link', 'show', 'vb'], { encoding: 'utf8' }).split(
      ':',
    )[0];
    const tagged = join(PROJECT, 'test/fixtures/cases/vlan/input.pcap');
    await cable.run(cable.there, [process.execPath, SEND_FRAMES, index as string, tagged]);
    const tunnel = (address: string) => `TUN:${address}/24,up,tun-name=tun7,iff-no-pi`;
    const far = cable.start(cable.there, ['socat', 'UDP-LISTEN:9999', tunnel(TUN_THERE)]);
    await bound('9999');
    const near = cable.start(cable.here, ['socat', `UDP:${THERE}:9999`, tunnel(TUN_HERE)]);
    await told('interface_attached', 'tun7');
    // The far end has its device with the first packet.
    await run('ping', '-c', '3', '-i', '0.3', TUN_THERE);
    await sleep(500);
    await dig(TUN_THERE);
    await client('tun', `${TUN_THERE}:${HELLO_PORT}`);
    await cable.stop(near);
    await cable.stop(far);
    await told('interface_detached', 'tun7');

    startWireGuard();
    await told('interface_attached', WIREGUARD_DEVICES[0]);
    const late = serve(cable.here, LATE_PORT);
    await run('ping', '-c', '3', '-i', '0.3', WIREGUARD_THERE);
    await dig(WIREGUARD_THERE);
    await client('wireguard', `${WIREGUARD_THERE}:${HELLO_PORT}`);
    for (const [name, port] of [
      ['old', HELLO_PORT],
      ['late', LATE_PORT],
    ] as const) {
      const connect = ['-connect', `${WIREGUARD_HERE}:${port}`, '-servername', `${name}.test`];
      await cable.run(cable.there, ['timeout', '10', 'openssl', 's_client', ...connect], 'hello\n');
    }
    const stays = ['socat', '-u', `TCP:${WIREGUARD_THERE}:${HELLO_PORT}`, 'OPEN:/dev/null'];
    const lasting = cable.start(cable.here, stays);
    await sleep(500);
    remember('old', old);
    remember('late', late);
    remember('lasting', lasting);

    await Promise.all(agents.map((agent) => cable.stop(agent)));
    BACKENDS.forEach((backend, i) => {
      found[backend] = eventsIn(path(backend));
      counters[backend] = countersIn((said[i] as string[]).join(''));
    });
  });

  after(() => {
    // With its device the program ends and takes its control socket with it.
    execFileSync('ip', ['-n', cable.here, 'link', 'del', WIREGUARD_DEVICES[0]]);
    execFileSync('ip', ['-n', cable.there, 'link', 'del', WIREGUARD_DEVICES[1]]);
    cable.close();
    rmSync(folder, { recursive: true });
  });

  for (const backend of BACKENDS) {
    const events = (): Event[] => found[backend] ?? [];
    const named = (name: string): Event[] => events().filter((event) => event.ssl_server_name === `${name}.test`);
    const flowOf = (event: Event | undefined): Event[] =>
      events().filter(({ flow_id, vesper }) => flow_id === event?.flow_id && vesper.flow !== undefined);

    it(`${backend}: what a bridge and its port both show is one flow`, () => {
      const [handshake, ...others] = named('bridge');
      assert.ok(handshake);
      assert.equal(others.length, 0);
      assert.equal(flowOf(handshake).length, 1);
      const { src_port, packets_out, packets_in } = flowOf(handshake)[0] as Event;
      assert.ok(Number(packets_out) < 15 && Number(packets_in) < 15, `${src_port}: ${packets_out}, ${packets_in}`);
      const queries = events().filter((event) => 'query' in event && event.dest === THERE);
      assert.equal(queries.length, 1);
      assert.ok((counters[backend]?.['frames.filtered.duplicate'] ?? 0) >= Number(packets_out) + Number(packets_in));
    });

    it(`${backend}: loopback`, () => {
      assert.equal(named('loopback').length, 1);
      assert.equal(flowOf(named('loopback')[0]).length, 1);
      assert.equal(named('loopback')[0]?.vesper.interface, 'lo');
    });

    it(`${backend}: tags that the kernel took out`, () => {
      const tagged = events().filter(({ src }) => String(src).startsWith('198.51.100.'));
      const expected = eventsIn(join(PROJECT, 'test/fixtures/cases/vlan/expected.ndjson'));
      const tell = (event: Event): string =>
        JSON.stringify([event.flow_id, event.query, event.ssl_server_name, event.bytes, event.vlan]);
      assert.deepEqual(tagged.map(tell).sort(), expected.map(tell).sort());
    });

    it(`${backend}: a tunnel device that comes and goes`, () => {
      assert.equal(named('tun').length, 1);
      assert.equal(named('tun')[0]?.vesper.interface, 'tun7');
      assert.equal(events().filter((event) => 'query' in event && event.dest === TUN_THERE).length, 1);
      const health = healthOf(backend).map((one) => [one.event, one.interface].join(' ').trim());
      for (const one of ['start', 'interface_attached tun7', 'interface_detached tun7', 'stop']) {
        assert.ok(health.includes(one), `${one} in ${health}`);
      }
    });

    it(`${backend}: what is inside a WireGuard tunnel, and the tunnel itself`, () => {
      assert.deepEqual(
        named('wireguard').map(({ vesper }) => vesper.interface),
        [WIREGUARD_DEVICES[0]],
      );
      // The host got this address after the agent's start.
      assert.deepEqual(
        named('wireguard').map(({ direction, dvc_ip }) => [direction, dvc_ip]),
        [['outbound', WIREGUARD_HERE]],
      );
      assert.equal(flowOf(named('wireguard')[0]).length, 1);
      assert.equal(events().filter((event) => 'query' in event && event.dest === WIREGUARD_THERE).length, 1);
      const outside = events().filter(({ dest_port }) => dest_port === Number(WIREGUARD_PORT));
      assert.deepEqual(
        outside.map(({ transport, vesper }) => [transport, vesper.interface === WIREGUARD_DEVICES[0]]),
        [['udp', false]],
      );
    });

    it(`${backend}: counts every frame once and loses none`, () => {
      assert.equal(unaccounted(counters[backend] ?? {}), 0);
      assert.equal(counters[backend]?.['frames.dropped.ring'] ?? 0, 0);
    });
  }

  interface Owner {
    readonly id: number;
    readonly name: string;
    readonly user: string;
    readonly executable?: string;
  }
  const ownerIn = (event: Event | undefined): Owner => event?.vesper.process as Owner;
  const eventsOf = (predicate: (event: Event) => boolean): Event[] => (found.ebpf ?? []).filter(predicate);

  // Their peers are on the far side of the tunnel: what comes out of it has no socket but the server's.
  for (const name of ['old', 'late']) {
    it(`names the server of an accepted socket (${name})`, () => {
      const [handshake, ...others] = eventsOf((event) => event.ssl_server_name === `${name}.test`);
      assert.equal(others.length, 0);
      const { id, executable, name: command, user } = ownerIn(handshake);
      assert.deepEqual({ id, executable }, running[name]);
      assert.deepEqual([command, user, handshake?.process_id, handshake?.user], ['openssl', 'root', id, 'root']);
    });
  }

  it('names a client that lasts', () => {
    const isOurs = ({ src, dest_port, ssl_version, vesper }: Event): boolean =>
      src === WIREGUARD_HERE &&
      dest_port === Number(HELLO_PORT) &&
      ssl_version === undefined &&
      ownerIn({ vesper })?.name === 'socat';
    const { id, executable, user } = ownerIn(eventsOf(isOurs)[0]);
    assert.deepEqual({ id, executable, user }, { ...running.lasting, user: 'root' });
  });

  it('names a client that has ended, though maybe not its program', () => {
    const { id, name, user, executable } = ownerIn(eventsOf((event) => 'query' in event && event.dest === THERE)[0]);
    assert.ok(id > 0);
    assert.deepEqual([name, user], ['dig', 'root']);
    assert.match(executable ?? '/usr/bin/dig', /\/dig$/);
  });

  it('both count the same', () => {
    const flows = (backend: string): string[] =>
      (found[backend] ?? [])
        .filter(({ vesper, src, dest }) => vesper.flow !== undefined && [src, dest].some((end) => end === HERE))
        .map(({ flow_id, packets_in, packets_out, bytes }) => `${flow_id} ${packets_in} ${packets_out} ${bytes}`);
    assert.deepEqual(flows('ebpf').sort(), flows('af_packet').sort());
  });
});

describe('packets that offloads make of many', { skip }, () => {
  /** Half of the packet socket's ring: all of it fits, however long the agent is without a processor. */
  const BYTES = 8 * 1024 * 1024;
  const PORT = '9000';
  let cable: Cable;
  const folder = mkdtempSync(join(tmpdir(), 'vesper-offload-'));

  after(() => {
    cable.close();
    rmSync(folder, { recursive: true });
  });

  /** Of the namespace's TCP: segments sent and received since it began. */
  async function segments(): Promise<{ sent: number; again: number; received: number }> {
    const lines = (await cable.run(cable.here, ['cat', '/proc/net/snmp']))
      .split('\n')
      .filter((line) => /^Tcp:/.test(line));
    const [names = [], values = []] = lines.map((line) => line.split(' '));
    const value = (name: string): number => Number(values[names.indexOf(name)]);
    // OutSegs leaves out what is sent again (RFC 4022).
    return { sent: value('OutSegs') + value('RetransSegs'), again: value('RetransSegs'), received: value('InSegs') };
  }

  it('count as the packets on the wire, as TCP itself counts them', async () => {
    cable = new Cable(true);
    cable.start(cable.there, ['socat', '-u', `TCP-LISTEN:${PORT}`, 'OPEN:/dev/null']);
    const agents = BACKENDS.map((backend) => {
      const command = [process.execPath, MAIN, 'run', '-i', 'va', '--capture', backend, '-o', join(folder, backend)];
      return cable.start(cable.here, command);
    });
    await Promise.all(agents.map((agent) => says(agent, 'capturing')));
    const send = ['sh', '-c', `head -c ${BYTES} /dev/zero | socat -u - TCP:${THERE}:${PORT}`];
    await cable.run(cable.here, send);
    await sleep(300);
    const tcp = await segments();
    await Promise.all(agents.map((agent) => cable.stop(agent)));
    for (const backend of BACKENDS) {
      const flow = eventsIn(join(folder, backend)).find(({ dest_port }) => dest_port === Number(PORT));
      assert.ok(flow, backend);
      const {
        payload_bytes_out = 0,
        retransmits_out,
        retransmitted_bytes_out = 0,
      } = flow.vesper.flow as Record<string, number>;
      assert.deepEqual([flow.packets_out, flow.packets_in], [tcp.sent, tcp.received], backend);
      assert.equal(retransmits_out === 0, tcp.again === 0, backend);
      assert.equal(payload_bytes_out - retransmitted_bytes_out, BYTES, backend);
      assert.ok(tcp.sent * 1000 < BYTES, 'segments are of full size');
    }
  });
});
