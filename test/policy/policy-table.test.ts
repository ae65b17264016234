import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { policyTable } from '../../scripts/policy-table.ts';
import { builtInPolicies } from '../../src/policy/load.ts';
import { PROJECT } from '../support/shared.ts';

const committed = readFileSync(join(PROJECT, 'docs', 'policy-table.md'), 'utf8');

test('docs/policy-table.md is what the policies say: run scripts/policy-table.ts', () => {
  assert.ok(committed === policyTable(), 'node dist/scripts/policy-table.js > docs/policy-table.md');
});

test('it has a column for every built-in policy and a line for everything', () => {
  for (const name of builtInPolicies()) assert.ok(committed.includes(`| ${name} |`), name);
  for (const name of ['SSLv2', 'TLS_NULL_WITH_NULL_NULL', 'TLS_AES_128_GCM_SHA256', 'X25519MLKEM768', 'mldsa87']) {
    assert.match(committed, new RegExp(`[|,] ${name}[ ,]`));
  }
});
