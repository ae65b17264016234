/**
 * Suricata's checks: a filter over its EVE events and how many must match. A witness is turned into EVE events of the
 * types dns, tls and flow; then the same filter is counted on them.
 */
import { rcodeName, rrTypeName } from '../../../src/dissect/dns/names.ts';
import { TlsVersion } from '../../../src/dissect/tls/versions.ts';
import { endpoint } from './names.ts';
import { type Reading, type Statement, skip } from './statement.ts';
import { between, type Connection, type Handshake, type Message, type Witness } from './witness.ts';

type Value = string | number | boolean;

export interface SuricataRow {
  readonly source: 'suricata';
  readonly count: number | null;
  readonly match: Readonly<Record<string, unknown>>;
}

/** One event: the value of each key that a filter may name. */
type EveEvent = ReadonlyMap<string, Value>;

type EventType = 'dns' | 'tls' | 'flow';

const ENDS = ['src_ip', 'src_port', 'dest_ip', 'dest_port'] as const;
const SHARED: readonly string[] = ['event_type', 'proto', ...ENDS];

/** Keys of which Vesper and tshark's table both know the value; `[n]` stands for any index. */
const KEYS: Readonly<Record<EventType, ReadonlySet<string>>> = {
  dns: new Set([
    ...SHARED,
    'pcap_cnt',
    'dns.type',
    'dns.id',
    'dns.rcode',
    'dns.rrname',
    'dns.rrtype',
    'dns.queries[n].rrname',
    'dns.queries[n].rrtype',
    'dns.answers.__len',
    'dns.answers[n].rrname',
    'dns.answers[n].rrtype',
    'dns.answers[n].ttl',
    'dns.answers[n].rdata',
  ]),
  tls: new Set([...SHARED, 'tls.sni', 'tls.version', 'tls.client_alpns[n]', 'tls.server_alpns[n]']),
  flow: new Set([...SHARED, 'app_proto', 'flow.pkts_toserver', 'flow.pkts_toclient']),
};

/** Why a filter is not counted, by the first key that is not among the above. */
const REASONS: readonly (readonly [RegExp, string])[] = [
  [/^flow\.bytes/, 'bytes with the link layer'],
  [/^tls\.(ja3|ja4)/, 'JA3'],
  [/^tls\.(subject|issuerdn|fingerprint|serial|notbefore|notafter)/, 'certificates'],
  [/^(flow\.(state|reason|age|start|end)|tcp\.)/, "states and ages of Suricata's own"],
  [/^(flow\.(alerted|action)|alert|metadata|traffic)/, 'rules and verdicts'],
];

const generic = (key: string): string => key.replace(/\[\d+\]/g, '[n]');

function separate(text: string): [ip: string, port: number] {
  const at = text.lastIndexOf(':');
  return [text.slice(0, at), Number(text.slice(at + 1))];
}

function base(type: EventType, proto: string, from: string, to: string): Map<string, Value> {
  const [source, sourcePort] = separate(from);
  const [destination, destinationPort] = separate(to);
  return new Map<string, Value>([
    ['event_type', type],
    ['proto', proto.toUpperCase()],
    ['src_ip', source],
    ['src_port', sourcePort],
    ['dest_ip', destination],
    ['dest_port', destinationPort],
  ]);
}

/** In the forms of EVE's DNS versions 2 and 3 at once: their keys differ, and `dns.type` is unified by `wanted`. */
function dnsEvent(message: Message): EveEvent {
  const event = base('dns', message.proto, message.from, message.to);
  event.set('pcap_cnt', message.frame).set('dns.id', message.id);
  event.set('dns.type', message.response ? 'response' : 'request');
  if (message.response)
    event.set('dns.rcode', rcodeName(message.rcode)).set('dns.answers.__len', message.answers.length);
  message.questions.forEach(({ name, type }, index) => {
    event.set(`dns.queries[${index}].rrname`, name).set(`dns.queries[${index}].rrtype`, rrTypeName(type));
    if (index === 0) event.set('dns.rrname', name).set('dns.rrtype', rrTypeName(type));
  });
  message.answers.forEach(({ name, type, ttl, value }, index) => {
    const at = `dns.answers[${index}]`;
    event.set(`${at}.rrname`, name).set(`${at}.rrtype`, rrTypeName(type));
    if (ttl !== undefined) event.set(`${at}.ttl`, ttl);
    if (value !== undefined) event.set(`${at}.rdata`, value);
  });
  return event;
}

