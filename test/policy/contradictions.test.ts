import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parsePolicy } from '../../src/policy/load.ts';
import { PolicyError } from '../../src/policy/problem.ts';
import { HEAD, ruleText } from './policies.ts';

/** `what; remedy` of the mistakes in one rule. */
function mistakes(fields: string): string[] {
  try {
    parsePolicy(`${HEAD}rules:\n${ruleText('r', fields)}`, 'p.yaml');
  } catch (error) {
    assert.ok(error instanceof PolicyError);
    assert.ok(error.problems.every(({ position }) => position?.line === 6));
    return error.problems.map(({ what }) => what);
  }
  return [];
}

/** All that is wrong with a policy, as its author is told. */
function mistakesOf(body: string): string[] {
  try {
    parsePolicy(HEAD + body, 'p.yaml');
  } catch (error) {
    assert.ok(error instanceof PolicyError);
    return error.message.split('\n');
  }
  return [];
}

describe('rules that cannot be meant', () => {
  test('versions that leave none', () => {
    const none = ['no version keeps to all of these'];
    assert.deepEqual(mistakes('negotiated: { versions: { min: TLSv1_3, max: TLSv1_2 } }'), none);
    assert.deepEqual(mistakes('negotiated: { versions: { min: TLSv1_2, allow: [SSLv3] } }'), none);
    assert.deepEqual(mistakes('negotiated: { versions: { allow: [TLSv1_2], deny: [TLSv1_2] } }'), none);
    assert.deepEqual(mistakes('offered: { versions: { max: TLSv1_2, require: [TLSv1_3] } }'), [
      '`TLSv1_3` is required and ruled out at once',
    ]);
  });

  test('properties that nothing has', () => {
    assert.deepEqual(mistakes('negotiated: { cipher_suites: { deny: [{ encryption: RC4, mode: GCM }] } }'), [
      'no cipher suite has all of these properties',
    ]);
    // Of TLS 1.3 where a pre-shared key alone was negotiated: an offer does not tell.
    const alone = 'cipher_suites: { deny: [{ key_exchange: any, forward_secrecy: false }] }';
    assert.deepEqual(mistakes(`negotiated: { ${alone} }`), []);
    assert.deepEqual(mistakes(`offered: { ${alone} }`), ['no cipher suite has all of these properties']);
    assert.deepEqual(mistakes('negotiated: { groups: { allow: [{ ffdhe: true, post_quantum: true }] } }'), [
      'no group has all of these properties',
    ]);
    assert.deepEqual(mistakes('offered: { signature_schemes: { deny: [{ algorithm: EdDSA, hash: SHA1 }] } }'), [
      'no signature scheme has all of these properties',
    ]);
  });

  test('extensions that are required and ruled out', () => {
    assert.deepEqual(
      mistakes('negotiated: { extensions: { require: [encrypt_then_mac], deny: [truncated_hmac, encrypt_then_mac] } }'),
      ['`encrypt_then_mac` is required and ruled out at once'],
    );
    assert.deepEqual(
      mistakes('negotiated: { extensions: { require: [encrypt_then_mac], deny: [truncated_hmac] } }'),
      [],
    );
  });

  test('suites that are of no version of the rule', () => {
    const old = 'applies_to: { versions: { max: TLSv1_2 } }';
    const none = ['none of these suites is of a version that the rule applies to'];
    assert.deepEqual(mistakes(`${old}, negotiated: { cipher_suites: { deny: [TLS_AES_128_GCM_SHA256] } }`), none);
    assert.deepEqual(mistakes(`${old}, negotiated: { cipher_suites: { deny: [{ encryption: AES }] } }`), []);
    const modern = 'applies_to: { versions: { min: TLSv1_3 } }';
    assert.deepEqual(mistakes(`${modern}, negotiated: { cipher_suites: { deny: [{ key_exchange: RSA }] } }`), none);
    // By a pre-shared key alone.
    assert.deepEqual(mistakes(`${modern}, negotiated: { cipher_suites: { deny: [{ forward_secrecy: false }] } }`), []);
    assert.deepEqual(mistakes(`${old}, negotiated: { cipher_suites: { deny: ["0x1a2b"] } }`), []);
    const quic = 'applies_to: { protocols: [quic] }';
    assert.deepEqual(mistakes(`${quic}, negotiated: { cipher_suites: { allow: [{ key_exchange: ECDHE }] } }`), none);
    assert.deepEqual(mistakes(`${quic}, negotiated: { cipher_suites: { allow: [{ key_exchange: any }] } }`), []);
  });

  test('what TLS 1.3 encrypts, of TLS 1.3', () => {
    const certificate = 'negotiated: { certificate: { expired: false } }';
    const hidden = (what: string) => [
      `TLS 1.3 encrypts what \`${what}\` is about, so that the rule can never be judged`,
    ];
    assert.deepEqual(mistakes(`applies_to: { versions: { min: TLSv1_3 } }, ${certificate}`), hidden('certificate'));
    assert.deepEqual(mistakes(`applies_to: { protocols: [quic] }, ${certificate}`), hidden('certificate'));
    assert.deepEqual(
      mistakes(
        'applies_to: { versions: { allow: [TLSv1_3] } }, negotiated: { signature_schemes: { deny: [{ hash: SHA1 }] } }',
      ),
      hidden('signature_schemes'),
    );
    assert.deepEqual(mistakes(`applies_to: { versions: { min: TLSv1_2 } }, ${certificate}`), []);
    const suites = (names: string) => `applies_to: { cipher_suites: { allow: [${names}] } }, ${certificate}`;
    assert.deepEqual(mistakes(suites('TLS_AES_128_GCM_SHA256')), hidden('certificate'));
    assert.deepEqual(mistakes(suites('TLS_AES_128_GCM_SHA256, AES128-SHA')), []);
  });

  test('extensions that no ServerHello of TLS 1.3 has', () => {
    const of = (versions: string, extensions: string) =>
      mistakes(`applies_to: { versions: { ${versions} } }, negotiated: { extensions: { ${extensions} } }`);
    const none = (name: string) => [`no ServerHello of TLS 1.3 has \`${name}\`, so that the rule can never be judged`];
    assert.deepEqual(of('min: TLSv1_3', 'require: [extended_master_secret]'), none('extended_master_secret'));
    assert.deepEqual(of('min: TLSv1_3', 'require: [key_share], deny: [truncated_hmac]'), none('truncated_hmac'));
    assert.deepEqual(of('min: TLSv1_3', 'require: [key_share], deny: [pre_shared_key]'), []);
    assert.deepEqual(of('min: TLSv1_2', 'require: [extended_master_secret]'), []);
  });

  test('DNS in the clear under conditions on TLS', () => {
    const named = 'applies_to: { server_names: [dns.example.com] }';
    assert.deepEqual(mistakes(`${named}, dns: { encrypted: true }`), [
      'DNS in the clear has no `server_names`, so that nothing matches',
    ]);
    assert.deepEqual(mistakes(`${named}, dns: { encrypted_resolvers: { names: [dns.example.com] } }`), []);
    assert.deepEqual(mistakes('applies_to: { ports: [53] }, dns: { encrypted: true }'), []);
  });

  test('are told beside mistakes in the shape of other rules', () => {
    const rules = ruleText('a', 'negotiated: { versions: { min: TLSv9 } }') + ruleText('b', 'dns: { encrypted: 1 }');
    const dead = ruleText('c', 'negotiated: { versions: { min: TLSv1_3, max: TLSv1_2 } }');
    const [first, ...more] = mistakesOf(`rules:\n${rules}${dead}`);
    assert.match(first ?? '', /^p\.yaml:6:\d+: .*TLSv9/);
    assert.match(more[0] ?? '', /^p\.yaml:7:\d+: .*encrypted/);
    assert.match(more.at(-1) ?? '', /^p\.yaml:8:\d+: no version keeps to all of these; let `min`, `max`/);
  });

  test('suites that no condition can match', () => {
    assert.deepEqual(
      mistakes(
        'applies_to: { cipher_suites: { allow: [{ encryption: RC4, mode: CBC }] } }, negotiated: { resumed: false }',
      ),
      ['no cipher suite has all of these properties'],
    );
  });

  test('suites of a condition that none of its versions has', () => {
    const of = (suites: string) =>
      mistakes(
        `applies_to: { versions: { allow: [TLSv1_2] }, cipher_suites: { ${suites} } }, negotiated: { resumed: false }`,
      );
    const none = ['none of these suites is of TLSv1_2, so that nothing matches'];
    assert.deepEqual(of('allow: [TLS_AES_128_GCM_SHA256]'), none);
    assert.deepEqual(of('allow: [TLS_AES_128_GCM_SHA256, AES128-SHA], deny: [{ mode: CBC }]'), none);
    assert.deepEqual(of('allow: [TLS_AES_128_GCM_SHA256, AES128-SHA]'), []);
    assert.deepEqual(of('allow: ["0x1a2b"]'), []);
    assert.deepEqual(of('deny: [AES128-SHA]'), []);
    const exception = 'applies_to: { versions: { min: TLSv1_3 }, cipher_suites: { allow: [AES128-SHA] } }';
    const rule = ruleText('r', 'negotiated: { resumed: false }');
    const [only] = mistakesOf(`rules:\n${rule}exceptions:\n  - { ${exception}, reason: x, until: 2030-01-01 }\n`);
    assert.match(only ?? '', /^p\.yaml:8:.* none of these suites is of TLSv1_3, DTLSv1_3, so that nothing matches;/);
  });

  test('one thing by two names', () => {
    assert.deepEqual(mistakes('negotiated: { cipher_suites: { deny: [AES128-SHA, { aead: false }, "0x002f"] } }'), [
      'AES128-SHA and 0x002f are one cipher suite',
    ]);
    assert.deepEqual(mistakes('offered: { groups: { require: [P-256, P-384, secp256r1] } }'), [
      'P-256 and secp256r1 are one group',
    ]);
    assert.deepEqual(mistakes('negotiated: { certificate: { curves: { deny: [P-256, prime256v1] } } }'), [
      'P-256 and prime256v1 are one curve',
    ]);
    assert.deepEqual(mistakes('negotiated: { certificate: { curves: { allow: [P-256], deny: [prime256v1] } } }'), [
      'everything that is allowed is denied too',
    ]);
  });

  test('lists that take back what they give', () => {
    assert.deepEqual(
      mistakes('negotiated: { cipher_suites: { allow: [{ encryption: RC4 }], deny: [{ aead: false }] } }'),
      ['every cipher suite that is allowed is denied too'],
    );
    assert.deepEqual(
      mistakes('offered: { groups: { require: [{ hybrid_pq: true }], deny: [{ post_quantum: true }] } }'),
      ['hybrid pq is required and ruled out at once'],
    );
    assert.deepEqual(mistakes('negotiated: { certificate: { signature_hashes: { allow: [SHA1], deny: [SHA1] } } }'), [
      'everything that is allowed is denied too',
    ]);
  });

  test('comparisons that no number meets', () => {
    const none = ['no number keeps to all of these'];
    assert.deepEqual(mistakes('negotiated: { dh_bits: [">= 2048", "< 1024"] }'), none);
    assert.deepEqual(mistakes('negotiated: { certificate: { key_bits: { RSA: ["> 10", "< 11"] } } }'), none);
  });

  test('properties of keys that are ruled out', () => {
    assert.deepEqual(mistakes('negotiated: { certificate: { key_types: { allow: [EC] }, key_bits: { RSA: 2048 } } }'), [
      'key type RSA is ruled out, so that nothing matches',
    ]);
    assert.deepEqual(
      mistakes('negotiated: { certificate: { key_types: { deny: [EC] }, curves: { allow: [P-256] } } }'),
      ['key type EC is ruled out, so that nothing matches'],
    );
  });

  test('conditions that never match', () => {
    const rule = 'negotiated: { resumed: false }';
    assert.deepEqual(mistakes(`from: 2025-02-01, until: 2025-01-31, ${rule}`), [
      'the rule ends on 2025-01-31, before it begins on 2025-02-01',
    ]);
    assert.deepEqual(mistakes(`from: 2025-02-01, until: 2025-02-01, ${rule}`), []);
    assert.deepEqual(mistakes(`applies_to: { protocols: [quic], versions: { max: TLSv1_2 } }, ${rule}`), [
      'no version of quic is SSLv2, SSLv3, TLSv1_0, TLSv1_1, DTLSv1_0, TLSv1_2, DTLSv1_2, so that nothing matches',
    ]);
  });
});

