/** Rules on the group of the key exchange: of a curve that the handshake itself defines, the group does not tell the size. */
import { GROUP_CODES } from './codes.ts';
import { GROUPS_BY_CODE } from './groups.ts';
import { codeMatchers } from './matchers.ts';
import type { CodeSource, CodesSource, GroupSelectorSource } from './source.ts';

export interface GroupMatcher {
  /** See `CodeMatcher`. */
  readonly expected: string;
  /** Undefined where it depends on a size that the group does not tell. */
  readonly holds: (group: number) => boolean | undefined;
}

/** One for each of `allow` and `deny`. */
export function groupMatchers({ allow, deny }: CodesSource<GroupSelectorSource>): GroupMatcher[] {
  const anySize = codeMatchers(
    { ...(allow && { allow: allow.map(withoutSize) }), ...(deny && { deny: deny.map(withoutSize) }) },
    GROUP_CODES,
  );
  return codeMatchers({ ...(allow && { allow }), ...(deny && { deny }) }, GROUP_CODES).map(
    ({ expected, holds }, i) => ({
      expected,
      holds(group) {
        const isKept = holds(group);
        return hasUnknownSize(group) && anySize[i]?.holds(group) !== isKept ? undefined : isKept;
      },
    }),
  );
}

/** Post-quantum groups have no size at all; what nobody knows has no properties. */
function hasUnknownSize(group: number): boolean {
  const properties = GROUPS_BY_CODE.get(group)?.properties;
  return properties !== undefined && properties.bits === undefined && !properties.postQuantum;
}

/** What it selects among groups of whatever size. */
function withoutSize(source: CodeSource<GroupSelectorSource>): CodeSource<GroupSelectorSource> {
  if (typeof source !== 'object') return source;
  const { bits: _, strength_bits: __, ...others } = source;
  return others;
}
