/**
 * What watching a host costs, beside other tools, in one run: two network namespaces with a cable, real programs at both ends.
 *
 *     sudo node dist/bench/live.js [--seconds 3] [--rounds 3] [--only bulk,packets,dns,tls,idle]
 *
 * Debian packages: iperf3, dnsperf, dnsmasq-base, nginx, openssl, tcpdump, softflowd.
 */
import { type ChildProcess, execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Cable, says, THERE } from '../test/support/netns.ts';
import { countLines, median } from './measure.ts';

const MAIN = fileURLToPath(new URL('../src/main.js', import.meta.url));
const NS_PER_SECOND = 1e9;
/** An idle runtime tidies up its heap once, some seconds after its start. */
const SETTLED_MS: Readonly<Partial<Record<Scenario, number>>> = { idle: 20_000 };
const STARTED_MS = 1500;
const BPF_STATS = '/proc/sys/kernel/bpf_stats_enabled';
const SCENARIOS = ['bulk', 'packets', 'dns', 'tls', 'idle'] as const;
type Scenario = (typeof SCENARIOS)[number];

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '3' },
    only: { type: 'string', default: SCENARIOS.join() },
  },
});
const seconds = Number(values.seconds);
const folder = mkdtempSync(join(tmpdir(), 'vesper-bench-'));
const path = (name: string): string => join(folder, name);

interface Subject {
  readonly name: string;
  readonly command: readonly string[] | undefined;
  /** On standard error, when it captures. */
  readonly ready: string;
}

const vesper = (backend: string): Subject => ({
  name: `vesper ${backend}`,
  command: [process.execPath, MAIN, 'run', '-i', 'va', '--capture', backend, '-o', path('{kind}')],
  ready: 'capturing',
});
const SUBJECTS: readonly Subject[] = [
  { name: 'nothing', command: undefined, ready: '' },
  vesper('ebpf'),
  vesper('af_packet'),
  { name: 'tcpdump', command: ['tcpdump', '-i', 'va', '-w', '/dev/null'], ready: 'listening' },
  { name: 'softflowd', command: ['softflowd', '-d', '-i', 'va', '-n', '127.0.0.1:9995'], ready: 'Exporting' },
];

interface Measured {
  /** Bits, packets, queries or handshakes in a second. */
  readonly rate: number;
  /** How many the generator counts; what the agent should have made an event of. */
  readonly made: number;
}

interface Result extends Measured {
  /** Of one core. */
  readonly cpu: number;
  readonly rss: number;
  /** Of the kernel programs, with the statistics' own clock readings. */
  readonly nsPerRun: number | undefined;
  readonly events: number | undefined;
  readonly dropped: number | undefined;
}

const cable = new Cable(true);

async function bulk(): Promise<Measured> {
  const report = await cable.run(cable.here, ['iperf3', '-c', THERE, '-t', String(seconds), '-J']);
  const { sum_received } = (JSON.parse(report) as { end: { sum_received: { bits_per_second: number; bytes: number } } })
    .end;
  return { rate: sum_received.bits_per_second, made: sum_received.bytes };
}

async function packets(): Promise<Measured> {
  const small = ['-u', '-b', '0', '-l', '64'];
  const report = await cable.run(cable.here, ['iperf3', '-c', THERE, ...small, '-t', String(seconds), '-J']);
  const { sum } = (JSON.parse(report) as { end: { sum: { packets: number; seconds: number } } }).end;
  return { rate: sum.packets / sum.seconds, made: sum.packets };
}

async function dns(): Promise<Measured> {
  const report = await cable.run(cable.here, [
    'dnsperf',
    '-s',
    THERE,
    '-d',
    path('queries'),
    '-l',
    String(seconds),
    '-q',
    '64',
  ]);
  const field = (name: string): number => Number(new RegExp(`${name}: +([\\d.]+)`).exec(report)?.[1]);
  return { rate: field('Queries per second'), made: field('Queries sent') };
}

async function tls(): Promise<Measured> {
  const report = await cable.run(cable.here, [
    'openssl',
    's_time',
    '-connect',
    `${THERE}:443`,
    '-new',
    '-time',
    String(seconds),
  ]);
  const [, made = '0', real = '1'] = /(\d+) connections in (\d+) real seconds/.exec(report) ?? [];
  return { rate: Number(made) / Number(real), made: Number(made) };
}

async function idle(): Promise<Measured> {
  await sleep(seconds * 1000);
  return { rate: 0, made: 0 };
}

const RUN: Readonly<Record<Scenario, () => Promise<Measured>>> = { bulk, packets, dns, tls, idle };
/** The kind of event of which each handshake or query makes one. */
const KIND: Readonly<Partial<Record<Scenario, string>>> = { dns: 'dns', tls: 'tls' };

