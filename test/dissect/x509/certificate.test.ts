import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { GROUPS } from '../../../src/dissect/iana-tables.ts';
import { Reader } from '../../../src/dissect/reader.ts';
import { readCertificate } from '../../../src/dissect/x509/certificate.ts';
import { diffieHellman, P256, selfSigned } from './certificates.ts';

function read(der: Buffer) {
  // Bytes before and after must not matter.
  const bytes = Buffer.concat([Buffer.from([0x30, 0x82]), der, Buffer.from([0x30])]);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const sha256 = createHash('sha256').update(der).digest('hex');
  return readCertificate(new Reader().reset(bytes, view, 2, 2 + der.length), sha256);
}

test('keys by type, size and curve; the signature by name', () => {
  for (const [options, key, signature] of [
    [['rsa:2048'], { type: 'RSA', bits: 2048, curve: undefined }, 'sha256WithRSAEncryption'],
    [P256, { type: 'EC', bits: 256, curve: 'secp256r1' }, 'ecdsa-with-SHA256'],
    [
      ['ec', '-pkeyopt', 'ec_paramgen_curve:secp384r1'],
      { type: 'EC', bits: 384, curve: 'secp384r1' },
      'ecdsa-with-SHA256',
    ],
    [['ed25519'], { type: 'Ed25519', bits: 253, curve: undefined }, 'ED25519'],
  ] as const) {
    const certificate = read(selfSigned(options, '/CN=a'));
    assert.equal(certificate?.key.type, key.type);
    assert.equal(certificate?.key.curve, key.curve);
    if (key.type !== 'Ed25519') assert.equal(certificate?.key.bits, key.bits);
    assert.equal(certificate?.signatureAlgorithm.toLowerCase(), signature.toLowerCase());
    assert.equal(certificate?.selfSigned, true);
  }
});

/** OpenSSL has the names of ANSI X9.62 for these two. */
const OPENSSL_CURVES: Readonly<Record<string, string>> = { secp192r1: 'prime192v1', secp256r1: 'prime256v1' };
const ecKey = (curve: string): readonly string[] => ['ec', '-pkeyopt', `ec_paramgen_curve:${curve}`];

test('every curve that is a group of TLS has its name and the size of its field', () => {
  for (const [, name] of GROUPS) {
    const [, size] = /^(?:secp|sect|brainpoolP)(\d+)[kr]\d$/.exec(name) ?? [];
    if (size === undefined) continue;
    const { key } = read(selfSigned(ecKey(OPENSSL_CURVES[name] ?? name), '/CN=a')) ?? assert.fail(name);
    assert.deepEqual(key, { type: 'EC', bits: Number(size), curve: name });
  }
});

test('a curve that no group of TLS is has its own name, one that has none its object identifier', () => {
  assert.deepEqual(read(selfSigned(ecKey('brainpoolP160r1'), '/CN=a'))?.key, {
    type: 'EC',
    bits: 160,
    curve: 'brainpoolP160r1',
  });
  // secp224r1, by the identifier that WTLS has for it.
  assert.deepEqual(read(selfSigned(ecKey('wap-wsg-idm-ecid-wtls12'), '/CN=a'))?.key, {
    type: 'EC',
    bits: undefined,
    curve: '2.23.43.1.4.12',
  });
});

test('a curve by explicit parameters has neither name nor size', () => {
  const der = selfSigned([...P256, '-pkeyopt', 'ec_param_enc:explicit'], '/CN=a');
  assert.deepEqual(read(der)?.key, { type: 'EC', bits: undefined, curve: undefined });
});

test('Diffie-Hellman has the size of its prime, by PKCS #3 and by X9.42', () => {
  for (const [options, bits] of [
    [['-algorithm', 'DH', '-pkeyopt', 'group:ffdhe2048'], 2048],
    [['-algorithm', 'DHX', '-pkeyopt', 'dh_rfc5114:1'], 1024],
  ] as const) {
    assert.deepEqual(read(diffieHellman(...options))?.key, { type: 'DH', bits, curve: undefined });
  }
});

const PSS = ['-sigopt', 'rsa_padding_mode:pss'];

test('the hash of RSASSA-PSS is in its parameters, that of other algorithms in their name', () => {
  for (const [key, more, algorithm, hash] of [
    [['rsa:2048'], ['-sha256', ...PSS], 'rsassaPss', 'SHA256'],
    // SHA-1 is left out of the parameters.
    [['rsa:2048'], ['-sha1', ...PSS], 'rsassaPss', 'SHA1'],
    [['rsa:2048'], ['-sha3-256'], 'RSA-SHA3-256', undefined],
    [P256, ['-sha3-512'], 'ecdsa_with_SHA3-512', undefined],
    [['rsa:2048'], ['-ripemd160'], 'ripemd160WithRSA', undefined],
    [['rsa:2048'], ['-sha512-224'], 'sha512-224WithRSAEncryption', undefined],
    [['rsa:2048'], ['-sha512-256'], 'sha512-256WithRSAEncryption', undefined],
    [['rsa:2048'], ['-sha512-256', ...PSS], 'rsassaPss', 'SHA512-256'],
  ] as const) {
    const certificate = read(selfSigned(key, '/CN=a', ...more)) ?? assert.fail();
    assert.deepEqual([certificate.signatureAlgorithm, certificate.signatureHash], [algorithm, hash]);
    assert.equal(certificate.key.bits, key === P256 ? 256 : 2048);
  }
});

