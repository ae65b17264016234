/** Conversations against tshark's table: packets and payload bytes each way. */
import type { FlowEvent } from '../../src/dissect/event.ts';
import type { Collected } from './collect.ts';
import { type Comparison, match, unequal } from './difference.ts';
import type { ConversationRow } from './rows.ts';

/** All records of one connection together. */
interface Connection {
  readonly proto: string;
  /** `ip:port` of the two ends, the smaller text first. */
  readonly ends: readonly [string, string];
  packets: [number, number];
  payload: [number, number];
  readonly communityId: string;
}

function connections(collected: Collected): Connection[] {
  const bySession = new Map<number, Connection>();
  for (const { event } of collected.events) {
    if (event.kind !== 'flow' || event.conversation.transport === 'icmp') continue;
    addRecord(bySession, event);
  }
  return [...bySession.values()];
}

function addRecord(bySession: Map<number, Connection>, event: FlowEvent): void {
  const { client, server, transport, session, communityId } = event.conversation;
  const from = `${client.ip}:${client.port}`;
  const to = `${server.ip}:${server.port}`;
  const straight = from <= to;
  const [one, other] = straight ? [event.out, event.in] : [event.in, event.out];
  const known = bySession.get(session);
  if (known) {
    known.packets = [known.packets[0] + one.packets, known.packets[1] + other.packets];
    known.payload = [known.payload[0] + one.payloadBytes, known.payload[1] + other.payloadBytes];
    return;
  }
  bySession.set(session, {
    proto: transport,
    ends: straight ? [from, to] : [to, from],
    packets: [one.packets, other.packets],
    payload: [one.payloadBytes, other.payloadBytes],
    communityId,
  });
}

function rowConnection(row: ConversationRow): Connection {
  const a = `${row.a}:${row.aport}`;
  const b = `${row.b}:${row.bport}`;
  const straight = a <= b;
  const order = (ab: number, ba: number): [number, number] => (straight ? [ab, ba] : [ba, ab]);
  return {
    proto: row.proto,
    ends: straight ? [a, b] : [b, a],
    packets: order(row.pkts_ab, row.pkts_ba),
    payload: order(row.payload_ab, row.payload_ba),
    communityId:
      row.innermost && !TUNNEL_PORTS.has(row.aport) && !TUNNEL_PORTS.has(row.bport) ? (row.community_id ?? '') : '',
  };
}

/** Under a tunnel's UDP packet tshark shows the Community ID of what is inside, where that has no ports of its own. */
const TUNNEL_PORTS: ReadonlySet<number> = new Set([2152, 3544, 4789, 6081, 6635, 8472]);

/** Headers that a sampling protocol quotes are no traffic of this wire, as those in ICMP errors are not. */
const isTraffic = (row: ConversationRow): boolean => row.proto !== 'sctp' && !row.path.includes(':sflow:');

/** tshark gives no stream number to packets in some encapsulations; they belong to the conversation of their ends. */
function joinStreamless(rows: readonly Connection[], streamless: readonly Connection[]): void {
  for (const one of streamless) {
    const other = rows.find((row) => keyOf(row) === keyOf(one));
    if (!other) continue;
    other.packets = [other.packets[0] + one.packets[0], other.packets[1] + one.packets[1]];
    other.payload = [other.payload[0] + one.payload[0], other.payload[1] + one.payload[1]];
  }
}

const keyOf = (connection: Connection): string => `${connection.proto} ${connection.ends.join(' ')}`;

/** tshark counts only the last fragment of a fragmented datagram, we count what was on the wire. */
function describe(row: Connection, ours: Connection, fragments: boolean): string[] {
  const asFragments = fragments && row.packets.every((packets, side) => packets <= (ours.packets[side] ?? 0));
  return [
    ...unequal('packets', asFragments ? ours.packets : row.packets, ours.packets),
    ...unequal('payload', row.payload, ours.payload),
    ...(row.communityId === '' ? [] : unequal('community_id', row.communityId, ours.communityId)),
  ];
}

/** @param fragments the capture holds fragments (the manifest's tags ipv4-frag and ipv6-frag) */
export function compareConversations(
  rows: readonly ConversationRow[],
  collected: Collected,
  fragments: boolean,
): Comparison {
  const traffic = rows.filter(isTraffic);
  const wanted = traffic.filter((row) => row.stream !== null).map(rowConnection);
  joinStreamless(wanted, traffic.filter((row) => row.stream === null).map(rowConnection));
  return match('conversation', wanted, connections(collected), keyOf, keyOf, (row, ours) =>
    describe(row, ours, fragments),
  );
}
