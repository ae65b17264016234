/**
 * What the fingerprints of a ClientHello cost: JA3 and JA4 of one that was met before, and of a new one.
 *
 *     node dist/bench/fingerprints.js
 */
import type { ClientHello } from '../src/dissect/event.ts';
import { Fingerprinter } from '../src/dissect/tls/fingerprints.ts';
import { clientHello } from '../test/cim/samples.ts';

const ROUNDS = 20_000;
const SAMPLES = 7;

/** Nanoseconds of one call, the best of several samples. */
function time(hellos: readonly ClientHello[]): number {
  let best = Number.POSITIVE_INFINITY;
  for (let sample = 0; sample < SAMPLES; sample++) {
    const fingerprinter = new Fingerprinter(['ja3', 'ja4']);
    fingerprinter.client(hellos[0]!, 't');
    const started = performance.now();
    for (let i = 0; i < ROUNDS; i++) fingerprinter.client(hellos[i % hellos.length]!, 't');
    best = Math.min(best, (1e6 * (performance.now() - started)) / ROUNDS);
  }
  return best;
}

const suites = Array.from({ length: 16 }, (_, i) => 0xc001 + i);
const extensions = [0, 23, 0xff01, 10, 11, 35, 16, 5, 13, 18, 51, 45, 43, 27, 21];
const known = time([clientHello({ cipherSuites: suites, extensions })]);
// A code of their own in each, as of a client that makes its hellos up.
const others = Array.from({ length: ROUNDS }, (_, i) => clientHello({ cipherSuites: [...suites, i], extensions }));
const made = time(others);
console.log(
  `met before: ${known.toFixed(0)} ns; new: ${made.toFixed(0)} ns; ${(made / known).toFixed(1)} times as long`,
);
