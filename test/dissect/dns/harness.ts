/** Packets by hand and a stand-in for the flow table, to drive the tracker without decoder and flows. */
import { type Counters, createCounters } from '../../../src/counters.ts';
import { type DnsOptions, DnsTracker } from '../../../src/dissect/dns/tracker.ts';
import type { Conversation, DnsMessageEvent, DnsTransactionEvent, NetworkEvent } from '../../../src/dissect/event.ts';
import { formatIpv4 } from '../../../src/dissect/net/address.ts';
import { IpProtocol, Packet, TcpFlag } from '../../../src/dissect/net/packet.ts';
import { conversationOf } from '../../conversation.ts';

export interface Wire {
  /** 10.0.0.N of the sender and the receiver, or a whole address as a word. */
  readonly from?: number;
  readonly to?: number;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  /** Seconds, with a fraction. */
  readonly at?: number;
  /** Bytes of the payload that the capture holds. */
  readonly captured?: number;
  readonly sequence?: number;
  readonly syn?: boolean;
  readonly acknowledgment?: number;
  /** What the flow table knows of the sender's first byte. */
  readonly firstByte?: number;
}

const address = (host: number): number => (host < 256 ? 0x0a000000 + host : host);

function toPacket(protocol: number, payload: Buffer, wire: Wire): Packet {
  const packet = new Packet();
  const { from = 1, to = 2, at = 0 } = wire;
  packet.protocol = protocol;
  packet.source0 = address(from);
  packet.destination0 = address(to);
  packet.sourcePort = wire.sourcePort ?? (from < to ? 40_000 : 53);
  packet.destinationPort = wire.destinationPort ?? (from < to ? 53 : 40_000);
  packet.frame.seconds = Math.floor(at);
  packet.frame.nanos = Math.round((at % 1) * 1e9);
  packet.bytes = Buffer.concat([Buffer.alloc(3, 0xff), payload]);
  packet.view = new DataView(packet.bytes.buffer, packet.bytes.byteOffset, packet.bytes.length);
  packet.payloadStart = 3;
  packet.payloadLength = payload.length;
  packet.payloadEnd = 3 + Math.min(payload.length, wire.captured ?? payload.length);
  packet.tcpSequence = wire.sequence ?? 0;
  packet.tcpAcknowledgment = wire.acknowledgment ?? 0;
  packet.tcpFlags = wire.syn ? TcpFlag.syn : TcpFlag.ack;
  return packet;
}

interface Flow {
  readonly conversation: Conversation;
  app: string | undefined;
}

export class Harness {
  readonly counters: Counters = createCounters();
  readonly tracker: DnsTracker;
  readonly messages: DnsMessageEvent[] = [];
  readonly transactions: DnsTransactionEvent[] = [];
  readonly flows: Flow[] = [];
  private readonly slots = new Map<string, number>();
  private firstByte: number | undefined;

  constructor(options: Partial<DnsOptions> = {}) {
    this.tracker = new DnsTracker(
      { messages: true, transactions: true, ports: [], queryTimeout: 10, ...options },
      this.counters,
      {
        conversation: (slot) => this.flows[slot]!.conversation,
        session: (slot) => this.flows[slot]!.conversation.session,
        setApp: (slot, app) => {
          this.flows[slot]!.app = app;
        },
        firstByte: () => this.firstByte,
      },
      (event) => this.take(event),
    );
  }

  udp(payload: Buffer, wire: Wire = {}): void {
    const packet = toPacket(IpProtocol.udp, payload, wire);
    const { slot, fromClient } = this.observe(packet);
    this.tracker.datagram(packet, slot, fromClient);
  }

  tcp(payload: Buffer, wire: Wire = {}): boolean {
    const packet = toPacket(IpProtocol.tcp, payload, wire);
    const { slot, fromClient } = this.observe(packet);
    this.firstByte = wire.firstByte;
    return this.tracker.segment(packet, slot, fromClient);
  }

  isDnsPort(protocol: 'tcp' | 'udp', sourcePort: number, destinationPort: number): boolean {
    return this.tracker.isDnsPort(toPacket(IpProtocol[protocol], Buffer.alloc(0), { sourcePort, destinationPort }));
  }

  /** Whoever sends first is the flow's client. */
  private observe(packet: Packet): { slot: number; fromClient: boolean } {
    const client = { ip: formatIpv4(packet.source0), port: packet.sourcePort };
    const server = { ip: formatIpv4(packet.destination0), port: packet.destinationPort };
    const transport = packet.protocol === IpProtocol.tcp ? 'tcp' : 'udp';
    const forward = `${transport} ${client.ip} ${client.port} ${server.ip} ${server.port}`;
    const backward = `${transport} ${server.ip} ${server.port} ${client.ip} ${client.port}`;
    const known = this.slots.get(forward);
    if (known !== undefined) return { slot: known, fromClient: true };
    const reversed = this.slots.get(backward);
    if (reversed !== undefined) return { slot: reversed, fromClient: false };
    const slot = this.flows.length;
    this.slots.set(forward, slot);
    const conversation = conversationOf({ client, server, transport, session: slot + 1 });
    this.flows.push({ conversation, app: undefined });
    return { slot, fromClient: true };
  }

  private take(event: NetworkEvent): void {
    if (event.kind === 'dns_message') this.messages.push(event);
    if (event.kind === 'dns_transaction') this.transactions.push(event);
  }
}
