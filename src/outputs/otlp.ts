/**
 * Events to an OpenTelemetry collector, as logs over HTTP (OTLP 1.x), by OpenTelemetry's own SDK and exporter. The SDK's batching
 * processors drop silently when they are full and swallow errors: here a processor hands the records of one batch to the
 * exporter, whose result is the acknowledgment. docs/adr/0007-otlp-and-hec.md tells what else is made up for.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { readFileSync } from 'node:fs';
import { Agent as HttpAgent, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { Socket } from 'node:net';
import { DiagLogLevel, diag } from '@opentelemetry/api';
import type { AnyValueMap, Logger, LogRecord, SeverityNumber } from '@opentelemetry/api-logs';
import { type ExportResult, ExportResultCode } from '@opentelemetry/core';
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-http';
import { CompressionAlgorithm, OTLPExporterError } from '@opentelemetry/otlp-exporter-base';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { LoggerProvider, type LogRecordProcessor, type ReadableLogRecord } from '@opentelemetry/sdk-logs';
import { type CimEvent, KINDS, type Kind } from '../cim/event.ts';
import { UsageError } from '../usage-error.ts';
import { packageVersion } from '../version.ts';
import { type Refusal, sendInHalves } from './halves.ts';
import { isHeaderName, isHeaderValue } from './header.ts';
import { networkReason, oneLine, reasonOf, retryAfter } from './http-client.ts';
import type { OtlpSettings, SeverityName } from './options.ts';
import { semanticAttributes } from './otlp-map.ts';
import { DeliveryError, type Output } from './output.ts';
import { withoutSecrets } from './secret.ts';
import { severityOf } from './selection.ts';
import { sourcetypeOf } from './splunk.ts';
import { tlsOptions } from './tls-options.ts';

/**
 * These concern the data, and stay so: "MUST NOT retry" of the specification. Others, such as 401 and 404, pass when
 * somebody mends the settings of either side, and nothing need be lost until then.
 */
const PERMANENT: ReadonlySet<number> = new Set([400, 415, 422, 500, 501]);
const TOO_LARGE = 413;

/** As the log data model maps those of syslog (Appendix B): notice, warning, error and critical for low to critical. */
const SEVERITY_NUMBERS: Readonly<Record<SeverityName, SeverityNumber>> = {
  informational: 9,
  low: 10,
  medium: 13,
  high: 17,
  critical: 18,
};

/**
 * The exporter sends again by itself what met a passing error, unless its time-out would be over before it may, and it waits
 * for a second or for as long as the answer asks. With a time-out as short as this it never does: every error comes to the
 * delivery layer, which tells it and knows when to try again. It also is the time-out of the exporter's sockets, which ignore
 * it: `timeout_ms` aborts.
 */
const EXPORTER_TIMEOUT_MS = 1;

/** Published by Node for every HTTP request of the process, in the asynchronous context of the request. */
const RESPONSE_CHANNEL = 'http.client.response.finish';

/** One call of the exporter, and what its result does not tell. */
interface Attempt {
  readonly signal: AbortSignal | undefined;
  /** Whether the exporter has begun its request. */
  isBegun: boolean;
  /** Of the answer. */
  status: number | undefined;
  retryAfterMs: number | undefined;
}

interface Outcome extends ExportResult {
  readonly partialSuccess: PartialSuccess | undefined;
}

interface PartialSuccess {
  /** An int64, which JSON has as a text. */
  readonly rejectedLogRecords?: number | string;
  readonly errorMessage?: string;
}

/** The exporter tells of a partial success in the diagnostic log alone, in the same turn just before its result. */
let lastPartialSuccess: PartialSuccess | undefined;

function takePartialSuccess(): PartialSuccess | undefined {
  const taken = lastPartialSuccess;
  lastPartialSuccess = undefined;
  return taken;
}

