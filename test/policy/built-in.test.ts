import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { Certificate, ClientHello, TlsHandshakeEvent } from '../../src/dissect/event.ts';
import { builtInPolicies, loadPolicy, parsePolicy, policyFile } from '../../src/policy/load.ts';
import { conversationOf } from '../conversation.ts';
import { PROJECT } from '../support/shared.ts';
import { certificate, clientHello, conversation, detailed, handshake } from './handshakes.ts';

const page = readFileSync(join(PROJECT, 'docs', 'policies.md'), 'utf8');
const readme = readFileSync(join(PROJECT, 'README.md'), 'utf8');

test('every built-in policy is right, says its document and date, and is in the docs', () => {
  for (const name of builtInPolicies()) {
    const file = policyFile(name);
    const warnings: unknown[] = [];
    const { id, source } = parsePolicy(readFileSync(file, 'utf8'), file, {
      now: 0,
      onWarning: (w) => warnings.push(w),
    });
    assert.equal(id, name);
    assert.deepEqual(warnings, [], name);
    if (name !== 'baseline') assert.match(source, /20[012]\d/, name);
    assert.ok(page.includes(`| \`${name}\` |`), `${name} in docs/policies.md`);
    assert.ok(readme.includes(`\`${name}\``), `${name} in README.md`);
  }
});

test('every rule has a clause, and whole sentences', () => {
  for (const name of builtInPolicies()) {
    for (const { id, reference, message, remediation } of loadPolicy(name).resolved.rules) {
      assert.match(message, /^[A-Z].*\.$/, `${name}/${id}`);
      assert.match(remediation, /^[A-Z].*\.$/, `${name}/${id}`);
      assert.match(reference, /\S \S/, `${name}/${id}`);
    }
  }
});

const NOW = 1_793_500_000;

/** Rules of a policy that a handshake of November 2026 violates. */
function rulesAgainst(policy: string, event: TlsHandshakeEvent): string[] {
  const { violations } = loadPolicy(policy).judge({ ...event, time: { seconds: NOW, nanos: 0 } });
  return [...new Set(violations.map(({ rule }) => rule))];
}

test('anonymous suites have no authentication: baseline and rfc-9325 agree', () => {
  const [ours, theirs] = ['baseline', 'rfc-9325'].map((policy) =>
    loadPolicy(policy).resolved.rules.find(({ id }) => id === 'no-anonymous'),
  );
  assert.deepEqual(theirs, ours);
  for (const suite of [0x00a7, 0xc018]) {
    assert.ok(rulesAgainst('rfc-9325', detailed(0x0303, suite, {})).includes('no-anonymous'));
  }
  assert.ok(!rulesAgainst('rfc-9325', detailed(0x0303, 0xc02f, {})).includes('no-anonymous'));
});

describe('rfc-9325: clients ask for SHA-256', () => {
  const asks = (fields: Partial<ClientHello>, event = handshake(clientHello(fields), undefined)) =>
    !rulesAgainst('rfc-9325', event).includes('client-requests-sha-256');
  const suites = { cipherSuites: [0xc02f, 0x1301] };

  test('by any scheme of it', () => {
    assert.ok(asks({ ...suites, signatureAlgorithms: [0x0401] }));
    assert.ok(asks({ ...suites, supportedVersions: [0x0304], signatureAlgorithms: [0x0804] }));
    assert.ok(asks({ ...suites, supportedVersions: [0x0304], signatureAlgorithms: [0x0403] }));
    assert.ok(!asks({ ...suites, signatureAlgorithms: [0x0301, 0x0201] }));
    assert.ok(!asks({ ...suites, supportedVersions: [0x0304, 0x0303], signatureAlgorithms: [0x0501] }));
    assert.ok(!asks(suites));
    assert.ok(!asks({ ...suites, version: 0xfefd, legacyVersion: 0xfefd }));
  });

  test('where their version has the extension, and a server may show a certificate', () => {
    for (const version of [0x0002, 0x0300, 0x0301, 0x0302, 0xfeff]) assert.ok(asks({ ...suites, version }));
    assert.ok(asks({ cipherSuites: [0x00a8, 0xc035] }));
    assert.ok(asks({ cipherSuites: [0x1301], supportedVersions: [0x0304], extensions: [43, 41] }));
  });

  test('QUIC is out of scope (§5)', () => {
    const event = handshake(clientHello({ cipherSuites: [0x1301], supportedVersions: [0x0304] }), undefined);
    assert.ok(!asks({}, event));
    assert.ok(asks({}, { ...event, conversation: conversationOf({ transport: 'udp' }, conversation) }));
  });
});

describe('a weak issuer in the chain', () => {
  const key = { type: 'RSA', bits: 1024, curve: undefined };
  const times = { notBefore: NOW - 86_400, notAfter: NOW + 86_400 };
  const rules = (policy: string, ...issuers: Partial<Certificate>[]) => {
    const certificates = [{}, ...issuers].map((fields) => certificate({ ...times, ...fields }));
    const details = { certificates, group: 0x0017, signatureScheme: 0x0401, resumed: false };
    return rulesAgainst(policy, detailed(0x0303, 0xc02f, details)).filter((rule) => /certificate|rsa/.test(rule));
  };

  test('is weak by the documents that speak of certificates, not of those of the server alone', () => {
    for (const policy of ['rfc-9325', 'pci-dss-4.0.1', 'nist-sp-800-52r2', 'fips-140-3']) {
      assert.deepEqual(rules(policy), [], policy);
      assert.deepEqual(rules(policy, { key }), ['certificate'], policy);
      assert.deepEqual(rules(policy, { signatureAlgorithm: 'sha1WithRSAEncryption' }), ['certificate'], policy);
      // A root's signature on itself proves nothing.
      assert.deepEqual(rules(policy, { signatureAlgorithm: 'sha1WithRSAEncryption', selfSigned: true }), [], policy);
    }
    for (const policy of ['nsa-obsolete-tls', 'anssi', 'mozilla-intermediate', 'mozilla-old']) {
      assert.deepEqual(rules(policy, { key, signatureAlgorithm: 'sha1WithRSAEncryption' }), [], policy);
    }
  });

  test('that has expired is no violation of pci-dss-4.0.1: clients may know another', () => {
    assert.deepEqual(rules('pci-dss-4.0.1', { notAfter: NOW - 1 }), []);
  });
});

