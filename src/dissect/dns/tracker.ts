/** Finds the DNS messages of datagrams and TCP connections on the DNS ports and makes the events of them. */
import type { Counters } from '../../counters.ts';
import { type Conversation, reverse } from '../conversation.ts';
import type { DnsMessage, DnsProtocol, DnsReference, EventSink, Timestamp } from '../event.ts';
import type { FlowTable } from '../flow/table.ts';
import { type Packet, TcpFlag } from '../net/packet.ts';
import { Status } from '../reader.ts';
import { DnsConnection, type DnsDirection, type MessageHandler } from './connection.ts';
import { DnsParser, HEADER_LENGTH, LEAST_CAPTURED, OPCODE_DSO } from './message.ts';
import { type PendingQuery, Transactions } from './transaction.ts';
import { Truncations } from './truncations.ts';

export interface DnsOptions {
  /** Whether `dns_message` events are wanted, one for each message. */
  readonly messages: boolean;
  /** Whether `dns_transaction` events are wanted: query and response paired. */
  readonly transactions: boolean;
  /** Ports that carry DNS besides 53, 5353 (mDNS) and 5355 (LLMNR). */
  readonly ports: readonly number[];
  /** Seconds until a query counts as unanswered. Resolvers ask again after 5 s (resolv.conf(5)), so 10 s sees a retry. */
  readonly queryTimeout: number;
}

const PORT_DNS = 53;
/** RFC 6762 §3. */
const PORT_MDNS = 5353;
/** RFC 4795 §2. */
const PORT_LLMNR = 5355;
/** Ports below are the system's (RFC 6335 §6): the other end's service, not its ephemeral port. */
const SYSTEM_PORTS = 1024;
const TYPE_IXFR = 251;
const TYPE_AXFR = 252;

/**
 * TCP connections followed at once; beyond it the longest followed is forgotten, which loses only a message that it is
 * in the middle of. Each may hold 128 KiB a direction, 128 MiB together, if somebody takes the pains.
 */
export const MAX_CONNECTIONS = 512;

type DnsFlows = Pick<FlowTable, 'conversation' | 'session' | 'setApp' | 'firstByte'>;

/** What a port says. */
const Role = { none: 0, dns: 1, mdns: 2, llmnr: 3 } as const;
const PROTOCOLS: readonly DnsProtocol[] = ['dns', 'dns', 'mdns', 'llmnr'];

export class DnsTracker implements MessageHandler {
  private readonly wantMessages: boolean;
  private readonly wantTransactions: boolean;
  private readonly counters: Counters;
  private readonly flows: DnsFlows;
  private readonly sink: EventSink;
  private readonly roles = new Uint8Array(65_536);
  private readonly parser = new DnsParser();
  private readonly transactions: Transactions;
  private readonly truncations = new Truncations();
  private readonly connections = new Map<number, DnsConnection>();

  /** The packet in hand, for the messages that it completes. */
  private packet: Packet | undefined = undefined;
  private slot = 0;
  private fromClient = false;
  private protocol: DnsProtocol = 'dns';
  private connection: DnsConnection | undefined = undefined;

  constructor(options: DnsOptions, counters: Counters, flows: DnsFlows, sink: EventSink) {
    this.wantMessages = options.messages;
    this.wantTransactions = options.transactions;
    this.counters = counters;
    this.flows = flows;
    this.sink = sink;
    this.transactions = new Transactions(options.queryTimeout, counters, sink);
    this.replacePorts(options.ports);
  }

  /** @param ports that carry DNS from now on, besides the registered ones */
  replacePorts(ports: readonly number[]): void {
    this.roles.fill(Role.none);
    this.roles[PORT_MDNS] = Role.mdns;
    this.roles[PORT_LLMNR] = Role.llmnr;
    for (const port of ports) this.roles[port] = Role.dns;
    this.roles[PORT_DNS] = Role.dns;
  }

  /** Whether one of the packet's ports is a DNS port. */
  isDnsPort(packet: Packet): boolean {
    return this.role(packet) !== Role.none;
  }

  /** A UDP payload on a DNS port. */
  datagram(packet: Packet, slot: number, fromClient: boolean): void {
    this.packet = packet;
    this.slot = slot;
    this.fromClient = fromClient;
    this.connection = undefined;
    this.protocol = PROTOCOLS[this.role(packet)]!;
    const { payloadStart, payloadLength } = packet;
    const end = Math.min(packet.payloadEnd, payloadStart + payloadLength);
    this.message(packet.bytes, packet.view, payloadStart, end, payloadLength);
  }

