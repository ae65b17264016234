/** The comparison of the whole corpus with tshark's tables, and the reasons for what differs. */
import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { capturesBelow, PROJECT } from '../support/shared.ts';
import { type Collected, collect } from './collect.ts';
import { compareDns } from './compare-dns.ts';
import { compareConversations } from './compare-flows.ts';
import { compareHellos } from './compare-tls.ts';
import type { Comparison, Difference, Table } from './difference.ts';
import { type ConversationRow, type DnsRow, rowsOf, type TlsRow } from './rows.ts';

export const TABLES: readonly Table[] = ['dns', 'client_hello', 'server_hello', 'conversation'];

/** One capture's differences in one table that are understood: how many and why. */
export interface Explained {
  readonly file: string;
  readonly table: Table;
  readonly differences: number;
  /** Who is wrong by the standards: tshark (or its table), Vesper, or neither: a choice that the documentation states. */
  readonly fault: 'tshark' | 'vesper' | 'choice';
  readonly reason: string;
}

export const EXPLAINED_FILE = join(PROJECT, 'test', 'corpus', 'explained.json');

export function explainedDifferences(): Explained[] {
  return JSON.parse(readFileSync(EXPLAINED_FILE, 'utf8')) as Explained[];
}

export interface FileResult {
  /** Relative to the corpus. */
  readonly file: string;
  readonly collected: Collected;
  readonly comparisons: readonly Comparison[];
}

function fragmentedCaptures(corpus: string): Set<string> {
  const lines = readFileSync(join(corpus, 'MANIFEST.jsonl'), 'utf8').split('\n');
  const entries = lines
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { file: string; tags: string[] });
  return new Set(entries.filter(({ tags }) => tags.some((tag) => /^ipv[46]-frag$/.test(tag))).map(({ file }) => file));
}

/** Every capture whose name holds `part`, one after the other. A file that is no capture we read is given with its error. */
export async function* compareCorpus(
  corpus: string,
  part = '',
): AsyncGenerator<FileResult | { file: string; error: Error }> {
  const fragmented = fragmentedCaptures(corpus);
  for (const path of capturesBelow(join(corpus, 'captures'))) {
    const file = relative(corpus, path);
    if (!file.includes(part)) continue;
    let collected: Collected;
    try {
      collected = await collect(path);
    } catch (error) {
      yield { file, error: error as Error };
      continue;
    }
    const tls = rowsOf<TlsRow>(path, 'tls');
    const comparisons = [
      compareDns(rowsOf<DnsRow>(path, 'dns'), collected),
      compareHellos('client_hello', tls, collected),
      compareHellos('server_hello', tls, collected),
      compareConversations(rowsOf<ConversationRow>(path, 'conv'), collected, fragmented.has(file)),
    ];
    yield { file, collected, comparisons };
  }
}

/** The tallies of one table over many captures. */
export interface Tally {
  rows: number;
  /** Rows that do not agree: missing or with another value. */
  wrong: number;
  /** Of these, the ones where tshark or its table is at fault. */
  referenceWrong: number;
  /** What we have beyond the rows. */
  beyond: number;
}

export class Tallies {
  readonly byTable = new Map<Table, Tally>(
    TABLES.map((table) => [table, { rows: 0, wrong: 0, referenceWrong: 0, beyond: 0 }]),
  );
  /** Every difference by `file table`. */
  readonly differences = new Map<string, readonly Difference[]>();
  private readonly faults = new Map(explainedDifferences().map((one) => [`${one.file} ${one.table}`, one.fault]));

  add({ file, comparisons }: FileResult): void {
    for (const { table, rows, differences } of comparisons) {
      const tally = this.byTable.get(table);
      if (!tally) continue;
      const wrong = differences.filter(({ sort }) => sort !== 'invented').length;
      tally.rows += rows;
      tally.wrong += wrong;
      if (this.faults.get(`${file} ${table}`) === 'tshark') tally.referenceWrong += wrong;
      tally.beyond += differences.length - wrong;
      if (differences.length > 0) this.differences.set(`${file} ${table}`, differences);
    }
  }
}

/** Share of the rows that agree, of all those where the reference is right. */
export function agreement({ rows, wrong, referenceWrong }: Tally): number {
  return 1 - (wrong - referenceWrong) / (rows - referenceWrong);
}
