/**
 * Compares the whole corpus with tshark's tables and prints every difference; with `--write`, makes docs/accuracy.md from
 * the comparison, the reasons in test/corpus/explained.json, and the comparisons with Zeek, Suricata, nDPI, Arkime and others.
 *
 *     node dist/scripts/accuracy.js [--write] [PART OF A FILE NAME]
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { agreement, compareCorpus, type Explained, explainedDifferences, Tallies } from '../test/corpus/accuracy.ts';
import { compareFingerprints } from '../test/corpus/compare-fingerprints.ts';
import type { Table } from '../test/corpus/difference.ts';
import { compareOracles } from '../test/corpus/oracles/compare.ts';
import { fingerprintReport, newTallies } from '../test/corpus/oracles/fingerprint-report.ts';
import { compareOracleFingerprints, type FingerprintOracles } from '../test/corpus/oracles/fingerprints.ts';
import { oracleReport } from '../test/corpus/oracles/report.ts';
import { PROJECT, sharedFolder } from '../test/support/shared.ts';

const TITLES: Readonly<Record<Table, string>> = {
  dns: 'DNS, mDNS and LLMNR messages',
  client_hello: 'client hellos over TCP',
  server_hello: 'server hellos and retry requests over TCP',
  quic_hello: 'hellos in QUIC',
  dtls_hello: 'hellos in DTLS, retransmissions apart',
  conversation: 'TCP and UDP conversations',
};

const FAULTS: Readonly<Record<Explained['fault'], string>> = {
  tshark: 'the reference is wrong',
  vesper: 'not decoded',
  choice: 'a choice',
};

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;

function report({ byTable, differences }: Tallies): string {
  const lines = [
    '# Accuracy, by the measure of others',
    '',
    'Made by `node dist/scripts/accuracy.js --write` from the open corpus of captures and the tables that tshark 4.0.17 gives of',
    'them. A row agrees when every compared field is equal: for DNS the frame, addresses, ports, id, opcode, rcode, questions,',
    'answers with TTL and value; for hellos versions, server name, ALPN, suites, extensions, groups, signature algorithms, key',
    'shares, chosen suite and retry; for conversations packets, payload bytes each way and Community ID. tshark counts only the last',
    'fragment of a datagram, Vesper all of them; such rows agree when the payload does. *Sound rows* leaves out those where the',
    'reference itself is wrong (below). *Beyond* counts what Vesper reports and tshark does not.',
    '',
    '| table | rows | agree | of all rows | of sound rows | beyond |',
    '|---|---:|---:|---:|---:|---:|',
  ];
  for (const [table, tally] of byTable) {
    const { rows, wrong, beyond } = tally;
    const shares = `${percent(1 - wrong / rows)} | ${percent(agreement(tally))}`;
    lines.push(`| ${TITLES[table]} | ${rows} | ${rows - wrong} | ${shares} | ${beyond} |`);
  }
  lines.push(
    '',
    'All rows of DNS include those that tshark marks as malformed itself: bytes that are no DNS, of which it shows a header with',
    'random ids, opcodes and counts. To agree with them is to report messages that nobody sent. All rows of server hellos include',
    'encrypted Finished messages that tshark shows as hellos.',
    '',
    '## Every difference, with its reason',
    '',
  );
  lines.push('| capture | table | differences | why | reason |', '|---|---|---:|---|---|');
  const reasons = explainedDifferences();
  for (const [key, found] of differences) {
    const [file, table] = key.split(' ');
    const known = reasons.find((one) => one.file === file && one.table === table);
    const why = known ? `${FAULTS[known.fault]} | ${known.reason}` : '**not explained** |';
    lines.push(`| ${file} | ${table} | ${found.length} | ${why} |`);
  }
  return `${lines.join('\n')}\n`;
}

const corpus = sharedFolder('corpus');
if (!corpus) throw new Error('the corpus is missing: set VESPER_CORPUS');
const write = process.argv.includes('--write');
const part = process.argv.slice(2).find((arg) => !arg.startsWith('--')) ?? '';
const tallies = new Tallies();
const fingerprints = newTallies();
const oracleFingerprints: FingerprintOracles = { tallies: new Map(), differences: [] };
for await (const result of compareCorpus(corpus, part)) {
  if ('error' in result) {
    console.log(`${result.file}: ${result.error.message}`);
    continue;
  }
  if (result.collected.unaccounted > 0) console.log(`${result.file}: frames unaccounted for`);
  tallies.add(result);
  const path = join(corpus, result.file);
  compareFingerprints(path, result.file, result.collected, fingerprints);
  compareOracleFingerprints(path, result.file, result.collected, oracleFingerprints);
}
for (const [key, found] of tallies.differences) for (const one of found) console.log(key, one.sort, one.what);
for (const [table, tally] of tallies.byTable) console.log(table, tally);
for (const [name, { rows, different }] of Object.entries(fingerprints)) console.log(name, rows, different);
console.log(oracleFingerprints);
if (write) {
  const oracles = oracleReport(await compareOracles(corpus));
  const byFingerprint = fingerprintReport(fingerprints, oracleFingerprints);
  writeFileSync(join(PROJECT, 'docs', 'accuracy.md'), `${report(tallies)}\n${byFingerprint}\n${oracles}`);
}
