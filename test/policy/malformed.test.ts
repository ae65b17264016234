/** Whatever stands in a policy, its author is told of it: nothing else is thrown. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse, stringify } from 'yaml';
import { parsePolicy } from '../../src/policy/load.ts';
import { PolicyError } from '../../src/policy/problem.ts';
import { PROJECT } from '../support/shared.ts';

const WRONG: readonly unknown[] = [null, 1, '', [null], { a: 1 }];

type Tree = Record<string, unknown> | unknown[];

/** Each value of a tree once replaced by each of the wrong ones; the tree is as it was afterwards. */
function* spoilt(root: Tree, tree: Tree = root): Generator<void> {
  for (const [key, value] of Object.entries(tree)) {
    const parent = tree as Record<string, unknown>;
    for (const wrong of WRONG) {
      parent[key] = wrong;
      yield;
    }
    parent[key] = value;
    if (typeof value === 'object' && value !== null) yield* spoilt(root, value as Tree);
  }
}

/** The policies that the documentation shows have everything that a policy can have. */
function examples(): string[] {
  const docs = readFileSync(join(PROJECT, 'docs', 'policies.md'), 'utf8');
  return [...docs.matchAll(/```yaml\n(# yaml-language-server[\s\S]*?)```/g)].map(([, text]) => text ?? '');
}

test('every value of a policy may be anything', () => {
  let policies = 0;
  let refused = 0;
  for (const text of examples()) {
    const tree = parse(text) as Tree;
    for (const _ of spoilt(tree)) {
      policies++;
      try {
        parsePolicy(stringify(tree), 'p.yaml', { now: 1_800_000_000, onWarning: () => {} });
      } catch (error) {
        assert.ok(error instanceof PolicyError, `${(error as Error).stack}\n${stringify(tree)}`);
        assert.match(error.message, /p\.yaml:\d+:\d+: /);
        refused++;
      }
    }
  }
  assert.ok(policies > 500 && refused > policies / 2, `${refused} of ${policies} refused`);
});
