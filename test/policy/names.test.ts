import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { signatureAlgorithmNames } from '../../src/dissect/x509/algorithms.ts';
import { GROUP_CODES, SCHEME_CODES, SUITE_CODES } from '../../src/policy/codes.ts';
import { GROUPS_BY_CODE, parseGroupName } from '../../src/policy/groups.ts';
import { certificateHash, SCHEMES_BY_CODE } from '../../src/policy/signatures.ts';

const sources = join(process.env.VESPER_CORPUS ?? '../shared', 'policy-sources');
const missing = existsSync(sources) ? false : `no registry tables in ${sources}`;

/** What a program prints; undefined where this machine does not have it. */
function output(program: string, args: string[]): string | undefined {
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return undefined;
  }
}

const gnutls = output('gnutls-cli', ['--list']);

describe('cipher suites by the names of programs', () => {
  test('OpenSSL, IANA and GnuTLS name one suite', () => {
    for (const name of [
      'ECDHE-RSA-AES128-GCM-SHA256',
      'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256',
      'TLS_ECDHE_RSA_AES_128_GCM_SHA256',
      '0xc02f',
    ]) {
      assert.equal(SUITE_CODES.find(name), 0xc02f, name);
    }
    assert.equal(SUITE_CODES.find('DES-CBC3-SHA'), 0x000a);
    assert.equal(SUITE_CODES.find('TLS_RSA_ARCFOUR_128_MD5'), 0x0004);
    assert.equal(SUITE_CODES.find('EXP1024-RC4-SHA'), 0x0064);
    assert.equal(SUITE_CODES.find('ECDHE-RSA-AES128'), undefined);
  });

  test("every name of cryptodatahub's, but GOST's, SM's and its duplicates", { skip: missing }, () => {
    const suites: Record<string, { code: number; openssl_name: string | null }> = JSON.parse(
      readFileSync(join(sources, 'cryptodatahub/tls-cipher-suite.json'), 'utf8'),
    );
    let compared = 0;
    for (const [name, { code, openssl_name }] of Object.entries(suites)) {
      if (openssl_name === null || /GOST|SM4/.test(name) || name.startsWith('OLD_')) continue;
      assert.equal(SUITE_CODES.find(openssl_name), code, openssl_name);
      compared++;
    }
    assert.equal(compared, 257);
  });

  const openssl = output('openssl', ['ciphers', '-V', '-stdname', 'ALL:COMPLEMENTOFALL:eNULL:@SECLEVEL=0']);
  test('every suite of the installed OpenSSL', { skip: openssl ? false : 'no openssl here' }, () => {
    const rows = [...(openssl ?? '').matchAll(/0x(\w\w),0x(\w\w) - (\S+) +- (\S+)/g)];
    assert.ok(rows.length > 30);
    for (const [, high, low, iana, own] of rows) {
      const code = Number(`0x${high}${low}`);
      assert.equal(SUITE_CODES.find(own ?? ''), code, own);
      assert.equal(SUITE_CODES.find(iana ?? ''), code, iana);
    }
  });

  test('every suite of the installed GnuTLS', { skip: gnutls ? false : 'no gnutls-cli here' }, () => {
    const rows = [...(gnutls ?? '').matchAll(/^(TLS_\S+)\s+0x(\w\w), 0x(\w\w)/gm)].filter(
      ([, n]) => !n?.includes('GOST'),
    );
    assert.ok(rows.length > 30);
    for (const [, name, high, low] of rows) assert.equal(SUITE_CODES.find(name ?? ''), Number(`0x${high}${low}`), name);
  });
});

