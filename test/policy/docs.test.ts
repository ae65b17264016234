import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { loadPolicy, parsePolicy, policyFile } from '../../src/policy/load.ts';
import { Policy } from '../../src/policy/policy.ts';
import { conversationOf } from '../conversation.ts';
import { certificate, clientHello, conversation, detailed, handshake, serverHello } from './handshakes.ts';
import { policy, summary } from './policies.ts';

const page = readFileSync('docs/policies.md', 'utf8');
const examples = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text]) => text);

test('the worked example is a policy and says what the page says of it', () => {
  const compiled = new Policy(parsePolicy(examples[0] ?? '', 'docs/policies.md'));
  const client = clientHello({ cipherSuites: [0xc02f, 0x002f] });
  const { violations } = compiled.judge(handshake(client, serverHello(0x0303, 0x002f)));
  assert.deepEqual(
    violations.map(({ rule, observed, expected }) => [rule, observed, expected]),
    [['strong-suites', 'TLS_RSA_WITH_AES_128_CBC_SHA', 'forward secrecy and aead and strength at least 128 bits']],
  );
  assert.equal(compiled.judge(handshake(client, serverHello(0x0304, 0x1301))).outcome, 'compliant');
});

test('the example that builds on another policy excepts the milling machine, in time', () => {
  const warnings: unknown[] = [];
  const source = parsePolicy(examples[1] ?? '', 'docs/policies.md', { now: 0, onWarning: (w) => warnings.push(w) });
  assert.deepEqual(warnings, []);
  const compiled = new Policy(source);
  const client = clientHello({ supportedVersions: [0x0304, 0x0301] });
  const at = (day: string, ip: string, version = 0x0301) =>
    summary(
      compiled.judge({
        ...handshake(client, serverHello(version, 0xc013)),
        time: { seconds: Date.parse(day) / 1000, nanos: 0 },
        conversation: conversationOf({ server: { ip, port: 443 } }, conversation),
        details: { certificates: [certificate({})] },
      }),
    );
  const reason = 'Milling machines until their controllers are replaced (CHG-4711), 2027-06-30';
  assert.deepEqual(at('2026-03-01', '10.9.0.4')[0], 'compliant');
  assert.ok(at('2026-03-01', '10.9.0.4').includes(`no-tls-1.0-1.1 (${reason})`));
  assert.equal(at('2026-03-01', '10.8.0.4')[0], 'non_compliant');
  assert.equal(at('2027-07-01', '10.9.0.4')[0], 'non_compliant');
});

test('the table of outcomes', () => {
  const versions = 'negotiated: { versions: { min: TLSv1_2 } }';
  const certificates = 'negotiated: { certificate: { expired: false } }';
  const both = policy(versions, certificates);
  const retry = { ...serverHello(0x0304, 0x1301), helloRetryRequest: true };
  const cases: Record<string, string> = {
    'TLS 1.2, certificate lost': both.judge(detailed(0x0303, 0xc02f, {})).outcome,
    'TLS 1.2, resumed': both.judge(detailed(0x0303, 0xc02f, { resumed: true })).outcome,
    'TLS 1.3': both.judge(detailed(0x0304, 0x1301, {})).outcome,
    'TLS 1.3, with the rule on certificates alone': policy(certificates).judge(detailed(0x0304, 0x1301, {})).outcome,
    'no ServerHello, or only a HelloRetryRequest': both.judge({ ...handshake(clientHello({}), undefined), retry })
      .outcome,
  };
  const rows = [...page.matchAll(/^\| (.*) \| .* \| .* \| `(\w+)` \|$/gm)].map(([, what, outcome]) => [what, outcome]);
  assert.deepEqual(Object.fromEntries(rows), cases);
});

test('every key of the schema is on the page', () => {
  const schema: unknown = JSON.parse(readFileSync('config/schema/policy.schema.json', 'utf8'));
  const keys = new Set<string>();
  const collect = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [key, inner] of Object.entries(value)) {
      if (key === 'properties') for (const name of Object.keys(inner)) keys.add(name);
      collect(inner);
    }
  };
  collect(schema);
  assert.ok(keys.size > 60);
  assert.deepEqual(
    [...keys].filter((key) => !page.includes(key)),
    [],
  );
});

test('the baseline is about versions and cipher suites, as the page says', () => {
  const { resolved } = loadPolicy('baseline');
  const subjects = resolved.rules.flatMap(({ negotiated = {} }) => Object.keys(negotiated));
  assert.deepEqual([...new Set(subjects)].sort(), ['cipher_suites', 'versions']);
  assert.match(resolved.title, /versions and cipher suites/i);
  assert.match(
    page,
    /\| `baseline` \| the versions and cipher suites that BCP 195 rules out, and the anonymous suites: the default \|/,
  );
});

test('the table of the baseline is the baseline', () => {
  const rows = [...page.matchAll(/^\| `(no-\S+)` \| (\w+) \| (\w+) \| (.*) \|$/gm)].map(([, ...cells]) => cells);
  const file = policyFile('baseline');
  const { rules } = parsePolicy(readFileSync(file, 'utf8'), file);
  assert.deepEqual(
    rows,
    rules.map(({ id, level, severity, reference }) => [id, level, severity, reference]),
  );
  assert.equal(loadPolicy('baseline').id, 'baseline');
});
