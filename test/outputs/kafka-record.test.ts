import { createRequire } from 'node:module';
import { test } from 'node:test';
import fc from 'fast-check';
import { encodeRecord, type RecordFields } from '../../src/outputs/kafka-record.ts';

// Loaded by itself, before src/outputs/kafka.ts takes its place: the client's own encoder is the oracle.
const original = createRequire(import.meta.url)('kafkajs/src/protocol/recordBatch/record/v0') as (
  record: RecordFields,
) => { readonly buffer: Buffer };

const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));

test("records are those of the client's own encoder, by the byte", () => {
  const record = fc.record(
    {
      offsetDelta: fc.nat(1_000_000),
      timestampDelta: fc.nat(2 ** 31 - 1),
      key: bytes(200),
      value: fc.oneof(bytes(20_000), fc.string({ unit: 'binary', maxLength: 300 })),
      headers: fc.dictionary(fc.string({ minLength: 1, maxLength: 40 }), bytes(200), { maxKeys: 4 }),
    },
    { requiredKeys: ['offsetDelta', 'timestampDelta', 'value', 'headers'] },
  );
  fc.assert(fc.property(record, (fields) => encodeRecord(fields).buffer.equals(original(fields).buffer)));
});
