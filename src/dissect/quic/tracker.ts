/** QUIC on any port: Initial packets opened, their hellos paired into handshakes. */
import type { Counters } from '../../counters.ts';
import { ConnectionTable } from '../connection-table.ts';
import type { EventSink } from '../event.ts';
import type { FlowTable } from '../flow/table.ts';
import type { Packet } from '../net/packet.ts';
import { type HelloOptions, HelloReports } from '../tls/exchange.ts';
import { QuicFlow } from './flow.ts';
import { LongHeader, longHeaderVersion, publicHeaderVersion, readVersionNegotiation } from './header.ts';
import { quicVersionIndex } from './version.ts';

/** What a datagram is of. */
export const QuicSign = {
  none: 0,
  /** Named, and no more is known of it. */
  named: 1,
  /** To be followed. */
  connection: 2,
} as const;
export type QuicSign = (typeof QuicSign)[keyof typeof QuicSign];

/** Shared: set and read out within one call. */
const header = new LongHeader();

/** Whether a datagram begins with a whole packet of a version that is read, or offers one. */
export function beginsQuicPacket(bytes: Buffer, view: DataView, start: number, end: number): boolean {
  return header.read(bytes, view, start, end) || readVersionNegotiation(view, start, end) !== undefined;
}

export class QuicTracker {
  private readonly counters: Counters;
  private readonly flows: FlowTable;
  private readonly reports: HelloReports;
  private readonly followed = new ConnectionTable<QuicFlow>();

  constructor(options: HelloOptions, counters: Counters, flows: FlowTable, sink: EventSink) {
    this.counters = counters;
    this.flows = flows;
    this.reports = new HelloReports(options, counters, flows, sink);
  }

  /** Whether the datagram is QUIC's; what it tells by itself goes to its flow. */
  recognize(packet: Packet, slot: number): QuicSign {
    const { bytes, view, payloadStart, payloadEnd } = packet;
    if (header.read(bytes, view, payloadStart, payloadEnd)) {
      this.flows.setApp(slot, 'quic');
      return QuicSign.connection;
    }
    const named =
      longHeaderVersion(view, payloadStart, payloadEnd) ?? publicHeaderVersion(view, payloadStart, payloadEnd);
    if (named !== undefined && named.initial === undefined) {
      this.flows.setApp(slot, 'quic');
      this.flows.setQuicVersion(slot, quicVersionIndex(named.number));
      return QuicSign.named;
    }
    if (readVersionNegotiation(view, payloadStart, payloadEnd) !== undefined) this.flows.setApp(slot, 'quic');
    return QuicSign.none;
  }

  /** Takes a datagram of a followed flow. Returns false when nothing more is wanted of the flow. */
  datagram(packet: Packet, slot: number, fromClient: boolean): boolean {
    const { followed } = this;
    const flow = followed.get(slot) ?? followed.add(new QuicFlow(slot, this.flows, this.counters, this.reports));
    const before = flow.bufferedBytes;
    const more = flow.datagram(packet, fromClient);
    followed.account(flow, before);
    if (!more) {
      this.finish(flow);
      return false;
    }
    for (let oldest = followed.excess; oldest !== undefined; oldest = followed.excess) this.finish(oldest, true);
    return true;
  }

  /** Whether the flow's server has spoken QUIC. */
  isAnswered(slot: number): boolean {
    return this.followed.get(slot)?.isAnswered === true;
  }

  /** The flow ends: what is known of its handshakes is reported. */
  endFlow(slot: number): void {
    if (this.followed.size === 0) return;
    const flow = this.followed.get(slot);
    if (flow !== undefined) this.finish(flow);
  }

  /** The end of the capture. */
  end(): void {
    for (const flow of this.followed.all()) this.finish(flow);
  }

  /** A connection that comes again is taken for a new one. */
  private finish(flow: QuicFlow, evicted = false): void {
    this.followed.remove(flow);
    flow.close(evicted);
  }
}
