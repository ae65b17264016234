/** Fingerprints by the measure of tshark and Wireshark, certificates by that of `openssl x509`, over the whole corpus. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join, relative } from 'node:path';
import { before, describe, it, mock } from 'node:test';
import type { Certificate } from '../../src/dissect/event.ts';
import type { Reader } from '../../src/dissect/reader.ts';
import { CertificateStore } from '../../src/dissect/x509/store.ts';
import { capturesBelow, PROJECT, sharedFolder, skipWithout } from '../support/shared.ts';
import { collect } from './collect.ts';
import { compareFingerprints, type FingerprintTable } from './compare-fingerprints.ts';
import { explainedFingerprints, fingerprintDifferences, newTallies } from './oracles/fingerprint-report.ts';
import { compareOracleFingerprints, type FingerprintOracles } from './oracles/fingerprints.ts';

const LEAST_AGREEMENT: Readonly<Record<FingerprintTable, number>> = { ja3: 0.995, ja3s: 0.995, ja4: 0.99 };

/** The bytes of every certificate that a replay hands to the store, with what the store made of them. */
function keepCertificates(): { ders: Map<string, Buffer>; restore: () => void } {
  const ders = new Map<string, Buffer>();
  const original = CertificateStore.prototype.chain;
  const mocked = mock.method(
    CertificateStore.prototype,
    'chain',
    function (this: CertificateStore, list: Reader, seconds: number) {
      const { bytes, position, end } = list;
      for (let at = position; at + 3 <= end; ) {
        const length = bytes.readUIntBE(at, 3);
        const der = Buffer.from(bytes.subarray(at + 3, Math.min(end, at + 3 + length)));
        ders.set(der.toString('latin1'), der);
        at += 3 + length;
      }
      return original.call(this, list, seconds);
    },
  );
  return { ders, restore: () => mocked.mock.restore() };
}

const NAME_FORM = 'RFC2253,-esc_msb,utf8';
const SHOWN = [
  '-subject',
  '-issuer',
  '-serial',
  '-dates',
  '-fingerprint',
  '-sha256',
  '-ext',
  'subjectAltName',
  '-text',
];

/** What OpenSSL says of a certificate, in the form of ours; undefined where it refuses it. */
function byOpenssl(der: Buffer): object | undefined {
  let text: string;
  try {
    const options = ['x509', '-inform', 'DER', '-noout', '-nameopt', NAME_FORM, '-certopt', 'no_header,no_extensions'];
    text = execFileSync('openssl', [...options, ...SHOWN], { input: der, stdio: 'pipe' }).toString();
  } catch {
    return undefined;
  }
  const line = (pattern: RegExp): string | undefined => pattern.exec(text)?.[1];
  return {
    subject: line(/^subject=(.*)$/m),
    issuer: line(/^issuer=(.*)$/m),
    serial: line(/^serial=(.*)$/m)?.toLowerCase(),
    notBefore: Date.parse(line(/^notBefore=(.*)$/m) ?? '') / 1000,
    notAfter: Date.parse(line(/^notAfter=(.*)$/m) ?? '') / 1000,
    sha256: line(/Fingerprint=(.*)$/m)
      ?.replaceAll(':', '')
      .toLowerCase(),
    bits: line(/Public-Key: \((\d+)/),
    // OpenSSL adds a remark where the parameters are wrong.
    signatureAlgorithm: line(/Signature Algorithm: (\S+)/),
    // A directory name is shown in an older form.
    alternativeNames: line(/Subject Alternative Name:.*\n\s*(.*)/)
      ?.replaceAll('DirName:/', 'DirName:')
      // OpenSSL writes IPv6 addresses out; a URL has them as RFC 5952 says.
      .replaceAll(
        /IP Address:([0-9A-F:]*:[0-9A-F:]*)/g,
        (_, address) => `IP:${new URL(`http://[${address}]`).hostname.slice(1, -1)}`,
      )
      .replaceAll('IP Address:', 'IP:'),
  };
}

function ours(certificate: Certificate): object {
  const { subject, issuer, serial, notBefore, notAfter, sha256, key, signatureAlgorithm } = certificate;
  const names = certificate.subjectAlternativeNames;
  const alternativeNames = names.length === 0 ? undefined : names.join(', ');
  const bits = key.bits === undefined ? undefined : String(key.bits);
  return { subject, issuer, serial, notBefore, notAfter, sha256, bits, signatureAlgorithm, alternativeNames };
}

describe('fingerprints and certificates of the corpus', { skip: skipWithout('corpus') }, () => {
  const corpus = sharedFolder('corpus') ?? '';
  const tallies = newTallies();
  const oracles: FingerprintOracles = { tallies: new Map(), differences: [] };
  const certificates = new Map<string, Certificate>();
  let ders = new Map<string, Buffer>();

  before(async () => {
    const kept = keepCertificates();
    const folders = [join(corpus, 'captures'), join(PROJECT, 'test/fixtures/cases')];
    for (const path of folders.flatMap(capturesBelow)) {
      const collected = await collect(path).catch(() => undefined);
      if (collected === undefined) continue;
      const file = relative(corpus, path);
      compareFingerprints(path, file, collected, tallies);
      compareOracleFingerprints(path, file, collected, oracles);
      for (const { event } of collected.events) {
        if (event.kind === 'certificate') certificates.set(event.certificate.sha256, event.certificate);
      }
    }
    kept.restore();
    ders = kept.ders;
  });

  for (const table of ['ja3', 'ja3s', 'ja4'] as const) {
    it(`${table}: at least ${LEAST_AGREEMENT[table] * 100} % of the rows agree`, () => {
      const { rows, different } = tallies[table];
      assert.ok(rows > 300, `only ${rows} rows`);
      const agreement = 1 - different.length / rows;
      assert.ok(agreement >= LEAST_AGREEMENT[table], `${rows} rows; ${different.map(({ what }) => what).join('\n')}`);
    });
  }

  it('has a reason for every other fingerprint, of these and of other projects, and a difference for every reason', () => {
    const values = [...oracles.tallies.values()].reduce((sum, tally) => sum + tally.values, 0);
    assert.ok(values > 500, `only ${values} values`);
    const explained = explainedFingerprints().map(
      ({ file, source, name, differences }) => [`${file} ${source} ${name}`, differences] as const,
    );
    assert.deepEqual(fingerprintDifferences(tallies, oracles), new Map(explained));
  });

  it('reads every certificate as openssl x509 does, and refuses what it refuses', () => {
    assert.ok(ders.size > 100, `only ${ders.size} certificates`);
    const bySha256 = new Map<string, object>();
    let refused = 0;
    for (const der of ders.values()) {
      const theirs = byOpenssl(der);
      if (theirs === undefined) refused++;
      else bySha256.set((theirs as { sha256: string }).sha256, theirs);
    }
    assert.equal(certificates.size, bySha256.size);
    assert.equal(ders.size, bySha256.size + refused);
    for (const [sha256, certificate] of certificates) assert.deepEqual(ours(certificate), bySha256.get(sha256));
  });
});