const nothing = (): void => {};
const onWarning = (text: string, ...details: unknown[]): void => {
  if (text.startsWith('Received Partial Success'))
    lastPartialSuccess = JSON.parse(String(details[0])) as PartialSuccess;
};
diag.setLogger(
  { error: nothing, warn: onWarning, info: nothing, debug: nothing, verbose: nothing },
  { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
);

/** Keeps the records that the SDK makes until they are taken. */
class Collecting implements LogRecordProcessor {
  private records: ReadableLogRecord[] = [];

  onEmit(record: ReadableLogRecord): void {
    this.records.push(record);
  }

  take(): ReadableLogRecord[] {
    const taken = this.records;
    this.records = [];
    return taken;
  }

  async forceFlush(): Promise<void> {}
  async shutdown(): Promise<void> {}
}

export class OtlpOutput implements Output {
  readonly name: string;
  private readonly exporter: OTLPLogExporter;
  private readonly collecting = new Collecting();
  private readonly logger: Logger;
  private readonly attributes: Readonly<Record<Kind, Readonly<Record<string, string>>>>;
  private readonly asMap: boolean;
  private readonly secrets: readonly string[];
  private readonly agent: HttpAgent | HttpsAgent;
  private readonly attempts = new AsyncLocalStorage<Attempt>();
  private closed = false;

  /**
   * @param sensor name of this sensor
   * @throws UsageError where a file that the settings name cannot be used
   */
  constructor(settings: OtlpSettings, sensor: string) {
    const { name, url, headers, headers_file, compression, tls, format, splunk, resource, body } = settings;
    this.name = name;
    this.asMap = body === 'map';
    const options = { keepAlive: true, ...tlsOptions(name, tls) };
    this.agent = patient(url.startsWith('https:') ? new HttpsAgent(options) : new HttpAgent(options));
    const allHeaders = { ...headers, ...(headers_file !== undefined && readHeaders(name, headers_file)) };
    this.secrets = Object.values(allHeaders);
    const version = packageVersion();
    this.exporter = new OTLPLogExporter({
      url,
      headers: async () => {
        // Asked for before every request.
        const attempt = this.attempts.getStore();
        if (this.closed || attempt === undefined || attempt.signal?.aborted) throw new Error('given up');
        // `Retry-After: 0` is what the exporter still repeats by itself; its status stands for the answer.
        if (attempt.isBegun) throw new OTLPExporterError('not sent again');
        attempt.isBegun = true;
        return allHeaders;
      },
      compression: compression === 'gzip' ? CompressionAlgorithm.GZIP : CompressionAlgorithm.NONE,
      timeoutMillis: EXPORTER_TIMEOUT_MS,
      userAgent: `vesper/${version}`,
      httpAgentOptions: () => this.agent,
    });
    const provider = new LoggerProvider({
      resource: resourceFromAttributes({
        'host.name': sensor,
        'service.name': 'vesper',
        'service.version': version,
        ...resource,
      }),
      processors: [this.collecting],
    });
    this.logger = provider.getLogger('vesper', version);
    this.attributes = Object.fromEntries(
      KINDS.map((kind): [Kind, Record<string, string>] => [
        kind,
        {
          'com.splunk.sourcetype': sourcetypeOf(kind, format),
          ...(splunk.source !== undefined && { 'com.splunk.source': splunk.source }),
          ...(splunk.index !== undefined && { 'com.splunk.index': splunk.index }),
        },
      ]),
    ) as { [kind in Kind]: Record<string, string> };
    subscribe(RESPONSE_CHANNEL, this.onResponse);
  }

  send(batch: readonly CimEvent[], signal?: AbortSignal): Promise<void> {
    return sendInHalves(batch, (part) => this.sendPart(part, signal));
  }

  async close(): Promise<void> {
    this.closed = true;
    unsubscribe(RESPONSE_CHANNEL, this.onResponse);
    this.agent.destroy();
  }

  private async sendPart(part: readonly CimEvent[], signal: AbortSignal | undefined): Promise<Refusal | undefined> {
    const attempt: Attempt = { signal, isBegun: false, status: undefined, retryAfterMs: undefined };
    // A peer that hangs on one request hangs on all: their connections end together, and each is tried again.
    const onAbort = (): void => this.agent.destroy();
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      const outcome = await this.attempts.run(attempt, () => this.export(this.records(part)));
      return refusalOf(outcome, attempt, part.length, this.secrets);
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  private export(records: ReadableLogRecord[]): Promise<Outcome> {
    return new Promise((resolve) => {
      this.exporter.export(records, (result) => resolve({ ...result, partialSuccess: takePartialSuccess() }));
    });
  }

  private records(part: readonly CimEvent[]): ReadableLogRecord[] {
    for (const event of part) this.logger.emit(this.record(event));
    return this.collecting.take();
  }

  private record(event: CimEvent): LogRecord {
    const { kind, seconds, nanos } = event;
    const severity = kind === 'finding' ? severityOf(event) : undefined;
    const record: LogRecord = {
      timestamp: [seconds, nanos],
      ...(severity !== undefined && { severityNumber: SEVERITY_NUMBERS[severity], severityText: severity }),
    };
    const attributes = this.attributes[kind];
    if (!this.asMap) return { ...record, body: event.line, attributes };
    const body = JSON.parse(event.line) as AnyValueMap;
    const named = semanticAttributes(body) as AnyValueMap;
    return { ...record, body, attributes: { ...attributes, ...named }, eventName: `vesper.${kind}` };
  }

  /** The exporter keeps the status of a passing error and its Retry-After to itself. */
  private readonly onResponse = (message: unknown): void => {
    const attempt = this.attempts.getStore();
    if (attempt === undefined) return;
    const { statusCode, headers } = (message as { response: IncomingMessage }).response;
    attempt.status = statusCode;
    attempt.retryAfterMs = retryAfter(headers['retry-after'], Date.now());
  };
}

/** The agent, its sockets deaf to the exporter's time-out. */
function patient<A extends HttpAgent>(agent: A): A {
  const connect = agent.createConnection.bind(agent);
  agent.createConnection = (options, callback) => {
    const socket = connect(options, callback);
    if (socket instanceof Socket) {
      const setTimeout = socket.setTimeout.bind(socket);
      socket.setTimeout = (ms, onTimeout) => (ms === EXPORTER_TIMEOUT_MS ? socket : setTimeout(ms, onTimeout));
    }
    return socket;
  };
  return agent;
}

/** @throws DeliveryError where the records have to wait */
function refusalOf(outcome: Outcome, attempt: Attempt, count: number, secrets: readonly string[]): Refusal | undefined {
  const { code, error, partialSuccess } = outcome;
  if (code === ExportResultCode.SUCCESS) {
    const rejected = Number(partialSuccess?.rejectedLogRecords ?? 0);
    if (!(rejected > 0)) return undefined;
    const lost = Math.min(count, rejected);
    return {
      reason: `${lost} of ${count} records were rejected: ${oneLine(withoutSecrets(partialSuccess?.errorMessage ?? '', secrets))}`,
      lost,
    };
  }
  if (attempt.signal?.aborted) throw new DeliveryError('no acknowledgment in time', true);
  const { status, retryAfterMs } = attempt;
  if (!(error instanceof OTLPExporterError) || status === undefined) {
    const cause: Error = error ?? new Error('the connection failed');
    throw new DeliveryError(networkReason(cause), true, { cause });
  }
  const reason = reasonOf({ status, body: Buffer.from(withoutSecrets(error.data ?? '', secrets)) });
  if (status === TOO_LARGE) return { reason };
  if (PERMANENT.has(status)) return { reason, lost: count };
  throw new DeliveryError(reason, true, { ...(retryAfterMs !== undefined && { retryAfterMs }) });
}

function readHeaders(output: string, file: string): Record<string, string> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`output ${output}: cannot read the headers: ${(error as Error).message}`);
  }
  const headers: Record<string, string> = {};
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '') continue;
    // Any of it may be a secret: the line is not shown.
    const place = `line ${index + 1} of ${file}`;
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(0, colon));
    const value = line.slice(colon + 1).trim();
    // HTTP has headers without a value, but a secret that is empty is one that was forgotten.
    if (!isHeaderName(name) || value === '')
      throw new UsageError(`output ${output}: ${place} is no header: write Name: value`);
    if (!isHeaderValue(value))
      throw new UsageError(`output ${output}: the value in ${place} has characters that no HTTP header has`);
    headers[name.toLowerCase()] = value;
  }
  return headers;
}
