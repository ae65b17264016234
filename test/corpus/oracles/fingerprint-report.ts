/** The comparison of fingerprints: its differences with their reasons, and its part of docs/accuracy.md. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT } from '../../support/shared.ts';
import type { FingerprintTable, FingerprintTally } from '../compare-fingerprints.ts';
import type { FingerprintOracles } from './fingerprints.ts';

export interface ExplainedFingerprint {
  readonly file: string;
  readonly source: string;
  readonly name: FingerprintTable;
  readonly differences: number;
  readonly reason: string;
}

export type FingerprintTallies = Readonly<Record<FingerprintTable, FingerprintTally>>;

export function newTallies(): FingerprintTallies {
  return { ja3: { rows: 0, different: [] }, ja3s: { rows: 0, different: [] }, ja4: { rows: 0, different: [] } };
}

/** Who tells the rows of a table beside a capture. */
const TELLERS: Readonly<Record<FingerprintTable, string>> = { ja3: 'tshark', ja3s: 'tshark', ja4: 'Wireshark' };

export function explainedFingerprints(): ExplainedFingerprint[] {
  const file = join(PROJECT, 'test/corpus/oracles/explained-fingerprints.json');
  return JSON.parse(readFileSync(file, 'utf8')) as ExplainedFingerprint[];
}

const keyOf = (file: string, source: string, name: string): string => `${file} ${source} ${name}`;

/** Differences by capture, source and fingerprint: `captures/x.pcap nDPI ja3`. */
export function fingerprintDifferences(tallies: FingerprintTallies, oracles: FingerprintOracles): Map<string, number> {
  const counts = new Map<string, number>();
  const add = (key: string): void => void counts.set(key, (counts.get(key) ?? 0) + 1);
  for (const [name, { different }] of Object.entries(tallies)) {
    for (const { file } of different) add(keyOf(file, TELLERS[name as FingerprintTable], name));
  }
  for (const { file, source, name } of oracles.differences) add(keyOf(file, source, name));
  return counts;
}

/** A level-two section in Markdown, ending in a line break. */
export function fingerprintReport(tallies: FingerprintTallies, oracles: FingerprintOracles): string {
  const lines = [
    '## Fingerprints',
    '',
    'Hellos over TCP, in QUIC and in DTLS together: JA3 and JA3S of tshark 4.0.17, JA4 of Wireshark 4.4.5 (`*.ja4.jsonl`), and what',
    "nDPI, Arkime, ipfixprobe, Suricata and the JA4 project's own program expect. nDPI's JA4 is left out: its snapshot follows an",
    'older rule. Hellos that only one side has are in the tables above. Certificates are compared with `openssl x509`, every field of',
    'every one, by the tests (`test/corpus/depth.test.ts`).',
    '',
    '| source | fingerprint | values | said by Vesper | |',
    '|---|---|---:|---:|---:|',
  ];
  const row = (source: string, name: string, values: number, said: number): void =>
    void lines.push(`| ${source} | ${name} | ${values} | ${said} | ${((100 * said) / values).toFixed(2)} % |`);
  for (const [name, { rows, different }] of Object.entries(tallies)) {
    row(TELLERS[name as FingerprintTable], name, rows, rows - different.length);
  }
  for (const [key, { values, said }] of [...oracles.tallies].sort()) {
    const [source = '', name = ''] = key.split(' ');
    row(source, name, values, said);
  }
  lines.push('', '| capture | source | fingerprint | differences | reason |', '|---|---|---|---:|---|');
  const reasons = new Map(explainedFingerprints().map((one) => [keyOf(one.file, one.source, one.name), one.reason]));
  for (const [key, count] of [...fingerprintDifferences(tallies, oracles)].sort()) {
    const [file, source, name] = key.split(' ');
    lines.push(`| ${file} | ${source} | ${name} | ${count} | ${reasons.get(key) ?? '**not explained**'} |`);
  }
  return `${lines.join('\n')}\n`;
}
