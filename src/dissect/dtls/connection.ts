/** The DTLS association of one flow as far as its hellos tell, over fragments and retransmissions. */
import { Assembly } from '../assembly.ts';
import type { ClientHello, ServerHello } from '../event.ts';
import type { Packet } from '../net/packet.ts';
import { Reader } from '../reader.ts';
import { readClientHello } from '../tls/client-hello.ts';
import { type HelloExchange, type HelloReports, newExchange } from '../tls/exchange.ts';
import { HandshakeType, isHelloHeader } from '../tls/handshake.ts';
import { readServerHello } from '../tls/server-hello.ts';
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

export class DtlsConnection {
  readonly slot: number;
  exchange: HelloExchange;

  private readonly reports: HelloReports;
  private readonly fromFlowClient = new PartialHello();
  private readonly fromFlowServer = new PartialHello();
  /** `message_seq` of the last ClientHello and ServerHello: the same again is a retransmission. */
  private clientSequence = -1;
  private serverSequence = -1;
  private answered = false;

  constructor(slot: number, reports: HelloReports) {
    this.slot = slot;
    this.reports = reports;
    this.exchange = newExchange(slot, 'dtls');
  }

  get bufferedBytes(): number {
    return this.fromFlowClient.assembly.bytes.length + this.fromFlowServer.assembly.bytes.length;
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
    }
  }

  /** Reports what is known of a handshake that was not reported yet. */
  finish(): void {
    if (!this.answered) this.reports.handshake(this.exchange);
    this.answered = true;
  }

  /** The fragments of one record; other messages than hellos are passed over. */
  private fragments(packet: Packet, fromFlowClient: boolean): void {
    const { bytes, view } = packet;
    for (let at = record.start; fragment.read(view, at, record.end); at = fragment.end) {
      if (isHelloHeader(fragment.type, fragment.length)) this.hello(bytes, view, packet, fromFlowClient);
    }
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
    this.reports.clientHello(this.exchange, hello, packet);
    // A capture may have the answer first.
    if (this.exchange.server !== undefined) this.finish();
  }

  private serverHello(hello: ServerHello, sequence: number, packet: Packet, fromFlowClient: boolean): void {
    const { server, retry, client } = this.exchange;
    const known = server ?? retry;
    if (known !== undefined && known.random === hello.random && sequence <= this.serverSequence) return;
    if (this.answered || server !== undefined) this.another();
    this.serverSequence = sequence;
    if (client === undefined) this.exchange.fromFlowClient = !fromFlowClient;
    this.reports.serverHello(this.exchange, hello, packet);
    if (this.exchange.client !== undefined && this.exchange.server !== undefined) this.finish();
  }

  /** A new handshake between the same ports. */
  private another(): void {
    this.finish();
    this.exchange = newExchange(this.slot, 'dtls');
    this.clientSequence = -1;
    this.serverSequence = -1;
    this.answered = false;
  }
}
