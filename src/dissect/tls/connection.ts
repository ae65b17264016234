/** The handshake of one TCP connection, as far as it is in the clear: both directions together. */
import type { CertificateChain, ClientHello, ServerHello, Timestamp } from '../event.ts';
import { TcpStream } from '../flow/stream.ts';
import { type Packet, TcpFlag } from '../net/packet.ts';
import type { Reader } from '../reader.ts';
import type { CertificateStore } from '../x509/store.ts';
import { type HelloExchange, type HelloReports, newExchange } from './exchange.ts';
import { Flight } from './flight.ts';
import { Ended, type HandshakeHandler, HandshakeReader } from './handshake.ts';
import { mayBeginHello } from './signature.ts';
import { isTls13 } from './versions.ts';

/**
 * Payload followed from the first sign of a hello: the largest hello each way, 64 KiB of early data, a chain of
 * certificates each way, and as much again.
 */
export const MAX_FOLLOWED_BYTES = 384 * 1_024;
/** Data segments followed: a hello with post-quantum shares, byte by byte. */
export const MAX_FOLLOWED_SEGMENTS = 4_096;

const Phase = {
  /** Looks for a hello at the start of each segment. */
  searching: 0,
  reading: 1,
  /** Nothing more is wanted of the direction. */
  done: 2,
} as const;
type Phase = (typeof Phase)[keyof typeof Phase];

class Direction {
  phase: Phase = Phase.searching;
  /** Its stream was given up. */
  failed = false;
  stream: TcpStream | undefined = undefined;
  reader: HandshakeReader | undefined = undefined;

  /** Bytes are missing before others that came, or came too late. */
  get hasGap(): boolean {
    return this.failed || (this.stream?.hasGap ?? false);
  }

  /** Reads on from a sequence number. */
  read(sequence: number, handler: HandshakeHandler): void {
    this.phase = Phase.reading;
    this.reader = new HandshakeReader(handler);
    this.stream = new TcpStream(this.reader);
    this.stream.anchor(sequence);
  }

  stop(phase: Phase): void {
    this.phase = phase;
    this.stream = undefined;
  }
}

/** Told of each message as it is decoded. */
export interface HandshakeReporter {
  /** Undefined where what comes after the hellos is not wanted. */
  readonly certificates: CertificateStore | undefined;
  readonly hellos: HelloReports;
  chain(connection: TlsConnection, chain: CertificateChain, fromServer: boolean, time: Timestamp): void;
}

export class TlsConnection implements HandshakeHandler {
  readonly slot: number;
  /** The stage to which the flow goes back when this was no hello. */
  readonly undecidedStage: number;
  readonly exchange: HelloExchange;
  /** A stream was given up before its hello was whole. */
  limited = false;
  readonly flight = new Flight();

  private readonly reporter: HandshakeReporter;
  private readonly outward = new Direction();
  private readonly inward = new Direction();
  /** The direction from the TLS client, once a hello told which it is. */
  private fromTlsClient: Direction | undefined = undefined;
  private packet: Packet | undefined = undefined;
  private segments = 0;
  private bytes = 0;
  private over = false;

  constructor(slot: number, undecidedStage: number, reporter: HandshakeReporter) {
    this.slot = slot;
    this.undecidedStage = undecidedStage;
    this.exchange = newExchange(slot, 'tls');
    this.reporter = reporter;
  }

  /** There was a hello. */
  get found(): boolean {
    return this.exchange.firstTime !== undefined;
  }

  /** What follows the ServerHello in the clear is wanted and was not all there. */
  get isCut(): boolean {
    const { outward, inward } = this;
    const passedOver = (outward.reader?.passedOver ?? false) || (inward.reader?.passedOver ?? false);
    return passedOver || (this.awaitsMessages && !this.flight.serverDone && this.flight.alert === undefined);
  }

  /** A hello has begun that is not whole. */
  get began(): boolean {
    return (this.outward.reader?.began ?? false) || (this.inward.reader?.began ?? false);
  }

  /**
   * One side's hello was seen, and the other's stream has a gap and no hello: the gap has it. Where no hello was seen at
   * all, nothing says that this is TLS.
   */
  get isHelloLost(): boolean {
    const client = this.fromTlsClient;
    if (client === undefined) return false;
    const server = client === this.outward ? this.inward : this.outward;
    const { exchange } = this;
    if (server.hasGap && exchange.server === undefined) return true;
    // After a HelloRetryRequest another one is due (RFC 8446 §4.1.2).
    const isSecondDue = exchange.retry !== undefined && client.reader?.expectsHello === true;
    return client.hasGap && (exchange.client === undefined || isSecondDue);
  }

  /** Bytes that the streams hold. */
  get bufferedBytes(): number {
    return bufferedBytes(this.outward) + bufferedBytes(this.inward);
  }

