import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { BLOCK_WORDS, digest, hashBlock, input } from '../../../src/dissect/flow/sha1.ts';

/** The longest message of one block: a byte of padding and eight of length come after it. */
const MAX_MESSAGE = 55;

function sha1(message: Uint8Array): string {
  const block = Buffer.alloc(4 * BLOCK_WORDS);
  block.set(message);
  block[message.length] = 0x80;
  block.writeUInt32BE(8 * message.length, block.length - 4);
  for (let i = 0; i < BLOCK_WORDS; i++) input[i] = block.readInt32BE(4 * i);
  hashBlock();
  return Buffer.from(
    Array.from(digest, (word) => word >>> 0).flatMap((word) => [word >>> 24, word >>> 16, word >>> 8, word]),
  ).toString('hex');
}

test('hashes one block as FIPS 180-4 says', () => {
  // RFC 3174 §7.3, TEST1.
  assert.equal(sha1(Buffer.from('abc')), 'a9993e364706816aba3e25717850c26c9cd0d89d');
  assert.equal(sha1(Buffer.alloc(0)), 'da39a3ee5e6b4b0d3255bfef95601890afd80709');
});

test('agrees with the library', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: MAX_MESSAGE }), (message) => {
      assert.equal(sha1(message), createHash('sha1').update(message).digest('hex'));
    }),
  );
});
