import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { GROUPS_BY_CODE } from '../../../src/policy/groups.ts';
import { loadPolicy } from '../../../src/policy/load.ts';
import { type Kind, stances } from '../../../src/policy/stance.ts';
import { SUITES } from '../../../src/policy/suites.ts';
import { skipWithout } from '../../support/shared.ts';
import { accepts, compare, TODAY } from './compare.ts';
import * as differences from './differences.ts';
import { codeOf, datasetAccepts, EVERYTHING, readJson, readSource } from './sources.ts';

const skip = skipWithout('policy-sources');

function codes(kind: Kind, names: readonly string[]): Set<number> {
  return new Set(names.map((name) => codeOf(kind, name)));
}

describe('against the compliance dataset', { skip }, () => {
  type Row = [string, Kind, string, (readonly differences.Difference[])?];
  const cases: Row[] = [
    ['nist-sp-800-52r2', 'versions', "('NIST', 'Government-only')"],
    ['nist-sp-800-52r2', 'versions', "('NIST (from 1/1/2024)', 'Government-only')", differences.NIST_VERSIONS_2024],
    ['nist-sp-800-52r2', 'cipher_suites', "('NIST', 'Requirement')"],
    ['nist-sp-800-52r2', 'groups', "('NIST', 'Government-only')", differences.NIST_GROUPS],
    ['nist-sp-800-52r2', 'signature_schemes', "('NIST', '')", differences.NIST_SIGNATURES],
    ['nist-sp-800-52r2-citizen', 'versions', "('NIST', 'Customer-facing')"],
    [
      'nist-sp-800-52r2-citizen',
      'versions',
      "('NIST (from 1/1/2024)', 'Customer-facing')",
      differences.NIST_VERSIONS_2024,
    ],
    ['nist-sp-800-52r2-citizen', 'cipher_suites', "('NIST', 'Requirement')"],
    ['nist-sp-800-52r2-citizen', 'groups', "('NIST', 'Customer-facing')", differences.NIST_CITIZEN_GROUPS],
    ['bsi-tr-02102-2', 'versions', "('BSI', 'Customer-facing')"],
    ['bsi-tr-02102-2', 'cipher_suites', "('BSI', 'Requirement')"],
    ['bsi-tr-02102-2', 'groups', "('BSI', 'Customer-facing')", differences.BSI_GROUPS],
    ['bsi-tr-02102-2', 'signature_schemes', "('BSI', 'client", differences.BSI_SIGNATURES],
    ['anssi', 'versions', "('ANSSI', '')"],
    ['anssi', 'cipher_suites', "('ANSSI', '')"],
    ['anssi', 'groups', "('ANSSI', '')", differences.ANSSI_GROUPS],
    ['anssi', 'signature_schemes', "('ANSSI', '')", differences.ANSSI_SIGNATURES],
    ['mozilla-modern', 'versions', "('MOZILLA', 'Modern')"],
    ['mozilla-modern', 'cipher_suites', "('MOZILLA (+AgID)', 'Modern')"],
    ['mozilla-modern', 'groups', "('MOZILLA (+AgID)', 'Modern')", differences.MOZILLA_GROUPS],
    ['mozilla-intermediate', 'versions', "('MOZILLA', 'Intermediate')"],
    ['mozilla-intermediate', 'cipher_suites', "('MOZILLA (+AgID)', 'Intermediate')", differences.MOZILLA_SUITES],
    ['mozilla-intermediate', 'groups', "('MOZILLA (+AgID)', 'Intermediate')", differences.MOZILLA_INTERMEDIATE_GROUPS],
    ['mozilla-old', 'versions', "('MOZILLA', 'Old')"],
    ['mozilla-old', 'cipher_suites', "('MOZILLA (+AgID)', 'Old')", differences.MOZILLA_SUITES],
    ['mozilla-old', 'groups', "('MOZILLA (+AgID)', 'Old')", differences.MOZILLA_GROUPS],
  ];
  for (const [policy, kind, column, known] of cases) {
    test(`${policy}: ${kind}, ${column}`, () => {
      compare(accepts(policy, kind), datasetAccepts(kind, column), kind, known);
    });
  }

  test('before 2024, RSA key transport was advised against, and since then it is ruled out', () => {
    const rsa = codeOf('cipher_suites', 'TLS_RSA_WITH_AES_128_GCM_SHA256');
    for (const policy of ['nist-sp-800-52r2', 'fips-140-3']) {
      const { resolved } = loadPolicy(policy);
      assert.equal(stances(resolved, 'cipher_suites', '2023-12-31')(rsa).mark, 'should_not', policy);
      assert.equal(stances(resolved, 'cipher_suites', '2024-01-01')(rsa).mark, 'must_not', policy);
    }
  });
});

