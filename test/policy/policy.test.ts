import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parsePolicy } from '../../src/policy/load.ts';
import { Policy, PolicySet } from '../../src/policy/policy.ts';
import { clientHello, handshake, negotiated, serverHello } from './handshakes.ts';

/** A policy with one rule of these requirements, in YAML. */
function policy(requirements: string, id = 'test'): Policy {
  const head = `id: ${id}\ntitle: t\nversion: "1"\nsource: s\nrules:\n`;
  const rule = '  - { id: r, level: should, severity: low, reference: c, message: m, remediation: d, ';
  return new Policy(parsePolicy(`${head}${rule}${requirements} }\n`, 'test.yaml'));
}

/** What a policy observed against itself, with what it expected. */
function findings(requirements: string, ...judged: Parameters<Policy['judge']>): string[] {
  return policy(requirements)
    .judge(...judged)
    .violations.map(({ observed, expected }) => `${observed}; expected ${expected}`);
}

describe('versions', () => {
  const hits = (requirement: string, version: number) =>
    findings(`negotiated: { versions: { ${requirement} } }`, negotiated(version, 0xc02f));

  test('min compares generations, TLS and DTLS alike', () => {
    for (const version of [0x0303, 0x0304, 0x7f1c, 0xfefd, 0xfefc]) assert.deepEqual(hits('min: TLSv1_2', version), []);
    assert.deepEqual(hits('min: TLSv1_2', 0x0302), ['TLSv1_1; expected TLSv1_2 or later']);
    assert.deepEqual(hits('min: TLSv1_2', 0xfeff), ['DTLSv1_0; expected TLSv1_2 or later']);
    assert.deepEqual(hits('min: SSLv3', 0x0002), ['SSLv2; expected SSLv3 or later']);
    assert.deepEqual(hits('min: SSLv2', 0x1603), ['UNKNOWN (0x1603); expected SSLv2 or later']);
  });

  test('allow and deny go by name', () => {
    assert.deepEqual(hits('allow: [TLSv1_3]', 0x0304), []);
    assert.deepEqual(hits('allow: [TLSv1_3]', 0x0303), ['TLSv1_2; expected TLSv1_3']);
    assert.deepEqual(hits('allow: [TLSv1_2, TLSv1_3]', 0xfefd), ['DTLSv1_2; expected one of TLSv1_2, TLSv1_3']);
    assert.deepEqual(hits('deny: [TLSv1_0, DTLSv1_0]', 0x0100), ['DTLSv1_0; expected not TLSv1_0, DTLSv1_0']);
    assert.deepEqual(hits('deny: [TLSv1_0]', 0x0302), []);
  });
});

