/** The DTLS association of one flow as far as its handshake is in the clear, over fragments and retransmissions. */
import type { Counters } from '../../counters.ts';
import { Assembly } from '../assembly.ts';
import type { CertificateChain, ClientHello, ServerHello, Timestamp } from '../event.ts';
import type { Packet } from '../net/packet.ts';
import { Reader } from '../reader.ts';
import { readClientHello } from '../tls/client-hello.ts';
import { type HelloExchange, type HelloReports, newExchange, timeOf } from '../tls/exchange.ts';
import { Flight } from '../tls/flight.ts';
import { FATAL, HandshakeType, isHelloHeader, isReadAfterHello, MAX_MESSAGE_LENGTH } from '../tls/handshake.ts';
import { ContentType } from '../tls/record.ts';
import { readServerHello } from '../tls/server-hello.ts';
import { isTls13 } from '../tls/versions.ts';
import type { CertificateStore } from '../x509/store.ts';
import { DtlsMessages } from './messages.ts';
import { DtlsFragment, DtlsRecord } from './record.ts';

/** Shared: set and read out within one call. */
const record = new DtlsRecord();
const fragment = new DtlsFragment();
const reader = new Reader();

/** A hello of one sender, in pieces. */
class PartialHello {
  /** `message_seq`, -1 before the first fragment. */
  sequence = -1;
  type = 0;
  length = 0;
  assembly = new Assembly();

  /** Fragments of another message take the place of what is there: its sender has given that one up. */
  expect({ sequence, type, length }: DtlsFragment): void {
    if (this.sequence === sequence && this.type === type && this.length === length) return;
    this.sequence = sequence;
    this.type = type;
    this.length = length;
    this.assembly = new Assembly();
  }

  get began(): boolean {
    return this.sequence >= 0;
  }

  clear(): void {
    this.sequence = -1;
    this.assembly = new Assembly();
  }
}

/** Told of what a connection shows. */
export interface DtlsReporter {
  /** Undefined where what comes after the hellos is not wanted. */
  readonly certificates: CertificateStore | undefined;
  readonly hellos: HelloReports;
  readonly counters: Counters;
  chain(exchange: HelloExchange, chain: CertificateChain, fromServer: boolean, time: Timestamp): void;
}

export class DtlsConnection {
  readonly slot: number;
  exchange: HelloExchange;

  private readonly reporter: DtlsReporter;
  private readonly fromFlowClient = new PartialHello();
  private readonly fromFlowServer = new PartialHello();
  /** `message_seq` of the last ClientHello and ServerHello: the same again is a retransmission. */
  private clientSequence = -1;
  private serverSequence = -1;
  private answered = false;
  /** What comes after the hellos, up to DTLS 1.2. */
  private flight = new Flight();
  private messagesOfFlowClient = new DtlsMessages();
  private messagesOfFlowServer = new DtlsMessages();
  private passedOver = false;

  constructor(slot: number, reporter: DtlsReporter) {
    this.slot = slot;
    this.reporter = reporter;
    this.exchange = newExchange(slot, 'dtls');
  }

  get bufferedBytes(): number {
    const hellos = this.fromFlowClient.assembly.bytes.length + this.fromFlowServer.assembly.bytes.length;
    return hellos + this.messagesOfFlowClient.bufferedBytes + this.messagesOfFlowServer.bufferedBytes;
  }

  /** A hello has begun that is not whole. */
  get began(): boolean {
    return this.fromFlowClient.began || this.fromFlowServer.began;
  }

  /** Takes a datagram of records. */
  datagram(packet: Packet, fromFlowClient: boolean): void {
    const { view, payloadEnd } = packet;
    for (let at = packet.payloadStart; record.read(view, at, payloadEnd); at = record.end) {
      if (record.isPlaintextHandshake) this.fragments(packet, fromFlowClient);
      else if (!this.answered) this.otherRecord(view, fromFlowClient);
    }
  }

  /** Reports what is known of a handshake that was not reported yet. */
  finish(): void {
    if (this.answered) return;
    const { exchange, flight, reporter } = this;
    if (this.passedOver || (this.awaitsMessages && !flight.serverDone && flight.alert === undefined)) {
      reporter.counters['tls.details_cut']++;
    }
    this.answered = true;
    reporter.hellos.handshake(exchange, flight.details(exchange.client, exchange.retry, exchange.server));
  }

  /** The ServerHello is there, and the rest of the handshake that is in the clear is wanted. */
  private get awaitsMessages(): boolean {
    const { server } = this.exchange;
    if (server === undefined || this.answered || this.reporter.certificates === undefined) return false;
    return !isTls13(server.version) && !this.flight.encrypted;
  }

  /** Both hellos are there. */
  private settle(): void {
    if (this.exchange.client !== undefined && this.exchange.server !== undefined && !this.awaitsMessages) this.finish();
  }

  /** An alert in the clear, and where encryption begins: the handshake is over as far as it can be seen. */
  private otherRecord(view: DataView, fromFlowClient: boolean): void {
    const fromServer = fromFlowClient !== this.exchange.fromFlowClient;
    if (record.type === ContentType.alert && record.epoch === 0) {
      if (record.end - record.start !== 2 || view.getUint8(record.start) !== FATAL) return;
      const description = view.getUint8(record.start + 1);
      this.flight.alert = { from: fromServer ? 'server' : 'client', level: FATAL, description };
    } else if (this.awaitsMessages && (record.type === ContentType.changeCipherSpec || record.epoch > 0)) {
      if (!fromServer && this.flight.awaitsTicket(this.exchange.server!)) return;
      // Of a client that went on, the server's messages may have been lost to the capture: nothing was resumed then.
      this.flight.encrypted = fromServer || this.flight.serverDone;
    } else return;
    this.finish();
  }

