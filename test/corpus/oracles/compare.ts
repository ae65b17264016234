/** Every row of the other tools in the corpus, put to tshark's tables and to Vesper. */
import { existsSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { capturesBelow, PROJECT } from '../../support/shared.ts';
import { collect } from '../collect.ts';
import { type ArkimeRow, readArkime } from './arkime.ts';
import { type NdpiRow, readNdpi } from './ndpi.ts';
import type { Reading } from './statement.ts';
import { readSuricata, type SuricataRow } from './suricata.ts';
import { tsharkWitness } from './tshark-witness.ts';
import { vesperWitness } from './vesper-witness.ts';
import { readZeek, type ZeekRow } from './zeek.ts';

type OracleRow =
  | NdpiRow
  | ArkimeRow
  | ZeekRow
  | SuricataRow
  | { readonly source: 'nfstream' | 'ipfixprobe' | 'ja4-python' };

/** Sources that the comparison knows, in the order of the report. */
export const SOURCES = ['nDPI', 'Arkime', 'Zeek', 'Suricata'] as const;
export type Source = (typeof SOURCES)[number];

/** A value that the other tool and tshark agree on, and Vesper does not. */
export interface OracleDifference {
  readonly file: string;
  readonly source: Source;
  readonly field: string;
  readonly what: string;
}

export interface Tally {
  /** Values that the other tool states. */
  stated: number;
  /** Of these, those that tshark's table confirms. */
  agreed: number;
  /** Of these, those that Vesper says too. */
  held: number;
}

export interface OracleResult {
  captures: number;
  readonly rows: Map<Source, { read: number; skipped: Map<string, number> }>;
  /** By source, then by field. */
  readonly tallies: Map<Source, Map<string, Tally>>;
  readonly differences: OracleDifference[];
  /** Captures that do not open: `file: message`. */
  readonly refused: string[];
}

/** One capture's differences of one field that are understood. */
export interface ExplainedOracle {
  readonly file: string;
  readonly source: Source;
  readonly field: string;
  readonly differences: number;
  /** Who is wrong by the standards: the other tools, Vesper, or neither: a choice that the documentation states. */
  readonly fault: 'references' | 'vesper' | 'choice';
  readonly reason: string;
}

export function explainedOracles(): ExplainedOracle[] {
  const file = join(PROJECT, 'test', 'corpus', 'oracles', 'explained.json');
  return JSON.parse(readFileSync(file, 'utf8')) as ExplainedOracle[];
}

/** Undefined for the sources that have no addresses (nfstream) or hold other protocols and fingerprints only. */
function read(row: OracleRow): [Source, Reading] | undefined {
  switch (row.source) {
    case 'nDPI':
      return ['nDPI', readNdpi(row)];
    case 'arkime':
      return ['Arkime', readArkime(row)];
    case 'zeek':
    case 'spicy-quic':
      return ['Zeek', readZeek(row)];
    case 'suricata':
      return ['Suricata', readSuricata(row)];
    default:
      return undefined;
  }
}

function oracleRows(file: string): OracleRow[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as OracleRow);
}

async function compareCapture(path: string, file: string, rows: readonly OracleRow[], result: OracleResult) {
  const tshark = tsharkWitness(path);
  const vesper = vesperWitness(await collect(path));
  for (const row of rows) {
    const known = read(row);
    if (!known) continue;
    const [source, { where, statements, skipped }] = known;
    const count = result.rows.get(source);
    if (count && skipped === undefined) count.read++;
    else if (skipped !== undefined) count?.skipped.set(skipped, (count.skipped.get(skipped) ?? 0) + 1);
    for (const { field, value, claims, vouched } of statements) {
      const fields = result.tallies.get(source);
      const tally = fields?.get(field) ?? { stated: 0, agreed: 0, held: 0 };
      fields?.set(field, tally);
      tally.stated++;
      if (!(vouched ? vouched(tshark) : claims(tshark).includes(value))) continue;
      tally.agreed++;
      const ours = claims(vesper);
      if (ours.includes(value)) tally.held++;
      else {
        const said = ours.length > 0 ? [...new Set(ours)].join(' or ') : 'nothing';
        result.differences.push({ file, source, field, what: `${where}: ${value}, vesper ${said}` });
      }
    }
  }
}

/** Replays every capture, whole or malformed, that has rows of other tools and whose name holds `part`: each once. */
export async function compareOracles(corpus: string, part = ''): Promise<OracleResult> {
  const result: OracleResult = {
    captures: 0,
    rows: new Map(SOURCES.map((source) => [source, { read: 0, skipped: new Map() }])),
    tallies: new Map(SOURCES.map((source) => [source, new Map()])),
    differences: [],
    refused: [],
  };
  for (const path of ['captures', 'malformed'].flatMap((folder) => capturesBelow(join(corpus, folder)))) {
    const file = relative(corpus, path);
    const oracle = `${path.slice(0, path.lastIndexOf('.'))}.oracle.jsonl`;
    if (!file.includes(part) || !existsSync(oracle)) continue;
    try {
      await compareCapture(path, file, oracleRows(oracle), result);
      result.captures++;
    } catch (error) {
      result.refused.push(`${file}: ${(error as Error).message}`);
    }
  }
  return result;
}

/** The differences that one entry of explained.json is about, by `file source field`. */
export function groupedDifferences(result: OracleResult): Map<string, OracleDifference[]> {
  const groups = new Map<string, OracleDifference[]>();
  for (const one of result.differences) {
    const key = groupKey(one);
    const group = groups.get(key);
    if (group) group.push(one);
    else groups.set(key, [one]);
  }
  return groups;
}

export function groupKey({ file, source, field }: OracleDifference | ExplainedOracle): string {
  return `${file} ${source} ${field}`;
}
