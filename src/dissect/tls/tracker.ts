/** TLS over TCP on any port: finds hellos by signature, pairs them into handshakes. */
import type { Counters } from '../../counters.ts';
import { type Conversation, reverse } from '../conversation.ts';
import type { Certificate, ClientHello, EventSink, Preface, ServerHello, Timestamp } from '../event.ts';
import type { FlowTable } from '../flow/table.ts';
import type { Packet } from '../net/packet.ts';
import { CertificateStore } from '../x509/store.ts';
import { type HandshakeReporter, TlsConnection } from './connection.ts';
import { EarlySegments } from './early.ts';
import { Fingerprinter, type FingerprintName } from './fingerprints.ts';
import { isPreface, prefaceOf, prefaceOfPort } from './preface.ts';
import { mayBeginHello } from './signature.ts';

export interface TlsOptions {
  /** Whether `client_hello` and `server_hello` events are wanted. */
  readonly messages: boolean;
  /** Whether `tls_handshake` events are wanted. */
  readonly transactions: boolean;
  /** Whether handshakes are followed beyond the ServerHello, for certificates and what else is in the clear there. */
  readonly certificates: boolean;
  /** Whether `certificate` events are wanted; needs `certificates`. */
  readonly certificateEvents: boolean;
  readonly fingerprints: readonly FingerprintName[];
}

/**
 * The flow's stage byte, which the engine gives (0 new, 1 done). From `undecided` up it counts the data segments that
 * began no hello: plaintext before STARTTLS, CONNECT or SOCKS is a few dozen segments at most.
 */
const Stage = { new: 0, undecided: 2, lastUndecided: 254, following: 255 } as const;

/** Handshakes followed at once: those that begin within a round trip, at 40,000 a second and 200 ms. The oldest yields. */
export const MAX_CONNECTIONS = 8_192;

/** Data segments of a new flow that are remembered in case a hello comes after its own other parts. */
const EARLY_SEGMENTS = 2;

/** What the streams of all connections may hold together: 4 KiB each, for hellos over several segments. */
export const MAX_BUFFERED_BYTES = 4_096 * MAX_CONNECTIONS;

/** Data segments of a new flow in which a plaintext protocol is looked for: a greeting, a command, an answer. */
const PREFACE_SEGMENTS = 4;

export class TlsTracker implements HandshakeReporter {
  readonly certificates: CertificateStore | undefined;
  private readonly options: TlsOptions;
  private readonly counters: Counters;
  private readonly flows: FlowTable;
  private readonly sink: EventSink;
  /** By flow slot, in the order in which they began. */
  private readonly connections = new Map<number, TlsConnection>();
  private bufferedBytes = 0;
  private readonly early = new EarlySegments();
  private readonly fingerprinter: Fingerprinter;

  constructor(options: TlsOptions, counters: Counters, flows: FlowTable, sink: EventSink) {
    this.options = options;
    this.counters = counters;
    this.flows = flows;
    this.sink = sink;
    this.certificates = options.certificates ? new CertificateStore(counters) : undefined;
    this.fingerprinter = new Fingerprinter(options.fingerprints);
  }

  /** Takes a data segment of a flow. Returns false when nothing more is wanted of the flow. */
  segment(packet: Packet, slot: number, fromClient: boolean): boolean {
    const stage = this.flows.stage(slot);
    if (stage === Stage.following) return this.follow(this.connections.get(slot)!, packet, fromClient);
    if (mayBeginHello(packet.view, packet.payloadStart, packet.payloadEnd)) {
      const connection = new TlsConnection(slot, stage, this);
      this.connections.set(slot, connection);
      this.flows.setStage(slot, Stage.following);
      if (stage !== Stage.new) connection.flight.after = this.preface(packet, slot, fromClient);
      const more = this.follow(connection, packet, fromClient);
      const isSplit = more && !connection.found && stage !== Stage.new;
      return isSplit ? this.followEarly(connection, packet, fromClient) : more;
    }
    if (stage < Stage.undecided + PREFACE_SEGMENTS - 1) this.look(packet, slot, fromClient);
    if (stage < Stage.undecided + EARLY_SEGMENTS - 1) this.early.keep(packet, this.flows.session(slot), fromClient);
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
    for (const connection of this.connections.values()) this.finish(connection);
  }

  clientHello(connection: TlsConnection, hello: ClientHello, time: Timestamp): void {
    this.counters['tls.client_hellos']++;
    if (hello.malformed) this.counters['tls.malformed']++;
    this.flows.setApp(connection.slot, 'tls');
    const isFirst = connection.firstClient === hello;
    if (!isFirst && !this.options.messages) return;
    const fingerprints = this.fingerprinter.client(hello, 't');
    if (isFirst) connection.fingerprints = fingerprints;
    if (this.options.messages) {
      const conversation = this.conversation(connection);
      this.sink({ kind: 'client_hello', time, conversation, hello, ...(fingerprints && { fingerprints }) });
    }
  }

