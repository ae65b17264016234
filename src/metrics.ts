/** The counters as Prometheus reads them: text format 0.0.4 at `/metrics` of a small HTTP server. */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { COUNTERS, type CounterName, type Counters, GAUGES } from './counters.ts';
import type { OutputStatus } from './outputs/delivery.ts';
import { residentBytes } from './resident-memory.ts';
import { startError } from './usage-error.ts';
import { packageVersion } from './version.ts';

/** Counters that differ in the reason alone are one metric with a label. */
const BY_REASON = /^(frames|events)\.(filtered|dropped|undecodable)\.(\w+)$/;
const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';
/** Who asks sends a short request; whoever does not is not waited for. */
const REQUEST_TIMEOUT_MS = 5_000;
/** How often it is looked for those. */
const CHECK_INTERVAL_MS = 1_000;
const MAX_HEADER_BYTES = 8 * 1024;
/** Of more the oldest gives way: connections that somebody holds open keep nobody out. */
const MAX_CONNECTIONS = 16;

interface Metric {
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  readonly samples: string[];
}

/** A label's value in the text format. */
const escaped = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');

/**
 * @param backend of the capture
 * @param outputs their own counts, as `vesper_output_*` with the output's name as label
 */
export function metricsText(counters: Counters, backend: string, outputs: readonly OutputStatus[]): string {
  const metrics = new Map<string, Metric>();
  const add = (name: string, type: Metric['type'], help: string, value: number, labels = ''): void => {
    const metric = metrics.get(name) ?? { help, type, samples: [] };
    metric.samples.push(`${name}${labels} ${value}`);
    metrics.set(name, metric);
  };
  for (const name of Object.keys(COUNTERS) as CounterName[]) {
    const [, what, how, reason] = BY_REASON.exec(name) ?? [];
    if (reason !== undefined) {
      add(
        `vesper_${what}_${how}_total`,
        'counter',
        `${what} ${how}, by reason`,
        counters[name],
        `{reason="${reason}"}`,
      );
      continue;
    }
    const isGauge = GAUGES.has(name);
    const metric = `vesper_${name.replaceAll('.', '_')}${isGauge ? '' : '_total'}`;
    add(metric, isGauge ? 'gauge' : 'counter', COUNTERS[name], counters[name]);
  }
  for (const { name: output, counts } of outputs) {
    for (const [name, value] of Object.entries(counts)) {
      const isGauge = GAUGES.has(name);
      const metric = `vesper_output_${name.replace(/^(events|delivery)\./, '').replaceAll('.', '_')}${isGauge ? '' : '_total'}`;
      const help = `${COUNTERS[name as CounterName]}, of one output`;
      add(metric, isGauge ? 'gauge' : 'counter', help, value, `{output="${escaped(output)}"}`);
    }
  }
  const { user, system } = process.cpuUsage();
  add('vesper_info', 'gauge', 'version and capture', 1, `{version="${packageVersion()}",capture="${backend}"}`);
  add('process_cpu_seconds_total', 'counter', 'processor time in seconds', (user + system) / 1e6);
  add('process_resident_memory_bytes', 'gauge', 'resident memory in bytes', residentBytes());
  add('process_start_time_seconds', 'gauge', 'start in seconds since 1970', Date.now() / 1000 - process.uptime());
  const parts = [...metrics].map(
    ([name, { help, type, samples }]) => `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${samples.join('\n')}\n`,
  );
  return parts.join('');
}

export interface MetricsOptions {
  readonly address: string;
  readonly port: number;
}

function boundConnections(server: Server): void {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    if (sockets.size > MAX_CONNECTIONS) for (const oldest of sockets) return void oldest.destroy();
  });
}

/** Resolves when it listens. Rejects with `UsageError` where it cannot. It keeps no process alive. */
export async function serveMetrics(options: MetricsOptions, text: () => string): Promise<Server> {
  // Loaded where it is wanted: an agent without it needs no HTTP.
  const { createServer } = await import('node:http');
  const server = createServer(
    {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: REQUEST_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: CHECK_INTERVAL_MS,
    },
    (request, response) => {
      const isMetrics =
        request.url?.split('?')[0] === '/metrics' && (request.method === 'GET' || request.method === 'HEAD');
      response.writeHead(isMetrics ? 200 : 404, { 'content-type': CONTENT_TYPE, connection: 'close' });
      response.end(isMetrics && request.method === 'GET' ? text() : '');
    },
  );
  boundConnections(server);
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      reject(
        startError(`metrics cannot be served at ${options.address} port ${options.port}: ${error.message}`, error),
      );
    });
    server.listen(options.port, options.address, () => resolve(server.unref()));
  });
}
