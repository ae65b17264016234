import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Certificate } from '../../src/dissect/event.ts';
import { certificateNames, nameMatcher } from '../../src/policy/server-name.ts';
import { certificate, detailed } from './handshakes.ts';
import { policy, summary } from './policies.ts';

const DAY = 86_400;
const NEW_YEAR_2025 = 1_735_689_600;

/** What a rule on the certificate says of a TLS 1.2 handshake of 2025-02-01 with this chain. */
function judged(requirements: string, chain: (Partial<Certificate> | undefined)[], serverName?: string): string[] {
  const certificates = chain.map((fields) => fields && certificate(fields));
  const event = detailed(0x0303, 0xc02f, { certificates }, { serverName });
  return summary(policy(`negotiated: { certificate: { ${requirements} } }`).judge(event));
}

const rsa = (bits: number) => ({ key: { type: 'RSA', bits, curve: undefined } });
const ec = (curve: string, bits: number) => ({ key: { type: 'EC', bits, curve } });
const GOOD = ['compliant'];
const NOT_OBSERVED = ['not_observable', 'r?'];
const bad = (text: string) => ['non_compliant', `r: ${text}`];

describe('keys', () => {
  test('size by type, RSA-PSS as RSA', () => {
    const rule = 'key_bits: { RSA: ">= 2048", EC: ">= 256" }';
    assert.deepEqual(judged(rule, [rsa(2048)]), GOOD);
    assert.deepEqual(judged(rule, [rsa(1024)]), bad('RSA key of 1024 bits, not RSA key of at least 2048 bits'));
    assert.equal(judged(rule, [{ key: { type: 'RSA-PSS', bits: 1024, curve: undefined } }])[0], 'non_compliant');
    assert.deepEqual(judged(rule, [ec('secp224r1', 224)]), bad('EC key of 224 bits, not EC key of at least 256 bits'));
    assert.deepEqual(judged(rule, [{ key: { type: 'Ed25519', bits: undefined, curve: undefined } }]), GOOD);
    assert.deepEqual(judged(rule, [{ key: { type: 'RSA', bits: undefined, curve: undefined } }]), NOT_OBSERVED);
  });

  test('type and curve, by any alias', () => {
    assert.deepEqual(judged('key_types: { allow: [EC, RSA] }', [rsa(2048)]), GOOD);
    assert.deepEqual(judged('key_types: { deny: [DSA] }', [{ key: { type: 'DSA', bits: 1024, curve: undefined } }]), [
      ...bad('key type DSA, not key type not DSA'),
    ]);
    const curves = 'curves: { allow: [prime256v1, P-384] }';
    assert.deepEqual(judged(curves, [ec('secp256r1', 256)]), GOOD);
    assert.deepEqual(
      judged(curves, [ec('secp521r1', 521)]),
      bad('curve secp521r1, not curve one of prime256v1, P-384'),
    );
    assert.deepEqual(judged(curves, [rsa(2048)]), GOOD);
  });

  test('a curve without a name is none of the allowed; whether it is denied nobody can say', () => {
    const unnamed = { key: { type: 'EC', bits: undefined, curve: '2.23.43.1.4.12' } };
    assert.deepEqual(judged('curves: { deny: [secp224r1] }', [unnamed]), NOT_OBSERVED);
    assert.deepEqual(judged('curves: { allow: [P-256] }', [unnamed]), bad('curve 2.23.43.1.4.12, not curve P-256'));
    assert.deepEqual(
      judged('curves: { deny: [K-163] }', [ec('sect163k1', 163)]),
      bad('curve sect163k1, not curve not K-163'),
    );
    assert.deepEqual(judged('curves: { deny: [K-163] }', [ec('secp112r1', 112)]), GOOD);
  });
});

