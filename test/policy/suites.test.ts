import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { CIPHER_SUITES, UNREGISTERED_CIPHER_SUITES } from '../../src/dissect/iana-tables.ts';
import { parseSslv2Kind, parseSuiteName, SUITES, type SuiteProperties } from '../../src/policy/suites.ts';

const sources = join(process.env.VESPER_CORPUS ?? '../shared', 'policy-sources');
const missing = existsSync(sources) ? false : `no registry tables in ${sources}`;

const SIGNALING = ['TLS_EMPTY_RENEGOTIATION_INFO_SCSV', 'TLS_FALLBACK_SCSV'];

describe('properties by name', () => {
  const cases: [string, SuiteProperties][] = [
    [
      'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256',
      {
        keyExchange: 'ECDHE',
        authentication: 'RSA',
        encryption: 'AES',
        strength: 128,
        mode: 'GCM',
        mac: 'AEAD',
        forwardSecrecy: true,
        aead: true,
        export: false,
      },
    ],
    [
      'TLS_RSA_EXPORT_WITH_RC2_CBC_40_MD5',
      {
        keyExchange: 'RSA',
        authentication: 'RSA',
        encryption: 'RC2',
        strength: 40,
        mode: 'CBC',
        mac: 'MD5',
        forwardSecrecy: false,
        aead: false,
        export: true,
      },
    ],
    [
      'TLS_CHACHA20_POLY1305_SHA256',
      {
        keyExchange: 'any',
        authentication: 'any',
        encryption: 'CHACHA20_POLY1305',
        strength: 256,
        mode: 'none',
        mac: 'AEAD',
        forwardSecrecy: true,
        aead: true,
        export: false,
      },
    ],
    [
      'TLS_SHA256_SHA256',
      {
        keyExchange: 'any',
        authentication: 'any',
        encryption: 'NULL',
        strength: 0,
        mode: 'none',
        mac: 'SHA256',
        forwardSecrecy: true,
        aead: false,
        export: false,
      },
    ],
    [
      'TLS_KRB5_EXPORT_WITH_DES_CBC_40_SHA',
      {
        keyExchange: 'KRB5',
        authentication: 'KRB5',
        encryption: 'DES',
        strength: 40,
        mode: 'CBC',
        mac: 'SHA1',
        forwardSecrecy: false,
        aead: false,
        export: true,
      },
    ],
    [
      'TLS_DH_anon_WITH_3DES_EDE_CBC_SHA',
      {
        keyExchange: 'DHE',
        authentication: 'anonymous',
        encryption: '3DES',
        strength: 112,
        mode: 'CBC',
        mac: 'SHA1',
        forwardSecrecy: true,
        aead: false,
        export: false,
      },
    ],
  ];
  for (const [name, expected] of cases) test(name, () => assert.deepEqual(parseSuiteName(name), expected));

  test('signaling values and foreign text have none', () => {
    for (const name of [...SIGNALING, 'TLS_RSA_WITH_ROT13_SHA', 'AES128-SHA', '']) {
      assert.equal(parseSuiteName(name), undefined);
    }
  });

  test('SSLv2 cipher kinds', () => {
    const summary = (name: string) => {
      const found = parseSslv2Kind(name);
      return found && [found.keyExchange, found.encryption, found.strength, found.mode, found.mac, found.export];
    };
    assert.deepEqual(summary('SSL_CK_RC4_128_WITH_MD5'), ['RSA', 'RC4', 128, 'none', 'MD5', false]);
    assert.deepEqual(summary('SSL_CK_RC4_128_EXPORT40_WITH_MD5'), ['RSA', 'RC4', 40, 'none', 'MD5', true]);
    assert.deepEqual(summary('SSL_CK_RC2_128_CBC_EXPORT40_WITH_MD5'), ['RSA', 'RC2', 40, 'CBC', 'MD5', true]);
    assert.deepEqual(summary('SSL_CK_IDEA_128_CBC_WITH_MD5'), ['RSA', 'IDEA', 128, 'CBC', 'MD5', false]);
    assert.deepEqual(summary('SSL_CK_DES_64_CBC_WITH_MD5'), ['RSA', 'DES', 56, 'CBC', 'MD5', false]);
    assert.deepEqual(summary('SSL_CK_DES_192_EDE3_CBC_WITH_MD5'), ['RSA', '3DES', 112, 'CBC', 'MD5', false]);
  });
});