  /** A TCP segment on a DNS port. Returns false when nothing more is wanted of the flow. */
  segment(packet: Packet, slot: number, fromClient: boolean): boolean {
    const connection = this.connections.get(slot) ?? this.connect(packet, slot);
    this.packet = packet;
    this.slot = slot;
    this.connection = connection;
    this.protocol = connection.protocol;
    if ((packet.tcpFlags & TcpFlag.ack) !== 0) this.acknowledged(connection, !fromClient, packet.tcpAcknowledgment);
    this.fromClient = fromClient;
    const direction = directionOf(connection, fromClient);
    if (direction.isNew) direction.begin(this.flows.firstByte(slot, packet, fromClient));
    const wasOver = direction.over;
    if (!direction.segment(packet)) this.counters['dns.stream_limit']++;
    if (direction.over && !wasOver) this.counters['dns.not_dns']++;
    if (!connection.over) return true;
    this.connections.delete(slot);
    return false;
  }

  /** The flow ends: what it holds of a message will never be whole. */
  endFlow(slot: number): void {
    const connection = this.connections.get(slot);
    if (connection !== undefined) this.counters['dns.incomplete'] += this.close(connection, slot);
  }

  /** Packet time has come to this moment: reports the queries that were not answered in time. */
  tick(seconds: number, nanos: number): void {
    this.transactions.expire(seconds, nanos);
  }

  /** The end of the capture: reports the queries still waiting. */
  end(): void {
    for (const slot of [...this.connections.keys()]) this.endFlow(slot);
    this.transactions.end();
  }

  /** One message, of the packet in hand or that it lets go. Returns whether it was DNS. */
  message(bytes: Buffer, view: DataView, start: number, end: number, length: number, since?: Timestamp): boolean {
    const { packet, parser, protocol } = this;
    if (packet === undefined) return false;
    if (end - start < LEAST_CAPTURED) return length < HEADER_LENGTH ? this.notDns() : this.cutAway();
    const isResponse = view.getUint8(start + 2) >= 0x80;
    const paired = this.wantTransactions && protocol === 'dns';
    const key = paired ? this.numericKey(view.getUint16(start), isResponse) : 0;
    const waiting = paired && isResponse ? this.transactions.waiting(key) : undefined;
    const message = parser.parse(bytes, view, start, end, length, protocol, waiting?.message);
    if (message === undefined) return this.notDns();
    const { counters } = this;
    counters['dns.messages']++;
    if (parser.status === Status.malformed) counters['dns.malformed']++;
    this.flows.setApp(this.slot, protocol);
    const { seconds, nanos } = since ?? packet.frame;
    const time = { seconds, nanos };
    if (this.wantMessages) {
      const conversation = this.sentBy(this.fromClient);
      this.sink({ kind: 'dns_message', time, conversation, protocol, message });
    }
    if (!this.wantTransactions) return true;
    if (protocol === 'mdns') {
      // Anybody may answer, to everybody, unasked (RFC 6762 §6, §8.3): nothing to pair.
      const asker = isResponse && !isMulticast(packet) ? !this.fromClient : this.fromClient;
      const conversation = this.sentBy(asker);
      if (isResponse) this.transactions.alone(undefined, message, conversation, protocol, time);
      else this.transactions.alone(message, undefined, conversation, protocol, time);
      return true;
    }
    // What waits under a flow's key has the flow's two ends.
    const conversation = waiting?.conversation ?? this.sentBy(this.fromClient !== isResponse);
    if (protocol === 'llmnr') {
      const querier = querierKey(conversation, message.id);
      if (isResponse) this.respond(this.transactions.waiting(querier), message, conversation, time);
      else this.transactions.query(querier, message, conversation, protocol, time);
    } else if (isUnidirectional(message)) {
      this.transactions.alone(message, undefined, conversation, protocol, time);
    } else if (isResponse) this.respond(waiting, message, conversation, time);
    else this.transactions.query(key, message, conversation, protocol, time, this.retryOf(message, conversation, time));
    return true;
  }

  /** What one end has sent was acknowledged up to this number. */
  private acknowledged(connection: DnsConnection, fromClient: boolean, acknowledgment: number): void {
    const direction = directionOf(connection, fromClient);
    if (!direction.unfinished) return;
    this.fromClient = fromClient;
    this.counters['dns.incomplete'] += direction.acknowledged(acknowledgment);
    if (direction.over) this.counters['dns.not_dns']++;
  }