describe('signature', () => {
  const rule = 'signature_hashes: { deny: [MD5, SHA1] }';

  test('by its hash', () => {
    assert.deepEqual(judged(rule, [{ signatureAlgorithm: 'ecdsa-with-SHA256' }]), GOOD);
    assert.deepEqual(
      judged(rule, [{ signatureAlgorithm: 'sha1WithRSAEncryption' }]),
      bad('sha1WithRSAEncryption, not signature hash not MD5, SHA1'),
    );
    assert.deepEqual(judged('signature_hashes: { allow: [SHA256] }', [{ signatureAlgorithm: 'ED25519' }]), GOOD);
    assert.deepEqual(judged(rule, [{ signatureAlgorithm: 'RSA-SHA3-256' }]), GOOD);
    assert.deepEqual(judged('signature_hashes: { allow: [SHA256] }', [{ signatureAlgorithm: 'RSA-SHA3-256' }]), [
      ...bad('RSA-SHA3-256, not signature hash SHA256'),
    ]);
    const pss = (signatureHash: string | undefined) => [{ signatureAlgorithm: 'rsassaPss', signatureHash }];
    assert.deepEqual(judged(rule, pss('SHA256')), GOOD);
    assert.deepEqual(judged(rule, pss('SHA1')), bad('rsassaPss with SHA1, not signature hash not MD5, SHA1'));
    assert.deepEqual(judged(rule, pss(undefined)), NOT_OBSERVED);
    assert.deepEqual(judged(rule, pss('1.2.3.4')), NOT_OBSERVED);
  });

  test('whose hash has no name is none of the allowed; whether it is denied nobody can say', () => {
    const allow = 'signature_hashes: { allow: [SHA256, SHA384] }';
    const unnamed = { signatureAlgorithm: '1.3.36.3.3.1.4' };
    assert.deepEqual(judged(rule, [unnamed]), NOT_OBSERVED);
    const expected = 'signature hash one of SHA256, SHA384';
    assert.deepEqual(judged(allow, [unnamed]), bad(`1.3.36.3.3.1.4, not ${expected}`));
    const pss = (signatureHash: string | undefined) => [{ signatureAlgorithm: 'rsassaPss', signatureHash }];
    assert.deepEqual(judged(allow, pss('1.2.3.4')), bad(`rsassaPss with 1.2.3.4, not ${expected}`));
    assert.deepEqual(judged(allow, pss(undefined)), NOT_OBSERVED);
    for (const signatureAlgorithm of ['ripemd160WithRSA', 'md4WithRSAEncryption', 'sha512-256WithRSAEncryption']) {
      assert.deepEqual(judged(allow, [{ signatureAlgorithm }]), bad(`${signatureAlgorithm}, not ${expected}`));
    }
    // A root's own is not judged.
    assert.deepEqual(judged(`scope: chain, ${allow}`, [{}, { ...unnamed, selfSigned: true }]), GOOD);
  });

  test('by its algorithm', () => {
    const allow = 'signature_algorithms: { allow: [sha256WithRSAEncryption, ecdsa-with-SHA384] }';
    assert.deepEqual(judged(allow, [{ signatureAlgorithm: 'sha256WithRSAEncryption' }]), GOOD);
    const expected = 'signature one of sha256WithRSAEncryption, ecdsa-with-SHA384';
    for (const signatureAlgorithm of ['sha384WithRSAEncryption', 'ecdsa-with-SHA256', 'rsassaPss', '1.2.3.4']) {
      assert.deepEqual(judged(allow, [{ signatureAlgorithm }]), bad(`${signatureAlgorithm}, not ${expected}`));
    }
    const deny = 'scope: chain, signature_algorithms: { deny: [sha1WithRSAEncryption] }';
    const root = { signatureAlgorithm: 'sha1WithRSAEncryption', selfSigned: true };
    assert.deepEqual(judged(deny, [{ signatureAlgorithm: 'sha256WithRSAEncryption' }, root]), GOOD);
    assert.equal(judged(deny, [{}, { ...root, selfSigned: false }])[0], 'non_compliant');
    assert.deepEqual(
      judged(deny, [{}, { signatureAlgorithm: 'sha1WithRSAEncryption', selfSigned: undefined }]),
      NOT_OBSERVED,
    );
  });

  test("of the chain where asked for, but for a root's on itself", () => {
    const weak = { signatureAlgorithm: 'sha1WithRSAEncryption', subject: 'CN=Old CA' };
    assert.deepEqual(judged(rule, [{}, weak]), GOOD);
    assert.deepEqual(judged(`scope: chain, ${rule}`, [{}, { ...weak, selfSigned: true }]), GOOD);
    assert.deepEqual(judged(`scope: chain, ${rule}`, [{}, { ...weak, selfSigned: undefined }]), NOT_OBSERVED);
    assert.deepEqual(judged(`scope: chain, ${rule}`, [{}, { selfSigned: undefined }]), GOOD);
    assert.equal(judged(rule, [{ ...weak, selfSigned: undefined }])[0], 'non_compliant');
    assert.deepEqual(
      judged(`scope: chain, ${rule}`, [{}, weak]),
      bad('sha1WithRSAEncryption (CN=Old CA), not signature hash not MD5, SHA1'),
    );
  });

  test('self-signed', () => {
    assert.deepEqual(judged('self_signed: false', [{}]), GOOD);
    assert.equal(judged('self_signed: false', [{ selfSigned: true }])[0], 'non_compliant');
    assert.deepEqual(judged('self_signed: false', [{ selfSigned: undefined }]), NOT_OBSERVED);
    assert.deepEqual(judged('self_signed: true', [{ selfSigned: undefined }]), NOT_OBSERVED);
  });
});

