import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { loadPolicy, parsePolicy, policyFile } from '../../src/policy/load.ts';
import { Policy } from '../../src/policy/policy.ts';
import { clientHello, handshake, serverHello } from './handshakes.ts';

const page = readFileSync('docs/policies.md', 'utf8');

test('the worked example is a policy and says what the page says of it', () => {
  const example = /```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? '';
  const policy = new Policy(parsePolicy(example, 'docs/policies.md'));
  const client = clientHello({ cipherSuites: [0xc02f, 0x002f] });
  const { violations } = policy.judge(handshake(client, serverHello(0x0303, 0x002f)));
  assert.deepEqual(
    violations.map(({ rule, observed, expected }) => [rule, observed, expected]),
    [['strong-suites', 'TLS_RSA_WITH_AES_128_CBC_SHA', 'forward secrecy and aead and strength at least 128 bits']],
  );
  assert.equal(policy.judge(handshake(client, serverHello(0x0304, 0x1301))).outcome, 'compliant');
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
