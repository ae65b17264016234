/**
 * Export requests of OTLP logs (opentelemetry-proto 1.x, `collector/logs/v1` and `logs/v1`), written from the bytes of the
 * events' blocks: the body of a record is the line, and nothing is decoded for it.
 */
import { type CimEvent, KINDS, type Kind } from '../cim/event.ts';
import { packageVersion } from '../version.ts';
import type { OtlpSettings, SeverityName } from './options.ts';
import { ANY_VALUE, KEY_VALUE } from './otlp-fields.ts';
import { mapOf, semanticAttributes } from './otlp-map.ts';
import { bytesField, readFields, tag, textField, varintField, varintLength, WIRE, writeVarint } from './protobuf.ts';
import { severityOf } from './selection.ts';
import { sourcetypeOf } from './splunk.ts';

/** Field numbers of the messages. */
const REQUEST = { resourceLogs: 1 };
const RESOURCE_LOGS = { resource: 1, scopeLogs: 2 };
const RESOURCE = { attributes: 1 };
const SCOPE_LOGS = { scope: 1, logRecords: 2 };
const SCOPE = { name: 1, version: 2 };
const LOG_RECORD = {
  time: 1,
  severityNumber: 2,
  severityText: 3,
  body: 5,
  attributes: 6,
  observedTime: 11,
  eventName: 12,
};
const RESPONSE = { partialSuccess: 1 };
const PARTIAL_SUCCESS = { rejected: 1, message: 2 };

/** As the log data model maps those of syslog (Appendix B): notice, warning, error and critical for low to critical. */
const SEVERITY_NUMBERS: Readonly<Record<SeverityName, number>> = {
  informational: 9,
  low: 10,
  medium: 13,
  high: 17,
  critical: 18,
};

const SEVERITIES = Object.fromEntries(
  Object.entries(SEVERITY_NUMBERS).map(([name, number]) => [
    name,
    Buffer.concat([varintField(LOG_RECORD.severityNumber, number), textField(LOG_RECORD.severityText, name)]),
  ]),
) as Record<SeverityName, Buffer>;
const NOTHING = Buffer.alloc(0);
/** Tag and eight bytes. */
const FIXED64_BYTES = 9;

/** A record but for its times. */
interface LogRecord {
  /** Attributes, severity and what else comes before the body. */
  readonly head: readonly Buffer[];
  /** Field of the body's AnyValue. */
  readonly type: number;
  readonly block: Buffer;
  readonly start: number;
  readonly end: number;
}

const textAttribute = (field: number, key: string, text: string): Buffer =>
  bytesField(field, textField(KEY_VALUE.key, key), bytesField(KEY_VALUE.value, textField(ANY_VALUE.text, text)));

export class OtlpRequestWriter {
  private readonly prefix: Buffer;
  private readonly scope: Buffer;
  private readonly kinds: Readonly<Record<Kind, Buffer>>;
  private readonly asMap: boolean;

  /** @param sensor name of this sensor */
  constructor({ body, resource, format, splunk }: OtlpSettings, sensor: string) {
    this.asMap = body === 'map';
    const version = packageVersion();
    const attributes = { 'host.name': sensor, 'service.name': 'vesper', 'service.version': version, ...resource };
    this.prefix = bytesField(
      RESOURCE_LOGS.resource,
      ...Object.entries(attributes).map(([key, text]) => textAttribute(RESOURCE.attributes, key, text)),
    );
    this.scope = bytesField(SCOPE_LOGS.scope, textField(SCOPE.name, 'vesper'), textField(SCOPE.version, version));
    this.kinds = Object.fromEntries(
      KINDS.map((kind) => {
        const own = {
          'com.splunk.sourcetype': sourcetypeOf(kind, format),
          'com.splunk.source': splunk.source,
          'com.splunk.index': splunk.index,
        };
        const parts = Object.entries(own).map(([key, text]) =>
          text === undefined ? NOTHING : textAttribute(LOG_RECORD.attributes, key, text),
        );
        return [
          kind,
          Buffer.concat(this.asMap ? [...parts, textField(LOG_RECORD.eventName, `vesper.${kind}`)] : parts),
        ];
      }),
    ) as { [kind in Kind]: Buffer };
  }

