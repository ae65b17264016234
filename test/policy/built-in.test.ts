import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { Certificate } from '../../src/dissect/event.ts';
import { builtInPolicies, loadPolicy, parsePolicy, policyFile } from '../../src/policy/load.ts';
import { PROJECT } from '../support/shared.ts';
import { certificate, detailed } from './handshakes.ts';

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
