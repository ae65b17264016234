/** Holds a policy against a source that it was not written from. */
import assert from 'node:assert/strict';
import { SUITE_CODES } from '../../../src/policy/codes.ts';
import { loadPolicy } from '../../../src/policy/load.ts';
import { type Kind, stances } from '../../../src/policy/stance.ts';
import type { Difference } from './differences.ts';
import { EVERYTHING, nameOf } from './sources.ts';

/** The day on which policies and sources are compared. */
export const TODAY = '2026-12-01';

/** What the policy has no rule against, of all that IANA's table has. */
export function accepts(policy: string, kind: Kind, day = TODAY): Set<number> {
  const stance = stances(loadPolicy(policy).resolved, kind, day);
  return new Set(EVERYTHING[kind].filter((code) => ['allowed', 'unmentioned'].includes(stance(code).mark)));
}

/** Every entry of IANA's table: each difference has to be listed, and each that is listed has to be there. */
export function compare(
  ours: ReadonlySet<number>,
  theirs: ReadonlySet<number>,
  kind: Kind,
  differences: readonly Difference[] = [],
): void {
  assert.ok(theirs.size > 0);
  for (const which of ['only we accept', 'only they accept'] as const) {
    const found = EVERYTHING[kind].filter((code) =>
      which === 'only we accept' ? ours.has(code) && !theirs.has(code) : !ours.has(code) && theirs.has(code),
    );
    const listed = differences.filter((difference) => difference.which === which);
    const explained = new Set<string>();
    for (const { names, suites, reason } of listed) {
      assert.ok(reason.length > 20);
      const selected = SUITE_CODES.selectAll(suites ?? []);
      const of = names ?? found.filter((code) => selected.has(code)).map((code) => nameOf(kind, code));
      assert.ok(of.length > 0, `nothing differs any more: ${reason}`);
      for (const name of of) explained.add(name);
    }
    assert.deepEqual(found.map((code) => nameOf(kind, code)).sort(), [...explained].sort(), which);
  }
}
