/**
 * Rules on the group of the key exchange: of a curve that the handshake itself defines, the group does not tell the size. Static
 * ECDH has the curve of the server's certificate, which need not be a group of TLS.
 */
import type { CertificateKey } from '../dissect/event.ts';
import { GROUP_CODES } from './codes.ts';
import { curveProperties, GROUPS_BY_CODE } from './groups.ts';
import { codeMatchers } from './matchers.ts';
import type { CodeSource, CodesSource, GroupSelectorSource } from './source.ts';

export interface GroupMatcher {
  /** See `CodeMatcher`. */
  readonly expected: string;
  /** Undefined where it depends on a size that the group does not tell. */
  readonly holds: (group: number) => boolean | undefined;
  /** The same for the curve of a certificate's key; undefined too where the certificate does not name it. */
  readonly holdsOf: (key: CertificateKey) => boolean | undefined;
}

/** One for each of `allow` and `deny`. */
export function groupMatchers({ allow, deny }: CodesSource<GroupSelectorSource>): GroupMatcher[] {
  return [...(allow ? matchers('allow', allow) : []), ...(deny ? matchers('deny', deny) : [])];
}

function matchers(part: 'allow' | 'deny', sources: readonly CodeSource<GroupSelectorSource>[]): GroupMatcher[] {
  const sizeless = sources.map(withoutSize);
  const [anySize] = codeMatchers({ [part]: sizeless }, GROUP_CODES);
  const selects = GROUP_CODES.selector(sources);
  const selectsAnySize = GROUP_CODES.selector(sizeless);
  return codeMatchers({ [part]: sources }, GROUP_CODES).map(({ expected, holds }) => {
    const ofGroup = (group: number): boolean | undefined => {
      const isKept = holds(group);
      return hasUnknownSize(group) && anySize?.holds(group) !== isKept ? undefined : isKept;
    };
    return {
      expected,
      holds: ofGroup,
      holdsOf({ type, curve, bits }) {
        if (type !== 'EC' || curve === undefined) return undefined;
        const group = GROUP_CODES.find(curve);
        if (group !== undefined) return ofGroup(group);
        const properties = curveProperties(bits);
        if (selects(properties)) return part === 'allow';
        // A curve of unknown size is an object identifier without a name: none of those allowed, perhaps one of those denied.
        if (bits === undefined && (part === 'deny' || selectsAnySize(properties))) return undefined;
        return part === 'deny';
      },
    };
  });
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
