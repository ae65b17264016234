import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, describe, test } from 'node:test';
import { builtInPolicies, loadPolicies, loadPolicy, parsePolicy, policyFile } from '../../src/policy/load.ts';
import { PolicyError } from '../../src/policy/problem.ts';
import { UsageError } from '../../src/usage-error.ts';

const GOOD = `id: good
title: A good policy
version: "1"
source: RFC 8996
rules:
  - id: first
    level: must
    severity: high
    reference: RFC 8996 §4
    message: No.
    remediation: Do.
    negotiated:
      versions: { min: TLSv1_2 }
      cipher_suites:
        deny:
          - TLS_RSA_WITH_RC4_128_SHA
          - { encryption: RC4 }
`;

/** `line:column what; remedy` of every problem in a text. */
function problems(text: string): string[] {
  try {
    parsePolicy(text, 'p.yaml');
  } catch (error) {
    assert.ok(error instanceof PolicyError);
    assert.equal(error.message.split('\n').length, error.problems.length);
    return error.message.split('\n').map((line) => line.replace(/^p\.yaml:/, ''));
  }
  return [];
}

/** Problems after one replacement in the good policy. */
function broken(from: string, to: string): string[] {
  assert.ok(GOOD.includes(from));
  return problems(GOOD.replace(from, to));
}

describe('mistakes in the text', () => {
  test('a good policy has none', () => {
    assert.deepEqual(problems(GOOD), []);
    assert.equal(parsePolicy(GOOD, 'p.yaml').rules.length, 1);
  });

  test('broken YAML', () => {
    // What follows the first mistake of syntax is the parser's to say.
    assert.equal(broken('severity: high', 'severity: "high')[0], '18:1: Missing closing "quote; correct the YAML');
    assert.equal(
      broken('severity: high', 'severity: [high')[0],
      '9:5: Flow sequence in block collection must be sufficiently indented and end with a ]; correct the YAML',
    );
    assert.deepEqual(broken('title: A good policy', 'id: twice'), ['2:1: Map keys must be unique; correct the YAML']);
    assert.deepEqual(broken('title: A good policy', 'title: *nowhere'), [
      '1:1: Unresolved alias (the anchor must be set before the alias): nowhere; write the values out',
    ]);
  });

  test('a second document', () => {
    assert.deepEqual(problems(`${GOOD}---\n${GOOD}`), [
      '18:1: a second document begins here; one file is one policy: remove the `---`, or make two files',
    ]);
  });

  test('no mapping at all', () => {
    assert.deepEqual(problems(''), ['1:1: the policy cannot be empty; write keys and values']);
    assert.deepEqual(problems('- a\n'), ['1:1: the policy cannot be a list; write keys and values']);
  });

  test('an unknown key, at the key, with the nearest known one', () => {
    assert.deepEqual(broken('    severity:', '    severty: x\n    severity:'), [
      '8:5: unknown key `severty`; did you mean `severity`?',
    ]);
    assert.deepEqual(broken('source:', 'xyzzy: 1\nsource:'), [
      '4:1: unknown key `xyzzy`; known are id, title, version, source, extends, overrides, rules, exceptions',
    ]);
    assert.deepEqual(broken('versions: { min: TLSv1_2 }', 'certificate: { key_bits: { ECDSA: 256 } }'), [
      '13:34: unknown key `ECDSA`; did you mean `EC`?',
    ]);
    assert.deepEqual(broken('{ encryption: RC4 }', '{ encrypton: RC4 }'), [
      '17:15: unknown key `encrypton`; did you mean `encryption`?',
    ]);
  });

  test('a missing key, at its mapping, with its meaning', () => {
    assert.deepEqual(broken('    severity: high\n', ''), [
      '6:5: `rules[0]` lacks `severity`; add `severity`: how bad a violation is',
    ]);
    assert.deepEqual(broken('version: "1"\n', ''), [
      '1:1: the policy lacks `version`; add `version`: version of the policy, in quotes',
    ]);
  });

  test('a rule that requires nothing', () => {
    assert.deepEqual(problems(GOOD.slice(0, GOOD.indexOf('    negotiated'))), [
      '6:5: `rules[0]` is about nothing; add `negotiated`, `offered` or `dns`',
    ]);
    assert.deepEqual(broken('{ min: TLSv1_2 }', '{}'), [
      '13:17: `rules[0].negotiated.versions` is empty; fill it or remove it',
    ]);
  });

  test('a word that is not of the list', () => {
    assert.deepEqual(broken('severity: high', 'severity: hihg'), [
      '8:15: `rules[0].severity` cannot be "hihg"; did you mean `high`?',
    ]);
    assert.deepEqual(broken('level: must', 'level:'), [
      '7:11: `rules[0].level` cannot be empty; known are must, should',
    ]);
    assert.deepEqual(broken('min: TLSv1_2', 'min: TLSv1.2'), [
      '13:24: `rules[0].negotiated.versions.min` cannot be "TLSv1.2"; did you mean `TLSv1_2`?',
    ]);
    assert.deepEqual(broken('encryption: RC4', 'encryption: [AES, RC44]'), [
      '17:33: `rules[0].negotiated.cipher_suites.deny[1].encryption[1]` cannot be "RC44"; did you mean `RC4`?',
    ]);
  });

  test('an unknown cipher suite, with the nearest known one', () => {
    assert.deepEqual(broken('TLS_RSA_WITH_RC4_128_SHA', 'TLS_RSA_WITH_RC4_128_SH'), [
      '16:13: unknown cipher suite "TLS_RSA_WITH_RC4_128_SH"; did you mean `TLS_RSA_WITH_RC4_128_SHA`?',
    ]);
    assert.deepEqual(broken('TLS_RSA_WITH_RC4_128_SHA', 'rot13'), [
      '16:13: unknown cipher suite "rot13"; write its IANA name, its code such as 0xc02f, or properties',
    ]);
    assert.equal(broken('TLS_RSA_WITH_RC4_128_SHA', '"0xc0"').length, 1);
  });

  test('values of the wrong type', () => {
    assert.deepEqual(broken('version: "1"', 'version: 1.0'), [
      '3:10: `version` cannot be 1; put it in quotes to make it text',
    ]);
    assert.deepEqual(broken('level: must', 'level: must\n    from: 20260101'), [
      '8:11: `rules[0].from` cannot be 20260101; write a day of the calendar such as 2026-12-31',
    ]);
    assert.deepEqual(broken('versions: { min: TLSv1_2 }', 'extensions: { deny: [23] }'), [
      '13:28: `rules[0].negotiated.extensions.deny[0]` cannot be 23; write its IANA name, such as extended_master_secret',
    ]);
    assert.deepEqual(broken('- TLS_RSA_WITH_RC4_128_SHA', '- []'), [
      '16:13: `rules[0].negotiated.cipher_suites.deny[0]` cannot be a list; write a name, a code or properties',
    ]);
    assert.deepEqual(broken('- TLS_RSA_WITH_RC4_128_SHA', '- { strength_bits: ["< 128", many] }'), [
      '16:40: "many" is no comparison; write ">= 2048", "< 128" or a number',
    ]);
    assert.deepEqual(broken('id: good', 'id: Not Good'), [
      '1:5: `id` cannot be "Not Good"; use lower-case letters, digits, dots and hyphens',
    ]);
  });

  test('the id of a rule twice, at the second', () => {
    const rule = GOOD.slice(GOOD.indexOf('  - id: first'));
    assert.deepEqual(problems(GOOD + rule), [
      '18:9: rule `first` has the id of rule 1 of the list; give it another id',
    ]);
  });

  test('all of them at once, in the order of the text', () => {
    const found = problems(
      GOOD.replace('id: good', 'id: G')
        .replace('level: must', 'level: mist')
        .replace('WITH_RC4', 'WITH_RC5')
        .replace('encryption', 'encription'),
    );
    assert.deepEqual(
      found.map((problem) => problem.split(': ')[0]),
      ['1:5', '7:12', '16:13', '17:15'],
    );
  });

  test('a place inside an alias is where the text stands', () => {
    const text = GOOD.replace('deny:', 'allow: &list [TLS_NO_SUCH]\n        deny: *list').replace(/ {10}- .*\n/g, '');
    assert.deepEqual(
      problems(text).map((problem) => problem.split(': ')[0]),
      ['15:23', '15:23'],
    );
  });
});

