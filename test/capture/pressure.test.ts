/** What happens when the agent cannot keep up, is killed, or may not capture. */
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { MAIN } from '../support/cli.ts';
import { unaccounted } from '../support/counting.ts';
import { Cable, says, THERE } from '../support/netns.ts';
import { skipWithoutCapture } from '../support/privilege.ts';
import { BACKENDS, countersIn, eventsIn, saidBy } from '../support/side-by-side.ts';

const skip = skipWithoutCapture('ebpf') || skipWithoutCapture('af_packet');
const CLSACT_RUN = fileURLToPath(new URL('../support/clsact-run.js', import.meta.url));
/** More than the rings of both captures hold. */
const QUERIES = 80_000;
const MAX_WAIT_MS = 10_000;

describe('under pressure and at the end', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'vesper-pressure-'));
  const path = (name: string): string => join(folder, name);
  let cable: Cable;

  const output = (command: string, ...args: string[]): string =>
    execFileSync('nsenter', [`--net=/run/netns/${cable.here}`, command, ...args], { encoding: 'utf8' });
  /** Packets that the interface has sent and received. */
  function packets(): number {
    const [{ stats64 }] = JSON.parse(output('ip', '-s', '-j', 'link', 'show', 'va')) as [
      { stats64: Record<'rx' | 'tx', { packets: number }> },
    ];
    return stats64.rx.packets + stats64.tx.packets;
  }

  async function start(backend: string, ...more: string[]): Promise<ChildProcess> {
    const command = [process.execPath, MAIN, 'run', '-i', 'va', '--capture', backend, '-o', path(backend), ...more];
    const agent = cable.start(cable.here, command);
    await says(agent, 'capturing');
    return agent;
  }

  async function kill(child: ChildProcess): Promise<void> {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  before(async () => {
    cable = new Cable();
    // Nothing but the test's own traffic.
    for (const namespace of [cable.here, cable.there]) {
      execFileSync('ip', ['-n', namespace, 'addr', 'flush', 'scope', 'link']);
    }
    const names = ['--no-resolv', '--no-hosts', '--address=/example.test/192.0.2.1', `--listen-address=${THERE}`];
    cable.start(cable.there, ['dnsmasq', '-k', '--user=root', '-x', path('pid'), '--dns-forward-max=10000', ...names]);
    writeFileSync(path('queries'), Array.from({ length: 1000 }, (_, i) => `n${i}.example.test A\n`).join(''));
    await sleep(300);
  });

  after(() => {
    cable.close();
    rmSync(folder, { recursive: true });
  });

  for (const backend of BACKENDS) {
    it(`${backend}: a reader that stands still costs frames, which are counted, and no traffic`, async () => {
      const seenBefore = packets();
      const agent = await start(backend);
      const said = saidBy(agent);
      agent.kill('SIGSTOP');
      const generator = [
        'dnsperf',
        '-s',
        THERE,
        '-d',
        path('queries'),
        '-n',
        String(QUERIES / 1000),
        '-q',
        '50',
        '-t',
        '5',
      ];
      const report = await cable.run(cable.here, generator);
      assert.match(report, new RegExp(`Queries completed: +${QUERIES} `), report);
      const passed = packets() - seenBefore;
      agent.kill('SIGCONT');
      assert.equal(await cable.stop(agent), 1);
      const counters = countersIn(said.join(''));
      assert.ok((counters['frames.dropped.ring'] ?? 0) > 0);
      assert.ok((counters['dns.messages'] ?? 0) > 1000);
      assert.ok((counters['capture.behind'] ?? 0) > 0);
      assert.equal(unaccounted(counters), 0);
      // Neighbor discovery may come between the counting and the capture.
      assert.ok(
        Math.abs((counters['frames.received'] ?? 0) - passed) < 20,
        `${counters['frames.received']} of ${passed}`,
      );
      const last = eventsIn(path(backend)).at(-1);
      assert.ok(last);
      const { losses } = last.vesper.agent as { losses: Record<string, number> };
      assert.equal(last.signature, 'agent_stop');
      assert.equal(last.status, 'warning');
      assert.equal(losses['frames.dropped.ring'], counters['frames.dropped.ring']);
    });
  }

  it('ebpf: nothing is left of a killed agent', async () => {
    const interfaceBefore = output('ip', '-d', 'link', 'show', 'va');
    const agent = await start('ebpf');
    const kinds = ['prog', 'map', 'link'];
    const descriptors = readdirSync(`/proc/${agent.pid}/fdinfo`).map((fd) =>
      readFileSync(`/proc/${agent.pid}/fdinfo/${fd}`, 'utf8'),
    );
    const ids = kinds.map((kind) => {
      const line = new RegExp(`^${kind}_id:\\s*(\\d+)$`, 'm');
      return descriptors.flatMap((text) => Number(line.exec(text)?.[1] ?? 0) || []);
    });
    for (const [i, kind] of kinds.entries()) assert.ok((ids[i] as number[]).length > 0, `${kind} of a running agent`);
    await kill(agent);
    // The kernel frees them when every processor has passed through a quiescent state.
    const left = (): string[] =>
      kinds.flatMap((kind, i) => {
        const now = JSON.parse(output('bpftool', '-j', kind, 'show')) as { id: number }[];
        return now.filter(({ id }) => (ids[i] as number[]).includes(id)).map(({ id }) => `${kind} ${id}`);
      });
    for (let round = 0; round < 50 && left().length > 0; round++) await sleep(100);
    assert.deepEqual(left(), []);
    assert.doesNotMatch(output('tc', 'qdisc', 'show', 'dev', 'va'), /clsact/);
    assert.equal(output('ip', '-d', 'link', 'show', 'va'), interfaceBefore);
  });

  it('af_packet: nothing is left of a killed agent', async () => {
    const interfaceBefore = output('ip', '-d', 'link', 'show', 'va');
    const agent = await start('af_packet');
    assert.equal(output('cat', '/proc/net/packet').trimEnd().split('\n').length, 2);
    await kill(agent);
    await sleep(100);
    assert.equal(output('cat', '/proc/net/packet').trimEnd().split('\n').length, 1);
    assert.equal(output('ip', '-d', 'link', 'show', 'va'), interfaceBefore);
  });

  it('clsact, for kernels before 6.6: captures both directions and is taken away', async () => {
    const capture = cable.start(cable.here, [process.execPath, CLSACT_RUN, 'va']);
    await says(capture, 'capturing');
    const said = saidBy(capture);
    assert.match(output('tc', 'qdisc', 'show', 'dev', 'va'), /clsact/);
    for (const direction of ['ingress', 'egress']) {
      assert.match(output('tc', 'filter', 'show', 'dev', 'va', direction), /vesper_ethernet/);
    }
    await cable.run(cable.here, ['ping', '-c', '2', '-i', '0.2', THERE]);
    await cable.stop(capture);
    assert.ok(Number(/(\d+) frames/.exec(said.join(''))?.[1]) >= 4, said.join(''));
    assert.doesNotMatch(output('tc', 'qdisc', 'show', 'dev', 'va'), /clsact/);
  });

  it('without the capabilities: says which, exit status 2', async () => {
    const attempt = async (capabilities: string, backend: string): Promise<[number | null, string]> => {
      const drop = ['setpriv', `--bounding-set=${capabilities}`, '--inh-caps=-all'];
      const agent = cable.start(cable.here, [...drop, process.execPath, MAIN, 'run', '-i', 'va', '--capture', backend]);
      const said = saidBy(agent);
      // Were it to capture after all.
      const impatience = setTimeout(() => agent.kill('SIGINT'), MAX_WAIT_MS);
      const [status] = (await once(agent, 'close')) as [number | null];
      clearTimeout(impatience);
      return [status, said.join('')];
    };
    const cases: readonly (readonly [capabilities: string, backend: string, missing: RegExp])[] = [
      ['-all', 'auto', /live capture needs CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON, which/],
      ['-all,+net_admin,+perfmon', 'ebpf', /eBPF needs CAP_BPF, which/],
      ['-all,+bpf,+perfmon', 'ebpf', /eBPF needs CAP_NET_ADMIN, which/],
      ['-all,+bpf,+net_admin', 'ebpf', /eBPF needs CAP_PERFMON, which/],
      ['-all', 'af_packet', /a packet socket needs CAP_NET_RAW, which/],
    ];
    for (const [capabilities, backend, missing] of cases) {
      const [status, said] = await attempt(capabilities, backend);
      assert.match(said, missing);
      assert.equal(status, 2);
      assert.equal(said.trimEnd().split('\n').length, 1, said);
    }
  });
});
