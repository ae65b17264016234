/** Recorded events are anybody's files: what is no event is counted, and nothing breaks. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Normalizer } from '../../src/cim/normalize.ts';
import { observe } from '../../src/inventory/observation.ts';
import { linesOf, parseRecorded } from '../../src/inventory/recorded.ts';
import { DNS, FINDING, FLOW, OPTIONS, TLS, VERDICTS } from '../cim/samples.ts';

const cim = new Normalizer(OPTIONS);
const line = (cim.normalize(TLS, VERDICTS) ?? assert.fail()).line;

async function* chunks(text: string, size: number): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text);
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}

async function lines(text: string, size: number): Promise<string[]> {
  const all: string[] = [];
  for await (const one of linesOf(chunks(text, size))) all.push(one);
  return all;
}

describe('parseRecorded', () => {
  it('reads of a handshake what a capture shows of it', () => {
    const observation = { ...observe(TLS, VERDICTS), time: 1_663_598_487.127_059 };
    assert.deepEqual(parseRecorded(line), { kind: 'handshake', observation });
  });

  it('passes over events of other kinds', () => {
    for (const event of [cim.normalize(FLOW, []), cim.normalize(DNS, []), cim.finding(FINDING, 0)]) {
      assert.deepEqual(parseRecorded(event?.line ?? ''), { kind: 'other' });
    }
  });

  it("reads the leaf of a server's chain", () => {
    const event = {
      time: 1,
      dest: '192.0.2.1',
      dest_port: 443,
      ssl_hash: 'ab',
      ssl_subject: 'CN=a',
      ssl_issuer: 'CN=b',
      ssl_start_time: 10,
      ssl_end_time: 20,
      ssl_publickey_algorithm: 'EC',
      ssl_signature_algorithm: 'ecdsa-with-SHA256',
      vesper: { certificate: { from: 'server', index: 0, key_bits: 256, key_curve: 'secp256r1' } },
    };
    assert.deepEqual(parseRecorded(JSON.stringify(event)), {
      kind: 'certificate',
      server: { ip: '192.0.2.1', port: 443 },
      certificate: {
        sha256: 'ab',
        subject: 'CN=a',
        issuer: 'CN=b',
        notBefore: 10,
        notAfter: 20,
        keyType: 'EC',
        keyBits: 256,
        keyCurve: 'secp256r1',
        signatureAlgorithm: 'ecdsa-with-SHA256',
      },
    });
    for (const part of [
      { from: 'client', index: 0 },
      { from: 'server', index: 1 },
    ]) {
      assert.equal(parseRecorded(JSON.stringify({ ...event, vesper: { certificate: part } })).kind, 'other');
    }
    // A moment that no date can hold.
    assert.equal(parseRecorded(JSON.stringify({ ...event, ssl_end_time: 1e300 })).kind, 'unreadable');
  });

  it('takes anything', () => {
    const changed = fc.tuple(fc.constantFrom(...Object.keys(JSON.parse(line))), fc.jsonValue());
    fc.assert(
      fc.property(changed, ([key, value]) => {
        const { kind } = parseRecorded(JSON.stringify({ ...JSON.parse(line), [key]: value }));
        assert.ok(['handshake', 'other', 'unreadable', 'certificate'].includes(kind));
      }),
    );
    fc.assert(fc.property(fc.json(), (text) => ['other', 'unreadable'].includes(parseRecorded(text).kind)));
    for (const text of ['', '{', 'null', '[]', '{"vesper":[]}']) assert.equal(parseRecorded(text).kind, 'unreadable');
  });
});

describe('linesOf', () => {
  it('gives the same lines however they come', async () => {
    for (const size of [1, 2, 5, 100])
      assert.deepEqual(await lines('one\n\ntwo\nthree', size), ['one', '', 'two', 'three']);
  });

  it('empties a line that is too long, and keeps the next', async () => {
    assert.deepEqual(await lines(`${'x'.repeat(70_000)}\nnext\n`, 9_999), ['', 'next']);
  });
});