  /** The truncated transaction that a query over TCP asks again. */
  private retryOf(message: DnsMessage, conversation: Conversation, time: Timestamp): DnsReference | undefined {
    const question = message.questions[0];
    if (this.connection === undefined || question === undefined) return undefined;
    return this.truncations.take(conversation, question, time);
  }

  /** Counts a datagram; a stream is counted when it is given up. */
  private notDns(): false {
    if (this.connection === undefined) this.counters['dns.not_dns']++;
    return false;
  }

  /** Nothing was captured of a datagram that says whether it is DNS; of a stream, that it is given up is counted. */
  private cutAway(): false {
    if (this.connection === undefined) this.counters['dns.incomplete']++;
    return false;
  }

  private respond(
    waiting: PendingQuery | undefined,
    message: DnsMessage,
    conversation: Conversation,
    time: Timestamp,
  ): void {
    const { connection } = this;
    if (connection !== undefined && connection.transfer === message.id) {
      // The transfer goes on, unless its id is in use again.
      if (waiting === undefined) return;
      connection.transfer = -1;
    }
    const query = this.transactions.response(waiting, message, conversation, this.protocol, time);
    const question = query?.questions[0];
    if (message.truncated && connection === undefined && question !== undefined) {
      this.truncations.add(conversation, question, message.id, time);
    }
    const type = question?.type;
    if (connection !== undefined && (type === TYPE_AXFR || type === TYPE_IXFR)) connection.transfer = message.id;
  }

  private role(packet: Packet): number {
    const { roles } = this;
    const source = roles[packet.sourcePort]!;
    const destination = roles[packet.destinationPort]!;
    if ((source | destination) === Role.none) return Role.none;
    if (source === Role.dns || destination === Role.dns) return Role.dns;
    const other = source === Role.none ? packet.sourcePort : packet.destinationPort;
    // 5353 and 5355 may be the ephemeral port of a connection to another service.
    if ((source === Role.none || destination === Role.none) && other < SYSTEM_PORTS) return Role.none;
    return source === Role.none ? destination : source;
  }

  /** Flow, direction of the query and id in one number below 2^53. */
  private numericKey(id: number, isResponse: boolean): number {
    const fromClient = this.fromClient !== isResponse ? 1 : 0;
    return (this.flows.session(this.slot) * 2 + fromClient) * 65_536 + id;
  }

  /** The flow's conversation with the end that is meant as its client. */
  private sentBy(flowClient: boolean): Conversation {
    const conversation = this.flows.conversation(this.slot);
    return flowClient ? conversation : reverse(conversation);
  }

  private connect(packet: Packet, slot: number): DnsConnection {
    if (this.connections.size >= MAX_CONNECTIONS) {
      for (const [oldest, connection] of this.connections) {
        this.counters['dns.stream_limit'] += this.close(connection, oldest);
        break;
      }
    }
    // mDNS is UDP alone (RFC 6762 §3); LLMNR falls back to TCP (RFC 4795 §2.4).
    const connection = new DnsConnection(this, this.role(packet) === Role.llmnr ? 'llmnr' : 'dns');
    this.connections.set(slot, connection);
    return connection;
  }

  /** Reads what a connection still holds. Returns how many messages and gaps are lost with it. */
  private close(connection: DnsConnection, slot: number): number {
    this.connections.delete(slot);
    this.slot = slot;
    this.connection = connection;
    this.protocol = connection.protocol;
    this.fromClient = true;
    const lost = connection.fromClient.end();
    this.fromClient = false;
    return lost + connection.fromServer.end();
  }
}

function directionOf(connection: DnsConnection, fromClient: boolean): DnsDirection {
  return fromClient ? connection.fromClient : connection.fromServer;
}

/** Nobody answers it, and the next with the same id is no retry: a push to a subscriber (RFC 8765 §6.3), for one. */
function isUnidirectional({ response, opcode, id }: DnsMessage): boolean {
  return opcode === OPCODE_DSO && id === 0 && !response;
}

/** LLMNR: the query goes to a group, the response comes from another address (RFC 4795 §2.3): the asker is the same. */
function querierKey(conversation: Conversation, id: number): string {
  return `${conversation.client.ip} ${conversation.client.port} ${id}`;
}

/** A group cannot be the client of a response: there the conversation stays as the message traveled. */
function isMulticast(packet: Packet): boolean {
  const first = packet.destination0 >>> 24;
  return packet.ipVersion === 4 ? first >> 4 === 0xe : first === 0xff;
}