  /**
   * Takes a data segment. Returns false when no further hello is to be expected.
   * @param announced bytes of it that come before what may be a hello
   */
  segment(packet: Packet, fromFlowClient: boolean, announced: number): boolean {
    const direction = fromFlowClient ? this.outward : this.inward;
    this.packet = packet;
    const { view, payloadStart, payloadEnd } = packet;
    if (direction.phase === Phase.searching && mayBeginHello(view, payloadStart + announced, payloadEnd)) {
      // SYN takes a sequence number; data may follow it in the same segment (RFC 7413).
      const syn = (packet.tcpFlags & TcpFlag.syn) === 0 ? 0 : 1;
      direction.read(packet.tcpSequence + syn + announced, this);
    }
    if (direction.phase === Phase.reading && !direction.stream!.segment(packet)) this.stopped(direction);
    this.packet = undefined;
    this.segments++;
    this.bytes += packet.payloadLength;
    if (this.segments >= MAX_FOLLOWED_SEGMENTS || this.bytes >= MAX_FOLLOWED_BYTES) {
      this.limited ||= this.began || this.isHelloLost;
      this.over = true;
    }
    return !this.over;
  }

  clientHello(from: HandshakeReader, hello: ClientHello): boolean {
    const direction = this.directionOf(from);
    this.setClient(direction);
    if (this.fromTlsClient !== direction) return false;
    const { exchange } = this;
    const isFirst = exchange.client === undefined;
    // Only TLS 1.3 asks for a second one.
    from.expectsHello = isFirst && isTls13(hello.version);
    from.afterHello = this.reporter.certificates !== undefined;
    this.reporter.hellos.clientHello(exchange, hello, this.packet!);
    if (exchange.server && !this.awaitsMessages) this.over = true;
    else this.expectServer();
    return from.expectsHello || from.afterHello;
  }

  serverHello(from: HandshakeReader, hello: ServerHello): boolean {
    const direction = this.directionOf(from);
    this.setClient(direction === this.outward ? this.inward : this.outward);
    if (this.fromTlsClient === direction) return false;
    const { exchange } = this;
    this.reporter.hellos.serverHello(exchange, hello, this.packet!);
    if (!hello.helloRetryRequest) {
      from.afterHello = this.awaitsMessages;
      if (exchange.client && !from.afterHello) this.over = true;
    }
    return hello.helloRetryRequest || from.afterHello;
  }

  message(from: HandshakeReader, type: number, body: Reader): boolean {
    const { certificates } = this.reporter;
    if (certificates === undefined) return false;
    const fromServer = this.directionOf(from) !== this.fromTlsClient;
    const time = this.now();
    const chain = this.flight.message(type, fromServer, body, this.exchange.server, certificates, time.seconds);
    if (chain !== undefined) this.reporter.chain(this, chain, fromServer, time);
    return true;
  }

  changeCipherSpec(from: HandshakeReader): boolean {
    const fromServer = this.directionOf(from) !== this.fromTlsClient;
    // A client of TLS 1.3 sends one for the sake of middleboxes at any time (RFC 8446 §D.4).
    if (!this.awaitsMessages || (!fromServer && !this.flight.serverDone)) return true;
    if (!fromServer && this.flight.awaitsTicket(this.exchange.server!)) return false;
    this.flight.encrypted = true;
    this.over = true;
    return false;
  }

  alert(from: HandshakeReader, level: number, description: number): void {
    if (!this.found) return;
    const isClient = this.directionOf(from) === this.fromTlsClient;
    this.flight.alert = { from: isClient ? 'client' : 'server', level, description };
    this.over = true;
  }

  /** The ServerHello is there, and the rest of the server's first flight is in the clear and wanted. */
  private get awaitsMessages(): boolean {
    const { server } = this.exchange;
    if (server === undefined || server.sslv2 || this.reporter.certificates === undefined) return false;
    return !isTls13(server.version) && !this.flight.encrypted;
  }

  /** The server's next byte is the one that the client acknowledges with its hello. */
  private expectServer(): void {
    const packet = this.packet!;
    const fromServer = this.fromTlsClient === this.outward ? this.inward : this.outward;
    if (fromServer.phase === Phase.searching && (packet.tcpFlags & TcpFlag.ack) !== 0) {
      fromServer.read(packet.tcpAcknowledgment, this);
    }
  }

  /** A direction's stream is over. */
  private stopped(direction: Direction): void {
    const reader = direction.reader!;
    if (direction.stream!.failed) {
      direction.failed = true;
      this.limited ||= reader.began || this.isHelloLost;
      direction.stop(Phase.done);
      // Without the rest of the client's stream there can still be the server's hello.
      if (direction !== this.fromTlsClient) this.over = true;
    } else if (reader.ended === Ended.otherProtocol && reader.hellos === 0) {
      // Plaintext that crossed the client's hello, or only looked like one: the hello may still come.
      reader.began = false;
      direction.stop(Phase.searching);
      if (this.fromTlsClient === undefined) this.over = true;
    } else {
      direction.stop(Phase.done);
      if (reader.ended !== Ended.satisfied && direction !== this.fromTlsClient) this.over = true;
    }
  }

  private directionOf(reader: HandshakeReader): Direction {
    return this.outward.reader === reader ? this.outward : this.inward;
  }

  /** A hello tells who the TLS client is; the first one holds. */
  private setClient(direction: Direction): void {
    if (this.fromTlsClient !== undefined) return;
    this.fromTlsClient = direction;
    this.exchange.fromFlowClient = direction === this.outward;
  }

  private now(): Timestamp {
    const { seconds, nanos } = this.packet!.frame;
    return { seconds, nanos };
  }
}

function bufferedBytes({ stream }: Direction): number {
  return stream === undefined ? 0 : stream.bufferedBytes;
}
