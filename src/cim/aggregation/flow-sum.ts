/** Flow records between the same pair as one: the same client, server, port and application, and the same end. */
import type { FlowCounts, FlowEvent, TcpCounts, Timestamp } from '../../dissect/event.ts';
import type { Verdict } from '../../policy/verdict.ts';
import { conversationKey } from './conversation-key.ts';

export function flowKey(
  { conversation, app, quicVersion, tcp, icmp, endReason }: FlowEvent,
  verdicts: readonly Verdict[],
): string {
  const judged = verdicts.map(({ policy, outcome, violations, excepted, notObserved }) => [
    policy,
    outcome,
    violations.map(({ rule }) => rule),
    excepted?.map(({ rule }) => rule),
    notObserved,
  ]);
  const rest = [app, quicVersion, tcp?.state, icmp?.type, icmp?.code, endReason, judged];
  return `flow ${conversationKey(conversation)} ${JSON.stringify(rest)}`;
}

const added = (a: FlowCounts, b: FlowCounts): FlowCounts => ({
  packets: a.packets + b.packets,
  bytes: a.bytes + b.bytes,
  payloadBytes: a.payloadBytes + b.payloadBytes,
});

const addedTcp = (a: TcpCounts, b: TcpCounts): TcpCounts => ({
  flags: a.flags | b.flags,
  retransmits: a.retransmits + b.retransmits,
  retransmittedBytes: a.retransmittedBytes + b.retransmittedBytes,
  outOfOrder: a.outOfOrder + b.outOfOrder,
  zeroWindows: a.zeroWindows + b.zeroWindows,
  resets: a.resets + b.resets,
});

const isBefore = (a: Timestamp, b: Timestamp): boolean =>
  a.seconds < b.seconds || (a.seconds === b.seconds && a.nanos < b.nanos);

/** Handshakes that were timed: the least comes nearest to the path's own time. */
function least(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.min(a, b);
}

export class FlowSum {
  readonly verdicts: readonly Verdict[];
  private sum: FlowEvent;
  private count = 1;
  /** Records that are the first of their flow. */
  private connections: number;

  constructor(first: FlowEvent, verdicts: readonly Verdict[]) {
    this.sum = first;
    this.verdicts = verdicts;
    this.connections = first.record === 1 ? 1 : 0;
  }

  add(event: FlowEvent): void {
    const { sum } = this;
    this.count++;
    if (event.record === 1) this.connections++;
    const time = isBefore(event.time, sum.time) ? event.time : sum.time;
    const end = isBefore(sum.end, event.end) ? event.end : sum.end;
    this.sum = {
      ...sum,
      time,
      end,
      duration: end.seconds - time.seconds + (end.nanos - time.nanos) / 1e9,
      out: added(sum.out, event.out),
      in: added(sum.in, event.in),
      tcp: sum.tcp &&
        event.tcp && {
          state: sum.tcp.state,
          out: addedTcp(sum.tcp.out, event.tcp.out),
          in: addedTcp(sum.tcp.in, event.tcp.in),
          rtt: least(sum.tcp.rtt, event.tcp.rtt),
        },
    };
  }

  /** The first record with the counts of all, from the first packet to the last; itself where it stayed alone. */
  event(): FlowEvent {
    const { count, connections } = this;
    return count === 1 ? this.sum : { ...this.sum, aggregated: { count, connections } };
  }
}
