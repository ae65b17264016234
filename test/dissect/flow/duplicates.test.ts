import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Duplicates } from '../../../src/dissect/flow/duplicates.ts';
import { Frame } from '../../../src/dissect/frame.ts';

function seenOn(interfaceIndex: number, seconds: number): Frame {
  const frame = new Frame();
  frame.interfaceIndex = interfaceIndex;
  frame.seconds = seconds;
  return frame;
}

describe('a packet on several interfaces', () => {
  it('counts on the one that showed the direction first', () => {
    const duplicates = new Duplicates(4);
    duplicates.start(1, 0, seenOn(2, 100));
    assert.equal(duplicates.isDuplicate(1, 0, seenOn(3, 100)), true);
    assert.equal(duplicates.isDuplicate(1, 0, seenOn(2, 101)), false);
    assert.equal(duplicates.isDuplicate(1, 1, seenOn(3, 101)), false, 'the other direction has its own');
    assert.equal(duplicates.isDuplicate(1, 1, seenOn(2, 101)), true);
  });

  it('moves to another when the first has been silent', () => {
    const duplicates = new Duplicates(4);
    duplicates.start(0, 1, seenOn(2, 100));
    assert.equal(duplicates.isDuplicate(0, 1, seenOn(3, 102)), false);
    assert.equal(duplicates.isDuplicate(0, 1, seenOn(2, 102)), true);
  });
});
