/** Arkime's sessions. It cuts long sessions into several: such rows do not agree with tshark. Bytes hold the link layer. */
import { rcodeName, rrTypeName } from '../../../src/dissect/dns/names.ts';
import { dnsName, endpoint, suiteCode, versionCode } from './names.ts';
import { type Reading, skip, state } from './statement.ts';
import { between, type Exchange, seenFrom, type Witness } from './witness.ts';

export interface ArkimeRow {
  readonly source: 'arkime';
  readonly ipproto: number;
  readonly a?: string;
  readonly aport?: number;
  readonly b?: string;
  readonly bport?: number;
  readonly pkts_ab: number;
  readonly pkts_ba: number;
  readonly community_id?: string;
  readonly tls_version?: readonly string[];
  readonly tls_cipher?: readonly string[];
  readonly dns?: readonly { readonly queryHost?: string; readonly qt?: string; readonly status?: string }[];
}

const PROTOCOLS: Readonly<Record<number, string>> = { 6: 'tcp', 17: 'udp' };

/** Arkime's spelling of RFC 1035's Not Implemented, which IANA's registry shortens to NotImp. */
const STATUSES: Readonly<Record<string, string>> = { NOTIMPL: 'NOTIMP' };

const question = (one: Exchange) => (one.query ?? one.response)?.questions[0];

export function readArkime(row: ArkimeRow): Reading {
  const where = `ip protocol ${row.ipproto} ${row.a}:${row.aport} ${row.b}:${row.bport}`;
  const proto = PROTOCOLS[row.ipproto];
  if (!proto) return skip(where, 'neither TCP nor UDP');
  if (row.a === undefined || row.b === undefined || row.aport === undefined || row.bport === undefined) {
    return skip(where, 'session without addresses');
  }
  const a = endpoint(row.a, row.aport);
  const b = endpoint(row.b, row.bport);
  const connections = (witness: Witness) => between(witness.connections, proto, a, b);
  const handshakes = (witness: Witness) => between(witness.handshakes, proto, a, b);
  const exchanges = (witness: Witness) => between(witness.exchanges, proto, a, b);
  return {
    where,
    statements: [
      ...state('packets', `${row.pkts_ab} > ${row.pkts_ba}`, (w) =>
        connections(w).map((one) => seenFrom(a, one, one.packets)),
      ),
      ...state('client', a, (w) => connections(w).map(({ initiator }) => initiator)),
      ...state('community_id', row.community_id, (w) => connections(w).map(({ communityId }) => communityId)),
      ...(row.tls_version ?? []).flatMap((version) =>
        state('tls version', versionCode(version), (w) => handshakes(w).map((one) => one.choice?.version.toString())),
      ),
      ...(row.tls_cipher ?? []).flatMap((cipher) =>
        state('tls cipher', suiteCode(cipher), (w) => handshakes(w).map((one) => one.choice?.cipher.toString())),
      ),
      ...(row.dns ?? []).flatMap(({ queryHost, qt, status }) => [
        ...state('dns name', dnsName(queryHost), (w) => exchanges(w).map((one) => question(one)?.name)),
        ...state('dns type', qt, (w) => exchanges(w).map((one) => rrTypeName(question(one)?.type ?? 0))),
        ...state('dns status', status && (STATUSES[status] ?? status), (w) =>
          exchanges(w).map(({ response }) => (response ? rcodeName(response.rcode) : undefined)),
        ),
      ]),
    ],
  };
}
