/**
 * Makes docs/fields.md: every field of every kind of event in CIM form, from the JSON Schemas, with examples from the golden
 * cases and from events of live traffic.
 *
 *     node dist/scripts/fields.js > docs/fields.md
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { KINDS, type Kind } from '../src/cim/event.ts';
import { unitOf, whenOf } from './field-notes.ts';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));
const SCHEMAS = join(PROJECT, 'config/schema/events');
const FIXTURES = join(PROJECT, 'test/fixtures');
const MAX_EXAMPLE = 72;

interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly oneOf?: readonly Schema[];
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
}

interface Field {
  readonly path: string;
  readonly schema: Schema;
  /** Of `$ref`, for types that have a name. */
  readonly reference: string | undefined;
  readonly always: boolean;
  /** There where its parent is. */
  readonly required: boolean;
}

const readSchema = (name: string): Schema =>
  JSON.parse(readFileSync(join(SCHEMAS, `${name}.schema.json`), 'utf8')) as Schema;

const DEFINITIONS = (readSchema('common') as { readonly $defs: Readonly<Record<string, Schema>> }).$defs;

function fieldsOf(path: string, given: Schema, always: boolean, required: boolean): Field[] {
  const reference = given.$ref?.replace(/^.*\//, '');
  const schema = reference === undefined ? given : { ...DEFINITIONS[reference], ...given };
  const { properties, items, anyOf } = schema;
  // Of several forms the first is the usual one.
  const needed = schema.required ?? anyOf?.[0]?.required ?? [];
  if (properties !== undefined) {
    // `vesper` itself is missing with `extras: off`, which is said once for all.
    const inside = always || path === 'vesper';
    return Object.entries(properties).flatMap(([key, inner]) =>
      fieldsOf(path === '' ? key : `${path}.${key}`, inner, inside && needed.includes(key), needed.includes(key)),
    );
  }
  const field = { path, schema, reference, always, required };
  if (items?.properties === undefined) return [field];
  const { properties: members, required: inItem = [] } = items;
  return [
    field,
    ...Object.entries(members).flatMap(([key, inner]) =>
      fieldsOf(`${path}{}.${key}`, inner, always && inItem.includes(key), inItem.includes(key)),
    ),
  ];
}

const TYPES: Readonly<Record<string, string>> = {
  count: 'whole number',
  uint8: 'whole number',
  uint16: 'whole number',
  port: 'whole number',
  seconds: 'number',
  epoch: 'number',
  address: 'IP address',
  mac: 'MAC address',
  decimal: 'number as text',
};

function typeOf({ schema, reference }: Field): string {
  const { type, enum: values, const: only, oneOf, items } = schema;
  if (reference !== undefined && TYPES[reference] !== undefined) return TYPES[reference];
  if (values !== undefined) return values.map((value) => `\`${String(value)}\``).join(', ');
  if (only !== undefined) return `\`${String(only)}\``;
  if (oneOf !== undefined) return 'text, or list of texts';
  if (type === 'array') return items?.properties === undefined ? 'list' : 'list of objects';
  if (type === 'object') return 'object';
  if (type === 'integer') return 'whole number';
  return type === 'string' ? 'text' : String(type);
}

/** CIM models by kind, and the fields at the top level that are the agent's own. */
const MODELS: Readonly<Record<Kind, string>> = {
  flow: 'Network_Traffic',
  dns: 'Network_Resolution',
  tls: 'Network_Traffic',
  certificate: 'Certificates',
  finding: 'Intrusion_Detection',
  agent: '',
};
const OWN: ReadonlySet<string> = new Set(['time', 'event_id', 'cim_model', 'ssl_cipher', 'ssl_server_name']);

function modelOf(kind: Kind, path: string): string {
  if (path.startsWith('vesper.') || OWN.has(path)) return '';
  return kind === 'tls' && path.startsWith('ssl_') ? 'Certificates' : MODELS[kind];
}

function lines(file: string): object[] {
  const text = readFileSync(file, 'utf8').trim();
  return text === '' ? [] : text.split('\n').map((line) => JSON.parse(line) as object);
}

const kindOf = (event: object): Kind => {
  if ('bytes' in event) return 'flow';
  if ('message_type' in event) return 'dns';
  if ('cim_model' in event) return 'tls';
  if ('ssl_serial' in event) return 'certificate';
  return 'category' in event ? 'finding' : 'agent';
};

/** Real events: the golden cases in their order, then those of live traffic. */
function realEvents(): ReadonlyMap<Kind, readonly object[]> {
  const cases = readdirSync(join(FIXTURES, 'cases')).sort();
  const files = cases.map((name) => join(FIXTURES, 'cases', name, 'expected.ndjson'));
  const events = new Map<Kind, object[]>(KINDS.map((kind) => [kind, []]));
  for (const event of [...files, join(FIXTURES, 'live/events.ndjson')].flatMap(lines)) {
    events.get(kindOf(event))?.push(event);
  }
  return events;
}

function valueAt(event: unknown, path: readonly string[]): unknown {
  let value: unknown = event;
  for (const key of path) {
    const name = key.replace('{}', '');
    value = (value as Readonly<Record<string, unknown>> | undefined)?.[name];
    if (key.endsWith('{}')) value = (value as readonly unknown[] | undefined)?.[0];
  }
  return value;
}

/** The first example that is short, else the first one, cut. */
function exampleOf(path: string, events: readonly object[]): string {
  const keys = path.split('.');
  let first: string | undefined;
  for (const event of events) {
    const value = valueAt(event, keys);
    if (value === undefined) continue;
    const text = JSON.stringify(value);
    if (text.length <= MAX_EXAMPLE) return `\`${text}\``;
    first ??= `\`${text.slice(0, MAX_EXAMPLE)}…\``;
  }
  return first ?? '';
}

/** @throws where nobody says when a field that not every event has is there */
function thereWhen(kind: Kind, { path, always, required }: Field): string {
  if (always) return 'always';
  const own = whenOf(path);
  if (own !== undefined) return own;
  for (let parent = path; required && parent.includes('.'); ) {
    parent = parent.replace(/(\{\})?\.[^.]+$/, '');
    const when = whenOf(parent.replace(/\{\}$/, ''));
    if (when !== undefined) return when;
  }
  throw new Error(`scripts/field-notes.ts does not say when ${kind} has ${path}`);
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

/** @param others events of all kinds: for what every kind may have and this one's real events do not */
function section(kind: Kind, events: readonly object[], others: readonly object[]): string[] {
  const schema = readSchema(`cim-${kind}`);
  const rows = fieldsOf('', schema, true, true).map((field) => {
    const { path, schema: own } = field;
    const cells = [
      `\`${path}\``,
      modelOf(kind, path),
      typeOf(field),
      unitOf(path),
      thereWhen(kind, field),
      own.description ?? '',
      exampleOf(path, events) || exampleOf(path, others),
    ];
    return `| ${cells.map(cell).join(' | ')} |`;
  });
  return [
    `## vesper:${kind}`,
    '',
    '| field | CIM model | type | unit | there | what | example |',
    '|---|---|---|---|---|---|---|',
    ...rows,
    '',
  ];
}

export function fieldsPage(): string {
  const events = realEvents();
  return [
    '# Fields',
    '',
    'Every field of every kind of event in CIM form. This page is made by `scripts/fields.ts` from the JSON Schemas in',
    '`config/schema/events`, to which all events keep; the examples are from real traffic.',
    '',
    'A field that is not known is left out: never empty, `unknown` or null. `vesper` is missing with `extras: off`. `extras: lean`',
    'leaves out payload bytes, retransmissions and other TCP counters of flows; flags, answer types and EDNS of DNS; the lists of',
    'the ClientHello; alternative names of certificates; reference and remediation of findings; tunnels, executable and cgroup.',
    '',
    'Lists are cut so that an event stays below 5,000 bytes; a count beside them then has their true length. Fields',
    'of TLS handshakes are those of Network_Traffic, in which the event is only where flows are not collected (`cim_model`).',
    '',
    ...KINDS.flatMap((kind) => section(kind, events.get(kind) ?? [], [...events.values()].flat())),
  ].join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.stdout.write(fieldsPage());
