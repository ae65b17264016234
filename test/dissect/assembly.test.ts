import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Assembly, MAX_WAITING_PIECES } from '../../src/dissect/assembly.ts';

test('any pieces: what is there is the first copy of each byte, up to the first gap', () => {
  const piece = fc.record({ offset: fc.nat(60), bytes: fc.uint8Array({ minLength: 1, maxLength: 20 }) });
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      const assembly = new Assembly();
      const model: (number | undefined)[] = [];
      for (const { offset, bytes } of pieces) {
        assert.ok(assembly.add(Buffer.from(bytes), 0, bytes.length, offset));
        bytes.forEach((byte, i) => {
          model[offset + i] ??= byte;
        });
        const gap = Array.from(model).indexOf(undefined);
        const length = gap === -1 ? model.length : gap;
        assert.equal(assembly.length, length);
        assert.equal(assembly.hasGap, model.length > length);
        assert.deepEqual([...assembly.bytes.subarray(0, length)], model.slice(0, length));
      }
    }),
    { numRuns: 500, seed: 5 },
  );
});

test('pieces beyond the limit are refused, the one that fills the first gap is not', () => {
  const assembly = new Assembly();
  const byte = Buffer.from([7]);
  for (let i = 0; i < MAX_WAITING_PIECES; i++) assert.ok(assembly.add(byte, 0, 1, 2 * i + 1));
  assert.equal(assembly.add(byte, 0, 1, 2 * MAX_WAITING_PIECES + 1), false);
  assert.ok(assembly.add(byte, 0, 1, 0));
  assert.equal(assembly.length, 2);
});
