/** The OpenTelemetry Collector: receivers of OTLP, Splunk HEC, Kafka and files; what they get is in a file. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import { COLLECTOR } from './cache.ts';
import { freePorts, Server } from './process.ts';

const READY = 'Everything is ready';
/** The file exporter writes what it has so often. */
const FLUSH_INTERVAL = '50ms';
const WAIT_MS = 50;
const MAX_WAIT_MS = 30_000;

type Attributes = Readonly<Record<string, unknown>>;

export interface CollectedRecord {
  readonly resource: Attributes;
  readonly attributes: Attributes;
  readonly body: unknown;
  readonly timeUnixNano: string;
  readonly observedTimeUnixNano: string | undefined;
  readonly severityNumber: number | undefined;
  readonly severityText: string | undefined;
  readonly eventName: string | undefined;
}

/** A part of the collector's configuration, as its YAML has it. */
type Tree = Readonly<Record<string, unknown>>;

export interface CollectorOptions {
  /** Settings of receivers by name; `otlp` and `splunk_hec` get an endpoint. */
  readonly receivers: Readonly<Record<string, Tree>>;
  readonly extensions?: Readonly<Record<string, Tree>>;
}

export class Collector {
  readonly otlpPort: number;
  readonly hecPort: number;
  private readonly folder: string;
  private readonly config: string;
  private readonly out: string;
  private server: Server | undefined;

  static async start(options: CollectorOptions): Promise<Collector> {
    const collector = new Collector(options, await freePorts(2));
    await collector.restart();
    return collector;
  }

  /** One that runs already: `otlpPort,hecPort,file`. */
  static at(place: string): Collector {
    const [otlp, hec, file] = place.split(',');
    return new Collector({ receivers: {} }, [Number(otlp), Number(hec)], file);
  }

  private constructor({ receivers, extensions = {} }: CollectorOptions, ports: number[], out?: string) {
    [this.otlpPort, this.hecPort] = ports as [number, number];
    this.folder = mkdtempSync(join(tmpdir(), 'vesper-collector-'));
    this.out = out ?? join(this.folder, 'out.json');
    this.config = join(this.folder, 'config.yaml');
    const otlp = (settings: Tree) => ({
      protocols: { http: { endpoint: `127.0.0.1:${this.otlpPort}`, ...settings } },
    });
    const hec = (settings: Tree) => ({ endpoint: `127.0.0.1:${this.hecPort}`, ...settings });
    const all = Object.entries(receivers).map(([name, settings]) => [
      name,
      name === 'otlp' ? otlp(settings) : name === 'splunk_hec' ? hec(settings) : settings,
    ]);
    writeFileSync(
      this.config,
      stringify({
        receivers: Object.fromEntries(all),
        extensions,
        exporters: { file: { path: this.out, append: true, flush_interval: FLUSH_INTERVAL } },
        service: {
          extensions: Object.keys(extensions),
          telemetry: { metrics: { level: 'none' } },
          pipelines: { logs: { receivers: Object.keys(receivers), exporters: ['file'] } },
        },
      }),
    );
  }

  /** Starts it, anew where it was stopped; what it has received stays. */
  async restart(): Promise<void> {
    const server = new Server(COLLECTOR, ['--config', this.config], this.folder);
    this.server = server;
    await server.until('ready', () => server.log.includes(READY));
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    await this.server?.stop(signal);
  }

  /** Records so far, in the order of their arrival. */
  get records(): CollectedRecord[] {
    if (!existsSync(this.out)) return [];
    const text = readFileSync(this.out, 'utf8');
    // The last line may be on its way.
    return text
      .slice(0, text.lastIndexOf('\n') + 1)
      .split('\n')
      .filter(Boolean)
      .flatMap(recordsOf);
  }

  /** Waits until as many records are there, or more. */
  async received(count: number): Promise<CollectedRecord[]> {
    for (let waited = 0; ; waited += WAIT_MS) {
      const { records } = this;
      if (records.length >= count) return records;
      if (waited > MAX_WAIT_MS) throw new Error(`${records.length} of ${count} records; ${this.server?.log}`);
      await sleep(WAIT_MS);
    }
  }

  /** Forgets what it has received. */
  clear(): void {
    if (existsSync(this.out)) writeFileSync(this.out, '');
  }

  async close(): Promise<void> {
    await this.stop('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }
}

interface AnyValue {
  readonly stringValue?: string;
  readonly boolValue?: boolean;
  readonly intValue?: string;
  readonly doubleValue?: number;
  readonly arrayValue?: { readonly values?: readonly AnyValue[] };
  readonly kvlistValue?: { readonly values?: readonly KeyValue[] };
}

interface KeyValue {
  readonly key: string;
  readonly value?: AnyValue;
}

/** OTLP's JSON, as far as the tests look at it. */
interface Logs {
  readonly resourceLogs: readonly {
    readonly resource: { readonly attributes?: readonly KeyValue[] };
    readonly scopeLogs: readonly {
      readonly logRecords: readonly {
        readonly timeUnixNano: string;
        readonly observedTimeUnixNano?: string;
        readonly severityNumber?: number;
        readonly severityText?: string;
        readonly eventName?: string;
        readonly body?: AnyValue;
        readonly attributes?: readonly KeyValue[];
      }[];
    }[];
  }[];
}

function recordsOf(line: string): CollectedRecord[] {
  const { resourceLogs } = JSON.parse(line) as Logs;
  return resourceLogs.flatMap(({ resource, scopeLogs }) =>
    scopeLogs.flatMap(({ logRecords }) =>
      logRecords.map((record) => ({
        resource: attributesOf(resource.attributes),
        attributes: attributesOf(record.attributes),
        body: plain(record.body),
        timeUnixNano: record.timeUnixNano,
        observedTimeUnixNano: record.observedTimeUnixNano,
        severityNumber: record.severityNumber,
        severityText: record.severityText,
        eventName: record.eventName,
      })),
    ),
  );
}

function attributesOf(list: readonly KeyValue[] = []): Attributes {
  return Object.fromEntries(list.map(({ key, value }) => [key, plain(value)]));
}

function plain(value: AnyValue | undefined): unknown {
  if (value?.intValue !== undefined) return Number(value.intValue);
  if (value?.arrayValue !== undefined) return (value.arrayValue.values ?? []).map(plain);
  if (value?.kvlistValue !== undefined) return attributesOf(value.kvlistValue.values);
  return value?.stringValue ?? value?.boolValue ?? value?.doubleValue;
}
