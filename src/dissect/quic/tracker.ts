/** QUIC on any port: Initial packets opened, their hellos paired into handshakes. */
import type { Counters } from '../../counters.ts';
import type { EventSink } from '../event.ts';
import type { FlowTable } from '../flow/table.ts';
import type { Packet } from '../net/packet.ts';
import { type HelloOptions, HelloReports } from '../tls/exchange.ts';
import { QuicConnection } from './connection.ts';
import { isVersionNegotiation, LongHeader, longHeaderVersion, publicHeaderVersion } from './header.ts';
import { quicVersionIndex } from './version.ts';

/** Connections kept, handshakes and those after them: as for TLS over TCP. The oldest yields. */
export const MAX_CONNECTIONS = 8_192;

/** What the streams of all connections may hold together. A hello with post-quantum shares is 2 KiB. */
export const MAX_BUFFERED_BYTES = 4_096 * MAX_CONNECTIONS;

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

export class QuicTracker {
  private readonly counters: Counters;
  private readonly flows: FlowTable;
  private readonly reports: HelloReports;
  /** By flow slot, in the order in which they began. */
  private readonly connections = new Map<number, QuicConnection>();
  private bufferedBytes = 0;

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
    if (isVersionNegotiation(view, payloadStart, payloadEnd)) this.flows.setApp(slot, 'quic');
    return QuicSign.none;
  }

  /** Takes a datagram of a followed flow. Returns false when nothing more is wanted of the flow. */
  datagram(packet: Packet, slot: number, fromClient: boolean): boolean {
    let connection = this.connections.get(slot);
    if (connection === undefined) {
      connection = new QuicConnection(slot, this.flows, this.counters, this.reports);
      this.connections.set(slot, connection);
    }
    const buffered = connection.bufferedBytes;
    const more = connection.datagram(packet, fromClient);
    this.bufferedBytes += connection.bufferedBytes - buffered;
    if (!more) {
      this.finish(connection);
      return false;
    }
    while (this.connections.size > MAX_CONNECTIONS || this.bufferedBytes > MAX_BUFFERED_BYTES) this.evictOldest();
    return true;
  }

  /** The flow ends: what is known of its handshake is reported. */
  endFlow(slot: number): void {
    if (this.connections.size === 0) return;
    const connection = this.connections.get(slot);
    if (connection !== undefined) this.finish(connection);
  }

  /** The end of the capture. */
  end(): void {
    for (const connection of this.connections.values()) this.finish(connection);
  }

  /** A connection that comes again is taken for a new one. */
  private evictOldest(): void {
    for (const connection of this.connections.values()) {
      connection.limited ||= connection.began;
      this.finish(connection);
      return;
    }
  }

  private finish(connection: QuicConnection): void {
    this.connections.delete(connection.slot);
    this.bufferedBytes -= connection.bufferedBytes;
    if (connection.began) this.counters['tls.incomplete']++;
    if (connection.limited) this.counters['tls.stream_limit']++;
    connection.finish();
  }
}