test('a hash of RSASSA-PSS that OpenSSL does not sign with, and none', () => {
  const der = selfSigned(['rsa:2048'], '/CN=a', '-sha256', ...PSS);
  const facts = ({ signatureAlgorithm, signatureHash, key } = read(der) ?? assert.fail()) => [
    signatureAlgorithm,
    signatureHash,
    key.bits,
  ];
  const hash = der.indexOf('0609608648016503040201', 0, 'hex') + 10;
  for (const [last, name] of [
    [8, 'SHA3-256'],
    [11, 'SHAKE128'],
    [99, '2.16.840.1.101.3.4.2.99'],
  ] as const) {
    der[hash] = last;
    assert.deepEqual(facts(), ['rsassaPss', name, 2048]);
  }
  // A SET where the SEQUENCE of the parameters should be.
  der[der.indexOf('06092a864886f70d01010a', 0, 'hex') + 11] = 0x31;
  assert.deepEqual(facts(), ['rsassaPss', undefined, 2048]);
});

test('names, serial, validity and alternative names', () => {
  const names =
    'subjectAltName=DNS:www.example.test,IP:192.0.2.1,IP:2001:db8::1,email:a@example.test,URI:https://example.test/x';
  const subject = '/C=XX/O=Example, Inc./OU=Unit/CN=www.example.test';
  const certificate = read(selfSigned(P256, subject, '-set_serial', '0x0abc', '-addext', names));
  assert.equal(certificate?.subject, 'CN=www.example.test,OU=Unit,O=Example\\, Inc.,C=XX');
  assert.equal(certificate?.issuer, certificate?.subject);
  assert.equal(certificate?.subjectCommonName, 'www.example.test');
  assert.equal(certificate?.subjectOrganization, 'Example, Inc.');
  assert.equal(certificate?.serial, '0abc');
  assert.equal(certificate?.version, 3);
  assert.deepEqual(certificate?.subjectAlternativeNames, [
    'DNS:www.example.test',
    'IP:192.0.2.1',
    'IP:2001:db8::1',
    'email:a@example.test',
    'URI:https://example.test/x',
  ]);
  assert.equal((certificate?.notAfter ?? 0) - (certificate?.notBefore ?? 0), 2 * 86_400);
});

test('signed by itself means that its own key says so, not that the names agree', () => {
  const der = selfSigned(P256, '/CN=a');
  const forged = Buffer.from(der);
  // Within the signature's second integer.
  forged[forged.length - 3]! ^= 1;
  assert.equal(read(der)?.selfSigned, true);
  assert.equal(read(forged)?.selfSigned, false);
});

test('a key that only slows its reader down is not verified with', () => {
  const exponent = ['rsa:2048', '-pkeyopt', `rsa_keygen_pubexp:${(1n << 40n) + 15n}`];
  assert.equal(read(selfSigned(exponent, '/CN=a'))?.selfSigned, undefined);
});

test('a signature that cannot be verified here may be its own', () => {
  assert.equal(read(selfSigned(ecKey('SM2'), '/CN=a'))?.selfSigned, undefined);
  const old = selfSigned(['rsa:2048'], '/CN=a', '-md5');
  const MD2 = 2;
  // The identifier of md5WithRSAEncryption, in what is signed and beside it.
  const md5 = Buffer.from('06092a864886f70d010104', 'hex');
  for (let at = old.indexOf(md5); at >= 0; at = old.indexOf(md5, at)) old[at + md5.length - 1] = MD2;
  const certificate = read(old);
  assert.deepEqual([certificate?.signatureAlgorithm, certificate?.selfSigned], ['md2WithRSAEncryption', undefined]);
  assert.equal(read(selfSigned(['rsa:2048'], '/CN=a', '-md5'))?.selfSigned, true);
});

test('PEM within is no certificate; nor is a cut one, nor one with something after it', () => {
  const der = selfSigned(P256, '/CN=a');
  const pem = `-----BEGIN CERTIFICATE-----\n${der.toString('base64')}\n-----END CERTIFICATE-----\n`;
  assert.equal(read(Buffer.from(pem)), undefined);
  assert.equal(read(der.subarray(0, der.length - 1)), undefined);
  assert.equal(read(Buffer.concat([der, Buffer.from([0])])), undefined);
  assert.equal(read(Buffer.alloc(0)), undefined);
});

test('whatever the bytes: a certificate or none, never a throw', () => {
  const der = selfSigned(P256, '/CN=a');
  const change = fc.tuple(fc.nat(der.length - 1), fc.nat(255));
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), fc.nat(der.length), (changes, length) => {
      const bytes = Buffer.from(der);
      for (const [at, value] of changes) bytes[at] = value;
      for (const one of [bytes, bytes.subarray(0, length)]) {
        const certificate = read(one);
        assert.ok(certificate === undefined || certificate.version >= 1);
      }
    }),
    { seed: 1, numRuns: 300 },
  );
});
