import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { sharedFolder, skipWithout } from '../support/shared.ts';
import { compareCorpus, disagreeing, explainedDifferences, TABLES } from './accuracy.ts';
import type { Difference, Table } from './difference.ts';

/** Part of the rows of each table that must agree with tshark. */
const LEAST_AGREEMENT = 0.995;

/** Captures of kinds that are not read: told as such, never half-read. */
const NOT_A_CAPTURE = /not a capture|not supported/;

describe('the corpus, by the measure of tshark', { skip: skipWithout('corpus') }, () => {
  const rows = new Map<Table, number>();
  const wrong = new Map<Table, number>();
  const found = new Map<string, Difference[]>();
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
      for (const { table, rows: count, differences } of result.comparisons) {
        rows.set(table, (rows.get(table) ?? 0) + count);
        wrong.set(table, (wrong.get(table) ?? 0) + disagreeing(differences));
        if (differences.length > 0) found.set(`${result.file} ${table}`, [...differences]);
      }
    }
  });

  after(() => {
    for (const table of TABLES) {
      const total = rows.get(table) ?? 0;
      const agree = total - (wrong.get(table) ?? 0);
      console.log(`${table}: ${agree} of ${total} rows agree (${((100 * agree) / total).toFixed(2)} %)`);
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
      const total = rows.get(table) ?? 0;
      assert.ok(total > 100, `only ${total} rows`);
      const agreement = 1 - (wrong.get(table) ?? 0) / total;
      assert.ok(agreement >= LEAST_AGREEMENT, `${(agreement * 100).toFixed(2)} % of ${total} rows`);
    });
  }

  it('has a reason for every difference, and a difference for every reason', () => {
    const explained = new Map(explainedDifferences().map((one) => [`${one.file} ${one.table}`, one.differences]));
    const counted = new Map([...found].map(([key, differences]) => [key, differences.length]));
    const surprises = [...found].filter(([key]) => explained.get(key) !== counted.get(key));
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
