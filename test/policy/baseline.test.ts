import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { loadPolicy } from '../../src/policy/load.ts';
import { SUITES } from '../../src/policy/suites.ts';
import { clientHello, handshake, negotiated, serverHello } from './handshakes.ts';

const sources = join(process.env.VESPER_CORPUS ?? '../shared', 'policy-sources');
const missing = existsSync(sources) ? false : `no registry tables in ${sources}`;

const baseline = loadPolicy('baseline');

/** Ids of the rules that a handshake violates, in the policy's order. */
function violated(version: number, suite: number): string[] {
  return baseline.judge(negotiated(version, suite)).violations.map((violation) => violation.rule);
}

describe('what OpenSSL negotiates', () => {
  const cases: [string, number, number, string[]][] = [
    ['TLS 1.3 TLS_AES_256_GCM_SHA384', 0x0304, 0x1302, []],
    ['TLS 1.3 TLS_CHACHA20_POLY1305_SHA256', 0x0304, 0x1303, []],
    ['TLS 1.3 draft 28', 0x7f1c, 0x1301, []],
    ['TLS 1.2 ECDHE-RSA-AES128-GCM-SHA256', 0x0303, 0xc02f, []],
    ['TLS 1.2 ECDHE-ECDSA-CHACHA20-POLY1305', 0x0303, 0xcca9, []],
    ['TLS 1.2 DHE-RSA-AES256-SHA256', 0x0303, 0x006b, []],
    ['TLS 1.2 AES128-GCM-SHA256', 0x0303, 0x009c, ['no-static-rsa']],
    ['TLS 1.2 AES256-SHA', 0x0303, 0x0035, ['no-static-rsa']],
    ['TLS 1.2 RSA-PSK-AES128-GCM-SHA256', 0x0303, 0x00ac, ['no-static-rsa']],
    ['TLS 1.2 DES-CBC3-SHA', 0x0303, 0x000a, ['no-3des', 'no-static-rsa']],
    ['TLS 1.2 ECDHE-RSA-DES-CBC3-SHA', 0x0303, 0xc012, ['no-3des']],
    ['TLS 1.2 ECDHE-RSA-RC4-SHA', 0x0303, 0xc011, ['no-rc4']],
    ['TLS 1.2 ADH-AES128-SHA256', 0x0303, 0x006c, ['no-anonymous']],
    ['TLS 1.2 ECDHE-ECDSA-NULL-SHA', 0x0303, 0xc006, ['no-null-encryption']],
    ['TLS 1.2 AECDH-NULL-SHA', 0x0303, 0xc015, ['no-null-encryption', 'no-anonymous']],
    ['TLS 1.2 NULL-SHA256', 0x0303, 0x003b, ['no-null-encryption', 'no-static-rsa']],
    ['TLS 1.3 integrity only', 0x0304, 0xc0b4, ['no-null-encryption']],
    ['TLS 1.1 ECDHE-RSA-AES256-SHA', 0x0302, 0xc014, ['no-tls-1.0-1.1']],
    ['TLS 1.0 AES128-SHA', 0x0301, 0x002f, ['no-tls-1.0-1.1', 'no-static-rsa']],
    ['TLS 1.0 EXP-RC4-MD5', 0x0301, 0x0003, ['no-tls-1.0-1.1', 'no-export', 'no-rc4', 'no-static-rsa']],
    ['TLS 1.0 EXP-EDH-RSA-DES-CBC-SHA', 0x0301, 0x0014, ['no-tls-1.0-1.1', 'no-export', 'no-des']],
    [
      'TLS 1.0 EXP1024-RC4-SHA, never registered',
      0x0301,
      0x0064,
      ['no-tls-1.0-1.1', 'no-export', 'no-rc4', 'no-static-rsa'],
    ],
    ['SSL 3.0 DES-CBC-SHA', 0x0300, 0x0009, ['no-ssl', 'no-des', 'no-static-rsa']],
    ['SSL 2.0 RC4-MD5', 0x0002, 0x010080, ['no-ssl', 'no-rc4', 'no-static-rsa']],
    ['SSL 2.0 EXP-RC2-CBC-MD5', 0x0002, 0x040080, ['no-ssl', 'no-export', 'no-static-rsa']],
    ['DTLS 1.0 AES128-SHA', 0xfeff, 0xc013, ['no-tls-1.0-1.1']],
    ['DTLS 1.2 ECDHE-RSA-AES128-GCM-SHA256', 0xfefd, 0xc02f, []],
    ['DTLS 1.3', 0xfefc, 0x1301, []],
    ['a version that is none', 0x0000, 0xc02f, ['no-ssl']],
    ['a suite that nobody knows', 0x0303, 0x1234, []],
  ];
  for (const [what, version, suite, expected] of cases) {
    test(what, () => assert.deepEqual(violated(version, suite), expected));
  }
});

