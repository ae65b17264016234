/**
 * Compares the whole corpus with tshark's tables and prints every difference; with `--write`, makes docs/accuracy.md from
 * the comparison and the reasons in test/corpus/explained.json.
 *
 *     node dist/scripts/accuracy.js [--write] [PART OF A FILE NAME]
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compareCorpus, disagreeing, explainedDifferences, TABLES } from '../test/corpus/accuracy.ts';
import type { Difference, Table } from '../test/corpus/difference.ts';
import { PROJECT, sharedFolder } from '../test/support/shared.ts';

interface Tally {
  rows: number;
  wrong: number;
  invented: number;
}

const TITLES: Readonly<Record<Table, string>> = {
  dns: 'DNS, mDNS and LLMNR messages',
  client_hello: 'client hellos over TCP',
  server_hello: 'server hellos and retry requests over TCP',
  conversation: 'TCP and UDP conversations',
};

function report(tallies: ReadonlyMap<Table, Tally>, found: ReadonlyMap<string, readonly Difference[]>): string {
  const lines = [
    '# Accuracy, by the measure of others',
    '',
    'Made by `node dist/scripts/accuracy.js --write` from the open corpus of captures and the tables that tshark 4.0.17 gives of',
    'them. A row agrees when every compared field is equal: for DNS the frame, addresses, ports, id, opcode, rcode, questions,',
    'answers with TTL and value; for hellos versions, server name, ALPN, suites, extensions, groups, signature algorithms, key',
    'shares, chosen suite and retry; for conversations packets, payload bytes each way and Community ID. *Beyond* counts what',
    'Vesper reports and tshark does not.',
    '',
    '| table | rows | agree | of all | beyond |',
    '|---|---:|---:|---:|---:|',
  ];
  for (const [table, { rows, wrong, invented }] of tallies) {
    const share = ((100 * (rows - wrong)) / rows).toFixed(2);
    lines.push(`| ${TITLES[table]} | ${rows} | ${rows - wrong} | ${share} % | ${invented} |`);
  }
  lines.push('', '## Every difference, with its reason', '');
  lines.push('| capture | table | differences | reason |', '|---|---|---:|---|');
  const reasons = explainedDifferences();
  for (const [key, differences] of found) {
    const [file, table] = key.split(' ');
    const reason = reasons.find((one) => one.file === file && one.table === table)?.reason ?? '**not explained**';
    lines.push(`| ${file} | ${table} | ${differences.length} | ${reason} |`);
  }
  return `${lines.join('\n')}\n`;
}

const corpus = sharedFolder('corpus');
if (!corpus) throw new Error('the corpus is missing: set VESPER_CORPUS');
const write = process.argv.includes('--write');
const part = process.argv.slice(2).find((arg) => !arg.startsWith('--')) ?? '';
const tallies = new Map<Table, Tally>(TABLES.map((table) => [table, { rows: 0, wrong: 0, invented: 0 }]));
const found = new Map<string, readonly Difference[]>();
for await (const result of compareCorpus(corpus, part)) {
  if ('error' in result) {
    console.log(`${result.file}: ${result.error.message}`);
    continue;
  }
  if (result.collected.unaccounted > 0) console.log(`${result.file}: frames unaccounted for`);
  for (const { table, rows, differences } of result.comparisons) {
    const tally = tallies.get(table);
    if (!tally) continue;
    tally.rows += rows;
    tally.wrong += disagreeing(differences);
    tally.invented += differences.length - disagreeing(differences);
    if (differences.length > 0) found.set(`${result.file} ${table}`, differences);
  }
}
for (const [key, differences] of found) for (const one of differences) console.log(key, one.sort, one.what);
for (const [table, tally] of tallies) console.log(table, tally);
if (write) writeFileSync(join(PROJECT, 'docs', 'accuracy.md'), report(tallies, found));