describe('cipher suites', () => {
  const hits = (requirement: string, suite: number) =>
    findings(`negotiated: { cipher_suites: { ${requirement} } }`, negotiated(0x0303, suite));
  const denied = (selector: string, suite: number) => hits(`deny: [${selector}]`, suite).length === 1;

  test('by name and by code, quoted or not, of two bytes or three', () => {
    assert.ok(denied('TLS_RSA_WITH_AES_128_CBC_SHA', 0x002f));
    assert.ok(denied('0x002f', 0x002f));
    assert.ok(denied('"0x002F"', 0x002f));
    assert.ok(denied('0x1234', 0x1234));
    assert.ok(denied('SSL_CK_RC4_128_WITH_MD5', 0x010080));
    assert.ok(denied('"0x010080"', 0x010080));
    assert.ok(denied('TLS_RSA_EXPORT1024_WITH_RC4_56_SHA', 0x0064));
    assert.ok(!denied('TLS_RSA_WITH_AES_128_CBC_SHA', 0x0035));
  });

  test('by property: all properties of a selector, any value of a property', () => {
    const selector = '{ encryption: [AES, CAMELLIA], mode: CBC, key_exchange: ECDHE }';
    assert.ok(denied(selector, 0xc013));
    assert.ok(denied(selector, 0xc072));
    assert.ok(!denied(selector, 0xc02f));
    assert.ok(!denied(selector, 0x002f));
    assert.ok(denied('{ mac: SHA1 }', 0xc013));
    assert.ok(denied('{ aead: false }', 0xc013));
    assert.ok(denied('{ authentication: [DSS, anonymous] }', 0x0032));
    assert.ok(denied('{ forward_secrecy: false }', 0x009c));
    assert.ok(!denied('{ forward_secrecy: false }', 0x1301));
    assert.ok(denied('{ export: true }', 0x020080));
  });

  test('by strength: 3DES counts 112 bits', () => {
    assert.ok(denied('{ strength_bits: "< 128" }', 0x000a));
    assert.ok(!denied('{ strength_bits: "< 112" }', 0x000a));
    assert.ok(denied('{ strength_bits: [">= 112", "< 128"] }', 0x000a));
    assert.ok(!denied('{ strength_bits: "< 128" }', 0x002f));
    assert.ok(denied('{ strength_bits: "< 112" }', 0x0009));
  });

  test('NULL means the cipher, quoted or not', () => {
    for (const text of ['NULL', '"NULL"', '[NULL]', '["NULL", RC4]']) {
      assert.ok(denied(`{ encryption: ${text} }`, 0x0001), text);
      assert.ok(!denied(`{ encryption: ${text} }`, 0x002f), text);
    }
  });

  test('what TLS 1.3 leaves open is `any`', () => {
    assert.ok(!denied('{ key_exchange: RSA }', 0x1301));
    assert.ok(denied('{ key_exchange: any }', 0x1301));
    assert.deepEqual(hits('allow: [{ key_exchange: [ECDHE, any], aead: true }]', 0x1301), []);
  });

  test('allow: a suite that is unknown is not allowed', () => {
    const allow = 'allow: [{ aead: true }, TLS_RSA_WITH_AES_128_CBC_SHA]';
    assert.deepEqual(hits(allow, 0x002f), []);
    assert.deepEqual(hits(allow, 0x1234), ['UNKNOWN (0x1234); expected one of aead, TLS_RSA_WITH_AES_128_CBC_SHA']);
  });

  test('allow and deny together are two requirements', () => {
    const both = 'allow: [{ encryption: AES }], deny: [{ encryption: RC4, strength_bits: ["> 0", "<= 128"] }]';
    assert.deepEqual(hits(both, 0x0005), [
      'TLS_RSA_WITH_RC4_128_SHA; expected encryption AES',
      'TLS_RSA_WITH_RC4_128_SHA; expected not encryption RC4 and strength above 0 and at most 128 bits',
    ]);
  });
});

describe('offers', () => {
  const suites = 'offered: { cipher_suites: { deny: [{ encryption: RC4 }] } }';
  const allowed = 'offered: { cipher_suites: { allow: [{ aead: true }] } }';
  const versions = 'offered: { versions: { min: TLSv1_2 } }';

  test('every bad suite of the offer in one violation', () => {
    const hello = clientHello({ cipherSuites: [0xc02f, 0x0005, 0x0004], sslv2CipherKinds: [0x010080] });
    assert.deepEqual(findings(suites, handshake(hello, undefined)), [
      'TLS_RSA_WITH_RC4_128_SHA, TLS_RSA_WITH_RC4_128_MD5, SSL_CK_RC4_128_WITH_MD5; expected not encryption RC4',
    ]);
  });

  test('GREASE and signaling values are no suites', () => {
    const hello = clientHello({ cipherSuites: [0x5a5a, 0x1301, 0x00ff, 0x5600] });
    assert.deepEqual(findings(allowed, handshake(hello, undefined)), []);
    const unknown = clientHello({ cipherSuites: [0x1234] });
    assert.deepEqual(findings(allowed, handshake(unknown, undefined)), ['UNKNOWN (0x1234); expected aead']);
  });

  test('a long list is cut and counted', () => {
    const cipherSuites = Array.from({ length: 30 }, (_, i) => 0x2000 + i);
    const [finding = ''] = findings(allowed, handshake(clientHello({ cipherSuites }), undefined));
    assert.match(finding, /^UNKNOWN \(0x2000\), .*UNKNOWN \(0x200f\) and 14 more; /);
  });

  test('supported_versions before the version field, GREASE left out, SSL 2.0 by its cipher kinds', () => {
    const hits = (fields: Parameters<typeof clientHello>[0]) =>
      findings(versions, handshake(clientHello(fields), undefined));
    assert.deepEqual(hits({ supportedVersions: [0x7a7a, 0x0304, 0x0303] }), []);
    assert.deepEqual(hits({ supportedVersions: [0x0304, 0x0303, 0x0302, 0x0301] }), [
      'TLSv1_1, TLSv1_0; expected TLSv1_2 or later',
    ]);
    assert.deepEqual(hits({ version: 0x0301 }), ['TLSv1_0; expected TLSv1_2 or later']);
    assert.deepEqual(hits({ version: 0x0303, sslv2: true, sslv2CipherKinds: [0x0700c0] }), [
      'SSLv2; expected TLSv1_2 or later',
    ]);
  });

  test('what was negotiated comes first', () => {
    const both = 'negotiated: { versions: { min: TLSv1_3 } }, offered: { versions: { min: TLSv1_2 } }';
    const judged = handshake(clientHello({ supportedVersions: [0x0302] }), serverHello(0x0302, 0xc013));
    assert.deepEqual(findings(both, judged), [
      'TLSv1_1; expected TLSv1_3 or later',
      'TLSv1_1; expected TLSv1_2 or later',
    ]);
  });
});

