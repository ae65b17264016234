/** TLS over TCP on any port: finds hellos by signature, pairs them into handshakes. */
import type { Counters } from '../../counters.ts';
import { ConnectionTable } from '../connection-table.ts';
import type { CertificateChain, EventSink, Preface, Timestamp } from '../event.ts';
import type { FlowTable } from '../flow/table.ts';
import type { Packet } from '../net/packet.ts';
import { CertificateStore } from '../x509/store.ts';
import { announcedLength } from './announced.ts';
import { type HandshakeReporter, TlsConnection } from './connection.ts';
import { EarlySegments } from './early.ts';
import { type HelloOptions, HelloReports } from './exchange.ts';
import { isPreface, isUpgradable, prefaceOf, prefaceOfPort } from './preface.ts';
import { mayBeginHello } from './signature.ts';

export interface TlsOptions extends HelloOptions {
  /** Whether handshakes are followed beyond the ServerHello, for certificates and what else is in the clear there. */
  readonly certificates: boolean;
  /** Whether `certificate` events are wanted; needs `certificates`. */
  readonly certificateEvents: boolean;
}

/**
 * The flow's stage byte, which the engine gives (0 new, 1 done). From `undecided` up it counts the data segments that
 * began no hello: plaintext before STARTTLS, CONNECT or SOCKS is a few dozen segments at most.
 */
const Stage = { new: 0, undecided: 2, lastUndecided: 254, following: 255 } as const;

/** Data segments of a flow that are remembered where its beginning was not seen: no gap before them could be told. */
const EARLY_SEGMENTS = 2;

/** So far behind a gap the other parts of a hello may begin: twice the largest of browsers, with post-quantum shares and ECH. */
const MAX_PAST_GAP = 16_384;

/** Record header, message header and version: of fewer bytes a hello is not told from the length of a DNS message. */
const CERTAIN_LENGTH = 11;

/** Data segments of a new flow in which a plaintext protocol is looked for: a greeting, a command, an answer. */
const PREFACE_SEGMENTS = 4;

export class TlsTracker implements HandshakeReporter {
  readonly certificates: CertificateStore | undefined;
  readonly hellos: HelloReports;
  private readonly options: TlsOptions;
  private readonly counters: Counters;
  private readonly flows: FlowTable;
  private readonly connections = new ConnectionTable<TlsConnection>();
  private readonly early = new EarlySegments();

  constructor(options: TlsOptions, counters: Counters, flows: FlowTable, sink: EventSink) {
    this.options = options;
    this.counters = counters;
    this.flows = flows;
    this.certificates = options.certificates ? new CertificateStore(counters) : undefined;
    this.hellos = new HelloReports(options, counters, flows, sink);
  }

  /**
   * Whether a data segment of a flow on a port of another protocol is TLS all the same: of a handshake that is followed, or
   * the beginning of a hello where nothing else was found yet.
   */
  claims({ view, payloadStart, payloadEnd }: Packet, slot: number): boolean {
    if (this.flows.stage(slot) === Stage.following) return true;
    if (payloadEnd - payloadStart < CERTAIN_LENGTH) return false;
    return this.flows.app(slot) === undefined && mayBeginHello(view, payloadStart, payloadEnd);
  }

  /** Takes a data segment of a flow. Returns false when nothing more is wanted of the flow. */
  segment(packet: Packet, slot: number, fromClient: boolean): boolean {
    const stage = this.flows.stage(slot);
    if (stage === Stage.following) return this.follow(this.connections.get(slot)!, packet, fromClient);
    const isYoung = stage < Stage.undecided + PREFACE_SEGMENTS - 1;
    const announced = isYoung && fromClient ? announcedLength(packet) : 0;
    if (mayBeginHello(packet.view, packet.payloadStart + announced, packet.payloadEnd)) {
      const connection = this.connections.add(new TlsConnection(slot, stage, this));
      this.flows.setStage(slot, Stage.following);
      if (stage !== Stage.new || announced > 0) connection.flight.after = this.preface(packet, slot, fromClient);
      const more = this.follow(connection, packet, fromClient, announced);
      const isSplit = more && !connection.found && stage !== Stage.new;
      return isSplit ? this.followEarly(connection, packet, fromClient) : more;
    }
    const toldPreface = isYoung && this.look(packet, slot, fromClient);
    if (this.mayBePart(packet, slot, stage, fromClient)) {
      this.early.keep(packet, this.flows.session(slot), fromClient, toldPreface);
    }
    return this.undecided(slot, stage);
  }

