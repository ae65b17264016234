/** `vesper policy` as a person or a pipeline calls it. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { vesper } from '../support/cli.ts';
import { PROJECT } from '../support/shared.ts';

const folder = mkdtempSync(join(tmpdir(), 'vesper-policy-'));
after(() => rmSync(folder, { recursive: true }));

const capture = (name: string): string => join(PROJECT, 'test', 'fixtures', 'cases', name, 'input.pcap');

function file(name: string, body: string): string {
  const path = join(folder, name);
  writeFileSync(path, `id: ${name.replace('.yaml', '')}\ntitle: t\nversion: "2"\nsource: s\n${body}`);
  return path;
}

const HEAD = 'level: should, severity: low, reference: Clause 9, message: m, remediation: d';
const site = file(
  'site.yaml',
  `extends: baseline
overrides: { no-3des: { disable: true }, no-static-rsa: { severity: critical, level: must } }
rules:
  - { id: resolvers, ${HEAD}, dns: { resolvers: [203.0.113.0/24] } }
  - { id: later, ${HEAD}, from: 2099-01-01, applies_to: { ports: [443] }, negotiated: { versions: { min: TLSv1_3 } } }
exceptions: [{ rules: [no-rc4], reason: Old printers, until: 2020-01-01 }]
`,
);

describe('vesper policy show', () => {
  it('applies what a policy inherits, changes and takes out, and warns of what has expired', async () => {
    const { status, stdout, stderr } = await vesper(['policy', 'show', site]);
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^site 2: t\n/);
    assert.match(stdout, /\nno-static-rsa {2}\(must, critical\) {2}RFC 9325 §4\.1\n/);
    assert.match(
      stdout,
      /\nresolvers {2}\(should, low\) {2}Clause 9\n.*\n {2}- DNS resolvers: a resolver of 203\.0\.113\.0\/24\n/,
    );
    assert.match(stdout, /\n {2}applies to: ports 443; from 2099-01-01\n/);
    assert.doesNotMatch(stdout, /no-3des|Old printers/);
    assert.match(stderr, /site\.yaml:10:.*expired on 2020-01-01/);
    const json = JSON.parse((await vesper(['policy', 'show', site, '--json'])).stdout);
    assert.equal(json.rules.find(({ id }: { id: string }) => id === 'no-static-rsa').severity, 'critical');
  });
});

describe('vesper policy check', () => {
  it('tells all mistakes of all files with their places, and the warnings', async () => {
    const bad = file('bad.yaml', `rules:\n  - { id: a, ${HEAD}, negotiated: { versions: { min: TLSv9 } } }\n`);
    const worse = file('worse.yaml', `rules:\n  - { id: b, ${HEAD}, color: red }\n`);
    const { status, stdout, stderr } = await vesper(['policy', 'check', bad, site, worse]);
    assert.equal(status, 2);
    assert.equal(stdout, '');
    assert.match(stderr, /bad\.yaml:6:.*TLSv9/);
    assert.match(stderr, /worse\.yaml:6:.*color/);
    assert.match(stderr, /warning: .*site\.yaml:10:/);
  });

  it('says that a file with warnings alone is right', async () => {
    const { status, stdout } = await vesper(['policy', 'check', site]);
    assert.equal(status, 0);
    assert.match(stdout, /policy site 2 is right/);
  });
});

describe('vesper policy test', () => {
  it('judges by several policies and tells the DNS that violates one', async () => {
    const office = capture('office-hour');
    const { status, stdout } = await vesper(['policy', 'test', 'baseline', site, '--capture', office]);
    assert.equal(status, 1);
    const [handshakes = '', dns = ''] = stdout.split('\n\n');
    assert.match(handshakes, /^verdict +policy +client +server +server name +version +cipher suite +violated rules\n/);
    assert.match(handshakes, /\nnon_compliant +baseline .*no-tls-1\.0-1\.1/);
    assert.match(handshakes, /\ncompliant +site /);
    assert.match(dns, /^verdict +policy +client +server +query +violated rules\nnon_compliant +site .* resolvers\n/);
  });

  it('sums up: each violated rule with its clause and remedy, each policy with its verdicts', async () => {
    const weak = capture('tls-weak-suites');
    const { status, stdout } = await vesper(['policy', 'test', 'baseline', 'nsa-obsolete-tls', '--capture', weak]);
    assert.equal(status, 1);
    const [, rules = '', summary = ''] = stdout.split('\n\n');
    assert.match(rules, /^times +policy +violated rule +level +severity +reference, meaning and remedy\n/);
    assert.match(
      rules,
      /\n3 +baseline +no-static-rsa +should +medium +RFC 9325 §4\.1\n +RSA key transport has no forward/,
    );
    const times = [...rules.matchAll(/^(\d+) /gm)].map(([, count]) => Number(count));
    assert.deepEqual(
      times,
      [...times].sort((a, b) => b - a),
    );
    assert.match(
      summary,
      /^policy +compliant +non_compliant +not_observable\nbaseline +1 +5 +0\nnsa-obsolete-tls +1 +5 +0\n$/,
    );
  });

  it('says so where there is nothing to judge', async () => {
    const { status, stdout } = await vesper(['policy', 'test', 'baseline', '--capture', capture('ipv4-fragments')]);
    assert.equal(status, 0);
    assert.match(stdout, /^no TLS handshake in .*input\.pcap\n$/);
  });

  it('gives the same as JSON', async () => {
    const office = capture('office-hour');
    const { status, stdout } = await vesper(['policy', 'test', site, '--capture', office, '--json']);
    assert.equal(status, 1);
    const { policies, summary, handshakes, dns } = JSON.parse(stdout);
    assert.deepEqual(policies, [{ id: 'site', version: '2', title: 't' }]);
    const { compliant, non_compliant, not_observable } = summary.site;
    assert.equal(compliant + non_compliant + not_observable, handshakes.length);
    const broken = handshakes.find((one: { version: string }) => one.version === 'TLSv1.0');
    assert.equal(broken.verdicts[0].violations[0].rule, 'no-tls-1.0-1.1');
    assert.match(broken.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
    assert.equal(dns[0].verdicts[0].violations[0].reference, 'Clause 9');
    assert.ok(dns[0].query.length > 0);
  });

  it('ends with 0 where all is compliant', async () => {
    const { status } = await vesper(['policy', 'test', 'baseline', '--capture', capture('tls13')]);
    assert.equal(status, 0);
  });
});

describe('vesper policy explain', () => {
  it('tells what each policy says, with the clause', async () => {
    const { status, stdout } = await vesper([
      'policy',
      'explain',
      'DES-CBC3-SHA',
      '--policy',
      'baseline',
      '--policy',
      site,
    ]);
    assert.equal(status, 0);
    assert.match(stdout, /^cipher suite TLS_RSA_WITH_3DES_EDE_CBC_SHA \(0x000a\)\n/);
    assert.match(stdout, /\nbaseline +forbidden, negotiated +no-3des +should +medium +RFC 9325 §4\.1\n/);
    assert.match(stdout, /\nsite +forbidden, negotiated +no-static-rsa +must +critical +RFC 9325 §4\.1\n/);
  });

  it('suggests the nearest name to one that nobody knows', async () => {
    const { status, stderr } = await vesper(['policy', 'explain', 'x25518']);
    assert.equal(status, 2);
    assert.match(stderr, /is called x25518; did you mean x25519\?/);
  });
});