interface Mozilla {
  readonly certificate_types: string[];
  readonly certificate_curves: string[];
  readonly certificate_signatures: string[];
  readonly rsa_key_size: number | null;
  readonly maximum_certificate_lifespan: number;
  readonly ciphers: { readonly iana: string[] };
  readonly ciphersuites: string[];
  readonly tls_curves: string[];
  readonly tls_versions: string[];
}

describe("against Mozilla's guidelines, exactly", { skip }, () => {
  for (const [name, file] of [
    ['modern', 'guidelines-6.0.json'],
    ['intermediate', 'guidelines-6.0.json'],
    ['old', 'guidelines-5.8.json'],
  ] as const) {
    test(`${name} of ${file}`, () => {
      const { configurations } = readJson<{ configurations: Record<string, Mozilla> }>('mozilla', file);
      const theirs = configurations[name];
      assert.ok(theirs);
      const policy = `mozilla-${name}`;
      const suites = codes('cipher_suites', [...theirs.ciphers.iana, ...theirs.ciphersuites]);
      compare(accepts(policy, 'cipher_suites'), suites, 'cipher_suites');
      compare(accepts(policy, 'versions'), codes('versions', theirs.tls_versions), 'versions');
      compare(accepts(policy, 'groups'), codes('groups', theirs.tls_curves), 'groups');

      const ours = loadPolicy(policy).resolved.rules.find(({ id }) => id === 'certificate')?.negotiated?.certificate;
      assert.ok(ours);
      const types = theirs.certificate_types.map((type) => (type === 'ecdsa' ? 'EC' : 'RSA'));
      assert.deepEqual(ours.key_types?.allow, types);
      assert.deepEqual(ours.signature_algorithms?.allow, theirs.certificate_signatures);
      // So many days from the first second to the last, which is counted too.
      assert.equal(ours.validity_days, `<= ${theirs.maximum_certificate_lifespan + 1}`);
      if (types.includes('EC')) assert.deepEqual(ours.curves?.allow, theirs.certificate_curves);
      assert.deepEqual(ours.key_bits, types.includes('RSA') ? { RSA: `>= ${theirs.rsa_key_size}` } : undefined);
    });
  }
});

interface Nsa {
  readonly obsolete: Record<string, string[]>;
  readonly obsolete_versions: string[];
  readonly cnsa1_secure: { readonly tls12: string[]; readonly tls13: string[]; readonly groups: string[] };
}

describe("against NSA's codes", { skip }, () => {
  const nsa = () => readJson<Nsa>('derived', 'nsa-obsolete-tls.json');
  const but = (kind: Kind, refused: readonly string[]) => {
    const numbers = new Set(refused.map(Number));
    return new Set(EVERYTHING[kind].filter((code) => !numbers.has(code)));
  };

  test('nsa-obsolete-tls: versions, suites, curves', () => {
    const { obsolete, obsolete_versions } = nsa();
    compare(accepts('nsa-obsolete-tls', 'versions'), but('versions', obsolete_versions), 'versions');
    const suites = but('cipher_suites', Object.values(obsolete).flat());
    compare(accepts('nsa-obsolete-tls', 'cipher_suites'), suites, 'cipher_suites', differences.NSA_SUITES);
    const groups = accepts('nsa-obsolete-tls', 'groups');
    assert.ok(!groups.has(0xff01) && !groups.has(0xff02));
    assert.ok(groups.has(0x0015) && !groups.has(0x0013), 'curves from 224 bits on');
  });

  test('cnsa-1.0: suites and groups', () => {
    const { tls12, tls13, groups } = nsa().cnsa1_secure;
    compare(accepts('cnsa-1.0', 'cipher_suites'), new Set([...tls12, ...tls13].map(Number)), 'cipher_suites');
    compare(accepts('cnsa-1.0', 'groups'), codes('groups', groups), 'groups');
  });
});

interface S2n {
  readonly tls12?: string[];
  readonly tls13: string[];
  readonly groups: string[];
  readonly sigalgs: string[];
}

