/** Events as OTLP values, for collectors that do not feed Splunk: the whole event, and what has a name that all know. */
import { ANY_VALUE, KEY_VALUE } from './otlp-fields.ts';
import { bytesField, doubleField, textField, varintField } from './protobuf.ts';

/** By CIM field: OpenTelemetry's semantic conventions 1.37, general, network, DNS, TLS, process. */
const SEMANTIC_NAMES: Readonly<Record<string, string>> = {
  src: 'source.address',
  src_port: 'source.port',
  dest: 'destination.address',
  dest_port: 'destination.port',
  transport: 'network.transport',
  protocol_version: 'network.type',
  query: 'dns.question.name',
  answer: 'dns.answers',
  ssl_cipher: 'tls.cipher',
  ssl_server_name: 'server.address',
  ssl_subject: 'tls.server.subject',
  ssl_issuer: 'tls.server.issuer',
  process_id: 'process.pid',
  user: 'process.user.name',
};

/** The fields of an AnyValue; undefined for what has none. */
function anyValue(value: unknown): Buffer | undefined {
  switch (typeof value) {
    case 'string':
      return textField(ANY_VALUE.text, value);
    case 'boolean':
      return varintField(ANY_VALUE.bool, value ? 1 : 0);
    case 'number':
      // An int is written as a varint, and a negative one takes ten bytes: those are left to the double.
      return Number.isSafeInteger(value) && value >= 0
        ? varintField(ANY_VALUE.int, value)
        : doubleField(ANY_VALUE.double, value);
    case 'object': {
      if (value === null) return undefined;
      if (!Array.isArray(value)) return bytesField(ANY_VALUE.map, mapOf(value as Record<string, unknown>));
      const items = value.map((item) => bytesField(1, anyValue(item) ?? Buffer.alloc(0)));
      return bytesField(ANY_VALUE.array, ...items);
    }
    default:
      return undefined;
  }
}

function keyValue(field: number, key: string, value: unknown): Buffer {
  return bytesField(
    field,
    textField(KEY_VALUE.key, key),
    bytesField(KEY_VALUE.value, anyValue(value) ?? Buffer.alloc(0)),
  );
}

/** The fields of a KeyValueList. */
export function mapOf(values: Readonly<Record<string, unknown>>): Buffer {
  return Buffer.concat(Object.entries(values).map(([key, value]) => keyValue(1, key, value)));
}

/** Attributes of a record, as its field `field`. */
export function semanticAttributes(values: Readonly<Record<string, unknown>>, field: number): Buffer {
  const parts: Buffer[] = [];
  for (const [cim, name] of Object.entries(SEMANTIC_NAMES)) {
    if (values[cim] !== undefined) parts.push(keyValue(field, name, values[cim]));
  }
  const version = /^TLSv([\d.]+)$/.exec(String(values.ssl_version))?.[1];
  if (version !== undefined) {
    parts.push(keyValue(field, 'tls.protocol.name', 'tls'), keyValue(field, 'tls.protocol.version', version));
  }
  return Buffer.concat(parts);
}