  /** The fragments of one record. */
  private fragments(packet: Packet, fromFlowClient: boolean): void {
    const { bytes, view } = packet;
    for (let at = record.start; fragment.read(view, at, record.end); at = fragment.end) {
      if (isHelloHeader(fragment.type, fragment.length)) this.hello(bytes, view, packet, fromFlowClient);
      else if (isReadAfterHello(fragment.type)) this.afterHello(packet, fromFlowClient);
    }
  }

  private afterHello(packet: Packet, fromFlowClient: boolean): void {
    const { awaitsMessages } = this;
    if (!awaitsMessages && !this.awaitsServerHello(fromFlowClient)) return;
    this.passedOver ||= fragment.length > MAX_MESSAGE_LENGTH;
    if (fragment.length > MAX_MESSAGE_LENGTH) return;
    const messages = fromFlowClient ? this.messagesOfFlowClient : this.messagesOfFlowServer;
    if (!awaitsMessages) messages.hold(fragment, packet.bytes);
    else if (messages.take(fragment, packet.bytes, packet.view, reader)) {
      this.message(fragment.type, fromFlowClient !== this.exchange.fromFlowClient, packet);
    }
  }

  /** A message of the server's flight may come before its ServerHello (RFC 6347 §4.2.2: receivers should keep it). */
  private awaitsServerHello(fromFlowClient: boolean): boolean {
    const { client, server, fromFlowClient: isClient } = this.exchange;
    if (client === undefined || server !== undefined || this.answered) return false;
    return fromFlowClient !== isClient && this.reporter.certificates !== undefined;
  }

  /** The message that `reader` is set to. */
  private message(type: number, fromServer: boolean, packet: Packet): void {
    const { reporter, exchange } = this;
    const time = timeOf(packet);
    const chain = this.flight.message(type, fromServer, reader, exchange.server, reporter.certificates!, time.seconds);
    if (chain !== undefined) reporter.chain(exchange, chain, fromServer, time);
  }

  private hello(bytes: Buffer, view: DataView, packet: Packet, fromFlowClient: boolean): void {
    const { type, length, start, end, offset } = fragment;
    const partial = fromFlowClient ? this.fromFlowClient : this.fromFlowServer;
    if (end - start === length) {
      reader.reset(bytes, view, start, end);
    } else {
      partial.expect(fragment);
      const { assembly } = partial;
      if (!assembly.add(bytes, start, end, offset) || assembly.length < length) return;
      const whole = assembly.bytes;
      reader.reset(whole, new DataView(whole.buffer, whole.byteOffset, whole.length), 0, length);
    }
    partial.clear();
    const { sequence } = fragment;
    if (type === HandshakeType.clientHello) {
      const hello = readClientHello(reader, record.version, 'datagram');
      if (hello !== undefined) this.clientHello(hello, sequence, packet, fromFlowClient);
    } else if (type === HandshakeType.serverHello) {
      const hello = readServerHello(reader, record.version);
      if (hello !== undefined) this.serverHello(hello, sequence, packet, fromFlowClient);
    }
  }

  private clientHello(hello: ClientHello, sequence: number, packet: Packet, fromFlowClient: boolean): void {
    const known = this.exchange.client;
    if (known !== undefined && known.random === hello.random) {
      // A second one with the cookie, or with another key share, has the next number (RFC 6347 §4.2.2).
      if (sequence <= this.clientSequence || this.answered) return;
    } else if (known !== undefined || this.answered) {
      this.another();
    }
    this.clientSequence = sequence;
    this.exchange.fromFlowClient = fromFlowClient;
    this.reporter.hellos.clientHello(this.exchange, hello, packet);
    // A capture may have the answer first.
    this.settle();
  }

  private serverHello(hello: ServerHello, sequence: number, packet: Packet, fromFlowClient: boolean): void {
    const { server, retry, client } = this.exchange;
    const known = server ?? retry;
    if (known !== undefined && known.random === hello.random && sequence <= this.serverSequence) return;
    if (this.answered || server !== undefined) this.another();
    this.serverSequence = sequence;
    if (client === undefined) this.exchange.fromFlowClient = !fromFlowClient;
    this.reporter.hellos.serverHello(this.exchange, hello, packet);
    const messages = fromFlowClient ? this.messagesOfFlowClient : this.messagesOfFlowServer;
    if (this.awaitsMessages) messages.release(reader, (type) => this.message(type, true, packet));
    else messages.clear();
    this.settle();
  }

  /** A new handshake between the same ports. */
  private another(): void {
    this.finish();
    this.exchange = newExchange(this.slot, 'dtls');
    this.clientSequence = -1;
    this.serverSequence = -1;
    this.answered = false;
    this.flight = new Flight();
    this.messagesOfFlowClient = new DtlsMessages();
    this.messagesOfFlowServer = new DtlsMessages();
    this.passedOver = false;
  }
}
