/**
 * What a certificate costs, and whether hostile ones are survived: node:crypto's X509Certificate, which Vesper uses, and,
 * where it is installed beside the project (`npm install --no-save @peculiar/x509 reflect-metadata`), @peculiar/x509.
 *
 *     node dist/bench/certificates.js
 */
import { hash, X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { createCounters } from '../src/counters.ts';
import { Reader } from '../src/dissect/reader.ts';
import { readCertificate } from '../src/dissect/x509/certificate.ts';
import { CertificateStore } from '../src/dissect/x509/store.ts';
import { collect } from '../test/corpus/collect.ts';
import { PROJECT } from '../test/support/shared.ts';

const MUTATIONS = 4_000;
const ROUNDS = 400;
const SEED = 0x5eed;

/** The certificates of a golden case, as its server sent them. */
async function fixtureCertificates(name: string): Promise<Buffer[]> {
  const ders: Buffer[] = [];
  const original = CertificateStore.prototype.chain;
  CertificateStore.prototype.chain = function (list, seconds) {
    const { bytes, position, end } = list;
    for (let at = position; at + 3 <= end; at += 3 + bytes.readUIntBE(at, 3)) {
      ders.push(Buffer.from(bytes.subarray(at + 3, at + 3 + bytes.readUIntBE(at, 3))));
    }
    return original.call(this, list, seconds);
  };
  await collect(join(PROJECT, 'test/fixtures/cases', name, 'input.pcap'));
  CertificateStore.prototype.chain = original;
  return ders;
}

function microseconds(rounds: number, run: () => void): string {
  for (let i = 0; i < rounds / 4; i++) run();
  const started = performance.now();
  for (let i = 0; i < rounds; i++) run();
  return ((1000 * (performance.now() - started)) / rounds).toFixed(1);
}

/** Bytes changed, cut and doubled by a seeded generator (xorshift). */
function mutations(der: Buffer, count: number): Buffer[] {
  let state = SEED;
  const next = (below: number): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
  return Array.from({ length: count }, () => {
    const bytes = Buffer.from(der);
    for (let changes = 1 + next(8); changes > 0; changes--) bytes[next(bytes.length)] = next(256);
    if (next(8) === 0) return bytes.subarray(0, next(bytes.length));
    return next(8) === 0 ? Buffer.concat([bytes, bytes]) : bytes;
  });
}

type Parse = (der: Buffer) => unknown;

async function peculiar(): Promise<Parse | undefined> {
  try {
    // Not dependencies of the project: the compiler is not to look for them.
    const [reflect, name] = ['reflect-metadata', '@peculiar/x509'];
    await import(reflect as string);
    const { X509Certificate: Certificate } = await import(name as string);
    return (der) => {
      const x509 = new Certificate(der);
      const { subject, issuer, serialNumber, notBefore, notAfter, publicKey, signatureAlgorithm } = x509;
      const names = x509.getExtension('2.5.29.17')?.names?.toJSON();
      return [subject, issuer, serialNumber, notBefore, notAfter, publicKey.algorithm, signatureAlgorithm, names];
    };
  } catch {
    return undefined;
  }
}

const reader = new Reader();
const view = (der: Buffer): DataView => new DataView(der.buffer, der.byteOffset, der.length);
const parsers: [string, Parse | undefined][] = [
  ['readCertificate', (der) => readCertificate(reader.reset(der, view(der), 0, der.length), 'x')],
  ['X509Certificate alone', (der) => new X509Certificate(der).subject],
  ['@peculiar/x509', await peculiar()],
];

for (const fixture of ['tls12-rsa', 'tls12-ecdhe']) {
  const [leaf] = await fixtureCertificates(fixture);
  if (leaf === undefined) throw new Error(`no certificate in ${fixture}`);
  console.log(`${fixture}: leaf of ${leaf.length} bytes`);
  const hostile = mutations(leaf, MUTATIONS);
  for (const [name, parse] of parsers) {
    if (parse === undefined) {
      console.log(`  ${name}: not installed`);
      continue;
    }
    const cost = microseconds(ROUNDS, () => parse(leaf));
    let threw = 0;
    let worst = 0;
    for (const der of hostile) {
      const started = performance.now();
      try {
        parse(der);
      } catch {
        threw++;
      }
      worst = Math.max(worst, performance.now() - started);
    }
    console.log(`  ${name}: ${cost} µs; of ${MUTATIONS} mutations ${threw} throw, worst ${worst.toFixed(2)} ms`);
  }
  const store = new CertificateStore(createCounters());
  const list = Buffer.concat([Buffer.from([0, leaf.length >> 8, leaf.length & 255]), leaf]);
  const kept = microseconds(20_000, () => store.chain(reader.reset(list, view(list), 0, list.length), 0));
  console.log(
    `  known by its hash: ${kept} µs, of which the hash ${microseconds(20_000, () => hash('sha256', leaf))} µs`,
  );
}
