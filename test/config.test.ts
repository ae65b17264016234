import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { loadConfig, settingsReference } from '../src/config.ts';
import { SETTINGS } from '../src/settings.ts';
import { UsageError } from '../src/usage-error.ts';

const folder = mkdtempSync(join(tmpdir(), 'vesper-config-'));
after(() => rmSync(folder, { recursive: true }));

function file(text: string): string {
  const path = join(folder, 'vesper.yaml');
  writeFileSync(path, text);
  return path;
}

const NO_FLAGS = new Map<string, unknown>();

function complaint(text: string, flags = NO_FLAGS, env: NodeJS.ProcessEnv = {}): string {
  try {
    loadConfig(file(text), flags, env);
  } catch (error) {
    assert.ok(error instanceof UsageError);
    return error.message.replaceAll(`${folder}/`, '');
  }
  assert.fail('no complaint');
}

describe('the configuration', () => {
  it('has defaults for everything', () => {
    const config = loadConfig(undefined, NO_FLAGS, {});
    assert.deepEqual(
      config.outputs.map(({ type }) => type),
      ['stdout'],
    );
    assert.deepEqual(config.policies, ['baseline']);
    assert.equal(config.format, 'cim');
    assert.equal(config.dns.query_timeout_s, 10);
  });

  it('takes the file over defaults, the environment over the file and flags over both', () => {
    const path = file('format: native\nflows:\n  capacity: 100\ndns:\n  query_timeout_s: 3\n');
    const env = { VESPER_DNS_QUERY_TIMEOUT_S: '4', VESPER_FLOWS_CAPACITY: '200' };
    const config = loadConfig(path, new Map([['flows.capacity', '300']]), env);
    assert.equal(config.format, 'native');
    assert.equal(config.dns.query_timeout_s, 4);
    assert.equal(config.flows.capacity, 300);
  });

  it('splits lists in the environment at commas', () => {
    const env = { VESPER_IGNORE_NETWORKS: '10.0.0.0/8, 2001:db8::/32', VESPER_IGNORE_PORTS: '22,3306' };
    const { ignore } = loadConfig(undefined, NO_FLAGS, env);
    assert.deepEqual(ignore.networks, ['10.0.0.0/8', '2001:db8::/32']);
    assert.deepEqual(ignore.ports, [22, 3306]);
  });

  it('keeps the commas between brokers', () => {
    const { outputs } = loadConfig(undefined, NO_FLAGS, { VESPER_OUTPUTS: 'a.ndjson, kafka://b,c:1/t,-' });
    assert.deepEqual(
      outputs.map(({ name }) => name),
      ['a.ndjson', 'kafka://b,c:1/t', '-'],
    );
  });

  it('knows the variables that hold secrets', () => {
    const env = { VESPER_OUTPUTS: 'hec://h?token_env=VESPER_TOKEN', VESPER_TOKEN: 'secret' };
    assert.equal(loadConfig(undefined, NO_FLAGS, env).outputs.length, 1);
  });

  it('names the place of a mistake in an output', () => {
    assert.equal(
      complaint('outputs:\n  - a.ndjson\n  - target: b.ndjson\n    rotate:\n      bites: 5\n  - kafak://x\n'),
      'vesper.yaml:5:7: outputs: rotate.bites: unknown option of a file output (did you mean rotate.bytes?)\n' +
        'vesper.yaml:6:5: output kafak:// is not known (did you mean kafka://?); there are kafka://, otlp+http://, ' +
        'otlp+https://, hec://, hec+https://, hec+http:// and paths of files',
    );
  });

  it('is empty where the file is', () => assert.equal(loadConfig(file(''), NO_FLAGS, {}).format, 'cim'));

  it('names the place of an unknown key and the nearest setting', () => {
    assert.equal(
      complaint('format: cim\nflows:\n  capasity: 5\npolices: [baseline]\n'),
      'vesper.yaml:3:3: unknown setting flows.capasity (did you mean flows.capacity?)\n' +
        'vesper.yaml:4:1: unknown setting polices (did you mean policies?)',
    );
  });

  it('names the place of a wrong value, wherever it came from', () => {
    const flags = new Map([['flows.udp_idle_timeout_s', 'soon']]);
    const env = { VESPER_COLLECT: 'flow,dsn' };
    assert.equal(
      complaint('ignore:\n  networks: [10.0.0.0/33]\n', flags, env),
      'environment VESPER_COLLECT: collect: "dsn" must be one of flow, dns, tls, certificate, finding, agent (did you mean dns?)\n' +
        'vesper.yaml:2:14: ignore.networks: "10.0.0.0/33" must be a network such as 10.0.0.0/8 or 2001:db8::/32\n' +
        'command line: flows.udp_idle_timeout_s: must be a whole number from 1 to 86400',
    );
  });

  it('names the place of a mistake in the YAML', () => {
    assert.match(complaint('format: [cim\n'), /^vesper\.yaml:\d+:\d+: /);
    assert.match(complaint('format: cim\n---\nformat: cim\n'), /^vesper\.yaml:2:1: .* a file has one document/);
    assert.match(complaint('- cim\n'), /^vesper\.yaml:1:1: a configuration is a map of settings$/);
    assert.match(complaint('flows: 3\n'), /^vesper\.yaml:1:1: flows is a map of settings$/);
  });

  it('takes a single value for a list, and numbers that are written as texts', () => {
    const { ignore, dns } = loadConfig(
      file('ignore: { ports: 53, networks: 10.0.0.0/8 }\ndns: { ports: [5300, "80"] }'),
      NO_FLAGS,
      {},
    );
    assert.deepEqual([ignore.ports, ignore.networks, dns.ports], [[53], ['10.0.0.0/8'], [5300, 80]]);
  });

  it('takes a group of which everything is commented out', () => {
    assert.equal(loadConfig(file('flows:\n  # capacity: 3\nformat: native\n'), NO_FLAGS, {}).format, 'native');
  });

  it('says where a dotted name belongs', () => {
    assert.equal(
      complaint('format: cim\nmetrics.port: 9100\n'),
      'vesper.yaml:2:1: write metrics.port as port below metrics, on a line of its own',
    );
  });

  it('refuses lists without which nothing would be done', () => {
    assert.equal(complaint('outputs: []\n'), 'vesper.yaml:1:1: outputs: must not be empty');
    assert.equal(
      complaint('', NO_FLAGS, { VESPER_OUTPUTS: '' }),
      'environment VESPER_OUTPUTS: outputs: must not be empty',
    );
    for (const name of ['interfaces', 'collect'])
      assert.equal(complaint('', new Map([[name, '']])), `command line: ${name}: must not be empty`);
    assert.match(
      complaint('outputs: [{ target: "-", kinds: [] }]'),
      /^vesper\.yaml:1:\d+: outputs: kinds: must not be empty$/,
    );
    assert.deepEqual(loadConfig(file('policies: []\n'), NO_FLAGS, {}).policies, []);
  });

  it('refuses a map where a list or a value belongs', () => {
    const one = 'must be a list, of one output too: write `- target: …`, and its options below `target`';
    assert.equal(complaint('outputs: { target: never.ndjson }\n'), `vesper.yaml:1:1: outputs: ${one}`);
    assert.equal(complaint('outputs:\n  target: a\n  rotate: { bytes: 1 }\n'), `vesper.yaml:1:1: outputs: ${one}`);
    const dash = 'must be a list: begin each item with a dash, `- `';
    for (const name of ['outputs', 'interfaces', 'policies', 'collect'])
      assert.equal(complaint(`${name}: { a: b }\n`), `vesper.yaml:1:1: ${name}: ${dash}`);
    assert.equal(
      complaint('ignore:\n  networks: { 10.0.0.0/8: lan }\n  domains: {}\ndns: { ports: { 53: } }\n'),
      `vesper.yaml:2:3: ignore.networks: ${dash}\nvesper.yaml:3:3: ignore.domains: ${dash}\n` +
        `vesper.yaml:4:8: dns.ports: ${dash}`,
    );
    assert.match(
      complaint('tls: { fingerprints: &a { ja3: }, certificates: *a }'),
      /1:8: .*\n.*1:35: .* true or false$/,
    );
    assert.equal(complaint('capture: { a: b }'), 'vesper.yaml:1:1: capture: must be one of auto, ebpf, af_packet');
    assert.match(complaint('outputs: [{ target: a, kinds: { dns: } }]'), new RegExp(`kinds: ${dash}$`));
  });

  it('names the place of each wrong item of a list', () => {
    assert.equal(
      complaint('collect:\n  - flow\n  - dsn\n  - tsl\n').replaceAll(/ must.*/g, ''),
      'vesper.yaml:3:5: collect: "dsn"\nvesper.yaml:4:5: collect: "tsl"',
    );
    assert.equal(
      complaint('outputs:\n  - target: a\n    kinds:\n      - flow\n      - dsn\n').replaceAll(/ must.*/g, ''),
      'vesper.yaml:5:9: outputs: kinds: "dsn"',
    );
    assert.match(complaint('collect: flow, dsn\n'), /^vesper\.yaml:1:1: collect: "dsn"/);
  });

  it('names the place of an alias that cannot be followed', () => {
    assert.equal(
      complaint('format: cim\ninterfaces: *nope\n'),
      'vesper.yaml:2:13: *nope stands for nothing: no &nope before it; write the values out',
    );
    const ten = (name: string): string => Array.from({ length: 10 }, () => `*${name}`).join();
    const bomb = `interfaces: [&a [${'x,'.repeat(10)}], &b [${ten('a')}], &c [${ten('b')}], ${ten('c')}]`;
    assert.match(complaint(bomb), /^vesper\.yaml:1:\d+: Excessive alias count .*; write the values out$/);
    assert.match(complaint('interfaces: &a [*a]\n'), /^vesper\.yaml:1:17: this alias stands within/);
    const { dns } = loadConfig(file('dns: { ports: &p [1] }\nignore: { ports: *p }\n'), NO_FLAGS, {});
    assert.deepEqual(dns.ports, [1]);
  });

  it('refuses tags and names that the libraries would take without a word', () => {
    assert.equal(complaint('capture: !foo auto\n'), 'vesper.yaml:1:10: Unresolved tag: !foo; settings have no tags');
    assert.match(complaint('__proto__: {}\n'), /^vesper\.yaml:1:1: unknown setting __proto__$/);
    assert.equal(
      complaint('outputs:\n  - target: a\n    __proto__: { name: x }\n'),
      'vesper.yaml:3:5: outputs: __proto__ is no name here',
    );
  });

  it('refuses bytes that are no UTF-8, with their place', () => {
    const path = join(folder, 'latin1.yaml');
    const text = Buffer.from('# \ufffd\nsensor: { name: ü');
    writeFileSync(path, Buffer.concat([text, Buffer.from('}')]));
    assert.equal(loadConfig(path, NO_FLAGS, {}).sensor.name, 'ü');
    writeFileSync(path, Buffer.concat([text, Buffer.from([0xe4, 0x7d])]));
    assert.throws(() => loadConfig(path, NO_FLAGS, {}), /latin1\.yaml:2:18: byte 0xe4 is not UTF-8; save the file as/);
  });

  it('refuses control characters in names', () => {
    const controls = /must have no control characters/;
    assert.match(complaint('sensor: { name: "a\\nb" }'), controls);
    assert.match(complaint('interfaces: ["a\\0"]'), controls);
    assert.match(complaint('outputs: ["a\\nb"]'), controls);
    assert.match(complaint('outputs: [{ target: a, name: "\\e[2J" }]'), controls);
    assert.match(complaint('', NO_FLAGS, { VESPER_SENSOR_NAME: 'a\nb' }), controls);
  });

  it('says how names that are not ASCII are written', () => {
    assert.equal(
      complaint('ignore: { domains: [a.example, "*.exämple.com"] }'),
      'vesper.yaml:1:32: ignore.domains: "*.exämple.com" must be in ASCII, as it is on the wire: *.xn--exmple-cua.com',
    );
    // mDNS has UTF-8 on the wire, here of what was typed as u and a combining diaeresis.
    assert.equal(
      complaint('ignore: { domains: ["*.dru\\u0308cker.local"] }'),
      'vesper.yaml:1:21: ignore.domains: "*.dru\u0308cker.local" must be in ASCII, as it is on the wire: *.dr\\195\\188cker.local',
    );
  });

  it('complains of unknown environment variables and --set names', () => {
    assert.match(complaint('', NO_FLAGS, { VESPER_FORMATT: 'cim' }), /did you mean VESPER_FORMAT\?/);
    assert.match(complaint('', new Map([['dns.port', '53']])), /--set dns\.port: .*did you mean dns\.ports\?/);
  });

  it('complains of a file that is not there', () => {
    assert.throws(() => loadConfig(join(folder, 'none.yaml'), NO_FLAGS, {}), /cannot read the configuration/);
  });

  it('documents every setting', () => {
    const reference = settingsReference();
    for (const [path, { env }] of SETTINGS) assert.ok(reference.includes(`| \`${path}\` |`) && reference.includes(env));
  });
});
