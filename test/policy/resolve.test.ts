import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, describe, test } from 'node:test';
import { loadPolicy, parsePolicy } from '../../src/policy/load.ts';
import { formatProblem, PolicyError } from '../../src/policy/problem.ts';
import type { LoadOptions } from '../../src/policy/resolve.ts';
import { detailed } from './handshakes.ts';
import { HEAD, ruleText } from './policies.ts';

const directory = mkdtempSync(join(tmpdir(), 'vesper-resolve-'));
after(() => rmSync(directory, { recursive: true }));

const RULE = 'negotiated: { versions: { min: TLSv1_2 } }';
const OTHER = 'negotiated: { versions: { min: TLSv1_3 } }';

function write(name: string, body: string): string {
  const path = join(directory, `${name}.yaml`);
  writeFileSync(path, HEAD.replace('test', name) + body);
  return path;
}

/** Problems without the folder of the files. */
function problems(work: () => unknown): string[] {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof PolicyError);
    return error.message.split('\n').map((line) => line.replaceAll(`${directory}/`, ''));
  }
  return [];
}

function warnings(body: string, options: LoadOptions = {}): string[] {
  const told: string[] = [];
  parsePolicy(HEAD + body, 'p.yaml', { ...options, onWarning: (warning) => told.push(formatProblem(warning)) });
  return told;
}

describe('extends', () => {
  test('built-in policies by name, files by their path from the extending one', () => {
    const base = write('base', `rules:\n${ruleText('own', OTHER)}`);
    const path = write(
      'child',
      `extends: [baseline, ./${basename(base)}]\nrules:\n${ruleText('third', 'dns: { encrypted: true }')}`,
    );
    const { id, resolved } = loadPolicy(path);
    assert.equal(id, 'child');
    const ids = resolved.rules.map((rule) => rule.id);
    assert.equal(ids[0], 'no-ssl');
    assert.deepEqual(ids.slice(-2), ['own', 'third']);
  });

  test('overrides change fields of an inherited rule, or take it out', () => {
    const path = write(
      'changed',
      'extends: baseline\noverrides:\n  no-3des: { disable: true }\n  no-static-rsa: { level: must, severity: high }\n',
    );
    const { rules } = loadPolicy(path).resolved;
    assert.ok(!rules.some(({ id }) => id === 'no-3des'));
    const changed = rules.find(({ id }) => id === 'no-static-rsa');
    assert.equal(changed?.level, 'must');
    assert.equal(changed?.severity, 'high');
    assert.deepEqual(changed?.negotiated, { cipher_suites: { deny: [{ key_exchange: 'RSA' }] } });
    assert.equal(loadPolicy('baseline').resolved.rules.find(({ id }) => id === 'no-static-rsa')?.level, 'should');
  });

  test('exceptions are inherited; one policy by two ways is one', () => {
    write('root', `rules:\n${ruleText('r', RULE)}exceptions:\n  - { rules: [r], reason: x, until: 2030-01-01 }\n`);
    write('left', 'extends: ./root.yaml\n');
    write('right', 'extends: ./root.yaml\n');
    const { rules } = loadPolicy(write('both', 'extends: [./left.yaml, ./right.yaml]\n')).resolved;
    assert.deepEqual(
      rules.map(({ id }) => id),
      ['r'],
    );
  });

  test('cycles', () => {
    write('one', 'extends: ./two.yaml\n');
    write('two', 'extends: ./one.yaml\n');
    assert.deepEqual(
      problems(() => loadPolicy(join(directory, 'one.yaml'))),
      ['two.yaml:5:10: the policy extends itself: one → two → one; remove one of the links'],
    );
  });

  test('names that are none, files with mistakes', () => {
    write('broken', 'rules: []\n');
    const path = write('child2', 'extends:\n  - baselin\n  - ./none.yaml\n  - ./broken.yaml\n');
    assert.deepEqual(
      problems(() => loadPolicy(path)),
      [
        'child2.yaml:6:5: `baselin` no built-in policy has this name; did you mean baseline?',
        'child2.yaml:7:5: `./none.yaml` cannot be read (ENOENT); check the path and its permissions',
        'broken.yaml:5:8: `rules` is empty; fill it or remove it',
      ],
    );
  });

  test('of a policy that cannot be read, nobody knows which rules it lacks', () => {
    const more =
      'overrides: { no-rc5: { severity: low } }\nexceptions:\n  - { rules: [no-rc5], reason: x, until: 2030-01-01 }\n';
    const name = 'child4.yaml:5:10: `baselin` no built-in policy has this name; did you mean baseline?';
    assert.deepEqual(
      problems(() => loadPolicy(write('child4', `extends: baselin\n${more}`))),
      [name],
    );
    assert.deepEqual(
      problems(() => loadPolicy(write('child5', `extends: ./child4.yaml\n${more}`))),
      [name],
    );
  });

  test('ids that meet', () => {
    write('a', `rules:\n${ruleText('r', RULE)}`);
    write('b', `rules:\n${ruleText('r', OTHER)}`);
    assert.deepEqual(
      problems(() => loadPolicy(write('ab', 'extends: [./a.yaml, ./b.yaml]\n'))),
      ['ab.yaml:5:21: rule `r` is in both `a` and `b`; judge by both policies instead of extending both'],
    );
    assert.deepEqual(
      problems(() => loadPolicy(write('own', `extends: ./a.yaml\nrules:\n${ruleText('r', OTHER)}`))),
      [
        'own.yaml:7:11: rule `r` has the id of a rule of `a`; change that one under `overrides`, or give this another id',
      ],
    );
  });

  test('changes of what is not there', () => {
    const path = write('missing', 'extends: baseline\noverrides:\n  no-3dez: { disable: true }\n');
    assert.deepEqual(
      problems(() => loadPolicy(path)),
      ['missing.yaml:7:3: no inherited rule has the id `no-3dez`; did you mean `no-3des`?'],
    );
    const nothing = write('nothing', `overrides:\n  a: { disable: true }\nrules:\n${ruleText('r', RULE)}`);
    assert.deepEqual(
      problems(() => loadPolicy(nothing)),
      ['nothing.yaml:6:3: no inherited rule has the id `a`; there are none: add `extends`'],
    );
    const empty = write('empty', 'extends: ./a.yaml\noverrides:\n  r: { disable: true }\n');
    assert.deepEqual(
      problems(() => loadPolicy(empty)),
      ['empty.yaml:1:1: the policy has no rules; add `rules`, or extend a policy that has some'],
    );
    assert.deepEqual(
      problems(() => parsePolicy(HEAD, 'p.yaml')),
      ['p.yaml:1:1: the policy is about nothing; add `rules` or `extends`'],
    );
  });
});

