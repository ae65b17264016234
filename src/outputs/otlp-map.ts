/** Events as OTLP values, for collectors that do not feed Splunk: the whole event, and what has a name that all know. */
import { ANY_VALUE, KEY_VALUE } from './otlp-fields.ts';
import { BackwardWriter } from './protobuf-writer.ts';

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

/** Field of ArrayValue and of KeyValueList. */
const VALUES = 1;

type Values = Readonly<Record<string, unknown>>;

const writer = new BackwardWriter();

/** The fields of an AnyValue; of what has none, none: an empty value. */
function writeValue(value: unknown): void {
  if (typeof value === 'string') writer.text(ANY_VALUE.text, value);
  else if (typeof value === 'boolean') writer.varint(ANY_VALUE.bool, value ? 1 : 0);
  else if (typeof value === 'number') writeNumber(value);
  else if (Array.isArray(value)) {
    writer.message(ANY_VALUE.array, () => {
      for (const item of value.toReversed()) writer.message(VALUES, () => writeValue(item));
    });
  } else if (typeof value === 'object' && value !== null)
    writer.message(ANY_VALUE.map, () => writeMap(value as Values));
}

/** An int is a varint, and a negative one takes ten bytes: those are left to the double. */
function writeNumber(value: number): void {
  if (Number.isSafeInteger(value) && value >= 0) writer.varint(ANY_VALUE.int, value);
  else writer.double(ANY_VALUE.double, value);
}

function writeKeyValue(field: number, key: string, value: unknown): void {
  writer.message(field, () => {
    writer.message(KEY_VALUE.value, () => writeValue(value));
    writer.text(KEY_VALUE.key, key);
  });
}

function writeMap(values: Values): void {
  for (const [key, value] of Object.entries(values).reverse()) writeKeyValue(VALUES, key, value);
}

/** The fields of a KeyValueList. */
export function mapOf(values: Values): Buffer {
  return writer.take(() => writeMap(values));
}

/** Attributes of a record, as its field `field`. */
export function semanticAttributes(values: Values, field: number): Buffer {
  const version = /^TLSv([\d.]+)$/.exec(String(values.ssl_version))?.[1];
  return writer.take(() => {
    for (const [cim, name] of Object.entries(SEMANTIC_NAMES)) {
      if (values[cim] !== undefined) writeKeyValue(field, name, values[cim]);
    }
    if (version === undefined) return;
    writeKeyValue(field, 'tls.protocol.name', 'tls');
    writeKeyValue(field, 'tls.protocol.version', version);
  });
}
