/** DTLS on any port: hellos by signature, paired into handshakes. */
import type { Counters } from '../../counters.ts';
import type { EventSink } from '../event.ts';
import type { FlowTable } from '../flow/table.ts';
import type { Packet } from '../net/packet.ts';
import { type HelloOptions, HelloReports } from '../tls/exchange.ts';
import { DtlsConnection } from './connection.ts';

/** Associations kept, handshakes and those after them: as for TLS over TCP. The oldest yields. */
export const MAX_CONNECTIONS = 8_192;

/** What the fragments of all associations may hold together. */
export const MAX_BUFFERED_BYTES = 4_096 * MAX_CONNECTIONS;

export class DtlsTracker {
  private readonly counters: Counters;
  private readonly reports: HelloReports;
  /** By flow slot, in the order in which they began. */
  private readonly connections = new Map<number, DtlsConnection>();
  private bufferedBytes = 0;

  constructor(options: HelloOptions, counters: Counters, flows: FlowTable, sink: EventSink) {
    this.counters = counters;
    this.reports = new HelloReports(options, counters, flows, sink);
  }

  /** Takes a datagram that begins with a handshake record. */
  datagram(packet: Packet, slot: number, fromClient: boolean): void {
    let connection = this.connections.get(slot);
    if (connection === undefined) {
      connection = new DtlsConnection(slot, this.reports);
      this.connections.set(slot, connection);
    }
    const buffered = connection.bufferedBytes;
    connection.datagram(packet, fromClient);
    this.bufferedBytes += connection.bufferedBytes - buffered;
    while (this.connections.size > MAX_CONNECTIONS || this.bufferedBytes > MAX_BUFFERED_BYTES) this.evictOldest();
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

  private evictOldest(): void {
    for (const connection of this.connections.values()) {
      if (connection.began) this.counters['tls.stream_limit']++;
      this.finish(connection);
      return;
    }
  }

  private finish(connection: DtlsConnection): void {
    this.connections.delete(connection.slot);
    this.bufferedBytes -= connection.bufferedBytes;
    if (connection.began) this.counters['tls.incomplete']++;
    connection.finish();
  }
}