describe("against s2n-tls's policies for CNSA", { skip }, () => {
  const s2n = (name: string) => {
    const {
      tls12 = [],
      tls13,
      groups,
      sigalgs,
    } = readJson<Record<string, S2n>>('derived', 'cnsa-s2n.json')[name] as S2n;
    const plain = (text: string) => text.replace(/\(.*\)$/, '');
    const schemes = sigalgs.flatMap((scheme) =>
      scheme.includes('*') ? [scheme.replace('*', 'pss'), scheme.replace('*', 'rsae')] : [plain(scheme)],
    );
    return {
      suites: codes('cipher_suites', [...tls12, ...tls13]),
      groups: codes('groups', groups.map(plain)),
      schemes: codes('signature_schemes', schemes),
    };
  };

  test('cnsa-1.0', () => {
    const { suites, groups, schemes } = s2n('cnsa_1_rfc9151_as_20250429');
    compare(accepts('cnsa-1.0', 'cipher_suites'), suites, 'cipher_suites');
    compare(accepts('cnsa-1.0', 'groups'), groups, 'groups', differences.CNSA1_GROUPS_S2N);
    compare(accepts('cnsa-1.0', 'signature_schemes'), schemes, 'signature_schemes');
  });

  test('cnsa-2.0 until the end of 2031: the interoperable one', () => {
    const { suites, groups, schemes } = s2n('cnsa_1_2_interop_20260220');
    compare(accepts('cnsa-2.0', 'cipher_suites'), suites, 'cipher_suites');
    compare(accepts('cnsa-2.0', 'groups'), groups, 'groups', differences.CNSA2_GROUPS_S2N);
    compare(accepts('cnsa-2.0', 'signature_schemes'), schemes, 'signature_schemes');
    compare(accepts('cnsa-2.0', 'versions', '2025-12-31'), codes('versions', ['TLS1.2', 'TLS1.3']), 'versions');
  });

  test('cnsa-2.0 from 2032 on: the strict one', () => {
    const { suites, groups } = s2n('cnsa_2_strict_20260219');
    compare(accepts('cnsa-2.0', 'cipher_suites', '2032-01-01'), suites, 'cipher_suites');
    compare(accepts('cnsa-2.0', 'groups', '2032-01-01'), groups, 'groups');
    compare(accepts('cnsa-2.0', 'versions', '2032-01-01'), codes('versions', ['TLS1.3']), 'versions');
  });
});

test("fips-140-3 against the mode of Go's module", { skip }, () => {
  interface Go {
    readonly versions: string[];
    readonly groups: string[];
    readonly tls12: string[];
    readonly tls13: string[];
    readonly sigalgs: string[];
    readonly cert: { readonly curves: string[] };
  }
  const go = readJson<Go>('derived', 'fips140-3-go.json');
  const suites = codes('cipher_suites', [...go.tls12, ...go.tls13]);
  compare(accepts('fips-140-3', 'versions'), codes('versions', go.versions), 'versions');
  compare(accepts('fips-140-3', 'cipher_suites'), suites, 'cipher_suites', differences.FIPS_SUITES);
  compare(accepts('fips-140-3', 'groups'), codes('groups', go.groups), 'groups', differences.FIPS_GROUPS);
  const schemes = codes('signature_schemes', go.sigalgs);
  compare(accepts('fips-140-3', 'signature_schemes'), schemes, 'signature_schemes', differences.FIPS_SIGNATURES);
  const { rules } = loadPolicy('fips-140-3').resolved;
  const curves = rules.find(({ id }) => id === 'certificate')?.negotiated?.certificate?.curves?.allow ?? [];
  const ours = codes('groups', curves);
  const theirs = codes(
    'groups',
    go.cert.curves.filter((curve) => curve !== 'Ed25519'),
  );
  compare(ours, theirs, 'groups', differences.FIPS_CURVES);
});

test('rfc-9325 has a rule against every suite that IANA discourages (RFC 9847)', { skip }, () => {
  const lines = readSource('iana', 'tls-parameters-4.csv').matchAll(/^"0x(..),0x(..)",\w+,[YN],D,/gm);
  const discouraged = [...lines].map(([, high, low]) => Number.parseInt(`${high}${low}`, 16));
  assert.ok(discouraged.length > 20);
  const accepted = accepts('rfc-9325', 'cipher_suites');
  const ours = new Set(discouraged.filter((code) => !accepted.has(code)));
  compare(ours, new Set(discouraged), 'cipher_suites', differences.RFC9325_DISCOURAGED);
});

describe('policies without a list of their own', () => {
  test('pci-dss-4.0.1: 112 bits by the bits of another table', { skip }, () => {
    const accepted = accepts('pci-dss-4.0.1', 'cipher_suites', '2023-12-31');
    let compared = 0;
    for (const line of readSource('rusticata', 'tls-ciphersuites.txt').split('\n')) {
      const [hex = '', name = '', , , encryption, , bits] = line.split(':');
      const code = Number.parseInt(hex, 16);
      if (SUITES.get(code)?.properties === undefined || !EVERYTHING.cipher_suites.includes(code)) continue;
      const anonymous = name.includes('_anon_');
      const weak = Number(bits) < 112 || encryption === 'NULL' || encryption === 'RC4' || anonymous;
      assert.equal(accepted.has(code), !weak, name);
      compared++;
    }
    assert.ok(compared > 300);
  });

  test('pq-ready: ML-KEM by name', () => {
    const stance = stances(loadPolicy('pq-ready').resolved, 'groups', TODAY);
    for (const code of EVERYTHING.groups) {
      const { mark } = stance(code);
      const name = GROUPS_BY_CODE.get(code)?.name ?? '';
      assert.equal(mark, /MLKEM/.test(name) ? 'allowed' : /Kyber|CECPQ2/.test(name) ? 'should_not' : 'must_not', name);
    }
  });
});
