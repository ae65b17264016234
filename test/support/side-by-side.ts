/** The three captures on one cable at the same time: eBPF, AF_PACKET, and tcpdump whose file replay reads. */
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { MAIN, vesper } from './cli.ts';
import { type Cable, says } from './netns.ts';

/** tcpdump's own ring holds eight frames of its own snap length. */
const ROOM = ['-s', '16384', '-B', '16384'];

export type Event = Record<string, unknown> & { vesper: Record<string, unknown> };

export const BACKENDS = ['ebpf', 'af_packet'] as const;
export const WAYS = [...BACKENDS, 'replay'] as const;
export type Way = (typeof WAYS)[number];

/**
 * What a backend cannot know, and what is another in every run. A process takes room that a long list of suites would
 * fill: JA3 stands for the whole list.
 */
const OWN_FIELDS: ReadonlySet<string> = new Set([
  ...['time', 'event_id', 'session_id', 'duration', 'response_time', 'process_id', 'user', 'direction'],
  ...['dvc_ip', 'dvc_mac', 'src_interface', 'dest_interface'],
  ...['vesper.interface', 'vesper.session_id', 'vesper.flow.rtt', 'vesper.tls.ciphers', 'vesper.tls.extensions'],
]);

/** All of an event that the three ways must agree on, one `path=value` for each field. */
function fieldsOf(event: Event): string[] {
  return flat(event, '').filter((field) => !OWN_FIELDS.has(field.slice(0, field.indexOf('='))));
}

function flat(object: object, prefix: string): string[] {
  return Object.entries(object).flatMap(([name, value]) => {
    const path = prefix + name;
    if (path === 'vesper.process') return [];
    const isGroup = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isGroup ? flat(value as object, `${path}.`) : [`${path}=${JSON.stringify(value)}`];
  });
}

/** What only one side has, field by field where both have an event of the flow. Empty: they are equal. */
export function differences(ours: readonly Event[], theirs: readonly Event[]): string[] {
  const keyed = (events: readonly Event[]): Map<string, string[]> => {
    const byKey = new Map<string, string[]>();
    for (const event of events) {
      const name = event.query ?? event.ssl_version ?? event.signature ?? 'flow';
      const key = `${event.src}:${event.src_port}-${event.dest}:${event.dest_port} ${name}`;
      byKey.set(key, [...(byKey.get(key) ?? []), ...fieldsOf(event).sort()]);
    }
    return byKey;
  };
  const [one, two] = [keyed(ours), keyed(theirs)];
  const only = (a: readonly string[] = [], b: readonly string[] = []): string[] =>
    a.filter((line) => !b.includes(line));
  return [...new Set([...one.keys(), ...two.keys()])].flatMap((key) => {
    const [mine, other] = [one.get(key), two.get(key)];
    if (mine === undefined || other === undefined)
      return [`${key}: ${mine ? 'not in the other' : 'only in the other'}`];
    if (mine.join('\n') === other.join('\n')) return [];
    return [`${key}: ${only(mine, other).join(' ')} instead of ${only(other, mine).join(' ')}`];
  });
}

export function eventsIn(file: string): Event[] {
  const text = readFileSync(file, 'utf8').trimEnd();
  return text === '' ? [] : text.split('\n').map((line) => JSON.parse(line) as Event);
}

export interface SideBySideOptions {
  /** Interface in the cable's namespace `here`. */
  readonly interface: string;
  /** `--set` of all three. */
  readonly settings?: readonly string[];
  /** What to compare: a host speaks of itself (neighbors, multicast groups) whenever it likes. */
  readonly wanted: (event: Event) => boolean;
}

export class SideBySide {
  readonly folder = mkdtempSync(join(tmpdir(), 'vesper-live-'));
  readonly found: Record<Way, readonly Event[]> = { ebpf: [], af_packet: [], replay: [] };
  /** What each way counted, from the line at its end. */
  readonly counters: Record<Way, Record<string, number>> = { ebpf: {}, af_packet: {}, replay: {} };
  private readonly cable: Cable;
  private readonly options: SideBySideOptions;

  constructor(cable: Cable, options: SideBySideOptions) {
    this.cable = cable;
    this.options = options;
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** Captures what `traffic` causes. */
  async capture(traffic: () => Promise<void>): Promise<void> {
    const { cable } = this;
    const settings = ['sensor.name=test', ...(this.options.settings ?? [])].flatMap((one) => ['--set', one]);
    const device = this.options.interface;
    const agents = BACKENDS.map((backend) => {
      const command = [process.execPath, MAIN, 'run', '-i', device, '--capture', backend, '-o', this.path(backend)];
      return cable.start(cable.here, [...command, ...settings]);
    });
    const dump = cable.start(cable.here, [
      'tcpdump',
      '-i',
      device,
      '--immediate-mode',
      ...ROOM,
      '-U',
      '-w',
      this.path('pcap'),
    ]);
    await Promise.all([says(dump, 'listening on'), ...agents.map((agent) => says(agent, 'capturing'))]);
    const said = agents.map(saidBy);
    await traffic();
    await sleep(500);
    await Promise.all([dump, ...agents].map((child) => cable.stop(child)));
    const replay = await vesper(['replay', this.path('pcap'), '-o', this.path('replay'), ...settings]);
    for (const way of WAYS) this.found[way] = eventsIn(this.path(way)).filter(this.options.wanted);
    BACKENDS.forEach((backend, i) => {
      this.counters[backend] = countersIn((said[i] as string[]).join(''));
    });
    this.counters.replay = countersIn(replay.stderr);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}

/** What a child says on standard error from now on. */
export function saidBy(child: ChildProcess): string[] {
  const parts: string[] = [];
  child.stderr?.on('data', (part: Buffer) => parts.push(part.toString()));
  return parts;
}

/** Of the line at the end of a run. */
export function countersIn(log: string): Record<string, number> {
  const lines = log.split('\n').filter((line) => line.includes('"counters"'));
  return (JSON.parse(lines.at(-1) ?? '{"counters":{}}') as { counters: Record<string, number> }).counters;
}
