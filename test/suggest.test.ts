import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { editDistance, nearest } from '../src/suggest.ts';

describe('suggestions', () => {
  it('counts insertions, deletions, substitutions and swaps of neighbors', () => {
    assert.equal(editDistance('replay', 'replay'), 0);
    assert.equal(editDistance('repaly', 'replay'), 1);
    assert.equal(editDistance('', 'abc'), 3);
    assert.equal(editDistance('kitten', 'sitting'), 3);
  });

  it('names the nearest word and none that is far', () => {
    assert.equal(nearest('polices', ['outputs', 'policies', 'format']), 'policies');
    assert.equal(nearest('FORMAT', ['format']), 'format');
    assert.equal(nearest('xyzzy', ['outputs', 'policies']), undefined);
  });
});
