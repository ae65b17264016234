/** DTLS on any port: hellos by signature, paired into handshakes. */
import type { Counters } from '../../counters.ts';
import { ConnectionTable } from '../connection-table.ts';
import type { CertificateChain, EventSink, Timestamp } from '../event.ts';
import type { FlowTable } from '../flow/table.ts';
import type { Packet } from '../net/packet.ts';
import { type HelloExchange, HelloReports } from '../tls/exchange.ts';
import type { TlsOptions } from '../tls/tracker.ts';
import type { CertificateStore } from '../x509/store.ts';
import { DtlsConnection, type DtlsReporter } from './connection.ts';

export class DtlsTracker implements DtlsReporter {
  readonly certificates: CertificateStore | undefined;
  readonly hellos: HelloReports;
  readonly counters: Counters;
  private readonly certificateEvents: boolean;
  private readonly connections = new ConnectionTable<DtlsConnection>();

  constructor(
    options: TlsOptions,
    certificates: CertificateStore | undefined,
    counters: Counters,
    flows: FlowTable,
    sink: EventSink,
  ) {
    this.certificates = certificates;
    this.certificateEvents = options.certificateEvents;
    this.counters = counters;
    this.hellos = new HelloReports(options, counters, flows, sink);
  }

  chain(exchange: HelloExchange, chain: CertificateChain, fromServer: boolean, time: Timestamp): void {
    if (this.certificateEvents) this.hellos.chain(exchange, chain, fromServer, time);
  }

  /** Takes a datagram that begins with a handshake or alert record. */
  datagram(packet: Packet, slot: number, fromClient: boolean): void {
    const { connections } = this;
    const connection = connections.get(slot) ?? connections.add(new DtlsConnection(slot, this));
    const before = connection.bufferedBytes;
    connection.datagram(packet, fromClient);
    connections.account(connection, before);
    for (let oldest = connections.excess; oldest !== undefined; oldest = connections.excess) this.evict(oldest);
  }

  /** The flow ends: what is known of its handshake is reported. */
  endFlow(slot: number): void {
    if (this.connections.size === 0) return;
    const connection = this.connections.get(slot);
    if (connection !== undefined) this.finish(connection);
  }

  /** The end of the capture. */
  end(): void {
    for (const connection of this.connections.all()) this.finish(connection);
  }

  private evict(connection: DtlsConnection): void {
    if (connection.began) this.counters['tls.stream_limit']++;
    this.finish(connection);
  }

  private finish(connection: DtlsConnection): void {
    this.connections.remove(connection);
    if (connection.began) this.counters['tls.incomplete']++;
    connection.finish();
  }
}
