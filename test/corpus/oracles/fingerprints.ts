/**
 * The fingerprints that other projects expect of the corpus: JA3 and JA3S of nDPI, JA3 and JA4 of Arkime and ipfixprobe, JA4 of
 * the JA4 project itself, JA3 of Suricata. nDPI's JA4 is left out: its snapshot follows an older rule (last character of the ALPN,
 * `d` without SNI, hashes of empty lists).
 */
import { existsSync, readFileSync } from 'node:fs';
import type { Collected } from '../collect.ts';
import type { FingerprintTable } from '../compare-fingerprints.ts';
import { endpoint } from './names.ts';

export interface FingerprintStatement {
  readonly source: string;
  readonly name: FingerprintTable;
  readonly value: string;
  /** Both ends, in no order; undefined where the project does not say whose it is. */
  readonly ends: string | undefined;
}

interface Row {
  readonly source: string;
  readonly type: string;
  readonly a?: string;
  readonly aport?: number;
  readonly b?: string;
  readonly bport?: number;
  readonly ja3?: string | readonly string[];
  readonly ja3s?: string | readonly string[];
  readonly ja4?: string | readonly string[];
  readonly src?: string;
  readonly srcport?: string;
  readonly dst?: string;
  readonly dstport?: string;
  readonly 'JA4.1'?: string;
  readonly columns?: Readonly<Record<string, string>>;
  readonly match?: Readonly<Record<string, unknown>>;
}

function endsOf(a: string, aPort: number | string, b: string, bPort: number | string): string {
  return [endpoint(a, aPort), endpoint(b, bPort)].sort().join(' - ');
}

/** What the rows beside a capture say. */
export function statementsBeside(capture: string): FingerprintStatement[] {
  const file = `${capture.slice(0, capture.lastIndexOf('.'))}.oracle.jsonl`;
  if (!existsSync(file)) return [];
  const rows = readFileSync(file, 'utf8').split('\n');
  return rows.filter((line) => line !== '').flatMap((line) => statementsOf(JSON.parse(line) as Row));
}

function statementsOf(row: Row): FingerprintStatement[] {
  const { source, columns, match } = row;
  const say = (name: FingerprintTable, value: unknown, ends: string | undefined): FingerprintStatement[] =>
    [value]
      .flat()
      .filter((one): one is string => typeof one === 'string' && one !== '')
      .map((one) => ({ source, name, value: one, ends }));
  if (source === 'suricata') return say('ja3', match?.['tls.ja3.hash'], undefined);
  if (columns !== undefined) {
    const { SRC_IP = '', SRC_PORT = '', DST_IP = '', DST_PORT = '' } = columns;
    if (columns.TLS_JA3 === undefined) return [];
    const ends = endsOf(SRC_IP, SRC_PORT, DST_IP, DST_PORT);
    return [...say('ja3', columns.TLS_JA3, ends), ...say('ja4', columns.TLS_JA4, ends)];
  }
  if (row['JA4.1'] !== undefined) {
    return say('ja4', row['JA4.1'], endsOf(row.src ?? '', row.srcport ?? '', row.dst ?? '', row.dstport ?? ''));
  }
  if (row.a === undefined || row.b === undefined) return [];
  const ends = endsOf(row.a, row.aport ?? 0, row.b, row.bport ?? 0);
  const ja4 = source === 'nDPI' ? [] : say('ja4', row.ja4, ends);
  return [...say('ja3', row.ja3, ends), ...say('ja3s', row.ja3s, ends), ...ja4];
}

export interface OracleTally {
  values: number;
  said: number;
}

export interface FingerprintDifference extends FingerprintStatement {
  readonly file: string;
  readonly ours: string;
}

export interface FingerprintOracles {
  /** By source and fingerprint, `nDPI ja3`. */
  readonly tallies: Map<string, OracleTally>;
  readonly differences: FingerprintDifference[];
}

/** Adds one capture; `file` names it in a difference. */
export function compareOracleFingerprints(
  capture: string,
  file: string,
  collected: Collected,
  { tallies, differences }: FingerprintOracles,
): void {
  const found = ourFingerprints(collected);
  for (const statement of statementsBeside(capture)) {
    const { source, name, value, ends } = statement;
    const key = `${source} ${name}`;
    const tally = tallies.get(key) ?? { values: 0, said: 0 };
    tallies.set(key, tally);
    tally.values++;
    const ours = found.get(`${name} ${ends ?? ''}`) ?? [];
    if (ours.includes(value)) tally.said++;
    else differences.push({ ...statement, file, ours: ours.join(' ') });
  }
}

/** By name and ends, and by name alone. */
function ourFingerprints(collected: Collected): Map<string, string[]> {
  const found = new Map<string, string[]>();
  const add = (key: string, value: string): void => {
    const list = found.get(key) ?? [];
    list.push(value);
    found.set(key, list);
  };
  for (const { event } of collected.events) {
    if (event.kind !== 'client_hello' && event.kind !== 'server_hello') continue;
    const { client, server } = event.conversation;
    const ends = endsOf(client.ip, client.port, server.ip, server.port);
    for (const [name, value] of Object.entries(event.fingerprints ?? {})) {
      add(`${name} ${ends}`, value);
      add(`${name} `, value);
    }
  }
  return found;
}
