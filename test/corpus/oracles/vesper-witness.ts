/** What Vesper says, from the events of a replay. */
import type {
  Conversation,
  DnsMessage,
  DnsTransactionEvent,
  Endpoint,
  FlowEvent,
  TlsHandshakeEvent,
} from '../../../src/dissect/event.ts';
import type { Collected } from '../collect.ts';
import { plainName } from '../compare-dns.ts';
import {
  type Connection,
  type Ends,
  type Exchange,
  type Handshake,
  type Message,
  PLAIN_TYPES,
  type Ways,
  type Witness,
} from './witness.ts';

const name = (text: string): string => plainName(text).toLowerCase();
const end = ({ ip, port }: Endpoint): string => `${ip}:${port}`;

function ends({ transport, client, server }: Conversation): Ends {
  return { proto: transport, client: end(client), server: end(server) };
}

/** The records of one connection together. */
function connections(flows: readonly FlowEvent[]): Connection[] {
  const bySession = new Map<number, Connection>();
  for (const flow of flows) {
    const { session, communityId } = flow.conversation;
    const known = bySession.get(session);
    const sum = (before: Ways | undefined, out: number, back: number): Ways => [
      (before?.[0] ?? 0) + out,
      (before?.[1] ?? 0) + back,
    ];
    bySession.set(session, {
      ...ends(flow.conversation),
      initiator: ends(flow.conversation).client,
      packets: sum(known?.packets, flow.out.packets, flow.in.packets),
      payload: sum(known?.payload, flow.out.payloadBytes, flow.in.payloadBytes),
      ipBytes: sum(known?.ipBytes, flow.out.bytes, flow.in.bytes),
      communityId,
    });
  }
  return [...bySession.values()];
}

function message(frame: number, protocol: string, sender: Ends, dns: DnsMessage): Message {
  return {
    frame,
    proto: sender.proto,
    from: sender.client,
    to: sender.server,
    protocol,
    id: dns.id,
    response: dns.response,
    rcode: dns.response ? dns.rcode & 15 : 0,
    questions: dns.questions.map((one) => ({ name: name(one.name), type: one.type })),
    answers: dns.answers.map((one) => ({
      name: name(one.name),
      type: one.type,
      ttl: one.ttl,
      value: PLAIN_TYPES.has(one.type) ? name(one.data) : undefined,
    })),
  };
}

function exchange(frame: number, event: DnsTransactionEvent): Exchange {
  const asked = ends(event.conversation);
  const answered = { ...asked, client: asked.server, server: asked.client };
  const { query, response, protocol, responseTime } = event;
  return {
    ...asked,
    id: query?.id ?? response?.id ?? 0,
    query: query && message(frame, protocol, asked, query),
    response: response && message(frame, protocol, answered, response),
    responseTime,
  };
}

function handshake({ conversation, client, server, details }: TlsHandshakeEvent): Handshake {
  return {
    ...ends(conversation),
    offer: client && { sni: client.serverName?.toLowerCase(), alpn: client.alpn },
    choice: server && {
      version: server.version,
      cipher: server.cipherSuite,
      alpn: server.alpn,
      group: details?.group ?? server.keyShareGroup,
    },
  };
}

export function vesperWitness(collected: Collected): Witness {
  const flows: FlowEvent[] = [];
  const messages: Message[] = [];
  const exchanges: Exchange[] = [];
  const handshakes: Handshake[] = [];
  for (const { frame, event } of collected.events) {
    if (event.kind === 'flow') flows.push(event);
    else if (event.kind === 'dns_message')
      messages.push(message(frame, event.protocol, ends(event.conversation), event.message));
    else if (event.kind === 'dns_transaction') exchanges.push(exchange(frame, event));
    else if (event.kind === 'tls_handshake') handshakes.push(handshake(event));
  }
  return {
    // tshark's table has no conversations of ICMP.
    connections: connections(flows.filter(({ conversation }) => conversation.transport !== 'icmp')),
    messages,
    exchanges,
    handshakes,
  };
}