/** Of all threads, from the scheduler's own statistics: the usual figures have steps of 10 ms. */
function cpuSeconds(pid: number): number {
  let ns = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`))
    ns += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]);
  return ns / NS_PER_SECOND;
}

function megabytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1000;
}

/** Time and runs of the programs that a process has loaded. */
function programRuns(pid: number): { ns: number; runs: number } {
  let ns = 0;
  let runs = 0;
  for (const fd of readdirSync(`/proc/${pid}/fdinfo`)) {
    const text = readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8');
    ns += Number(/^run_time_ns:\s*(\d+)$/m.exec(text)?.[1] ?? 0);
    runs += Number(/^run_cnt:\s*(\d+)$/m.exec(text)?.[1] ?? 0);
  }
  return { ns, runs };
}

async function measure(scenario: Scenario, subject: Subject): Promise<Result> {
  if (subject.command === undefined) {
    return { ...(await RUN[scenario]()), cpu: 0, rss: 0, nsPerRun: undefined, events: undefined, dropped: undefined };
  }
  const child = cable.start(cable.here, subject.command);
  await says(child, subject.ready);
  const said: string[] = [];
  child.stderr?.on('data', (part: Buffer) => said.push(part.toString()));
  // Its start is not what is measured.
  await sleep(SETTLED_MS[scenario] ?? STARTED_MS);
  const pid = child.pid as number;
  const before = cpuSeconds(pid);
  const runsBefore = programRuns(pid);
  const started = performance.now();
  const measured = await RUN[scenario]();
  const wall = (performance.now() - started) / 1000;
  const cpu = (cpuSeconds(pid) - before) / wall;
  const runs = programRuns(pid);
  const rss = megabytes(pid);
  await cable.stop(child);
  const events = await eventsOf(subject, KIND[scenario]);
  const dropped = subject.name.startsWith('vesper')
    ? Number(/"frames.dropped.ring":(\d+)/.exec(said.join(''))?.[1] ?? 0)
    : undefined;
  const count = runs.runs - runsBefore.runs;
  return {
    ...measured,
    cpu,
    rss,
    nsPerRun: count > 0 ? (runs.ns - runsBefore.ns) / count : undefined,
    events,
    dropped,
  };
}

async function eventsOf(subject: Subject, kind: string | undefined): Promise<number | undefined> {
  const made = kind !== undefined && subject.name.startsWith('vesper') ? await countLines(path(kind)) : undefined;
  for (const name of readdirSync(folder))
    if (['flow', 'dns', 'tls', 'finding', 'certificate', 'agent'].includes(name)) rmSync(path(name));
  return made;
}

function startServers(): ChildProcess[] {
  const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=server.test'];
  execFileSync('openssl', [...request, '-keyout', path('key'), '-out', path('cert')], { stdio: 'ignore' });
  writeFileSync(path('queries'), Array.from({ length: 10_000 }, (_, i) => `n${i}.example.test A\n`).join(''));
  writeFileSync(
    path('nginx.conf'),
    `daemon off; pid ${path('nginx.pid')}; error_log ${path('nginx.log')}; worker_processes 1; user root;
events { worker_connections 1024; }
http { access_log off; client_body_temp_path ${folder}; proxy_temp_path ${folder}; fastcgi_temp_path ${folder};
  uwsgi_temp_path ${folder}; scgi_temp_path ${folder};
  server { listen 443 ssl; ssl_certificate ${path('cert')}; ssl_certificate_key ${path('key')}; } }`,
  );
  const names = ['--no-resolv', '--no-hosts', '--address=/example.test/192.0.2.1', `--listen-address=${THERE}`];
  return [
    cable.start(cable.there, ['iperf3', '-s']),
    cable.start(cable.there, ['dnsmasq', '-k', '--user=root', '-x', path('pid'), '--dns-forward-max=10000', ...names]),
    cable.start(cable.there, ['nginx', '-c', path('nginx.conf'), '-e', path('nginx.log')]),
  ];
}

const best = (results: readonly Result[]): Result => results.reduce((a, b) => (b.rate > a.rate ? b : a));
const least = (results: readonly Result[], of: (result: Result) => number): number => Math.min(...results.map(of));

/** Of the rate without anybody watching in the same round: the machine drifts from round to round. */
function kept(results: readonly Result[], floors: readonly Result[]): string {
  const share = median(results.map(({ rate }, round) => rate / (floors[round]?.rate ?? 0)));
  return Number.isFinite(share) ? `${(100 * share).toFixed(1)} %` : '';
}

function row(scenario: Scenario, subject: Subject, results: readonly Result[], floors: readonly Result[]): string {
  const { rate, nsPerRun } = best(results);
  const cpu = subject.command ? `${(100 * least(results, (result) => result.cpu)).toFixed(2)} %` : '';
  const rss = subject.command ? least(results, (result) => result.rss).toFixed(0) : '';
  const sum = (of: (result: Result) => number): number => results.reduce((total, result) => total + of(result), 0);
  const events = results[0]?.events === undefined ? '' : `${sum((r) => r.events ?? 0)} of ${sum((r) => r.made)}`;
  const dropped = results[0]?.dropped === undefined ? '' : String(sum((r) => r.dropped ?? 0));
  const cells = [
    scenario,
    subject.name,
    rate.toPrecision(4),
    kept(results, floors),
    cpu,
    rss,
    nsPerRun?.toFixed(0) ?? '',
    events,
    dropped,
  ];
  return `| ${cells.join(' | ')} |`;
}

const statsBefore = readFileSync(BPF_STATS, 'utf8');
try {
  startServers();
  await sleep(1000);
  console.log(
    '| scenario | with | a second, at best | kept, median | CPU of a core | RSS MB | ns a packet in the kernel | events | dropped |',
  );
  console.log('|---|---|---:|---:|---:|---:|---:|---:|---:|');
  for (const scenario of SCENARIOS.filter((name) => values.only.split(',').includes(name))) {
    writeFileSync(BPF_STATS, scenario === 'packets' ? '1' : '0');
    const results = new Map<Subject, Result[]>(SUBJECTS.map((subject) => [subject, []]));
    // In turns, so that a drift of the machine hits all of them.
    for (let round = 0; round < Number(values.rounds); round++) {
      for (const subject of SUBJECTS) results.get(subject)?.push(await measure(scenario, subject));
    }
    const floors = results.get(SUBJECTS[0] as Subject) as Result[];
    for (const [subject, measured] of results) console.log(row(scenario, subject, measured, floors));
  }
} finally {
  writeFileSync(BPF_STATS, statsBefore);
  cable.close();
  rmSync(folder, { recursive: true });
}
