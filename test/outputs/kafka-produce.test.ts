import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import fc from 'fast-check';
import { crc32c } from '../../src/outputs/crc32c.ts';
import { murmur2 } from '../../src/outputs/kafka-partition.ts';
import {
  type Compress,
  encodeHeaders,
  encodeProduceRequest,
  type ProduceRequest,
} from '../../src/outputs/kafka-produce.ts';

// Loaded here by themselves, before src/outputs/kafka.ts takes their place: the client's own parts are the oracles.
const require = createRequire(import.meta.url);
const original = require('kafkajs/src/protocol/requests/produce/v3/request') as (request: object) => {
  encode(): Promise<{ readonly buffer: Buffer }>;
};
const originalCrc = require('kafkajs/src/protocol/recordBatch/crc32C') as (bytes: Buffer) => number;
const originalMurmur2 = require('kafkajs/src/producer/partitioners/default/murmur2') as (bytes: Buffer) => number;
const codecs = (require('kafkajs') as typeof import('kafkajs')).CompressionCodecs as Record<
  number,
  (() => { compress: Compress }) | undefined
>;

const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));

const record = fc.record({
  key: fc.option(bytes(200), { nil: undefined }),
  value: bytes(20_000),
  headers: fc.dictionary(fc.string({ minLength: 1, maxLength: 40, unit: 'binary' }), fc.string({ maxLength: 200 }), {
    maxKeys: 4,
  }),
  // The client sorts times as texts: of one length, so that both find the same first.
  timestamp: fc.integer({ min: 1_600_000_000_000, max: 1_900_000_000_000 }),
});
const partition = fc.record({
  partition: fc.nat(100),
  firstSequence: fc.nat(2 ** 31 - 1),
  messages: fc.array(record, { minLength: 1, maxLength: 20 }),
});
const request = fc.record({
  acks: fc.constant(-1),
  timeout: fc.nat(100_000),
  compression: fc.constantFrom(0, 1),
  producerId: fc.bigInt({ min: 0n, max: 2n ** 62n }).map((id) => ({ toString: () => `${id}` })),
  producerEpoch: fc.nat(32_767),
  topicData: fc.array(
    fc.record({
      topic: fc.stringMatching(/^[a-z.-]{1,30}$/),
      partitions: fc.array(partition, { minLength: 1, maxLength: 3 }),
    }),
    { minLength: 1, maxLength: 3 },
  ),
});

/** The same with every line and key in the middle of a block. */
function placed(theirs: typeof request extends fc.Arbitrary<infer T> ? T : never): ProduceRequest {
  const range = (part: Buffer) => ({
    block: Buffer.concat([Buffer.from('before'), part, Buffer.from('behind')]),
    start: 6,
    end: 6 + part.length,
  });
  return {
    ...theirs,
    topicData: theirs.topicData.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map(({ messages, ...rest }) => ({
        ...rest,
        messages: messages.map(({ key, value, headers, timestamp }) => ({
          value,
          line: range(value),
          key: key && range(key),
          headers: encodeHeaders(headers),
          timestamp,
        })),
      })),
    })),
  };
}

test("requests are those of the client's own encoder, by the byte", async () => {
  const Long = require('kafkajs/src/utils/long') as { fromValue(text: string): object };
  await fc.assert(
    fc.asyncProperty(request, async (fields) => {
      const ours = await encodeProduceRequest(placed(fields), codecs[fields.compression]?.().compress);
      const theirs = await original({ ...fields, producerId: Long.fromValue(String(fields.producerId)) }).encode();
      assert.deepEqual(ours.buffer, theirs.buffer);
    }),
  );
});

test("checksum and hash are those of the client's own", () => {
  fc.assert(
    fc.property(bytes(300), fc.nat(20), fc.nat(20), (data, before, behind) => {
      const whole = Buffer.concat([Buffer.alloc(before, 1), data, Buffer.alloc(behind, 2)]);
      assert.equal(crc32c(whole, before, before + data.length), originalCrc(data));
      assert.equal(murmur2(whole, before, before + data.length), originalMurmur2(data));
    }),
  );
  // RFC 3720 §B.4: 32 bytes of zeros.
  assert.equal(crc32c(new Uint8Array(32), 0, 32), 0x8a9136aa);
});
