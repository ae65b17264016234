import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { listAt, MAX_SHARED_LENGTH } from '../../../src/dissect/tls/shared-lists.ts';

function viewOf(codes: readonly number[], before = 0): DataView {
  const view = new DataView(new ArrayBuffer(before + 2 * codes.length));
  codes.forEach((code, i) => {
    view.setUint16(before + 2 * i, code);
  });
  return view;
}

describe('shared lists', () => {
  const suites = [0x1301, 0x1302, 0x1303, 0xc02b];

  test('equal lists are one array, wherever they stand', () => {
    const list = listAt(viewOf(suites), 0, suites.length);
    assert.deepEqual(list, suites);
    assert.equal(listAt(viewOf(suites, 7), 7, suites.length), list);
  });

  test('a list keeps its values when the bytes that it came from change', () => {
    const view = viewOf(suites);
    const list = listAt(view, 0, suites.length);
    view.setUint16(0, 0xffff);
    assert.deepEqual(list, suites);
    assert.deepEqual(listAt(view, 0, suites.length), [0xffff, ...suites.slice(1)]);
  });

  test('lists that differ in one value, in order or in length are their own, however many there are', () => {
    for (let i = 0; i < 5_000; i++) {
      for (const codes of [[i, 1, 2], [1, 2, i], [i, 1], [i]]) {
        assert.deepEqual(listAt(viewOf(codes), 0, codes.length), codes);
      }
    }
  });

  test('a list that is too long to keep is read all the same', () => {
    const long = Array.from({ length: MAX_SHARED_LENGTH + 1 }, (_, i) => i);
    const view = viewOf(long);
    assert.deepEqual(listAt(view, 0, long.length), long);
    assert.notEqual(listAt(view, 0, long.length), listAt(view, 0, long.length));
  });

  test('no values are an empty list', () => {
    assert.deepEqual(listAt(viewOf([]), 0, 0), []);
  });
});
