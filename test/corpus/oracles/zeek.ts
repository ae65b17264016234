/**
 * Zeek's conn, dns and ssl logs. Its certificates (x509), QUIC, DTLS, tunnels and weirds are not compared; nor are the
 * curves of TLS 1.2 and before, which stand in a message that tshark's table leaves out.
 */
import { groupName } from '../../../src/dissect/iana.ts';
import { dnsName, endpoint, suiteCode, versionCode } from './names.ts';
import { type Reading, type Statement, skip, state } from './statement.ts';
import { between, type Connection, type Exchange, type Handshake, seenFrom, type Witness } from './witness.ts';

export interface ZeekRow {
  readonly source: 'zeek' | 'spicy-quic';
  readonly log: string;
  /** `scripts.base.protocols.quic.chromium` */
  readonly test: string;
  /** The columns of the log as text; `-` where unset. */
  readonly fields: Readonly<Record<string, string>>;
}

interface Row {
  readonly proto: string;
  readonly orig: string;
  readonly resp: string;
  /** Undefined where the column is missing or unset. */
  readonly field: (name: string) => string | undefined;
}

/** Half of the last digit that Zeek writes, and of the rounding of its doubles. */
const RESPONSE_TIME_TOLERANCE = 1e-6;

function conn({ proto, orig, resp, field }: Row): Statement[] {
  const connections = (witness: Witness): Connection[] => between(witness.connections, proto, orig, resp);
  const ways = (suffix: string): string | undefined => {
    const out = field(`orig_${suffix}`);
    const back = field(`resp_${suffix}`);
    return out === undefined || back === undefined ? undefined : `${out} > ${back}`;
  };
  const packets = ways('pkts');
  const seenPackets = (one: Connection) => seenFrom(orig, one, one.packets);
  return [
    ...state('packets', packets, (w) => connections(w).map(seenPackets)),
    ...state('payload bytes', ways('bytes'), (w) => connections(w).map((one) => seenFrom(orig, one, one.payload))),
    ...state('client', orig, (w) => connections(w).map(({ initiator }) => initiator)),
    ...state('ip bytes', ways('ip_bytes'), (w) =>
      connections(w).map((one) => one.ipBytes && seenFrom(orig, one, one.ipBytes)),
    ).map((one) => ({
      ...one,
      vouched: (tshark: Witness) => connections(tshark).some((known) => seenPackets(known) === packets),
    })),
  ];
}

/** Those of which every tool writes the value alike; Zeek writes the others as `RRSIG 5 example.com`. */
function plainAnswers(text: string | undefined): string | undefined {
  const plain = text?.split(',').filter((one) => one !== '' && !one.includes(' '));
  return plain && plain.length > 0 ? plain.map(dnsName).sort().join(',') : undefined;
}

function dns({ proto, orig, resp, field }: Row): Statement[] {
  const id = Number(field('trans_id'));
  const exchanges = (witness: Witness): Exchange[] =>
    witness.exchanges.filter(
      (one) => one.proto === proto && one.client === orig && one.server === resp && one.id === id,
    );
  const question = (one: Exchange) => (one.query ?? one.response)?.questions[0];
  const rtt = field('rtt');
  return [
    ...state('query', dnsName(field('query')), (w) => exchanges(w).map((one) => question(one)?.name)),
    ...state('qtype', field('qtype'), (w) => exchanges(w).map((one) => question(one)?.type.toString())),
    ...state('rcode', field('rcode'), (w) => exchanges(w).map(({ response }) => response?.rcode.toString())),
    ...state('answers', plainAnswers(field('answers')), (w) =>
      exchanges(w).map(({ response }) => {
        const values = response?.answers.map(({ value }) => value).filter((value) => value !== undefined);
        return values?.sort().join(',');
      }),
    ),
    ...state('rtt', rtt, (w) =>
      exchanges(w).map(({ responseTime }) => {
        if (responseTime === undefined) return undefined;
        return Math.abs(responseTime - Number(rtt)) <= RESPONSE_TIME_TOLERANCE ? rtt : `${responseTime}`;
      }),
    ).map((one) => ({
      ...one,
      vouched: (tshark: Witness) => exchanges(tshark).some(({ query, response }) => query && response),
    })),
  ];
}

function ssl({ proto, orig, resp, field }: Row): Statement[] {
  const handshakes = (witness: Witness): Handshake[] =>
    witness.handshakes.filter((one) => one.proto === proto && one.client === orig && one.server === resp);
  const version = versionCode(field('version'));
  const cipher = suiteCode(field('cipher'));
  const seenVersion = (one: Handshake) => one.choice?.version.toString();
  const seenCipher = (one: Handshake) => one.choice?.cipher.toString();
  const curve = field('version') === 'TLSv13' ? field('curve') : undefined;
  return [
    ...state('version', version, (w) => handshakes(w).map(seenVersion)),
    ...state('cipher', cipher, (w) => handshakes(w).map(seenCipher)),
    ...state('server_name', dnsName(field('server_name')), (w) => handshakes(w).map(({ offer }) => offer?.sni)),
    ...state('next_protocol', field('next_protocol'), (w) => handshakes(w).map(({ choice }) => choice?.alpn)),
    ...state('curve', curve, (w) =>
      handshakes(w).map(({ choice }) => (choice?.group === undefined ? undefined : groupName(choice.group))),
    ).map((one) => ({
      ...one,
      vouched: (tshark: Witness) =>
        handshakes(tshark).some((known) => seenVersion(known) === version && seenCipher(known) === cipher),
    })),
  ];
}

const LOGS: Readonly<Record<string, (row: Row) => Statement[]>> = { conn, dns, ssl };

export function readZeek({ source, log, test, fields }: ZeekRow): Reading {
  const field = (name: string): string | undefined => {
    const text = fields[name];
    return text === '-' || text === '(empty)' ? undefined : text;
  };
  const where = `${log} ${fields['id.orig_h']}:${fields['id.orig_p']} ${fields['id.resp_h']}:${fields['id.resp_p']}`;
  // ssl.log names no transport.
  if (source === 'spicy-quic' || (log === 'ssl' && test.includes('.quic.'))) return skip(where, 'QUIC');
  if (fields.version?.startsWith('DTLS')) return skip(where, 'DTLS');
  const statements = LOGS[log];
  if (!statements) return skip(where, `log ${log}`);
  const proto = log === 'ssl' ? 'tcp' : field('proto');
  const [host, port, peer, peerPort] = ['id.orig_h', 'id.orig_p', 'id.resp_h', 'id.resp_p'].map(field);
  if (host === undefined || port === undefined || peer === undefined || peerPort === undefined) {
    return skip(where, 'cut columns');
  }
  if (proto !== 'tcp' && proto !== 'udp') return skip(where, 'neither TCP nor UDP');
  return {
    where,
    statements: statements({ proto, orig: endpoint(host, port), resp: endpoint(peer, peerPort), field }),
  };
}