describe('a chain of which not all was read', () => {
  const every = [
    'key_types: { allow: [RSA] }',
    'key_bits: { RSA: ">= 2048" }',
    'signature_hashes: { allow: [SHA256] }',
    'expired: false',
  ];
  const ofLeaf = ['self_signed: false', 'name_mismatch: false', 'validity_days: "<= 90"'];
  const weak = { ...rsa(1024), subject: 'CN=Old CA', selfSigned: true };

  test('rules on the leaf say nothing of an issuer', () => {
    for (const rule of [...every, ...ofLeaf]) {
      assert.deepEqual(judged(rule, [undefined, {}], 'www.example.com'), NOT_OBSERVED, rule);
      assert.deepEqual(judged(rule, [undefined, weak], 'example.org'), NOT_OBSERVED, rule);
      assert.deepEqual(judged(rule, [{}, undefined], 'www.example.com'), GOOD, rule);
    }
    for (const rule of ofLeaf) {
      assert.deepEqual(judged(`scope: chain, ${rule}`, [undefined, {}], 'www.example.com'), NOT_OBSERVED, rule);
    }
  });

  test('rules on the chain: what is seen to be violated is, all else is not observed', () => {
    for (const rule of every) {
      assert.deepEqual(judged(`scope: chain, ${rule}`, [{}, undefined]), NOT_OBSERVED, rule);
      assert.deepEqual(judged(`scope: chain, ${rule}`, [undefined, {}]), NOT_OBSERVED, rule);
      assert.deepEqual(judged(`scope: chain, ${rule}`, [{}, {}]), GOOD, rule);
    }
    const bits = 'scope: chain, key_bits: { RSA: ">= 2048" }';
    const expected = 'not RSA key of at least 2048 bits';
    assert.deepEqual(judged(bits, [undefined, weak]), bad(`RSA key of 1024 bits (CN=Old CA), ${expected}`));
    assert.deepEqual(judged(bits, [weak, undefined]), bad(`RSA key of 1024 bits, ${expected}`));
  });
});

