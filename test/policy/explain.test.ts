/** What a policy says of one code point, by any of its names. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { explain, findSubjects, type Subject, suggestSubject } from '../../src/policy/explain.ts';
import { policy } from './policies.ts';

function subject(text: string): Subject {
  const [found] = findSubjects(text);
  assert.ok(found, text);
  return found;
}

/** `forbidden negotiated: expected` of each statement. */
const says = (text: string, ...rules: string[]): string[] =>
  explain(policy(...rules).resolved, subject(text)).map(
    ({ says, where, expected, scope }) => `${says} ${where}: ${expected}${scope === '' ? '' : ` (${scope})`}`,
  );

describe('findSubjects', () => {
  it('knows names of IANA, OpenSSL and GnuTLS, in any case', () => {
    for (const name of [
      'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256',
      'ecdhe-rsa-aes128-gcm-sha256',
      'TLS_ECDHE_RSA_AES_128_GCM_SHA256',
    ]) {
      assert.deepEqual(subject(name), {
        kind: 'cipher suite',
        code: 0xc02f,
        name: 'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256',
      });
    }
    assert.deepEqual(subject('prime256v1'), { kind: 'group', code: 23, name: 'secp256r1' });
    assert.equal(subject('RSA+SHA1').kind, 'signature scheme');
  });

  it('knows versions however they are spelled', () => {
    for (const name of ['TLSv1_2', 'TLSv1.2', 'tls 1.2', 'TLS1.2']) assert.equal(subject(name).name, 'TLSv1_2');
    for (const name of ['TLSv1', 'TLS 1.0', 'tlsv1_0']) assert.equal(subject(name).name, 'TLSv1_0');
    assert.equal(subject('sslv3').name, 'SSLv3');
    assert.equal(subject('SSL 3.0').name, 'SSLv3');
    assert.equal(subject('dtls1.2').name, 'DTLSv1_2');
  });

  it('takes a code for all kinds that have it', () => {
    assert.deepEqual(
      findSubjects('0x0017').map(({ kind, name }) => [kind, name]),
      [
        ['cipher suite', 'TLS_DH_anon_EXPORT_WITH_RC4_40_MD5'],
        ['group', 'secp256r1'],
      ],
    );
    assert.deepEqual(findSubjects('0xfffe'), []);
  });

  it('suggests the nearest name', () => {
    assert.deepEqual(findSubjects('x25518'), []);
    assert.equal(suggestSubject('x25518'), 'x25519');
  });
});

describe('explain', () => {
  it('tells what is forbidden, allowed and required', () => {
    const rule = 'negotiated: { cipher_suites: { allow: [{ aead: true }], deny: [{ strength_bits: "< 200" }] } }';
    assert.deepEqual(says('AES256-GCM-SHA384', rule), ['allowed negotiated: aead; not strength below 200 bits']);
    assert.deepEqual(says('AES128-SHA', rule), [
      'forbidden negotiated: aead',
      'forbidden negotiated: not strength below 200 bits',
    ]);
    const offered = 'offered: { groups: { require: [{ post_quantum: true }] }, key_shares: { deny: [x25519] } }';
    assert.deepEqual(says('X25519MLKEM768', offered), ['required offered: post quantum among them']);
    assert.deepEqual(says('x25519', offered), ['forbidden key shares: not x25519']);
    assert.deepEqual(says('secp384r1', offered), []);
  });

  it('tells what a rule on the prime of Diffie-Hellman says of the groups that it is about', () => {
    const later = 'from: 2031-01-01, negotiated: { dh_bits: ">= 3072" }';
    assert.deepEqual(says('ffdhe2048', later), ['forbidden negotiated: DH of at least 3072 bits (from 2031-01-01)']);
    for (const group of ['ffdhe3072', 'secp256r1', 'X25519MLKEM768']) assert.deepEqual(says(group, later), [], group);
    const subject: Subject = { kind: 'cipher suite', code: 0x0100, name: 'none' };
    assert.deepEqual(explain(policy(later).resolved, subject), []);
  });

  it('tells of versions, and of schemes', () => {
    const rule = 'negotiated: { versions: { min: TLSv1_2 } }';
    assert.deepEqual(says('TLSv1.1', rule), ['forbidden negotiated: TLSv1_2 or later']);
    assert.deepEqual(says('DTLSv1.2', rule), ['allowed negotiated: TLSv1_2 or later']);
    const schemes = 'offered: { signature_schemes: { deny: [{ hash: SHA1 }] } }';
    assert.deepEqual(says('rsa_pkcs1_sha1', schemes), ['forbidden offered: not hash SHA1']);
  });

  it('says to what a rule is limited, and passes over rules for other versions', () => {
    const rule =
      'from: 2027-01-01, applies_to: { ports: [443], versions: { min: TLSv1_3 } }, negotiated: { cipher_suites: { deny: [{ aead: true }] } }';
    assert.deepEqual(says('TLS_AES_128_GCM_SHA256', rule), [
      'forbidden negotiated: no aead (ports 443; versions TLSv1_3 or later; from 2027-01-01)',
    ]);
    assert.deepEqual(says('AES128-GCM-SHA256', rule), []);
  });
});
