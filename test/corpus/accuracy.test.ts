import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { sharedFolder, skipWithout } from '../support/shared.ts';
import { agreement, compareCorpus, explainedDifferences, TABLES, Tallies } from './accuracy.ts';
import type { Table } from './difference.ts';
import { type DnsRow, rowsOf } from './rows.ts';

/** Part of the rows of each table that must agree with tshark where it is not itself at fault. */
const LEAST_AGREEMENT = 0.995;

/** Rows that the corpus has at the least: a table that came out empty must not pass. */
const LEAST_ROWS: Readonly<Record<Table, number>> = {
  dns: 1_300,
  client_hello: 380,
  server_hello: 370,
  quic_hello: 170,
  dtls_hello: 39,
  conversation: 3_000,
};

/** Captures of kinds that are not read: told as such, never half-read. */
const NOT_A_CAPTURE = /not a capture|not supported/;

describe('the corpus, by the measure of tshark', { skip: skipWithout('corpus') }, () => {
  const tallies = new Tallies();
  const unaccounted: string[] = [];
  const refused: string[] = [];
  let captures = 0;

  before(async () => {
    for await (const result of compareCorpus(sharedFolder('corpus') ?? '')) {
      captures++;
      if ('error' in result) {
        refused.push(`${result.file}: ${result.error.message}`);
        continue;
      }
      if (result.collected.unaccounted > 0) unaccounted.push(result.file);
      tallies.add(result);
    }
  });

  after(() => {
    for (const [table, tally] of tallies.byTable) {
      const share = (100 * (1 - tally.wrong / tally.rows)).toFixed(2);
      console.log(`${table}: ${tally.rows - tally.wrong} of ${tally.rows} rows agree (${share} %)`);
    }
  });

  it('reads every capture but those of unsupported kinds', () => {
    assert.ok(captures > 800, `only ${captures} captures found`);
    assert.deepEqual(
      refused.filter((line) => !NOT_A_CAPTURE.test(line)),
      [],
    );
  });

  it('accounts for every frame at every moment', () => assert.deepEqual(unaccounted, []));

  for (const table of TABLES) {
    it(`${table}: at least ${LEAST_AGREEMENT * 100} % of the rows agree`, () => {
      const tally = tallies.byTable.get(table);
      assert.ok(tally && tally.rows >= LEAST_ROWS[table], `only ${tally?.rows} rows`);
      const share = agreement(tally);
      assert.ok(share >= LEAST_AGREEMENT, `${(share * 100).toFixed(2)} % of ${tally.rows} rows`);
    });
  }

  it('blames tshark for rows of DNS only where tshark marks them as malformed itself', () => {
    for (const { file, table, fault, differences } of explainedDifferences()) {
      if (table !== 'dns' || fault !== 'tshark') continue;
      const rows = rowsOf<DnsRow>(join(sharedFolder('corpus') ?? '', file), 'dns');
      assert.equal(rows.filter(({ malformed }) => malformed).length, differences, file);
    }
  });

  it('has a reason for every difference, and a difference for every reason', () => {
    const explained = new Map(explainedDifferences().map((one) => [`${one.file} ${one.table}`, one.differences]));
    const counted = new Map([...tallies.differences].map(([key, differences]) => [key, differences.length]));
    const surprises = [...tallies.differences].filter(([key]) => explained.get(key) !== counted.get(key));
    assert.deepEqual(
      surprises.flatMap(([key, differences]) => differences.map((one) => `${key} ${one.sort} ${one.what}`)),
      [],
    );
    assert.deepEqual(
      [...explained.keys()].filter((key) => !counted.has(key)),
      [],
    );
  });
});
