/** What tshark says, from the tables beside a capture. */
import { TlsVersion } from '../../../src/dissect/tls/versions.ts';
import { plainName } from '../compare-dns.ts';
import { type ConversationRow, type DnsRow, rowsOf, type TlsRow } from '../rows.ts';
import { type Connection, type Exchange, type Handshake, type Message, PLAIN_TYPES, type Witness } from './witness.ts';

const name = (text: string | null | undefined): string => plainName(text ?? '').toLowerCase();

function connection(row: ConversationRow): Connection {
  const a = `${row.a}:${row.aport}`;
  const b = `${row.b}:${row.bport}`;
  const straight = row.initiator !== 'b';
  const { proto } = row;
  const known = proto === 'udp' || row.initiator !== null;
  const initiator = known ? (straight ? a : b) : undefined;
  const shared = { proto, initiator, ipBytes: undefined, communityId: row.community_id ?? '' };
  return straight
    ? {
        ...shared,
        client: a,
        server: b,
        packets: [row.pkts_ab, row.pkts_ba],
        payload: [row.payload_ab, row.payload_ba],
      }
    : {
        ...shared,
        client: b,
        server: a,
        packets: [row.pkts_ba, row.pkts_ab],
        payload: [row.payload_ba, row.payload_ab],
      };
}

function message(row: DnsRow): Message {
  return {
    frame: row.frame,
    proto: row.transport,
    from: `${row.src}:${row.sport}`,
    to: `${row.dst}:${row.dport}`,
    protocol: row.proto,
    id: row.id ?? 0,
    response: row.qr === 1,
    rcode: row.rcode ?? 0,
    questions: row.questions.map((one) => ({ name: name(one.name), type: one.type })),
    answers: row.answers.map((one) => ({
      name: name(one.name),
      type: one.type,
      ttl: one.ttl ?? undefined,
      value: PLAIN_TYPES.has(one.type) && typeof one.value === 'string' ? name(one.value) : undefined,
    })),
  };
}

/** A response belongs to the oldest open query of its ends and id; a repeated query is the same exchange. */
function exchanges(messages: readonly Message[]): Exchange[] {
  const all: { query: Message | undefined; response: Message | undefined }[] = [];
  const open = new Map<string, { query: Message; response: Message | undefined }>();
  for (const one of messages) {
    const [client, server] = one.response ? [one.to, one.from] : [one.from, one.to];
    const key = `${one.proto} ${client} ${server} ${one.id}`;
    const waiting = open.get(key);
    if (!one.response && !waiting) {
      const exchange = { query: one, response: undefined };
      open.set(key, exchange);
      all.push(exchange);
    } else if (one.response && waiting) {
      waiting.response = one;
      open.delete(key);
    } else if (one.response) all.push({ query: undefined, response: one });
  }
  return all.flatMap(({ query, response }) => {
    const known = query ?? response;
    if (!known) return [];
    const [client, server] = query ? [query.from, query.to] : [known.to, known.from];
    return [{ proto: known.proto, client, server, id: known.id, query, response, responseTime: undefined }];
  });
}

/** A ServerHello answers the last ClientHello between its ends; the ClientHello after a retry request replaces the first. */
function handshakes(rows: readonly TlsRow[]): Handshake[] {
  const all: Handshake[] = [];
  const last = new Map<string, number>();
  const retried = new Set<string>();
  for (const row of rows) {
    const from = `${row.src}:${row.sport}`;
    const to = `${row.dst}:${row.dport}`;
    if (row.kind === 'client_hello') {
      const key = `${from} ${to}`;
      const known = last.get(key);
      const offer = { sni: row.sni?.toLowerCase(), alpn: row.alpn };
      const handshake = { proto: 'tcp', client: from, server: to, offer, choice: undefined };
      if (known !== undefined && retried.delete(key)) all[known] = handshake;
      else last.set(key, all.push(handshake) - 1);
    } else {
      const key = `${to} ${from}`;
      if (row.hello_retry_request) {
        retried.add(key);
        continue;
      }
      const at = last.get(key);
      const offered = at === undefined ? undefined : all[at];
      const choice = {
        version: row.sslv2 ? TlsVersion.ssl2 : Number(row.version),
        cipher: Number(row.cipher),
        alpn: row.alpn[0],
        group: undefined,
      };
      if (at !== undefined && offered && !offered.choice) all[at] = { ...offered, choice };
      else all.push({ proto: 'tcp', client: to, server: from, offer: undefined, choice });
    }
  }
  return all;
}

/** Headers that ICMP errors and sampling protocols quote are no traffic; QUIC and DTLS are not compared here. */
export function tsharkWitness(capture: string): Witness {
  const messages = rowsOf<DnsRow>(capture, 'dns')
    .filter((row) => !row.quoted_in_icmp && !row.over_quic)
    .map(message);
  return {
    connections: rowsOf<ConversationRow>(capture, 'conv')
      .filter((row) => row.proto !== 'sctp' && !row.path.includes(':sflow:'))
      .map(connection),
    messages,
    exchanges: exchanges(messages),
    handshakes: handshakes(rowsOf<TlsRow>(capture, 'tls').filter((row) => row.proto === 'tls' && !row.quoted_in_icmp)),
  };
}