describe('the whole table', () => {
  test('every suite but the signaling values has properties', () => {
    const without = [...SUITES.values()].filter((suite) => suite.properties === undefined).map((suite) => suite.name);
    assert.deepEqual(without.sort(), SIGNALING);
    for (const suite of SUITES.values()) if (suite.properties) assert.ok(suite.properties.mac, suite.name);
  });

  test('agrees with rusticata/tls-parser', { skip: missing }, () => {
    const code = new Map([...CIPHER_SUITES, ...UNREGISTERED_CIPHER_SUITES].map(([c, name]) => [name, c]));
    let compared = 0;
    for (const line of readFileSync(join(sources, 'rusticata/tls-ciphersuites.txt'), 'utf8').split('\n')) {
      if (line === '') continue;
      const [hex = '', name = '', kx, au, enc, mode, bits, mac, , , , , exported] = line.split(':');
      assert.equal(code.get(name), Number.parseInt(hex, 16), name);
      const ours = parseSuiteName(name);
      if (SIGNALING.includes(name)) continue;
      assert.ok(ours, name);
      assert.deepEqual(theirs(name, { kx, au, enc, mode, bits, mac, exported }), comparable(ours), name);
      compared++;
    }
    assert.equal(compared, 350);
  });

  test('agrees with cryptodatahub', { skip: missing }, () => {
    const suites: Record<string, HubSuite> = JSON.parse(
      readFileSync(join(sources, 'cryptodatahub/tls-cipher-suite.json'), 'utf8'),
    );
    let compared = 0;
    for (const [name, suite] of Object.entries(suites)) {
      const ours = SUITES.get(suite.code)?.properties;
      assert.ok(ours, name);
      const { keyExchange, authentication, encryption, strength, mode, aead } = ours;
      assert.deepEqual(hub(name, suite), { keyExchange, authentication, encryption, strength, mode, aead }, name);
      if (!aead && name !== 'TLS_NULL_WITH_NULL_NULL') assert.equal(hubMac(suite.mac), ours.mac, name);
      compared++;
    }
    assert.equal(compared, 408);
  });
});

/** What rusticata's table can express. */
function comparable(ours: SuiteProperties) {
  const { keyExchange, authentication, encryption, strength, mode, mac } = ours;
  return { keyExchange, authentication, encryption, strength, mode, mac, export: ours.export };
}

/** A row of rusticata's table in our terms; its differences, all deliberate or errors of the table, are named here. */
function theirs(
  name: string,
  row: Record<'kx' | 'au' | 'enc' | 'mode' | 'bits' | 'mac' | 'exported', string | undefined>,
) {
  const anonymous = name.includes('_anon_');
  const nullSuite = name === 'TLS_NULL_WITH_NULL_NULL';
  const integrityOnly = /^TLS_SHA(256|384)_SHA/.test(name);
  const aegis = name.startsWith('TLS_AEGIS');
  const tls13 = row.kx === 'TLS13';
  return {
    // DH_anon and ECDH_anon are ephemeral (RFC 5246 §7.4.3, RFC 8422 §2.5): the table files them under DH and ECDH.
    keyExchange: anonymous ? `${row.kx}E` : tls13 || integrityOnly ? 'any' : row.kx,
    authentication: anonymous || nullSuite ? 'anonymous' : tls13 || integrityOnly ? 'any' : row.au?.replace('SRP+', ''),
    encryption: row.enc,
    // Nominal in the table, effective here (RFC 9325 §4.1); ChaCha20's key has 256 bits (RFC 8439), not the table's 128.
    strength: row.enc === '3DES' ? 112 : row.enc === 'CHACHA20_POLY1305' ? 256 : Number(row.bits),
    mode: name.includes('CCM_8') ? 'CCM_8' : row.mode === '' || row.mode === 'NULL' ? 'none' : row.mode,
    mac: aegis ? 'AEAD' : row.mac?.replace('HMAC-', ''),
    // Only the suites of 40 bits carry the flag.
    export: row.exported === '1' || name.includes('EXPORT1024'),
  };
}

