/** Watches the agent itself: its counters become events of the kind `agent` at intervals and when something happens. */
import { randomBytes } from 'node:crypto';
import { type HealthReport, healthEvent } from './cim/agent-health.ts';
import type { CimEvent } from './cim/event.ts';
import type { Config } from './config.ts';
import { type CounterName, type Counters, GAUGES, LOSSES } from './counters.ts';
import type { Format } from './outputs/options.ts';
import { residentBytes } from './resident-memory.ts';
import { packageVersion } from './version.ts';

export interface HealthParts {
  readonly config: Config;
  readonly counters: Counters;
  /** `ebpf` or `af_packet`. */
  readonly backend: string;
  /** Names of the interfaces that are watched now. */
  readonly interfaces: () => readonly string[];
  /** What events must be made as. */
  readonly formats: ReadonlySet<Format>;
  readonly push: (event: CimEvent, format: Format) => void;
}

export class Health {
  private readonly parts: HealthParts;
  private readonly wanted: boolean;
  private readonly runId = `agent-${randomBytes(5).toString('hex')}`;
  private readonly version = packageVersion();
  private readonly started = performance.now();
  private told = this.started;
  private before: Counters;
  private cpu = 0;
  private sequence = 0;
  /** At the end of the capture none is watched any more. */
  private interfaces: readonly string[] = [];
  private timer: NodeJS.Timeout | undefined;

  constructor(parts: HealthParts) {
    this.parts = parts;
    this.wanted = parts.config.collect.includes('agent');
    this.before = zeros(parts.counters);
  }

  start(): void {
    if (!this.wanted) return;
    this.tell('start');
    this.timer = setInterval(() => this.tell('status'), this.parts.config.agent.interval_s * 1000).unref();
  }

  interface(change: 'attached' | 'detached', name: string): void {
    const blind = this.parts.interfaces().length === 0;
    this.tell(`interface_${change}`, { interface: name, ...(blind && { status: 'warning' }) });
  }

  reload(succeeded: boolean, description: string): void {
    this.tell('reload', { status: succeeded ? 'success' : 'failure', description });
  }

  /** Something happened to an output. */
  output(
    what: 'output_failing' | 'output_recovered' | 'output_lost',
    status: HealthReport['status'],
    text: string,
  ): void {
    this.tell(what, { status, description: text });
  }

  /** The last event has the counts of the whole run. */
  stop(): void {
    clearInterval(this.timer);
    this.before = zeros(this.parts.counters);
    this.told = this.started;
    this.cpu = 0;
    this.tell('stop');
  }

  private tell(
    what: HealthReport['what'],
    more: Partial<Pick<HealthReport, 'status' | 'interface' | 'description'>> = {},
  ): void {
    if (!this.wanted) return;
    const { parts } = this;
    const now = performance.now();
    const { user, system } = process.cpuUsage();
    const cpu = (user + system) / 1e6;
    const counts = since(parts.counters, this.before);
    const losses = pick(counts, LOSSES);
    if (what !== 'stop') this.interfaces = parts.interfaces();
    const report: HealthReport = {
      what,
      status: Object.keys(losses).length > 0 ? 'warning' : 'success',
      time: Date.now(),
      uptime: (now - this.started) / 1000,
      interval: (now - this.told) / 1000,
      backend: parts.backend,
      version: this.version,
      interfaces: this.interfaces,
      counters: counts,
      gauges: pick(parts.counters, GAUGES),
      losses,
      cpu: cpu - this.cpu,
      memory: residentBytes(),
      ...more,
    };
    this.before = { ...parts.counters };
    this.told = now;
    this.cpu = cpu;
    this.sequence++;
    for (const format of parts.formats) {
      const options = { format, dvc: parts.config.sensor.name, runId: this.runId };
      parts.push(healthEvent(report, this.sequence, options), format);
    }
  }
}

function zeros(counters: Counters): Counters {
  return Object.fromEntries(Object.keys(counters).map((name) => [name, 0])) as Counters;
}

/** What was counted since then; gauges do not count. */
function since(counters: Counters, before: Counters): Record<string, number> {
  const names = (Object.keys(counters) as CounterName[]).filter((name) => !GAUGES.has(name));
  const changes = names.map((name) => [name, counters[name] - before[name]] as const);
  return Object.fromEntries(changes.filter(([, change]) => change !== 0));
}

function pick(counts: Readonly<Record<string, number>>, names: ReadonlySet<string>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).filter(([name, count]) => names.has(name) && count !== 0));
}