test("Mozilla's days are as `openssl x509 -days` counts them, from the first second to the last", () => {
  for (const [policy, days] of [
    ['mozilla-modern', 90],
    ['mozilla-intermediate', 366],
    ['mozilla-old', 366],
  ] as const) {
    const observed = (seconds: number) => {
      const details = { certificates: [certificate({ notBefore: NOW, notAfter: NOW + seconds })] };
      const { violations } = loadPolicy(policy).judge(detailed(0x0303, 0xc02f, details));
      return violations.map((violation) => violation.observed).filter((text) => text.startsWith('valid'));
    };
    assert.deepEqual(observed(days * 86_400 - 1), [], policy);
    assert.deepEqual(observed(days * 86_400), [], policy);
    assert.deepEqual(observed((days + 1) * 86_400), [`valid for ${days + 2} days`], policy);
  }
});

describe('the least keys', () => {
  const TLS12 = 0x0303;
  /** Whether a policy has nothing against the keys of a handshake with ECDHE-RSA-AES256-GCM-SHA384. */
  const accepts = (policy: string, fields: Partial<Certificate>): boolean => {
    const details = { certificates: [certificate(fields)], group: 0x0018, signatureScheme: 0x0503 };
    const { violations } = loadPolicy(policy).judge(detailed(TLS12, 0xc030, details));
    return !violations.some(({ observed }) => /key|curve/.test(observed));
  };
  const rsa = (bits: number) => ({
    key: { type: 'RSA', bits, curve: undefined },
    signatureAlgorithm: 'ecdsa-with-SHA384',
  });
  const least: Readonly<Record<string, number>> = {
    'nist-sp-800-52r2': 2048,
    'fips-140-3': 2048,
    'pci-dss-4.0.1': 2048,
    'bsi-tr-02102-2': 3000,
    anssi: 2048,
    'mozilla-intermediate': 2048,
    'mozilla-old': 2048,
    'cnsa-1.0': 3072,
    'cnsa-2.0': 3072,
    'rfc-9325': 2048,
    'nsa-obsolete-tls': 2048,
  };
  for (const [policy, bits] of Object.entries(least)) {
    test(`${policy}: RSA of ${bits} bits`, () => {
      assert.ok(accepts(policy, rsa(bits)));
      assert.ok(!accepts(policy, rsa(bits - 1)));
    });
  }

  test('curves', () => {
    const curve = (name: string, bits: number) => ({ key: { type: 'EC', bits, curve: name } });
    assert.ok(!accepts('cnsa-1.0', curve('P-256', 256)));
    assert.ok(accepts('cnsa-1.0', curve('P-384', 384)));
    assert.ok(accepts('mozilla-modern', curve('P-256', 256)));
    assert.ok(!accepts('mozilla-modern', rsa(4096)));
    assert.ok(!accepts('anssi', curve('P-224', 224)));
    assert.ok(accepts('pci-dss-4.0.1', curve('P-224', 224)));
    assert.ok(accepts('fips-140-3', curve('secp256r1', 256)));
    assert.ok(!accepts('fips-140-3', curve('secp256k1', 256)));
  });

  test('three calendar years, leap day or not, by SP 800-52r2', () => {
    const refused = (from: string, to: string) => {
      const [notBefore, notAfter] = [from, to].map((day) => Date.parse(day) / 1000) as [number, number];
      const details = { certificates: [certificate({ notBefore, notAfter })] };
      const { violations } = loadPolicy('nist-sp-800-52r2').judge(detailed(TLS12, 0xc030, details));
      return violations.filter(({ rule }) => rule === 'certificate-profile').map(({ observed }) => observed);
    };
    assert.deepEqual(refused('2025-03-01T12:00:00Z', '2028-02-29T12:00:00Z'), []);
    assert.deepEqual(refused('2026-11-28T12:00:00Z', '2029-11-28T12:00:00Z'), []);
    assert.deepEqual(refused('2026-11-28T12:00:00Z', '2029-11-29T12:00:00Z'), ['valid for 1098 days']);
  });

  test("Diffie-Hellman's prime", () => {
    const bits: Readonly<Record<string, number>> = {
      'nist-sp-800-52r2': 2048,
      'bsi-tr-02102-2': 3000,
      'cnsa-1.0': 3072,
    };
    for (const [policy, size] of Object.entries(bits)) {
      const rules = (dhBits: number) =>
        loadPolicy(policy)
          .judge(detailed(TLS12, 0x009f, { dhBits }))
          .violations.map(({ rule }) => rule);
      assert.ok(!rules(size).includes('dh-length'), policy);
      assert.ok(rules(size - 1).includes('dh-length'), policy);
    }
  });
});
