import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { createCounters } from '../../../src/counters.ts';
import { Reader } from '../../../src/dissect/reader.ts';
import { CertificateStore, MAX_CHAIN_LENGTH, MAX_READ_A_SECOND } from '../../../src/dissect/x509/store.ts';
import { P256, selfSigned } from './certificates.ts';

const LEAF = selfSigned(P256, '/CN=leaf');

const u24 = (value: number): Buffer => Buffer.from([value >> 16, (value >> 8) & 255, value & 255]);

/** The list of a Certificate message up to TLS 1.2 (RFC 5246 §7.4.2). */
function list(...ders: Buffer[]): Reader {
  const bytes = Buffer.concat(ders.flatMap((der) => [u24(der.length), der]));
  return new Reader().reset(bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, bytes.length);
}

test('a certificate that was read before is the same object', () => {
  const store = new CertificateStore(createCounters());
  const [first] = store.chain(list(LEAF), 1);
  const [again, twice] = store.chain(list(LEAF, LEAF), 2);
  assert.ok(first !== undefined && first === again && first === twice);
});

test('certificates that differ are told apart, whatever they have in common', () => {
  const store = new CertificateStore(createCounters());
  // Another signature with the same end, of the same length: the two share a place.
  const other = Buffer.from(LEAF);
  other[LEAF.length - 8]! ^= 1;
  const long = selfSigned(P256, '/CN=long', '-addext', `nsComment=${'x'.repeat(5_000)}`);
  const ders = [LEAF, other, LEAF, LEAF, other, long, long];
  assert.deepEqual(
    store.chain(list(...ders), 1).map(({ sha256 }) => sha256),
    ders.map((der) => createHash('sha256').update(der).digest('hex')),
  );
});

test('what is no certificate is counted each time and left out of the chain', () => {
  const counters = createCounters();
  const store = new CertificateStore(counters);
  const junk = Buffer.alloc(40, 0x30);
  assert.deepEqual(
    store.chain(list(junk, LEAF, junk), 1).map(({ subject }) => subject),
    ['CN=leaf'],
  );
  assert.equal(counters['tls.certificates_unreadable'], 2);
  assert.equal(counters['tls.certificates'], 1);
});

test('a chain has a limit, and an entry that overruns ends it', () => {
  const counters = createCounters();
  const store = new CertificateStore(counters);
  const many = Array.from({ length: MAX_CHAIN_LENGTH + 3 }, () => LEAF);
  assert.equal(store.chain(list(...many), 1).length, MAX_CHAIN_LENGTH);
  assert.equal(counters['tls.certificates_left_out'], 1);
  const cut = list(LEAF, LEAF);
  cut.end -= 1;
  assert.equal(store.chain(cut, 1).length, 1);
  assert.equal(counters['tls.certificates_left_out'], 2);
});

test('of ever new ones no more than so many are read in a second of packet time', () => {
  const counters = createCounters();
  const store = new CertificateStore(counters);
  for (let i = 0; i <= MAX_READ_A_SECOND; i++) store.chain(list(Buffer.from(`no certificate ${i}`)), 7);
  assert.equal(counters['tls.certificates_unreadable'], MAX_READ_A_SECOND);
  assert.equal(counters['tls.certificates_left_out'], 1);
  assert.equal(store.chain(list(LEAF), 8).length, 1);
});
