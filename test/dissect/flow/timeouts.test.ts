import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FlowRecords } from '../../../src/dissect/flow/record.ts';
import { TimerWheel } from '../../../src/dissect/flow/timeouts.ts';

/** A wheel that lists what it fires, and slots 0 to 9. */
function wheel(): { wheel: TimerWheel; fired: number[] } {
  const records = new FlowRecords(16);
  for (let i = 0; i < 10; i++) records.allocate();
  const fired: number[] = [];
  const made = new TimerWheel(records, (slot) => fired.push(slot));
  made.advance(1000);
  return { wheel: made, fired };
}

describe('the timer wheel', () => {
  it('fires in the order of the deadlines, and of scheduling among equals', () => {
    const { wheel: w, fired } = wheel();
    w.schedule(3, 1010);
    w.schedule(1, 1005);
    w.schedule(2, 1010);
    w.schedule(0, 1010);
    w.advance(1004);
    assert.deepEqual(fired, []);
    w.advance(1005);
    assert.deepEqual(fired, [1]);
    w.advance(5000);
    assert.deepEqual(fired, [1, 3, 2, 0]);
  });

  it('forgets what is canceled, wherever it is in its bucket', () => {
    for (const canceled of [0, 1, 2, 3]) {
      const { wheel: w, fired } = wheel();
      for (const slot of [0, 1, 2, 3]) w.schedule(slot, 1010);
      w.cancel(canceled);
      w.schedule(4, 1010);
      w.advance(1010);
      assert.deepEqual(
        fired,
        [0, 1, 2, 3, 4].filter((slot) => slot !== canceled),
      );
    }
    const { wheel: w, fired } = wheel();
    w.schedule(0, 1010);
    w.cancel(0);
    w.schedule(1, 1010);
    w.advance(1010);
    assert.deepEqual(fired, [1]);
  });

  it('fires a deadline beyond its span early, and one in the past at the next second', () => {
    const { wheel: w, fired } = wheel();
    w.schedule(0, 1_000_000);
    w.schedule(1, 1);
    w.advance(1001);
    assert.deepEqual(fired, [1]);
    w.advance(1600);
    assert.deepEqual(fired, [1, 0]);
  });

  it('does not lose what is scheduled again while it fires', () => {
    const records = new FlowRecords(4);
    records.allocate();
    const fired: number[] = [];
    const w: TimerWheel = new TimerWheel(records, () => {
      fired.push(w.now);
      w.schedule(0, w.now + 10);
    });
    w.advance(100);
    w.schedule(0, 105);
    for (const now of [105, 114, 115, 10_000, 10_009, 10_010]) w.advance(now);
    // A jump over the whole span may look twice: at the old bucket and at the new one, when that comes later in the round.
    assert.deepEqual(fired, [105, 115, 10_000, 10_000, 10_010]);
  });

  it('keeps its time while few packets are late, and follows many', () => {
    const { wheel: w } = wheel();
    for (let i = 0; i < 1000; i++) w.advance(999);
    assert.equal(w.now, 1000);
    w.advance(1001);
    for (let i = 0; i < 1024; i++) w.advance(10);
    assert.equal(w.now, 10);
  });
});