const VERSIONS: Readonly<Record<number, string>> = {
  [TlsVersion.ssl2]: 'SSLv2',
  [TlsVersion.ssl3]: 'SSLv3',
  [TlsVersion.tls10]: 'TLSv1',
  [TlsVersion.tls11]: 'TLS 1.1',
  [TlsVersion.tls12]: 'TLS 1.2',
  [TlsVersion.tls13]: 'TLS 1.3',
};

function tlsEvent({ proto, client, server, offer, choice }: Handshake): EveEvent {
  const event = base('tls', proto, client, server);
  if (offer?.sni !== undefined) event.set('tls.sni', offer.sni);
  for (const [index, name] of offer?.alpn.entries() ?? []) event.set(`tls.client_alpns[${index}]`, name);
  if (choice) {
    const draft = choice.version >> 8 === 0x7f ? `TLS 1.3 draft-${choice.version & 0xff}` : 'UNDETERMINED';
    event.set('tls.version', VERSIONS[choice.version] ?? draft);
    if (choice.alpn !== undefined) event.set('tls.server_alpns[0]', choice.alpn);
  }
  return event;
}

function flowEvent(witness: Witness, connection: Connection): EveEvent {
  const { proto, client, server, packets } = connection;
  const event = base('flow', proto, client, server);
  event.set('flow.pkts_toserver', packets[0]).set('flow.pkts_toclient', packets[1]);
  if (between(witness.handshakes, proto, client, server).length > 0) event.set('app_proto', 'tls');
  else if (between(witness.exchanges, proto, client, server).length > 0) event.set('app_proto', 'dns');
  return event;
}

const EVENTS: Readonly<Record<EventType, (witness: Witness) => EveEvent[]>> = {
  dns: (witness) => witness.messages.filter(({ protocol }) => protocol === 'dns').map(dnsEvent),
  tls: (witness) => witness.handshakes.map(tlsEvent),
  flow: (witness) => witness.connections.map((one) => flowEvent(witness, one)),
};

/** Suricata before 8 says query and answer, then request and response. */
const DNS_TYPES: Readonly<Record<string, string>> = { query: 'request', answer: 'response' };

function wanted(key: string, value: unknown): Value {
  if (key === 'src_ip' || key === 'dest_ip') return endpoint(String(value), '').slice(0, -1);
  if (key === 'dns.type') return DNS_TYPES[String(value)] ?? String(value);
  if (typeof value === 'number' || typeof value === 'boolean') return value;
  return /rrname|sni|rdata/.test(key) ? String(value).toLowerCase() : String(value);
}

function typeOf(match: SuricataRow['match']): EventType | undefined {
  const type = match.event_type ?? (Object.keys(match).some((key) => key.startsWith('dns.')) ? 'dns' : undefined);
  return type === 'dns' || type === 'tls' || type === 'flow' ? type : undefined;
}

export function readSuricata({ count, match }: SuricataRow): Reading {
  const where = JSON.stringify(match);
  const type = typeOf(match);
  if (!type) return skip(where, `events of type ${String(match.event_type ?? 'any')}`);
  if (count === null) return skip(where, 'no count');
  const app = match.app_proto;
  // Checks of dns events repeat it; of flows only those that both witnesses can tell.
  if (type === 'flow' && app !== undefined && app !== 'dns' && app !== 'tls')
    return skip(where, 'other application protocols');
  const proto = String(match.proto ?? 'TCP').toUpperCase();
  if (proto !== 'TCP' && proto !== 'UDP') return skip(where, 'neither TCP nor UDP');
  const keys = Object.keys(match);
  const strange = keys.filter((key) => !KEYS[type].has(generic(key)));
  // Where the ends name the event, what else is said of it only narrows the filter: the rest is counted without.
  if (strange.length > 0 && !ENDS.every((key) => key in match)) {
    const reason = REASONS.find(([pattern]) => strange.some((key) => pattern.test(key)))?.[1];
    return skip(where, reason ?? `key ${strange[0]}`);
  }
  const filter = keys
    .filter((key) => KEYS[type].has(generic(key)))
    .map((key) => [key, wanted(key, match[key])] as const);
  const statement: Statement = {
    field: `${type} events`,
    value: `${count}`,
    claims: (witness) => [
      `${EVENTS[type](witness).filter((event) => filter.every(([key, value]) => event.get(key) === value)).length}`,
    ],
  };
  return { where, statements: [statement] };
}