describe('what an override makes of the rule', () => {
  const CLEAR = 'applies_to: { versions: { min: TLSv1_2 } }, negotiated: { certificate: { expired: false } }';
  const of = (override: string) => {
    write('dated', `rules:\n${ruleText('r', `until: 2031-12-31, ${CLEAR}`)}`);
    return problems(() =>
      parsePolicy(`${HEAD}extends: ./dated.yaml\noverrides:\n  r: ${override}\n`, `${directory}/o.yaml`),
    );
  };

  test('may be what a rule may be', () => {
    assert.deepEqual(of('{ from: 2030-01-01, severity: high }'), []);
    assert.deepEqual(of('{ from: 2032-01-01, until: 2033-12-31 }'), []);
  });

  test('has an end after its beginning', () => {
    assert.deepEqual(of('{ from: 2032-01-01 }'), [
      'o.yaml:7:6: the rule ends on 2031-12-31, before it begins on 2032-01-01; correct one of the days',
    ]);
  });

  test('can be judged', () => {
    assert.deepEqual(of('{ applies_to: { versions: { min: TLSv1_3 } } }'), [
      'o.yaml:7:6: TLS 1.3 encrypts what `certificate` is about, so that the rule can never be judged; let it apply to TLSv1_2 too, or remove it',
    ]);
  });

  test('is told once, where its file says what cannot be', () => {
    assert.deepEqual(of('{ negotiated: { versions: { min: TLSv1_3, max: TLSv1_2 } } }'), [
      'o.yaml:7:32: no version keeps to all of these; let `min`, `max`, `allow` and `deny` leave one',
    ]);
  });
});

