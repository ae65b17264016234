/** The interpreter of searches: what it refuses, and where Splunk differs from what one may expect. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Row } from './aggregate.ts';
import { runSearch } from './spl.ts';

const KNOWN = new Set(['_time', 'src', 'bytes', 'list{}', 'vesper.a']);
const row = (fields: Record<string, string | readonly string[]>): Row =>
  new Map(Object.entries(fields).map(([name, value]) => [name, [value].flat()]));

const ROWS = [
  row({ _time: '60.5', src: 'a', bytes: '3', 'list{}': ['x', 'y'] }),
  row({ _time: '61', src: 'b', bytes: '10', 'list{}': 'x' }),
  row({ _time: '130', src: 'a', bytes: '4', 'vesper.a': 'Yes' }),
];

const run = (search: string): Record<string, readonly string[]>[] =>
  runSearch(search, ROWS, KNOWN).map((found) => Object.fromEntries(found));

describe('searches', () => {
  it('refuses what it does not know', () => {
    assert.throws(() => run('src=* | predict bytes'), /unknown command/);
    assert.throws(() => run('src=* | stats stdev(bytes)'), /unknown aggregate stdev/);
    assert.throws(() => run('src=* | eval x=md5(src)'), /unknown function md5/);
    assert.throws(() => run('src=* | sort bytes'), /without a limit/);
  });

  it('refuses a field that the events cannot have, or that is gone', () => {
    assert.throws(() => run('dest=*'), /no field dest/);
    assert.throws(() => run('src=* | eval x=byte + 1'), /no field byte/);
    assert.throws(() => run('src=* | stats count BY sorce'), /no field sorce/);
    assert.throws(() => run('src=* | stats count(eval(dest="x")) AS n'), /no field dest/);
    assert.throws(() => run('src=* | stats count BY src | where bytes > 1'), /no field bytes/);
    assert.throws(() => run('src=* | table src | sort 0 bytes'), /no field bytes/);
    assert.throws(() => run('src=* | rename src AS client | table src'), /no field src/);
  });

  it('compares text without regard to case in a search, with it in where', () => {
    assert.equal(run('vesper.a=yes').length, 1);
    assert.equal(run(`vesper.a=* | where 'vesper.a'="yes"`).length, 0);
  });

  it('finds neither = nor != where the field is missing', () => {
    assert.equal(run('vesper.a=no').length, 0);
    assert.equal(run('vesper.a!=no').length, 1);
  });

  it('groups a field of several values by each of them, and leaves out rows without it', () => {
    assert.deepEqual(run('src=* | stats count sum(bytes) AS bytes BY list{} | sort 0 list{}'), [
      { 'list{}': ['x'], count: ['2'], bytes: ['13'] },
      { 'list{}': ['y'], count: ['1'], bytes: ['3'] },
    ]);
  });

  it('gives one row of nothing without BY, none with it', () => {
    assert.deepEqual(run('src=c | stats count'), [{ count: ['0'] }]);
    assert.deepEqual(run('src=c | stats count BY src'), []);
  });

  it('aggregates', () => {
    assert.deepEqual(
      run(
        'src=* | stats dc(src) AS n max(bytes) AS m median(bytes) AS d latest(bytes) AS l count(eval(bytes > 3)) AS c',
      ),
      [{ n: ['2'], m: ['10'], d: ['4'], l: ['4'], c: ['2'] }],
    );
  });

  it('sorts numbers as numbers', () => {
    const order = run('src=* | sort 2 -bytes | table bytes').map(({ bytes }) => bytes![0]);
    assert.deepEqual(order, ['10', '4']);
  });

  it('makes columns of values', () => {
    assert.deepEqual(run('src=* | timechart sum(bytes) AS bytes BY src'), [
      { _time: ['60'], a: ['3'], b: ['10'] },
      { _time: ['120'], a: ['4'] },
    ]);
    assert.deepEqual(run('list{}=* | chart count OVER list{} BY src'), [
      { 'list{}': ['x'], a: ['1'], b: ['1'] },
      { 'list{}': ['y'], a: ['1'] },
    ]);
  });

  it('divides by zero to nothing', () => {
    assert.deepEqual(run('src=b | eval share=bytes / 0 | table src share'), [{ src: ['b'] }]);
  });
});
