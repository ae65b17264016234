import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { CHECKED_POLICIES_FILE, checkedPolicy } from '../../src/policy/checked-policies.ts';
import { builtInPolicies, parseText, policyFile } from '../../src/policy/load.ts';

const skip = existsSync(CHECKED_POLICIES_FILE) ? false : 'compiled without npm run build';

for (const name of builtInPolicies()) {
  const file = policyFile(name);
  const text = readFileSync(file, 'utf8');

  test(`the build has checked ${name}, and what it kept is what the text says`, { skip }, () => {
    assert.deepEqual(checkedPolicy(text), parseText(text, file).source, 'after a change, run npm run build');
  });

  test(`a changed text of ${name} is parsed and checked anew`, () => {
    assert.equal(checkedPolicy(`${text}\n# changed`), undefined);
  });
}