describe('outcome', () => {
  const both = 'negotiated: { versions: { min: TLSv1_2 } }, offered: { cipher_suites: { deny: [{ export: true }] } }';
  const good = clientHello({ cipherSuites: [0x1301] });
  const bad = clientHello({ cipherSuites: [0x0003] });
  const outcome = (requirements: string, ...judged: Parameters<typeof handshake>) =>
    policy(requirements).judge(handshake(...judged)).outcome;

  test('compliant only when every rule could be judged', () => {
    assert.equal(outcome(both, good, serverHello(0x0304, 0x1301)), 'compliant');
    assert.equal(outcome(both, good, undefined), 'not_observable');
    assert.equal(outcome(both, undefined, serverHello(0x0304, 0x1301)), 'not_observable');
    assert.equal(outcome('offered: { versions: { min: TLSv1_2 } }', good, undefined), 'compliant');
  });

  test('a violation counts even where the other half is missing', () => {
    assert.equal(outcome(both, bad, undefined), 'non_compliant');
    assert.equal(outcome(both, undefined, serverHello(0x0301, 0xc013)), 'non_compliant');
  });

  test('a HelloRetryRequest negotiates nothing', () => {
    const retry = { ...serverHello(0x0304, 0x1301), helloRetryRequest: true };
    const judged = { ...handshake(good, undefined), retry };
    assert.equal(policy('negotiated: { versions: { min: TLSv1_2 } }').judge(judged).outcome, 'not_observable');
  });
});

test('verdicts stay right when more pairs pass than are kept', () => {
  const judge = policy('negotiated: { cipher_suites: { deny: [{ encryption: RC4 }] } }');
  for (let round = 0; round < 2; round++) {
    for (let suite = 0; suite < 5000; suite++) judge.judge(negotiated(0x0303, suite));
    assert.equal(judge.judge(negotiated(0x0303, 0x0005)).outcome, 'non_compliant');
    assert.equal(judge.judge(negotiated(0x0303, 0xc02f)).outcome, 'compliant');
    assert.equal(judge.judge(negotiated(0x0301, 0x0005)).violations[0]?.observed, 'TLS_RSA_WITH_RC4_128_SHA');
  }
});

test('a set gives one verdict for each policy, in order', () => {
  const set = new PolicySet([
    policy('negotiated: { versions: { min: TLSv1_3 } }', 'strict'),
    policy('negotiated: { versions: { min: TLSv1_2 } }', 'lax'),
  ]);
  assert.deepEqual(
    set.judge(negotiated(0x0303, 0xc02f)).map(({ policy, outcome }) => [policy, outcome]),
    [
      ['strict', 'non_compliant'],
      ['lax', 'compliant'],
    ],
  );
});
