/** ICMP messages that ask and answer, as Community ID v1 pairs them (github.com/corelight/community-id-spec). */
import { IpProtocol } from '../net/packet.ts';

/** Request and reply (RFC 792, RFC 950, RFC 1256). */
const ICMP_PAIRS: readonly (readonly [number, number])[] = [
  [8, 0], // echo
  [13, 14], // timestamp
  [15, 16], // information
  [17, 18], // address mask
  [10, 9], // router solicitation, advertisement
];

/** Request and reply (RFC 4443, RFC 4861, RFC 2710, RFC 4620, RFC 6275). */
const ICMPV6_PAIRS: readonly (readonly [number, number])[] = [
  [128, 129], // echo
  [133, 134], // router solicitation, advertisement
  [135, 136], // neighbor solicitation, advertisement
  [130, 131], // multicast listener query, report
  [139, 140], // node information
  [144, 145], // home agent address discovery
];

const NO_COUNTERPART = -1;

interface Messages {
  readonly counterparts: Int16Array;
  readonly replies: ReadonlySet<number>;
}

function messages(pairs: readonly (readonly [number, number])[]): Messages {
  const counterparts = new Int16Array(256).fill(NO_COUNTERPART);
  for (const [request, reply] of pairs) {
    counterparts[request] = reply;
    counterparts[reply] = request;
  }
  return { counterparts, replies: new Set(pairs.map(([, reply]) => reply)) };
}

const ICMP = messages(ICMP_PAIRS);
const ICMPV6 = messages(ICMPV6_PAIRS);

/** The type that answers `type`, or that it answers; -1 for a message without one. */
export function icmpCounterpart(protocol: number, type: number): number {
  return (protocol === IpProtocol.icmp ? ICMP : ICMPV6).counterparts[type] ?? NO_COUNTERPART;
}

export function isIcmpReply(protocol: number, type: number): boolean {
  return (protocol === IpProtocol.icmp ? ICMP : ICMPV6).replies.has(type);
}