  /** @param now milliseconds: the time of observation */
  write(batch: readonly CimEvent[], now: number): Buffer {
    const records = batch.map((event) => this.record(event));
    const sizes = records.map(recordSize);
    let recordBytes = 0;
    for (const size of sizes) recordBytes += 1 + varintLength(size) + size;
    const scopeLogs = this.scope.length + recordBytes;
    const resourceLogs = this.prefix.length + 1 + varintLength(scopeLogs) + scopeLogs;
    const buffer = Buffer.allocUnsafe(1 + varintLength(resourceLogs) + resourceLogs);
    let at = writeHead(buffer, REQUEST.resourceLogs, resourceLogs, 0);
    at += this.prefix.copy(buffer, at);
    at = writeHead(buffer, RESOURCE_LOGS.scopeLogs, scopeLogs, at);
    at += this.scope.copy(buffer, at);
    const observed = BigInt(now) * 1_000_000n;
    for (const [index, record] of records.entries()) {
      const event = batch[index] as CimEvent;
      at = writeHead(buffer, SCOPE_LOGS.logRecords, sizes[index] as number, at);
      at = writeTime(buffer, LOG_RECORD.time, BigInt(event.seconds) * 1_000_000_000n + BigInt(event.nanos), at);
      at = writeTime(buffer, LOG_RECORD.observedTime, observed, at);
      at = writeRecord(buffer, record, at);
    }
    return buffer;
  }

  private record(event: CimEvent): LogRecord {
    const { block, start, end, kind } = event;
    const constant = this.kinds[kind];
    const level = kind === 'finding' ? severityOf(event) : undefined;
    const severity = level === undefined ? NOTHING : SEVERITIES[level];
    if (!this.asMap) return { head: [constant, severity], type: ANY_VALUE.text, block, start, end };
    const values = JSON.parse(event.line) as { [key: string]: unknown };
    const map = mapOf(values);
    const attributes = semanticAttributes(values, LOG_RECORD.attributes);
    return { head: [constant, attributes, severity], type: ANY_VALUE.map, block: map, start: 0, end: map.length };
  }
}

const bodySize = ({ start, end }: LogRecord): number => 1 + varintLength(end - start) + end - start;

function recordSize(record: LogRecord): number {
  const body = bodySize(record);
  let size = 2 * FIXED64_BYTES + 1 + varintLength(body) + body;
  for (const part of record.head) size += part.length;
  return size;
}

function writeHead(buffer: Buffer, field: number, length: number, at: number): number {
  buffer[at] = tag(field, WIRE.bytes);
  return writeVarint(buffer, length, at + 1);
}

function writeTime(buffer: Buffer, field: number, nanoseconds: bigint, at: number): number {
  buffer[at] = tag(field, WIRE.fixed64);
  return buffer.writeBigUInt64LE(nanoseconds, at + 1);
}

function writeRecord(buffer: Buffer, record: LogRecord, from: number): number {
  let at = from;
  for (const part of record.head) at += part.copy(buffer, at);
  at = writeHead(buffer, LOG_RECORD.body, bodySize(record), at);
  at = writeHead(buffer, record.type, record.end - record.start, at);
  return at + record.block.copy(buffer, at, record.start, record.end);
}

export interface PartialSuccess {
  /** Records that the other side will not take. */
  readonly rejected: number;
  readonly message: string;
}

/** What an ExportLogsServiceResponse says, or undefined where all was taken. */
export function partialSuccess(response: Buffer): PartialSuccess | undefined {
  const partial = readFields(response)?.get(RESPONSE.partialSuccess);
  if (!(partial instanceof Buffer)) return undefined;
  const fields = readFields(partial);
  const rejected = fields?.get(PARTIAL_SUCCESS.rejected);
  const message = fields?.get(PARTIAL_SUCCESS.message);
  if (typeof rejected !== 'number' || !(rejected > 0)) return undefined;
  return { rejected, message: message instanceof Buffer ? message.toString() : '' };
}