describe('groups', () => {
  test('aliases of a group are one group', () => {
    for (const name of ['secp256r1', 'prime256v1', 'P-256', 'GROUP-SECP256R1', '0x0017']) {
      assert.equal(GROUP_CODES.find(name), 0x0017, name);
    }
    for (const name of ['x25519', 'X25519', 'GROUP-X25519']) assert.equal(GROUP_CODES.find(name), 0x001d, name);
    assert.equal(GROUP_CODES.find('GROUP-FFDHE3072'), 0x0101);
    assert.equal(GROUP_CODES.find('K-571'), 0x000d);
  });

  test('properties', () => {
    const classical = { ffdhe: false, postQuantum: false, hybridPq: false };
    const pq = { bits: undefined, ffdhe: false, postQuantum: true };
    assert.deepEqual(parseGroupName('secp521r1'), { ...classical, bits: 521, strength: 256 });
    assert.deepEqual(parseGroupName('x25519'), { ...classical, bits: 255, strength: 128 });
    assert.deepEqual(parseGroupName('brainpoolP384r1tls13'), { ...classical, bits: 384, strength: 192 });
    assert.deepEqual(parseGroupName('ffdhe3072'), { ...classical, bits: 3072, strength: 128, ffdhe: true });
    assert.deepEqual(parseGroupName('MLKEM1024'), { ...pq, strength: 256, hybridPq: false });
    assert.deepEqual(parseGroupName('X25519MLKEM768'), { ...pq, strength: 192, hybridPq: true });
    assert.deepEqual(parseGroupName('CECPQ2'), { ...pq, strength: undefined, hybridPq: true });
  });

  test('the size of every group but the arbitrary curves is known', () => {
    const without = [...GROUPS_BY_CODE.values()].filter(
      ({ properties }) => !properties.bits && !properties.postQuantum,
    );
    assert.deepEqual(
      without.map(({ name }) => name),
      ['arbitrary_explicit_prime_curves', 'arbitrary_explicit_char2_curves'],
    );
    const hybrids = [...GROUPS_BY_CODE.values()].filter(({ properties }) => properties.hybridPq);
    assert.equal(hybrids.length, 10);
  });
});

