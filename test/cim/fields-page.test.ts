import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fieldsPage } from '../../scripts/fields.ts';
import { PROJECT } from '../support/shared.ts';

test('docs/fields.md is what the schemas and the golden cases say: run scripts/fields.ts', () => {
  const committed = readFileSync(join(PROJECT, 'docs', 'fields.md'), 'utf8');
  assert.ok(committed === fieldsPage(), 'node dist/scripts/fields.js > docs/fields.md');
});