interface HubSuite {
  readonly code: number;
  readonly key_exchange: string | null;
  readonly authentication: string | null;
  readonly bulk_cipher: string | null;
  readonly block_cipher_mode: string | null;
  readonly mac: string | null;
  readonly authenticated_encryption: boolean;
}

const HUB_KEY_EXCHANGES: Record<string, string> = {
  ADH: 'DHE',
  AECDH: 'ECDHE',
  SM9IBC: 'SM9',
  FORTEZZA_KEA: 'FORTEZZA',
};
const HUB_CIPHERS: Record<string, [string, number]> = {
  TRIPLE_DES_EDE: ['3DES', 112],
  DES40: ['DES', 40],
  DES: ['DES', 56],
  RC2_40: ['RC2', 40],
  RC2_56: ['RC2', 56],
  RC2: ['RC2', 128],
  RC4_40: ['RC4', 40],
  RC4_56: ['RC4', 56],
  RC4_128: ['RC4', 128],
  IDEA: ['IDEA', 128],
  SEED: ['SEED', 128],
  SM4: ['SM4', 128],
  CHACHA20: ['CHACHA20_POLY1305', 256],
  GOST2814789: ['GOST28147', 256],
  GOST_R3412_15_128: ['KUZNYECHIK', 256],
  GOST_R3412_15_64: ['MAGMA', 256],
  FORTEZZA: ['FORTEZZA', 80],
  SALSA20: ['SALSA20', 256],
  ESTREAM_SALSA20: ['SALSA20', 256],
};

/** A row of cryptodatahub in our terms; its errors are named here. */
function hub(name: string, suite: HubSuite) {
  const [, cipher, bits] = /^(AES|CAMELLIA|ARIA)_(\d+)$/.exec(suite.bulk_cipher ?? '') ?? [];
  const [encryption, strength] = cipher
    ? [cipher, Number(bits)]
    : suite.bulk_cipher === null
      ? ['NULL', 0]
      : (HUB_CIPHERS[suite.bulk_cipher] ?? [suite.bulk_cipher, -1]);
  return {
    keyExchange: hubKeyExchange(name, suite.key_exchange),
    authentication: suite.authentication?.startsWith('GOST') ? 'GOST' : (suite.authentication ?? 'any'),
    encryption,
    strength,
    mode: hubMode(name, suite.block_cipher_mode),
    aead: hubAead(name, suite.authenticated_encryption),
  };
}

function hubKeyExchange(name: string, keyExchange: string | null) {
  if (/^TLS_PSK_WITH_(ESTREAM_)?SALSA20/.test(name)) return 'PSK'; // the table says RSA
  if (name.startsWith('TLS_ECC_')) return 'SM2'; // SM2 encryption, no ECDH
  if (keyExchange === null) return 'any';
  return keyExchange.startsWith('GOST') ? 'GOST' : (HUB_KEY_EXCHANGES[keyExchange] ?? keyExchange);
}

function hubMode(name: string, mode: string | null) {
  if (name === 'TLS_DHE_DSS_WITH_RC4_128_SHA') return 'none'; // the table says CBC
  if (mode === 'EAX') return 'CTR'; // CTR with OMAC (RFC 9189)
  return mode ?? (name.includes('_CNT_') ? 'CNT' : 'none');
}

function hubAead(name: string, aead: boolean) {
  if (/^TLS_ECDHE_PSK_WITH_AES_128_CCM/.test(name)) return true;
  if (/^TLS_ECDHE_PSK_WITH_ARIA_\d+_CBC|SALSA20_SHA1$/.test(name)) return false; // a block mode or stream, and an HMAC
  return aead;
}

function hubMac(mac: string | null) {
  if (mac?.endsWith('OMAC')) return 'OMAC';
  if (mac?.startsWith('IMIT')) return 'IMIT';
  return mac?.replace('SHA2_', 'SHA').replace('GOST_R3411_94', 'GOSTR3411');
}
