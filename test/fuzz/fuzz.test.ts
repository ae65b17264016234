/**
 * A short run of the fuzzer over the golden captures. `bench/fuzz.ts` is the long one, over every capture that is there.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { capturesBelow, PROJECT } from '../support/shared.ts';
import { Fuzzer } from './fuzzer.ts';
import { readMaterial } from './material.ts';

const SEED = 0x5eed;
const RUNS = 60;

describe('mutated captures', () => {
  let fuzzer: Fuzzer;

  before(async () => {
    const folder = join(PROJECT, 'test/fixtures/cases');
    fuzzer = new Fuzzer(await readMaterial(capturesBelow(folder), folder), SEED);
  });

  it('give lines or none, and every frame is accounted for', () => {
    let mutated = 0;
    let hellos = 0;
    let messages = 0;
    let initials = 0;
    for (let number = 0; number < RUNS; number++) {
      const run = fuzzer.run(number);
      if (run.failure !== undefined) {
        const { frame, done, error, bytes } = run.failure;
        assert.fail(new Error(`run ${number}, ${run.capture}, frame ${frame} (${done}): ${bytes}`, { cause: error }));
      }
      mutated += run.mutated;
      hellos += run.counters['tls.client_hellos'];
      messages += run.counters['dns.messages'];
      initials += run.counters['quic.initials'];
    }
    // It reaches the parsers, whatever it changes.
    assert.ok(mutated > 5_000, `${mutated} mutated`);
    assert.ok(
      hellos > 250 && messages > 500 && initials > 50,
      `${hellos} hellos, ${messages} messages, ${initials} initials`,
    );
  });

  it('give the same lines whatever lies around a frame in memory, and again', () => {
    for (let number = RUNS; number < RUNS + 30; number++) {
      const { capture, lines } = fuzzer.run(number, { lines: true, around: 0x00 });
      assert.deepEqual(fuzzer.run(number, { lines: true, around: 0x16 }).lines, lines, `run ${number}, ${capture}`);
    }
  });
});
