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
    communityId: row.innermost ? (row.community_id ?? '') : '',
  };
}

const keyOf = (connection: Connection): string => `${connection.proto} ${connection.ends.join(' ')}`;

function describe(row: Connection, ours: Connection): string[] {
  return [
    ...unequal('packets', row.packets, ours.packets),
    ...unequal('payload', row.payload, ours.payload),
    ...(row.communityId === '' ? [] : unequal('community_id', row.communityId, ours.communityId)),
  ];
}

export function compareConversations(rows: readonly ConversationRow[], collected: Collected): Comparison {
  const wanted = rows.filter((row) => row.proto !== 'sctp').map(rowConnection);
  return match('conversation', wanted, connections(collected), keyOf, keyOf, describe);
}
