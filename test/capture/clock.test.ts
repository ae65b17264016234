import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Reading, WallClock } from '../../src/capture/clock.ts';

const SECOND = 1_000_000_000n;
const START = 1_700_000_000n * SECOND;

/** A wall clock that is `START + ahead` when the monotonic one is 0; a reading takes `width`. */
function reading(monotonic: bigint, ahead: bigint, width: bigint): Reading {
  return { before: monotonic - width / 2n, wall: START + monotonic + ahead, after: monotonic + width / 2n };
}

describe('the wall clock of kernel times', () => {
  it('believes the tightest of its readings', () => {
    const widths = [900n, 400n, 100n, 700n, 300n];
    let i = 0;
    // The wider a reading, the more it is off.
    const clock = new WallClock(() => {
      const width = widths[i++ % widths.length] as bigint;
      return reading(5n * SECOND, width - 100n, width);
    });
    clock.convert(6_000_000_123);
    assert.deepEqual([clock.seconds, clock.nanos], [1_700_000_006, 123]);
  });

  it('follows a correction of the wall clock, forward and back, over the end of a second', () => {
    let ahead = 0n;
    const clock = new WallClock(() => reading(10n * SECOND, ahead, 50n));
    for (const [correction, seconds, nanos] of [
      [0n, 1_700_000_010, 999_999_000],
      [2_000n, 1_700_000_011, 1_000],
      [-3_000_000n, 1_700_000_010, 996_999_000],
    ] as const) {
      ahead = correction;
      clock.adjust();
      clock.convert(10_999_999_000);
      assert.deepEqual([clock.seconds, clock.nanos], [seconds, nanos]);
    }
  });
});
