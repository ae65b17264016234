import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { createCounters } from '../../../src/counters.ts';
import type { CertificateChain } from '../../../src/dissect/event.ts';
import { Reader } from '../../../src/dissect/reader.ts';
import { CertificateStore, MAX_ENTRIES, MAX_READ_A_CHAIN, MAX_READ_A_SECOND } from '../../../src/dissect/x509/store.ts';
import { P256, selfSigned } from './certificates.ts';

const LEAF = selfSigned(P256, '/CN=leaf');
const OTHER = selfSigned(P256, '/CN=other');

const subjects = (chain: CertificateChain) => chain.map((certificate) => certificate?.subject);

const u24 = (value: number): Buffer => Buffer.from([value >> 16, (value >> 8) & 255, value & 255]);

/** The list of a Certificate message up to TLS 1.2 (RFC 5246 §7.4.2). */
function list(...ders: Buffer[]): Reader {
  return readerOf(...ders.flatMap((der) => [u24(der.length), der]));
}

function readerOf(...parts: Buffer[]): Reader {
  const bytes = Buffer.concat(parts);
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
    store.chain(list(...ders), 1).map((certificate) => certificate?.sha256),
    ders.map((der) => createHash('sha256').update(der).digest('hex')),
  );
});

test('what is no certificate is counted each time and keeps its place', () => {
  const counters = createCounters();
  const store = new CertificateStore(counters);
  const junk = Buffer.alloc(40, 0x30);
  const empty = Buffer.alloc(0);
  assert.deepEqual(subjects(store.chain(list(junk, LEAF, empty), 1)), [undefined, 'CN=leaf', undefined]);
  assert.equal(counters['tls.certificates_unreadable'], 2);
  assert.equal(counters['tls.certificates'], 1);
});

test('of a long chain the first are read and the others keep their places, up to a limit', () => {
  const counters = createCounters();
  const store = new CertificateStore(counters);
  const chainOf = (length: number) => subjects(store.chain(list(...new Array<Buffer>(length).fill(LEAF)), 1));
  const read = new Array(MAX_READ_A_CHAIN).fill('CN=leaf');
  assert.deepEqual(chainOf(MAX_READ_A_CHAIN), read);
  assert.deepEqual(chainOf(MAX_READ_A_CHAIN + 3), [...read, undefined, undefined, undefined]);
  assert.equal(counters['tls.certificates_left_out'], 3);
  counters['tls.certificates_left_out'] = 0;
  assert.equal(chainOf(MAX_ENTRIES + 5).length, MAX_ENTRIES);
  assert.equal(counters['tls.certificates_left_out'], MAX_ENTRIES + 5 - MAX_READ_A_CHAIN);
});

test('what a list that is cut claims to have after its last whole certificate was left out', () => {
  const counters = createCounters();
  const store = new CertificateStore(counters);
  const whole = list(LEAF, LEAF);
  const entry = whole.end / 2;
  // Within the second certificate, within its length, before it.
  for (const end of [2 * entry - 1, entry + 2, entry]) {
    const cut = list(LEAF, LEAF);
    cut.end = end;
    cut.enter(2 * entry);
    assert.deepEqual(subjects(store.chain(cut, 1)), ['CN=leaf', undefined], `${end} of ${2 * entry} bytes`);
  }
  assert.deepEqual(subjects(store.chain(whole, 1)), ['CN=leaf', 'CN=leaf']);
  assert.equal(counters['tls.certificates_left_out'], 3);
  assert.equal(counters['tls.certificates_unreadable'], 0);
});

test('bytes after the last certificate, too few for a length, are none', () => {
  const counters = createCounters();
  const store = new CertificateStore(counters);
  for (const stray of [Buffer.from([0]), Buffer.from([9, 9])])
    assert.deepEqual(subjects(store.chain(readerOf(u24(LEAF.length), LEAF, stray), 1)), ['CN=leaf']);
  assert.equal(counters['tls.certificates_unreadable'], 0);
  assert.equal(counters['tls.certificates_left_out'], 0);
  // A length that claims more than there is.
  const claims = readerOf(u24(LEAF.length), LEAF, u24(500), Buffer.alloc(10));
  assert.deepEqual(subjects(store.chain(claims, 1)), ['CN=leaf', undefined]);
  assert.equal(counters['tls.certificates_left_out'], 1);
});

test('of ever new ones no more than so many are read in a second of packet time', () => {
  const counters = createCounters();
  const store = new CertificateStore(counters);
  store.chain(list(LEAF), 7);
  for (let i = 0; i < MAX_READ_A_SECOND; i++) store.chain(list(Buffer.from(`no certificate ${i}`)), 7);
  assert.equal(counters['tls.certificates_unreadable'], MAX_READ_A_SECOND - 1);
  assert.equal(counters['tls.certificates_left_out'], 1);
  assert.deepEqual(subjects(store.chain(list(OTHER, LEAF), 7)), [undefined, 'CN=leaf']);
  assert.deepEqual(subjects(store.chain(list(OTHER, LEAF), 8)), ['CN=other', 'CN=leaf']);
});