test('a violation says what was seen, what should have been, by which clause, and what to do', () => {
  const { policy, outcome, violations } = baseline.judge(negotiated(0x0301, 0xc013));
  assert.equal(policy, 'baseline');
  assert.equal(outcome, 'non_compliant');
  assert.deepEqual(violations, [
    {
      policy: 'baseline',
      rule: 'no-tls-1.0-1.1',
      level: 'must',
      severity: 'high',
      message: 'TLS 1.0, TLS 1.1 and DTLS 1.0 are obsolete and must not be negotiated.',
      observed: 'TLSv1_0',
      expected: 'not TLSv1_0, TLSv1_1, DTLSv1_0',
      reference: 'RFC 8996 §4, §5; RFC 9325 §3.1.1, §3.1.2',
      remediation: 'Update whichever side cannot do TLS 1.2, then let the server accept TLS 1.2 and TLS 1.3 only.',
    },
  ]);
});

test('a suite that was never registered is named with its code', () => {
  const [, first] = baseline.judge(negotiated(0x0301, 0x0062)).violations;
  assert.equal(first?.observed, 'TLS_RSA_EXPORT1024_WITH_DES_CBC_SHA (0x0062)');
  assert.equal(first?.expected, 'no export');
});

test('an offer alone, however bad, is not observable', () => {
  const bad = clientHello({ version: 0x0300, legacyVersion: 0x0300, cipherSuites: [0x0003, 0x0000] });
  assert.deepEqual(baseline.judge(handshake(bad, undefined)), {
    policy: 'baseline',
    outcome: 'not_observable',
    violations: [],
    notObserved: baseline.resolved.rules.map(({ id }) => id),
  });
  assert.equal(baseline.judge(handshake(bad, serverHello(0x0304, 0x1301))).outcome, 'compliant');
});

describe('the whole table', () => {
  /** The expectation by name alone, without the parser. */
  function byName(name: string): string[] {
    const cipher = name.split('_WITH_')[1] ?? name;
    const hits: [string, boolean][] = [
      ['no-null-encryption', /^NULL/.test(cipher) || /^TLS_SHA\d+_SHA\d+$/.test(name)],
      ['no-export', name.includes('EXPORT')],
      ['no-rc4', cipher.startsWith('RC4')],
      ['no-des', cipher.startsWith('DES')],
      ['no-3des', cipher.startsWith('3DES')],
      ['no-anonymous', name.includes('_anon_') || name === 'TLS_NULL_WITH_NULL_NULL'],
      ['no-static-rsa', /^(OLD_)?TLS_RSA_(?!PSK_)|^TLS_RSA_PSK_/.test(name)],
    ];
    return hits.filter(([, hit]) => hit).map(([rule]) => rule);
  }

  test('every known suite, under TLS 1.2', () => {
    let compared = 0;
    for (const { code, name } of SUITES.values()) {
      if (code > 0xffff) continue;
      assert.deepEqual(violated(0x0303, code), byName(name), name);
      compared++;
    }
    assert.equal(compared, 422);
  });

  test('every other code point: no rule fires on what nobody knows', () => {
    for (let code = 0; code <= 0xffff; code++) {
      if (!SUITES.has(code)) assert.deepEqual(violated(0x0303, code), []);
    }
  });

  test('every suite of cryptodatahub, from its properties', { skip: missing }, () => {
    interface HubSuite {
      readonly code: number;
      readonly key_exchange: string | null;
      readonly authentication: string | null;
      readonly bulk_cipher: string | null;
    }
    const suites: Record<string, HubSuite> = JSON.parse(
      readFileSync(join(sources, 'cryptodatahub/tls-cipher-suite.json'), 'utf8'),
    );
    let violating = 0;
    for (const [name, suite] of Object.entries(suites)) {
      // The table gives these two the key exchange RSA: they are pre-shared key alone.
      if (/^TLS_PSK_WITH_(ESTREAM_)?SALSA20/.test(name)) continue;
      const weak =
        suite.bulk_cipher === null ||
        /^(RC4|DES|TRIPLE_DES|RC2_)/.test(suite.bulk_cipher) ||
        suite.authentication === 'anonymous' ||
        suite.key_exchange === 'RSA';
      assert.equal(violated(0x0303, suite.code).length > 0, weak, name);
      if (weak) violating++;
    }
    assert.ok(violating > 150 && violating < 300);
  });

  test('every class of nsacyber/Mitigating-Obsolete-TLS', { skip: missing }, () => {
    const { obsolete, obsolete_versions }: { obsolete: Record<string, string[]>; obsolete_versions: string[] } =
      JSON.parse(readFileSync(join(sources, 'derived/nsa-obsolete-tls.json'), 'utf8'));
    const rules: Record<string, string> = {
      NULL: 'no-null-encryption',
      EXPORT: 'no-export',
      ANON: 'no-anonymous',
      RC4: 'no-rc4',
      DES: 'no-des',
      'TDES/3DES': 'no-3des',
    };
    for (const [kind, rule] of Object.entries(rules)) {
      for (const code of obsolete[kind] ?? [])
        assert.ok(violated(0x0303, Number(code)).includes(rule), `${kind} ${code}`);
    }
    for (const version of obsolete_versions) assert.equal(violated(Number(version), 0xc02f).length, 1, version);
  });
});
