/**
 * Part of the build: parses and checks the built-in policies once for all runs (src/policy/checked-policies.ts). Fails
 * with every problem of a policy that is not right.
 *
 *     node dist/scripts/check-policies.js
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { CHECKED_POLICIES_FILE, type CheckedPolicies, hashOfText } from '../src/policy/checked-policies.ts';
import { builtInPolicies, parseText, policyFile } from '../src/policy/load.ts';
import type { PolicySource } from '../src/policy/source.ts';

const checked: Record<string, PolicySource> = {};
for (const name of builtInPolicies()) {
  const file = policyFile(name);
  const text = readFileSync(file, 'utf8');
  checked[hashOfText(text)] = parseText(text, file).source;
}
writeFileSync(CHECKED_POLICIES_FILE, JSON.stringify(checked satisfies CheckedPolicies));