  /** The flow ends: what is known of its handshake is reported. */
  endFlow(slot: number): void {
    if (this.connections.size === 0) return;
    const connection = this.connections.get(slot);
    if (connection === undefined) return;
    this.finish(connection);
    // A connection that was closed and reported may still get data.
    this.flows.setStage(slot, Stage.new);
  }

  /** The end of the capture. */
  end(): void {
    for (const connection of this.connections.all()) this.finish(connection);
  }

  chain(connection: TlsConnection, chain: CertificateChain, fromServer: boolean, time: Timestamp): void {
    if (this.options.certificateEvents) this.hellos.chain(connection.exchange, chain, fromServer, time);
  }

  /** Whether a segment without a hello is the first of a protocol that may come before one: the flow is then of that. */
  private look(packet: Packet, slot: number, fromClient: boolean): boolean {
    const preface = prefaceOf(packet, fromClient, this.flows.stage(slot) === Stage.new);
    if (preface === undefined || this.flows.app(slot) !== undefined) return false;
    this.flows.setApp(slot, preface);
    return true;
  }

  /** Whether a segment may be a part of a hello that begins in a later one, which the network had put in the wrong order. */
  private mayBePart(packet: Packet, slot: number, stage: number, fromClient: boolean): boolean {
    const past = this.flows.pastGap(slot, fromClient, packet.tcpSequence);
    if (past >= 0) return past <= MAX_PAST_GAP;
    return stage < Stage.undecided + EARLY_SEGMENTS - 1 && !this.flows.knowsStart(slot, fromClient);
  }

  /** The protocol whose segments came before a hello. */
  private preface(packet: Packet, slot: number, fromClient: boolean): Preface | 'plaintext' {
    const app = this.flows.app(slot);
    return isPreface(app) ? app : (prefaceOfPort(packet, fromClient) ?? 'plaintext');
  }

  private undecided(slot: number, stage: number): boolean {
    if (stage >= Stage.lastUndecided) return false;
    this.flows.setStage(slot, stage === Stage.new ? Stage.undecided : stage + 1);
    return true;
  }

  private follow(connection: TlsConnection, packet: Packet, fromClient: boolean, announced = 0): boolean {
    const { connections } = this;
    const before = connection.bufferedBytes;
    const more = connection.segment(packet, fromClient, announced);
    connections.account(connection, before);
    if (!more) {
      this.finish(connection);
      // What only looked like a hello leaves the flow as undecided as before.
      return !connection.found && !connection.limited && this.undecided(connection.slot, connection.undecidedStage);
    }
    for (let oldest = connections.excess; oldest !== undefined; oldest = connections.excess) this.evict(oldest);
    return connections.has(connection.slot);
  }

  /** The hello's other parts may have come before it. */
  private followEarly(connection: TlsConnection, packet: Packet, fromClient: boolean): boolean {
    let more = true;
    // Its other parts are no plaintext.
    if (!isPreface(this.flows.app(connection.slot))) connection.flight.after = undefined;
    this.early.replay(this.flows.session(connection.slot), fromClient, packet, (earlier, toldPreface) => {
      // A few bytes from the middle of a hello may look like the beginning of another protocol.
      if (toldPreface && ((earlier.tcpSequence - packet.tcpSequence) | 0) > 0) this.withdrawPreface(connection);
      more = this.follow(connection, earlier, fromClient);
      return more && this.connections.has(connection.slot);
    });
    return more;
  }

  /** What told the protocol that came before the hello was a part of the hello. */
  private withdrawPreface({ slot, flight }: TlsConnection): void {
    flight.after = undefined;
    if (isPreface(this.flows.app(slot))) this.flows.setApp(slot, undefined);
  }

  private evict(connection: TlsConnection): void {
    connection.limited = true;
    this.finish(connection);
    this.flows.setStage(connection.slot, Stage.lastUndecided);
  }

  private finish(connection: TlsConnection): void {
    this.connections.remove(connection);
    if (connection.began || connection.isHelloLost) {
      this.counters['tls.incomplete']++;
      // It did change to TLS, although no more can be told.
      if (isUpgradable(this.flows.app(connection.slot))) this.flows.setApp(connection.slot, 'tls');
    }
    if (connection.limited) this.counters['tls.stream_limit']++;
    if (connection.isCut) this.counters['tls.details_cut']++;
    const { exchange } = connection;
    this.hellos.handshake(exchange, connection.flight.details(exchange.client, exchange.retry, exchange.server));
  }
}