describe('validity, at the time of the packets', () => {
  test('expired, not yet valid', () => {
    assert.deepEqual(judged('expired: false, not_yet_valid: false', [{}]), GOOD);
    assert.deepEqual(
      judged('expired: false', [{ notAfter: NEW_YEAR_2025 + 10 * DAY - 1 }]),
      bad('valid until 2025-01-10, not a certificate that has not expired'),
    );
    assert.deepEqual(
      judged('not_yet_valid: false', [{ notBefore: NEW_YEAR_2025 + 59 * DAY }]),
      bad('valid from 2025-03-01, not a certificate that is valid already'),
    );
    // The last second of the period belongs to it.
    assert.deepEqual(judged('expired: false', [{ notAfter: 1_738_368_000 }]), GOOD);
    assert.equal(judged('expired: false', [{ notAfter: 1_738_367_999 }])[0], 'non_compliant');
  });

  test('length in days, both ends counted', () => {
    const rule = 'validity_days: "<= 90"';
    assert.deepEqual(judged(rule, [{}]), GOOD);
    assert.deepEqual(
      judged(rule, [{ notAfter: NEW_YEAR_2025 + 90 * DAY }]),
      bad('valid for 91 days, not valid for at most 90 days'),
    );
  });
});

describe('names (RFC 9525)', () => {
  const names = (...subjectAlternativeNames: string[]) => certificate({ subjectAlternativeNames });

  test('a name, whatever its case, and never the common name', () => {
    assert.ok(certificateNames(names('DNS:www.Example.com'), 'WWW.example.com'));
    assert.ok(!certificateNames(names('DNS:example.com'), 'www.example.com'));
    assert.ok(!certificateNames(names('email:www.example.com'), 'www.example.com'));
    assert.ok(!certificateNames(names(), 'www.example.com'));
  });

  test('a wildcard is one whole label, the left-most', () => {
    assert.ok(certificateNames(names('DNS:*.example.com'), 'www.example.com'));
    assert.ok(!certificateNames(names('DNS:*.example.com'), 'a.www.example.com'));
    assert.ok(!certificateNames(names('DNS:*.example.com'), 'example.com'));
    assert.ok(!certificateNames(names('DNS:w*.example.com'), 'www.example.com'));
    assert.ok(!certificateNames(names('DNS:www.*.com'), 'www.example.com'));
    assert.ok(!certificateNames(names('DNS:*.*.com'), 'www.example.com'));
    assert.ok(!certificateNames(names('DNS:*'), 'localhost'));
  });

  test('an address by its IP entry only', () => {
    assert.ok(certificateNames(names('IP:192.0.2.1'), '192.0.2.1'));
    assert.ok(certificateNames(names('IP:2001:db8::1'), '2001:db8:0::1'));
    assert.ok(!certificateNames(names('DNS:192.0.2.1'), '192.0.2.1'));
  });

  test('judged against SNI; without it, not observable', () => {
    const rule = 'name_mismatch: false';
    assert.deepEqual(judged(rule, [{}], 'www.example.com'), GOOD);
    assert.deepEqual(judged(rule, [{}], 'example.org'), [
      ...bad(
        'example.org asked for, DNS:www.example.com certified, not a certificate for the name that the client asked for',
      ),
    ]);
    assert.deepEqual(judged(rule, [{}]), NOT_OBSERVED);
  });

  test('a list of names that was cut may have the one that was asked for', () => {
    const cut = { subjectAlternativeNameCount: 300 };
    assert.deepEqual(judged('name_mismatch: false', [cut], 'www.example.com'), GOOD);
    assert.deepEqual(judged('name_mismatch: false', [cut], 'example.org'), NOT_OBSERVED);
    assert.deepEqual(judged('name_mismatch: true', [cut], 'example.org'), NOT_OBSERVED);
  });

  test('patterns of policies: a wildcard is any depth', () => {
    const matches = nameMatcher(['example.org', '*.example.com']);
    for (const name of ['example.org', 'EXAMPLE.org.', 'a.example.com', 'b.a.example.com'])
      assert.ok(matches(name), name);
    for (const name of ['example.com', 'a.example.org', 'notexample.com', '']) assert.ok(!matches(name), name);
  });
});
