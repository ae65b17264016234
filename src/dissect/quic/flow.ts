/**
 * The QUIC connections of one flow, told apart by their connection ids (RFC 9000 §5.2): a program may begin several from
 * one socket to one server.
 */
import type { Counters } from '../../counters.ts';
import type { FlowTable } from '../flow/table.ts';
import type { Packet } from '../net/packet.ts';
import type { HelloReports } from '../tls/exchange.ts';
import { QuicConnection } from './connection.ts';
import { LongHeader, readVersionNegotiation } from './header.ts';

/**
 * Packets that no key opens, after the last connection that began, before the flow is given up, 30 µs each: a connection
 * that began before the capture sends a handful of Initials.
 */
export const MAX_FAILURES = 16;

/** Connections of a flow that are known at once: more handshakes than begin in a round trip from one socket. */
export const MAX_PARALLEL = 8;

/** Shared: set and read out within one call. */
const header = new LongHeader();

export class QuicFlow {
  readonly slot: number;
  /** Whether the server has spoken QUIC. */
  isAnswered = false;

  private readonly flows: FlowTable;
  private readonly counters: Counters;
  private readonly reports: HelloReports;
  /** In the order in which they began. */
  private readonly connections: QuicConnection[] = [];
  private failures = 0;

  constructor(slot: number, flows: FlowTable, counters: Counters, reports: HelloReports) {
    this.slot = slot;
    this.flows = flows;
    this.counters = counters;
    this.reports = reports;
  }

  get bufferedBytes(): number {
    let bytes = 0;
    for (const connection of this.connections) bytes += connection.bufferedBytes;
    return bytes;
  }

  /** Takes a datagram that begins with a long header. Returns false when nothing more is wanted of the flow. */
  datagram(packet: Packet, fromFlowClient: boolean): boolean {
    const { bytes, view, payloadStart, payloadEnd } = packet;
    const negotiation = readVersionNegotiation(view, payloadStart, payloadEnd);
    if (negotiation !== undefined) {
      for (const connection of this.connections) connection.versionNegotiation(negotiation, bytes);
    }
    // Packets that travel together (RFC 9000 §12.2); a short header can only be the last.
    for (let at = payloadStart; header.read(bytes, view, at, payloadEnd); at = header.end) {
      const { types } = header.version!.initial!;
      if (header.type === types.initial) this.initial(packet, fromFlowClient);
      else if (header.type === types.retry) this.connectionOf(bytes, fromFlowClient)?.retry();
      if (this.failures >= MAX_FAILURES) break;
    }
    return this.failures < MAX_FAILURES;
  }

  /**
   * Nothing more comes: what is known of handshakes is reported.
   * @param evicted others need the room
   */
  close(evicted: boolean): void {
    for (const connection of this.connections.splice(0)) connection.close(evicted);
  }

  private initial(packet: Packet, fromFlowClient: boolean): void {
    const known = this.connectionOf(packet.bytes, fromFlowClient);
    const connection = known ?? new QuicConnection(this.slot, this.flows, this.counters, this.reports);
    if (!connection.initial(header, packet, fromFlowClient)) {
      this.failures++;
      this.counters['quic.undecryptable']++;
      return;
    }
    this.isAnswered ||= connection.isAnswered;
    if (known !== undefined) return;
    this.failures = 0;
    this.connections.push(connection);
    if (this.connections.length > MAX_PARALLEL) this.giveUpOne();
  }

  /** Whose the packet in `header` is; undefined where it can only begin a connection. */
  private connectionOf(bytes: Buffer, fromFlowClient: boolean): QuicConnection | undefined {
    const { connections } = this;
    const owner = connections.findLast((connection) => connection.owns(header, bytes, fromFlowClient));
    if (owner !== undefined) return owner;
    // After a Version Negotiation the client begins again with other ids.
    const refused = connections.find(({ isRefused }) => isRefused);
    if (refused !== undefined) return refused;
    const newest = connections.at(-1);
    return newest?.allowsOther(header, fromFlowClient) ? undefined : newest;
  }

  /** The oldest whose handshake is reported, else the oldest. */
  private giveUpOne(): void {
    const reported = this.connections.findIndex(({ isReported }) => isReported);
    this.connections.splice(Math.max(reported, 0), 1)[0]?.close(true);
  }
}