describe('where policies come from', () => {
  const directory = mkdtempSync(join(tmpdir(), 'vesper-policy-'));
  after(() => rmSync(directory, { recursive: true }));
  const file = (name: string, text: string) => {
    const path = join(directory, name);
    writeFileSync(path, text);
    return path;
  };

  test('built-in policies by name: all load, and carry the name of their file', () => {
    assert.ok(builtInPolicies().includes('baseline'));
    for (const name of builtInPolicies()) {
      assert.equal(loadPolicy(name).id, name);
      assert.equal(basename(policyFile(name)), `${name}.yaml`);
    }
  });

  test('a file by its path', () => {
    assert.equal(loadPolicy(file('good.yaml', GOOD)).title, 'A good policy');
    assert.equal(loadPolicy(file('no-extension', GOOD)).id, 'good');
  });

  test('an unknown name, a missing file', () => {
    assert.throws(() => loadPolicy('baselin'), {
      name: 'PolicyError',
      message: 'baselin: no built-in policy has this name; did you mean baseline?',
    });
    assert.throws(() => loadPolicy('./none.yaml'), {
      message: './none.yaml: cannot be read (ENOENT); check the path and its permissions',
    });
  });

  test('bytes that are no UTF-8', () => {
    const path = file('latin1.yaml', '');
    writeFileSync(path, Buffer.from(GOOD.replace('A good', 'Eine gute für'), 'latin1'));
    assert.throws(() => loadPolicy(path), {
      message: `${path}:2:19: byte 0xfc is not UTF-8; save the file as UTF-8`,
    });
  });

  test('several: in order, once each, all problems together', () => {
    const good = file('good.yaml', GOOD);
    const set = loadPolicies([good, 'baseline', good]);
    assert.deepEqual(
      set.policies.map((policy) => policy.id),
      ['good', 'baseline'],
    );
    const bad = file('bad.yaml', GOOD.replace('level: must', 'level: mist'));
    assert.throws(
      () => loadPolicies([bad, 'nothing', good]),
      (error) =>
        error instanceof PolicyError && error instanceof UsageError && error.problems.map((p) => p.file).length === 2,
    );
    const same = file('same.yaml', GOOD);
    assert.throws(() => loadPolicies([good, same]), /another of the policies has the id `good` too/);
  });
});
