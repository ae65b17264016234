/** Packets built by hand, and a flow table that keeps what it reports. */
import { type Counters, createCounters } from '../../../src/counters.ts';
import type { FlowEvent } from '../../../src/dissect/event.ts';
import { FLOW_DEFAULTS } from '../../../src/dissect/flow/options.ts';
import { type FlowHooks, type FlowOptions, FlowTable } from '../../../src/dissect/flow/table.ts';
import { formatIpv4, parseIp } from '../../../src/dissect/net/address.ts';
import { IpProtocol, Packet, TcpFlag } from '../../../src/dissect/net/packet.ts';

export const { fin: FIN, syn: SYN, rst: RST, psh: PSH, ack: ACK } = TcpFlag;

/** RFC 5737 and RFC 3849 documentation addresses. */
export const CLIENT = '192.0.2.1';
export const SERVER = '198.51.100.2';

export interface Fields {
  protocol?: number;
  from?: string;
  to?: string;
  ports?: readonly [number, number];
  /** Seconds, with a fraction. */
  time?: number;
  /** Of the earliest fragment. */
  since?: number;
  flags?: number;
  sequence?: number;
  payload?: number;
  window?: number;
  wirePackets?: number;
  icmp?: readonly [number, number];
  ttl?: number;
  tos?: number;
}

export function packet(fields: Fields): Packet {
  const p = new Packet();
  const from = parseIp(fields.from ?? CLIENT);
  const to = parseIp(fields.to ?? SERVER);
  if (!from || !to) throw new TypeError('not an address');
  p.ipVersion = from.version;
  [p.source0, p.source1, p.source2, p.source3] = from.words;
  [p.destination0, p.destination1, p.destination2, p.destination3] = to.words;
  p.protocol = fields.protocol ?? IpProtocol.tcp;
  [p.sourcePort, p.destinationPort] = fields.ports ?? [40000, 443];
  p.frame.seconds = Math.floor(fields.time ?? 0);
  p.frame.nanos = Math.round(((fields.time ?? 0) % 1) * 1e9);
  if (fields.since !== undefined) {
    p.sinceSeconds = Math.floor(fields.since);
    p.sinceNanos = Math.round((fields.since % 1) * 1e9);
  }
  p.tcpFlags = fields.flags ?? ACK;
  p.tcpSequence = (fields.sequence ?? 0) >>> 0;
  p.tcpWindow = fields.window ?? 1000;
  p.payloadLength = fields.payload ?? 0;
  p.ipLength = 40 + p.payloadLength;
  p.wirePackets = fields.wirePackets ?? 1;
  [p.icmpType, p.icmpCode] = fields.icmp ?? [0, 0];
  p.ttl = fields.ttl ?? 64;
  p.tos = fields.tos ?? 0;
  return p;
}

/** The sender of the packets that only make time pass; its flow is ignored. */
const CLOCK = '203.0.113.1';
const IGNORED = 3;

export class Observed {
  readonly events: FlowEvent[] = [];
  readonly ended: number[] = [];
  readonly counters: Counters = createCounters();
  readonly table: FlowTable;

  constructor(options: Partial<FlowOptions> = {}, hooks: Partial<FlowHooks> = {}) {
    this.table = new FlowTable({ ...FLOW_DEFAULTS, capacity: 1024, ...options }, this.counters, {
      end: (slot) => this.ended.push(slot),
      emit: (event) => this.events.push(event),
      interfaceName: () => undefined,
      ...hooks,
      admit: (p) => (formatIpv4(p.source0) === CLOCK ? IGNORED : (hooks.admit?.(p) ?? 0)),
    });
  }

  /** From the client. */
  out(fields: Fields): number {
    return this.table.observe(packet(fields));
  }

  /** The same fields from the server: ends and ports swapped. */
  in(fields: Fields): number {
    const { from = CLIENT, to = SERVER, ports = [40000, 443] } = fields;
    return this.table.observe(packet({ ...fields, from: to, to: from, ports: [ports[1], ports[0]] }));
  }

  /** Time passes, seen by a packet of a flow that is ignored. */
  at(time: number): FlowEvent[] {
    this.table.observe(packet({ protocol: IpProtocol.udp, from: CLOCK, ports: [9, 9], time }));
    return this.events;
  }

  finish(): FlowEvent[] {
    for (const _ of this.table.end());
    return this.events;
  }

  /** The only event of a run that is to have one. */
  only(): FlowEvent {
    const [event, ...more] = this.finish();
    if (!event || more.length > 0) throw new Error(`${more.length + (event ? 1 : 0)} events`);
    return event;
  }
}
