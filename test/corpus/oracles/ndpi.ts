/** nDPI's flows. Its bytes hold the link layer, which Vesper does not report; its QUIC and DTLS values, JA3 and JA4 are not compared. */
import { dnsName, endpoint, suiteCode, versionCode } from './names.ts';
import { type Reading, skip, state } from './statement.ts';
import { between, seenFrom, type Witness } from './witness.ts';

export interface NdpiRow {
  readonly source: 'nDPI';
  readonly proto: string;
  readonly a: string;
  readonly aport?: number;
  readonly b: string;
  readonly bport?: number;
  readonly pkts_ab: number;
  readonly pkts_ba: number;
  readonly app: string;
  readonly hostname?: string;
  readonly tls_version?: string;
  readonly cipher?: string;
  readonly alpn?: string;
  /** `h2;http/1.1` */
  readonly alpn_offered?: string;
}

export function readNdpi(row: NdpiRow): Reading {
  const { proto } = row;
  const where = `${proto} ${row.a}:${row.aport} ${row.b}:${row.bport}`;
  if (row.aport === undefined || row.bport === undefined) return skip(where, 'flow without ports');
  if (proto !== 'tcp' && proto !== 'udp') return skip(where, 'neither TCP nor UDP');
  const a = endpoint(row.a, row.aport);
  const b = endpoint(row.b, row.bport);
  const connections = (witness: Witness) => between(witness.connections, proto, a, b);
  const handshakes = (witness: Witness) => between(witness.handshakes, proto, a, b);
  const exchanges = (witness: Witness) => between(witness.exchanges, proto, a, b);
  const statements = [
    ...state('packets', `${row.pkts_ab} > ${row.pkts_ba}`, (w) =>
      connections(w).map((one) => seenFrom(a, one, one.packets)),
    ),
    ...state('client', a, (w) => connections(w).map(({ initiator }) => initiator)),
  ];
  if (proto === 'tcp' && row.app.includes('TLS')) {
    statements.push(
      ...state('sni', dnsName(row.hostname), (w) => handshakes(w).map(({ offer }) => offer?.sni)),
      ...state('tls version', versionCode(row.tls_version), (w) =>
        handshakes(w).map(({ choice }) => choice?.version.toString()),
      ),
      ...state('tls cipher', suiteCode(row.cipher), (w) =>
        handshakes(w).map(({ choice }) => choice?.cipher.toString()),
      ),
      ...state('alpn offered', row.alpn_offered, (w) => handshakes(w).map(({ offer }) => offer?.alpn.join(';'))),
      ...state('alpn chosen', row.alpn, (w) => handshakes(w).map(({ choice }) => choice?.alpn)),
    );
  }
  if (/DNS|LLMNR/.test(row.app)) {
    statements.push(
      ...state('dns name', dnsName(row.hostname), (w) =>
        exchanges(w).flatMap(({ query, response }) => (query ?? response)?.questions.map((one) => one.name) ?? []),
      ),
    );
  }
  return { where, statements };
}