describe('exceptions', () => {
  const body = (exception: string) => `rules:\n${ruleText('weak', RULE)}exceptions:\n  - { ${exception} }\n`;

  test('of a rule that is not there', () => {
    assert.deepEqual(
      problems(() => parsePolicy(HEAD + body('rules: [waek], reason: x, until: 2030-01-01'), 'p.yaml')),
      ['p.yaml:8:15: no rule has the id `waek`; did you mean `weak`?'],
    );
  });

  test('of a rule that is taken out', () => {
    const text = 'extends: baseline\noverrides: { no-rc4: { disable: true } }\nexceptions:\n';
    assert.deepEqual(warnings(`${text}  - { rules: [no-rc4], reason: x, until: 2030-01-01 }\n`), [
      'p.yaml:8:15: rule `no-rc4` is disabled; the exception does nothing: remove it',
    ]);
  });

  test('of all rules: those of its own policy, not those of policies that extend it', () => {
    write('own2', `rules:\n${ruleText('old', RULE)}`);
    const all = 'applies_to: { ports: [443] }, reason: x, until: 2030-01-01';
    write('lab', `extends: ./own2.yaml\nrules:\n${ruleText('lab', OTHER)}exceptions:\n  - { ${all} }\n`);
    const added = `rules:\n${ruleText('added', 'negotiated: { dh_bits: ">= 2048" }')}`;
    const child = loadPolicy(write('child3', `extends: ./lab.yaml\n${added}`));
    assert.deepEqual(loadPolicy(join(directory, 'lab.yaml')).resolved.exceptions[0]?.rules, undefined);
    assert.deepEqual(child.resolved.exceptions[0]?.rules, ['old', 'lab']);
    const { violations, excepted } = child.judge(detailed(0x0301, 0x0033, { dhBits: 1024 }));
    assert.deepEqual(
      violations.map(({ rule }) => rule),
      ['added'],
    );
    assert.deepEqual(
      excepted?.map(({ rule }) => rule),
      ['old', 'lab'],
    );
  });

  test('by two ways are one', () => {
    write(
      'root2',
      `rules:\n${ruleText('r', RULE)}exceptions:\n  - { applies_to: { ports: [1] }, reason: x, until: 2030-01-01 }\n`,
    );
    write('left2', `extends: ./root2.yaml\nrules:\n${ruleText('l', OTHER)}`);
    write('right2', 'extends: ./root2.yaml\n');
    const { exceptions } = loadPolicy(write('both2', 'extends: [./left2.yaml, ./right2.yaml]\n')).resolved;
    assert.deepEqual(
      exceptions.map(({ rules }) => rules),
      [['r']],
    );
  });

  test('that have expired', () => {
    const expired = body('rules: [weak], reason: x, until: 2025-01-01');
    const midnight = 1_735_776_000;
    assert.deepEqual(warnings(expired, { now: midnight - 1 }), []);
    assert.deepEqual(warnings(expired), []);
    assert.deepEqual(warnings(expired, { now: midnight }), [
      'p.yaml:8:40: the exception expired on 2025-01-01 and does not apply; remove it, or agree on a later end',
    ]);
    assert.equal(parsePolicy(HEAD + expired, 'p.yaml', { now: midnight }).exceptions.length, 0);
  });

  test('need a reason, an end, and something to be for', () => {
    assert.deepEqual(
      problems(() => parsePolicy(HEAD + body('reason: x'), 'p.yaml')),
      [
        'p.yaml:8:5: `exceptions[0]` is about nothing; add `rules` or `applies_to`',
        'p.yaml:8:5: `exceptions[0]` lacks `until`; add `until`: last day of the exception',
      ],
    );
  });
});

describe('a rule that another one shadows', () => {
  const both = (first: string, second: string) => warnings(`rules:\n${ruleText('a', first)}${ruleText('b', second)}`);
  const warned = [
    'p.yaml:7:5: rule `b` requires the same as rule `a`; every violation is told twice: remove one of them',
  ];

  test('is told, however it is written', () => {
    assert.deepEqual(both(RULE, RULE), warned);
    assert.deepEqual(
      both(
        'negotiated: { cipher_suites: { deny: [ECDHE-RSA-RC4-SHA, "0x0005"] } }',
        'negotiated: { cipher_suites: { deny: [TLS_RSA_WITH_RC4_128_SHA, "0xc011"] } }',
      ),
      warned,
    );
    assert.deepEqual(
      both('negotiated: { groups: { deny: [P-256] } }', 'negotiated: { groups: { deny: [prime256v1] } }'),
      warned,
    );
  });

  test('is told where it is about part of the same traffic, whichever comes first', () => {
    const less = (line: number, narrow: string, wide: string) =>
      `p.yaml:${line}:5: rule \`${narrow}\` requires the same as rule \`${wide}\`, of less traffic; every violation is told twice: remove one of them`;
    const narrow = `applies_to: { ports: [443] }, ${RULE}`;
    assert.deepEqual(both(RULE, narrow), [less(7, 'b', 'a')]);
    assert.deepEqual(both(narrow, RULE), [less(6, 'a', 'b')]);
    assert.deepEqual(both(RULE, `from: 2025-01-01, ${RULE}`), [less(7, 'b', 'a')]);
    assert.deepEqual(both(narrow, `applies_to: { ports: [443], direction: inbound }, ${RULE}`), [less(7, 'b', 'a')]);
  });

  test('a difference in what it applies to or in severity is a difference', () => {
    const one = ruleText('a', RULE);
    const severe = ruleText('b', `applies_to: { ports: [443] }, ${RULE}`).replace('severity: low', 'severity: high');
    assert.deepEqual(warnings(`rules:\n${one}${severe}`), []);
    assert.deepEqual(both(`applies_to: { ports: [443] }, ${RULE}`, `applies_to: { ports: [8443] }, ${RULE}`), []);
    assert.deepEqual(both(`until: 2025-01-01, ${RULE}`, `from: 2025-01-02, ${RULE}`), []);
    assert.deepEqual(both(RULE, OTHER), []);
    assert.deepEqual(both('negotiated: { dh_bits: 2048 }', 'negotiated: { dh_bits: ">= 2048" }'), []);
  });
});
