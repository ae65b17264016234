/** JA3, JA3S and JA4 against the tables of tshark (`*.tls.jsonl`) and of Wireshark (`*.ja4.jsonl`). */
import { existsSync, readFileSync } from 'node:fs';
import type { Fingerprints } from '../../src/dissect/event.ts';
import type { Collected } from './collect.ts';

export type FingerprintTable = 'ja3' | 'ja3s' | 'ja4';

export interface FingerprintRow {
  readonly kind: string;
  readonly src: string;
  readonly sport: number;
  readonly dst: string;
  readonly dport: number;
  readonly ja3?: string | null;
  readonly ja3s?: string | null;
  readonly ja4?: string | null;
}

export interface FingerprintTally {
  rows: number;
  readonly different: { readonly file: string; readonly what: string }[];
}

/** Rows of both tables; hellos that only one side has are the affair of the comparison of hellos. */
function rowsBeside(capture: string, table: 'tls' | 'ja4'): FingerprintRow[] {
  const file = `${capture.slice(0, capture.lastIndexOf('.'))}.${table}.jsonl`;
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as FingerprintRow);
}

function fingerprintsByEnds(collected: Collected): Map<string, Fingerprints[]> {
  const found = new Map<string, Fingerprints[]>();
  for (const { event } of collected.events) {
    if (event.kind !== 'client_hello' && event.kind !== 'server_hello') continue;
    const { client, server } = event.conversation;
    const [from, to] = event.kind === 'client_hello' ? [client, server] : [server, client];
    const key = `${event.kind} ${from.ip}:${from.port} > ${to.ip}:${to.port}`;
    const list = found.get(key) ?? [];
    list.push(event.fingerprints ?? {});
    found.set(key, list);
  }
  return found;
}

/** Adds one capture's rows to the tallies; `file` names it in a difference. */
export function compareFingerprints(
  capture: string,
  file: string,
  collected: Collected,
  tallies: Readonly<Record<FingerprintTable, FingerprintTally>>,
): void {
  const found = fingerprintsByEnds(collected);
  const compare = (row: FingerprintRow, names: readonly FingerprintTable[]): void => {
    const key = `${row.kind} ${row.src}:${row.sport} > ${row.dst}:${row.dport}`;
    const ours = found.get(key);
    if (ours === undefined) return;
    for (const name of names) {
      const theirs = row[name];
      // null: the table has no fingerprint of the hello, as of SSLv2's or of one whose lists overrun.
      if (theirs == null) continue;
      tallies[name].rows++;
      if (ours.some((one) => one[name] === theirs)) continue;
      const what = `${key}: ${theirs}, ours ${ours.map((one) => one[name]).join(' ')}`;
      tallies[name].different.push({ file, what });
    }
  };
  for (const row of rowsBeside(capture, 'tls')) compare(row, ['ja3', 'ja3s']);
  for (const row of rowsBeside(capture, 'ja4')) compare(row, ['ja4']);
}