describe('signature schemes', () => {
  test('aliases of a scheme are one scheme', () => {
    for (const name of ['ecdsa_secp256r1_sha256', 'ecdsa_sha256', 'ECDSA+SHA256', 'SIGN-ECDSA-SECP256R1-SHA256']) {
      assert.equal(SCHEME_CODES.find(name), 0x0403, name);
    }
    for (const name of ['rsa_pkcs1_sha1', 'RSA+SHA1', 'SIGN-RSA-SHA1']) {
      assert.equal(SCHEME_CODES.find(name), 0x0201, name);
    }
    for (const name of ['SIGN-RSA-PSS-RSAE-SHA256', 'RSA-PSS+SHA256', 'PSS+SHA256']) {
      assert.equal(SCHEME_CODES.find(name), 0x0804, name);
    }
    // What gnutls-cli 3.7 sends for each.
    const gnutlsCodes = {
      'SIGN-RSA-PSS-SHA256': 0x0809,
      'SIGN-RSA-PSS-SHA512': 0x080b,
      'SIGN-ECDSA-SHA256': 0x0403,
      'SIGN-ECDSA-SHA512': 0x0603,
      'SIGN-EdDSA-Ed25519': 0x0807,
      'SIGN-EdDSA-Ed448': 0x0808,
    };
    for (const [name, code] of Object.entries(gnutlsCodes)) assert.equal(SCHEME_CODES.find(name), code, name);
  });

  test('every scheme of the installed GnuTLS that IANA has', { skip: gnutls ? false : 'no gnutls-cli here' }, () => {
    const [, listed = ''] = /^PK-signatures: (.*)$/m.exec(gnutls ?? '') ?? [];
    const names = listed.split(', ').filter((name) => !/SHA3|RAW|RMD160|MD2|GOST/.test(name));
    assert.ok(names.length > 20);
    assert.deepEqual(
      names.filter((name) => SCHEME_CODES.find(name) === undefined),
      [],
    );
  });

  test('properties', () => {
    const of = (code: number) => SCHEMES_BY_CODE.get(code)?.properties;
    assert.deepEqual(of(0x0201), { algorithm: 'RSA', hash: 'SHA1' });
    assert.deepEqual(of(0x0403), { algorithm: 'ECDSA', hash: 'SHA256' });
    assert.deepEqual(of(0x081b), { algorithm: 'ECDSA', hash: 'SHA384' });
    assert.deepEqual(of(0x0806), { algorithm: 'RSA-PSS', hash: 'SHA512' });
    assert.deepEqual(of(0x0807), { algorithm: 'EdDSA', hash: 'intrinsic' });
    assert.deepEqual(of(0x0906), { algorithm: 'ML-DSA', hash: 'intrinsic' });
    assert.deepEqual(of(0x0101), { algorithm: 'RSA', hash: 'MD5' });
    assert.deepEqual(of(0x0708), { algorithm: 'SM2', hash: 'SM3' });
    assert.deepEqual(of(0x0001), { algorithm: 'RSA', hash: 'none' });
    assert.deepEqual(of(0x0420), { algorithm: 'RSA', hash: 'SHA256' });
  });

  test("hashes of certificates' signatures", () => {
    const cases: [string, string | undefined][] = [
      ['sha256WithRSAEncryption', 'SHA256'],
      ['ecdsa-with-SHA384', 'SHA384'],
      ['sha1WithRSAEncryption', 'SHA1'],
      ['ecdsa-with-SHA1', 'SHA1'],
      ['md5WithRSAEncryption', 'MD5'],
      ['dsa_with_SHA256', 'SHA256'],
      ['SM2-with-SM3', 'SM3'],
      ['ED25519', 'intrinsic'],
      ['ML-DSA-65', 'intrinsic'],
      ['RSA-SHA3-256', 'SHA3-256'],
      ['ecdsa_with_SHA3-512', 'SHA3-512'],
      ['dsa_with_SHA384', 'SHA384'],
      ['md4WithRSAEncryption', 'MD4'],
      ['md5WithRSA', 'MD5'],
      ['ripemd160WithRSA', 'RIPEMD160'],
      ['sha512-224WithRSAEncryption', 'SHA512-224'],
      ['sha512-256WithRSAEncryption', 'SHA512-256'],
      ['sm3WithRSAEncryption', 'SM3'],
      ['id-RSASSA-PSS-SHAKE128', 'SHAKE128'],
      ['id-ecdsa-with-shake256', 'SHAKE256'],
      ['SLH-DSA-SHAKE-128s', 'intrinsic'],
      ['SLH-DSA-SHA2-256f-WITH-SHA512', 'intrinsic'],
      ['id-alg-xmssmt-hashsig', 'intrinsic'],
      ['id-alg-hss-lms-hashsig', 'intrinsic'],
      ['GOST R 34.10-2012 with GOST R 34.11-2012 (256 bit)', 'GOSTR3411'],
      ['rsassaPss', undefined],
      ['1.2.3.4', undefined],
    ];
    for (const [signatureAlgorithm, hash] of cases) {
      assert.equal(certificateHash({ signatureAlgorithm, signatureHash: undefined }), hash, signatureAlgorithm);
    }
    const pss = (signatureHash: string) => certificateHash({ signatureAlgorithm: 'rsassaPss', signatureHash });
    assert.equal(pss('SHA1'), 'SHA1');
    assert.equal(pss('SHA3-384'), 'SHA3-384');
    assert.equal(pss('SHA512-256'), 'SHA512-256');
    assert.equal(pss('1.2.3.4'), undefined);
    // Of every algorithm that has a name but the one whose hash is elsewhere.
    const without = signatureAlgorithmNames().filter(
      (signatureAlgorithm) => certificateHash({ signatureAlgorithm, signatureHash: undefined }) === undefined,
    );
    assert.deepEqual(without, ['rsassaPss']);
  });
});