  serverHello(connection: TlsConnection, hello: ServerHello, time: Timestamp): void {
    this.counters['tls.server_hellos']++;
    if (hello.malformed) this.counters['tls.malformed']++;
    this.flows.setApp(connection.slot, 'tls');
    if (hello.helloRetryRequest && !this.options.messages) return;
    const fingerprints = this.fingerprinter.server(hello);
    if (!hello.helloRetryRequest) connection.fingerprints = { ...connection.fingerprints, ...fingerprints };
    if (this.options.messages) {
      const conversation = this.conversation(connection);
      this.sink({ kind: 'server_hello', time, conversation, hello, ...(fingerprints && { fingerprints }) });
    }
  }

  chain(connection: TlsConnection, chain: readonly Certificate[], fromServer: boolean, time: Timestamp): void {
    if (!this.options.certificateEvents) return;
    const conversation = this.conversation(connection);
    const from = fromServer ? 'server' : 'client';
    const serverName = connection.client?.serverName;
    for (let index = 0; index < chain.length; index++) {
      const certificate = chain[index]!;
      this.sink({ kind: 'certificate', time, conversation, from, serverName, certificate, index, chain });
    }
  }

  /** Looks whether a segment without a hello is of a protocol that may come before one. */
  private look(packet: Packet, slot: number, fromClient: boolean): void {
    const preface = prefaceOf(packet, fromClient, this.flows.stage(slot) === Stage.new);
    if (preface !== undefined && this.flows.app(slot) === undefined) this.flows.setApp(slot, preface);
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

  private follow(connection: TlsConnection, packet: Packet, fromClient: boolean): boolean {
    const buffered = connection.bufferedBytes;
    const more = connection.segment(packet, fromClient);
    this.bufferedBytes += connection.bufferedBytes - buffered;
    if (!more) {
      this.finish(connection);
      // What only looked like a hello leaves the flow as undecided as before.
      return !connection.found && !connection.limited && this.undecided(connection.slot, connection.undecidedStage);
    }
    while (this.connections.size > MAX_CONNECTIONS || this.bufferedBytes > MAX_BUFFERED_BYTES) this.evictOldest();
    return this.connections.has(connection.slot);
  }

  /** The hello's other parts may have come before it. */
  private followEarly(connection: TlsConnection, packet: Packet, fromClient: boolean): boolean {
    let more = true;
    // Its other parts are no plaintext.
    if (!isPreface(this.flows.app(connection.slot))) connection.flight.after = undefined;
    this.early.replay(this.flows.session(connection.slot), fromClient, packet, (earlier) => {
      more = this.follow(connection, earlier, fromClient);
      return more && this.connections.has(connection.slot);
    });
    return more;
  }

  private evictOldest(): void {
    for (const connection of this.connections.values()) {
      connection.limited = true;
      this.finish(connection);
      this.flows.setStage(connection.slot, Stage.lastUndecided);
      return;
    }
  }

  private finish(connection: TlsConnection): void {
    this.connections.delete(connection.slot);
    this.bufferedBytes -= connection.bufferedBytes;
    if (connection.began) this.counters['tls.incomplete']++;
    if (connection.limited) this.counters['tls.stream_limit']++;
    if (connection.isCut) this.counters['tls.details_cut']++;
    if (connection.found) this.report(connection);
  }

  private report(connection: TlsConnection): void {
    this.counters['tls.handshakes']++;
    if (!this.options.transactions) return;
    const { client, retry, server, fingerprints } = connection;
    const details = connection.flight.details(client, retry, server);
    this.sink({
      kind: 'tls_handshake',
      time: connection.firstTime!,
      conversation: this.conversation(connection),
      client,
      retry,
      server,
      details,
      ...(fingerprints && { fingerprints }),
      responseTime: secondsBetween(connection.clientTime, connection.serverTime),
    });
  }

  /** Oriented from the TLS client to the TLS server. */
  private conversation(connection: TlsConnection): Conversation {
    const conversation = this.flows.conversation(connection.slot);
    return connection.reversed ? reverse(conversation) : conversation;
  }
}

/** Undefined where either is missing, or where the capture has the two in the wrong order. */
function secondsBetween(from: Timestamp | undefined, to: Timestamp | undefined): number | undefined {
  if (!from || !to) return undefined;
  const seconds = to.seconds - from.seconds + (to.nanos - from.nanos) / 1e9;
  return seconds < 0 ? undefined : seconds;
}
