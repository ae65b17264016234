import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { generate, parseCsv } from '../../scripts/generate-iana.ts';
import {
  cipherSuiteName,
  groupName,
  signatureSchemeName,
  sslVersionName,
  tlsVersionName,
} from '../../src/dissect/iana.ts';
import {
  CIPHER_SUITES,
  CURVES,
  EXTENSIONS,
  GROUPS,
  SIGNATURE_SCHEMES,
  UNREGISTERED_CIPHER_SUITES,
} from '../../src/dissect/iana-tables.ts';

const sources = join(process.env.VESPER_CORPUS ?? '../shared', 'policy-sources');
const missing = existsSync(sources) ? false : `no registry tables in ${sources}`;

describe('names', () => {
  test('cipher suites carry their IANA names', () => {
    assert.equal(cipherSuiteName(0x0000), 'TLS_NULL_WITH_NULL_NULL');
    assert.equal(cipherSuiteName(0x1301), 'TLS_AES_128_GCM_SHA256');
    assert.equal(cipherSuiteName(0xc02f), 'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256');
    assert.equal(cipherSuiteName(0xcca9), 'TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256');
    assert.equal(cipherSuiteName(0x00ff), 'TLS_EMPTY_RENEGOTIATION_INFO_SCSV');
    assert.equal(cipherSuiteName(0x5600), 'TLS_FALLBACK_SCSV');
  });

  test('reserved, unassigned and private code points have no name', () => {
    assert.equal(cipherSuiteName(0x1234), 'UNKNOWN (0x1234)');
    assert.equal(cipherSuiteName(0x0047), 'UNKNOWN (0x0047)');
    assert.equal(cipherSuiteName(0x0062), 'UNKNOWN (0x0062)');
    assert.equal(cipherSuiteName(0x0a0a), 'UNKNOWN (0x0a0a)');
    assert.equal(cipherSuiteName(0xffff), 'UNKNOWN (0xffff)');
    assert.equal(groupName(0x0000), 'UNKNOWN (0x0000)');
  });

  test('SSLv2 cipher kinds are apart from the suites of two bytes', () => {
    assert.equal(cipherSuiteName(0x010080), 'SSL_CK_RC4_128_WITH_MD5');
    assert.equal(cipherSuiteName(0x0700c0), 'SSL_CK_DES_192_EDE3_CBC_WITH_MD5');
    assert.equal(cipherSuiteName(0x0a0080), 'UNKNOWN (0x0a0080)');
  });

  test('groups, hybrids and the experiments before them', () => {
    assert.equal(groupName(23), 'secp256r1');
    assert.equal(groupName(29), 'x25519');
    assert.equal(groupName(0x11ec), 'X25519MLKEM768');
    assert.equal(groupName(0x6399), 'X25519Kyber768Draft00');
    assert.equal(groupName(0x639a), 'SecP256r1Kyber768Draft00');
    assert.equal(groupName(0xfe31), 'X25519Kyber768Draft00Old');
  });

  test('signature schemes of TLS 1.3 and the pairs of TLS 1.2', () => {
    assert.equal(signatureSchemeName(0x0804), 'rsa_pss_rsae_sha256');
    assert.equal(signatureSchemeName(0x0403), 'ecdsa_secp256r1_sha256');
    assert.equal(signatureSchemeName(0x0401), 'rsa_pkcs1_sha256');
    assert.equal(signatureSchemeName(0x0203), 'ecdsa_sha1');
    assert.equal(signatureSchemeName(0x0202), 'dsa_sha1');
    assert.equal(signatureSchemeName(0x0301), 'rsa_pkcs1_sha224');
    assert.equal(signatureSchemeName(0x0101), 'rsa_pkcs1_md5');
    assert.equal(signatureSchemeName(0x0840), 'gostr34102012_256');
    assert.equal(signatureSchemeName(0x0900), 'UNKNOWN (0x0900)');
  });

  test('versions, with drafts as what they became', () => {
    const names = new Map([
      [0x0002, ['SSLv2', 'SSLv2']],
      [0x0300, ['SSLv3', 'SSLv3']],
      [0x0301, ['TLSv1_0', 'TLSv1.0']],
      [0x0303, ['TLSv1_2', 'TLSv1.2']],
      [0x0304, ['TLSv1_3', 'TLSv1.3']],
      [0x7f1c, ['TLSv1_3', 'TLSv1.3']],
      [0x7e02, ['TLSv1_3', 'TLSv1.3']],
      [0xfb1a, ['TLSv1_3', 'TLSv1.3']],
      [0x0100, ['DTLSv1_0', 'DTLSv1.0']],
      [0xfeff, ['DTLSv1_0', 'DTLSv1.0']],
      [0xfefd, ['DTLSv1_2', 'DTLSv1.2']],
      [0xfefc, ['DTLSv1_3', 'DTLSv1.3']],
      [0x0305, ['UNKNOWN (0x0305)', undefined]],
      [0x0000, ['UNKNOWN (0x0000)', undefined]],
    ]);
    for (const [code, expected] of names) {
      assert.deepEqual([tlsVersionName(code), sslVersionName(code)], expected);
    }
  });
});

describe('tables', () => {
  for (const [what, entries] of Object.entries({
    CIPHER_SUITES,
    UNREGISTERED_CIPHER_SUITES,
    GROUPS,
    SIGNATURE_SCHEMES,
    EXTENSIONS,
    CURVES,
  })) {
    test(`${what}: code points and names are unique`, () => {
      assert.equal(new Set(entries.map(([code]) => code)).size, entries.length);
      assert.equal(new Set(entries.map(([, name]) => name)).size, entries.length);
    });
  }

  test('every suite of the registry has its name, nothing else has one', { skip: missing }, () => {
    const rows = parseCsv(readFileSync(join(sources, 'iana/tls-parameters-4.csv'), 'utf8')).slice(1);
    assert.equal(rows.length, 448);
    const registered = new Map<number, string>();
    for (const [value = '', name = ''] of rows) {
      if (name.startsWith('TLS_')) registered.set(Number.parseInt(value.replace(/0x|,/g, ''), 16), name);
    }
    assert.equal(registered.size, 356);
    for (let code = 0; code <= 0xffff; code++) {
      const expected = registered.get(code) ?? `UNKNOWN (0x${code.toString(16).padStart(4, '0')})`;
      assert.equal(cipherSuiteName(code), expected);
    }
  });

  test('the committed tables are what the registries give', { skip: missing }, () => {
    assert.equal(generate(sources), readFileSync('src/dissect/iana-tables.ts', 'utf8'));
  });
});

test('CSV records: quotes, commas and line breaks inside quotes', () => {
  assert.deepEqual(parseCsv('a,b\r\n"1,2","x\n""y"""\n,\n'), [
    ['a', 'b'],
    ['1,2', 'x\n"y"'],
    ['', ''],
  ]);
});
