import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { sharedFolder, skipWithout } from '../support/shared.ts';
import {
  compareOracles,
  explainedOracles,
  groupedDifferences,
  groupKey,
  type OracleResult,
  SOURCES,
} from './oracles/compare.ts';
import { oracleReport } from './oracles/report.ts';

/** Values of each source that tshark must confirm at least: so many that a broken reading of its rows shows. */
const LEAST_CONFIRMED = { nDPI: 3500, Arkime: 450, Zeek: 380, Suricata: 80 } as const;

describe('the corpus, by the measure of nDPI, Arkime, Zeek and Suricata', { skip: skipWithout('corpus') }, () => {
  let result: OracleResult;

  before(async () => {
    result = await compareOracles(sharedFolder('corpus') ?? '');
  });

  after(() => {
    for (const [source, fields] of result.tallies) {
      for (const [field, { stated, agreed, held }] of fields) {
        console.log(`${source} ${field}: ${held} of ${agreed} that tshark confirms (${stated} stated)`);
      }
    }
  });

  it('reads every capture that has rows', () => {
    assert.ok(result.captures > 400, `only ${result.captures} captures`);
    assert.deepEqual(result.refused, []);
  });

  for (const source of SOURCES) {
    it(`${source}: tshark confirms enough of the values`, () => {
      let confirmed = 0;
      for (const [field, tally] of result.tallies.get(source) ?? []) {
        assert.ok(tally.agreed > 0, `not one ${field} of ${tally.stated}`);
        confirmed += tally.agreed;
      }
      assert.ok(confirmed >= LEAST_CONFIRMED[source], `only ${confirmed}`);
    });
  }

  it('has a reason for every difference, and a difference for every reason', () => {
    const found = groupedDifferences(result);
    const explained = new Map(explainedOracles().map((one) => [groupKey(one), one.differences]));
    const surprises = [...found].filter(([key, differences]) => explained.get(key) !== differences.length);
    assert.deepEqual(
      surprises.flatMap(([key, differences]) => differences.map(({ what }) => `${key} ${what}`)),
      [],
    );
    assert.deepEqual(
      [...explained.keys()].filter((key) => !found.has(key)),
      [],
    );
  });

  it('reports every difference with its reason', () => {
    const report = oracleReport(result);
    assert.ok(!report.includes('not explained'));
    for (const { file } of result.differences) assert.ok(report.includes(file), file);
  });
});
