/**
 * The agent's own health as events of the kind `agent` (`vesper:agent`): what it does, what it counted and what it lost.
 * No CIM data model is about collectors; the fields that CIM has names for keep these names.
 */
import { CimEvent } from './event.ts';

export interface HealthReport {
  readonly what:
    | 'start'
    | 'status'
    | 'stop'
    | 'reload'
    | 'interface_attached'
    | 'interface_detached'
    | 'output_failing'
    | 'output_recovered'
    | 'output_lost';
  /** `failure`: a reload was refused, an output cannot be reached. `warning`: something was lost. */
  readonly status: 'success' | 'warning' | 'failure';
  /** Milliseconds since 1970-01-01 UTC. */
  readonly time: number;
  /** Seconds since the start. */
  readonly uptime: number;
  /** What `counters` cover, in seconds. */
  readonly interval: number;
  /** The interface that was attached or detached. */
  readonly interface?: string;
  /** Why, in a sentence. */
  readonly description?: string;
  readonly backend: string;
  readonly version: string;
  /** Watched now. */
  readonly interfaces: readonly string[];
  /** What was counted in the interval, by the names of src/counters.ts; zeros are left out. */
  readonly counters: Readonly<Record<string, number>>;
  /** What is so now, by the same names. */
  readonly gauges: Readonly<Record<string, number>>;
  /** Of the interval: what was lost, by reason; empty where nothing was. */
  readonly losses: Readonly<Record<string, number>>;
  /** Seconds of processor time used in the interval. */
  readonly cpu: number;
  /** Resident memory now, in bytes. */
  readonly memory: number;
}

export interface HealthOptions {
  readonly format: 'cim' | 'native';
  readonly dvc: string;
  /** Makes the ids of these events unique among runs. */
  readonly runId: string;
}

/** An event stays below 5,000 bytes: a host of containers may have thousands of interfaces. */
const MAX_INTERFACES = 32;
const NANOSECONDS = 1e6;

const rounded = (seconds: number): number => Math.round(seconds * 1e6) / 1e6;

function details(report: HealthReport): object {
  const { interfaces } = report;
  return {
    event: report.what,
    version: report.version,
    backend: report.backend,
    ...(report.interface !== undefined && { interface: report.interface }),
    interfaces: interfaces.slice(0, MAX_INTERFACES),
    interface_count: interfaces.length,
    interval: rounded(report.interval),
    cpu_time: rounded(report.cpu),
    memory_bytes: report.memory,
    counters: report.counters,
    gauges: report.gauges,
    losses: report.losses,
  };
}

/** @param sequence of this event in the run, from 1 */
export function healthEvent(report: HealthReport, sequence: number, options: HealthOptions): CimEvent {
  const seconds = Math.floor(report.time / 1000);
  const nanos = Math.floor(report.time % 1000) * NANOSECONDS;
  const { pid } = process;
  const description = report.description === undefined ? {} : { description: report.description };
  let line: string;
  if (options.format === 'native') {
    const time = `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${String(nanos).padStart(9, '0')}+00:00`;
    const uptime = rounded(report.uptime);
    const agent = {
      dvc: options.dvc,
      process_id: pid,
      status: report.status,
      uptime,
      ...description,
      ...details(report),
    };
    line = JSON.stringify({ time, type: 'Agent', event: { Agent: agent } });
  } else {
    const rest = JSON.stringify({
      event_id: `${options.runId}-${sequence.toString(36)}`,
      dvc: options.dvc,
      vendor_product: 'Vesper',
      app: 'vesper',
      process_id: pid,
      signature: `agent_${report.what}`,
      status: report.status,
      severity: report.status === 'success' ? 'informational' : 'high',
      uptime: rounded(report.uptime),
      ...description,
      vesper: { agent: details(report) },
    });
    line = `{"time":${seconds}.${String(nanos / 1000).padStart(6, '0')},${rest.slice(1)}`;
  }
  const block = Buffer.from(`${line}\n`);
  return new CimEvent('agent', seconds, nanos, block, 0, block.length - 1);
}