describe('values that are no such thing', () => {
  const rule = 'negotiated: { resumed: false }';

  test('names, with the nearest', () => {
    assert.deepEqual(mistakes('negotiated: { groups: { deny: [x25518] } }'), ['unknown group "x25518"']);
    assert.deepEqual(mistakes('offered: { signature_schemes: { deny: [rsa_pss] } }'), [
      'unknown signature scheme "rsa_pss"',
    ]);
    assert.deepEqual(mistakes('negotiated: { certificate: { signature_algorithms: { deny: [SHA1WithRSA] } } }'), [
      'unknown signature algorithm "SHA1WithRSA"',
    ]);
  });

  test('days, networks, ports, names, comparisons', () => {
    assert.deepEqual(mistakes(`from: 2025-02-30, ${rule}`), ['"2025-02-30" is no day']);
    assert.deepEqual(mistakes(`applies_to: { clients: [10.0.0.0/33] }, ${rule}`), ['"10.0.0.0/33" is no network']);
    assert.deepEqual(mistakes(`applies_to: { ports: ["90-80"] }, ${rule}`), ['"90-80" is no range of ports']);
    assert.deepEqual(mistakes(`applies_to: { server_names: ["www.*.com"] }, ${rule}`), ['"www.*.com" is no host name']);
    assert.deepEqual(mistakes('negotiated: { dh_bits: "=> 2048" }'), ['"=> 2048" is no comparison']);
  });

  test('`require` is for offers', () => {
    assert.deepEqual(mistakes('negotiated: { versions: { require: [TLSv1_3] } }'), ['unknown key `require`']);
  });
});
