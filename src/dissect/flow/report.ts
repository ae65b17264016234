/** From a flow's record to its event. */
import type { Conversation, FlowCounts, FlowEndReason, FlowEvent, TcpCounts } from '../event.ts';
import { QUIC_VERSIONS } from '../quic/version.ts';
import {
  COUNTS_DOUBLES,
  type FlowRecords,
  Hot,
  HotByte,
  Mark,
  NO_PACKET,
  Origin,
  OriginByte,
  TCP_SIDE_WORDS,
  Tcp,
} from './record.ts';
import { resetTcpCounts, TCP_STATES } from './tcp-state.ts';

/** By `HotByte.app`. */
export const APPS: readonly FlowEvent['app'][] = [
  undefined,
  'dns',
  'mdns',
  'llmnr',
  'tls',
  'dtls',
  'quic',
  'http3',
  'smtp',
  'imap',
  'pop3',
  'ftp',
  'ldap',
  'xmpp',
  'postgresql',
  'mysql',
  'nntp',
  'sieve',
  'rdp',
  'http',
  'socks',
];

/** The event of the open record of a flow, which counts at least one packet. */
export function reportFlow(
  records: FlowRecords,
  slot: number,
  conversation: Conversation,
  endReason: FlowEndReason,
): FlowEvent {
  const { words, doubles, bytes } = records;
  const hot = records.hot(slot);
  const origin = records.origin(slot);
  const marks = bytes[hot * 4 + HotByte.marks] as number;
  const client = (marks & Mark.clientIsSide1) !== 0 ? 1 : 0;
  const server = client === 0 ? 1 : 0;
  const seconds = words[hot + Hot.firstSeconds] as number;
  const nanos = words[hot + Hot.firstNanos] as number;
  const endSeconds = words[hot + Hot.lastSeconds] as number;
  const endNanos = words[hot + Hot.lastNanos] as number;
  const { transport } = conversation;
  return {
    kind: 'flow',
    time: { seconds, nanos },
    end: { seconds: endSeconds, nanos: endNanos },
    duration: endSeconds - seconds + (endNanos - nanos) / 1e9,
    conversation,
    app: APPS[bytes[hot * 4 + HotByte.app] as number],
    quicVersion: transport === 'udp' ? quicVersion(bytes[hot * 4 + HotByte.quicVersion] as number) : undefined,
    out: counts(doubles, hot, client),
    in: counts(doubles, hot, server),
    tcp:
      transport === 'tcp'
        ? {
            state: TCP_STATES[bytes[hot * 4 + HotByte.state] as number] ?? 'midstream',
            out: tcpCounts(records, slot, client),
            in: tcpCounts(records, slot, server),
            rtt: (marks & Mark.rtt) === 0 ? undefined : (doubles[(records.tcp(slot) + Tcp.rtt) / 2] as number),
          }
        : undefined,
    icmp:
      transport === 'icmp'
        ? {
            type: bytes[origin * 4 + OriginByte.icmpType] as number,
            code: bytes[origin * 4 + OriginByte.icmpCode] as number,
          }
        : undefined,
    tos: bytes[origin * 4 + OriginByte.tos] as number,
    ttl: bytes[origin * 4 + OriginByte.ttl] as number,
    record: (words[origin + Origin.records] as number) + 1,
    endReason,
  };
}

/** Begins the next record of a flow that goes on. */
export function nextRecord(records: FlowRecords, slot: number, isTcp: boolean): void {
  const { words, doubles } = records;
  const hot = records.hot(slot);
  const origin = records.origin(slot);
  words[hot + Hot.firstSeconds] = NO_PACKET;
  doubles.fill(0, (hot + Hot.counts) / 2, (hot + Hot.counts) / 2 + 2 * COUNTS_DOUBLES);
  words[origin + Origin.records] = (words[origin + Origin.records] as number) + 1;
  if (isTcp) resetTcpCounts(records, slot);
}

function quicVersion(indexPlusOne: number): string | undefined {
  return indexPlusOne === 0 ? undefined : QUIC_VERSIONS[indexPlusOne - 1]?.name;
}

function counts(doubles: Float64Array, hot: number, side: 0 | 1): FlowCounts {
  const at = (hot + Hot.counts) / 2 + side * COUNTS_DOUBLES;
  return {
    packets: small(doubles[at] as number),
    bytes: small(doubles[at + 1] as number),
    payloadBytes: small(doubles[at + 2] as number),
  };
}

/** The same number, but where it is small not as a float64, which V8 keeps outside the object: 16 bytes for each. */
function small(value: number): number {
  return value === (value | 0) ? value | 0 : value;
}

function tcpCounts(records: FlowRecords, slot: number, side: 0 | 1): TcpCounts {
  const { words, doubles, bytes } = records;
  const tcp = records.tcp(slot);
  const half = tcp + side * TCP_SIDE_WORDS;
  return {
    flags: bytes[records.hot(slot) * 4 + HotByte.flags + side] as number,
    retransmits: words[half + Tcp.retransmits] as number,
    retransmittedBytes: doubles[(tcp + Tcp.retransmittedBytes) / 2 + side] as number,
    outOfOrder: words[half + Tcp.outOfOrder] as number,
    zeroWindows: words[half + Tcp.zeroWindows] as number,
    resets: words[half + Tcp.resets] as number,
  };
}
