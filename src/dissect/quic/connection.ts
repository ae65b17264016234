/**
 * The QUIC connection of one flow as far as its Initial packets tell. After the ServerHello it is kept for the sake of
 * the next connection between the same ports.
 */
import type { Counters } from '../../counters.ts';
import type { ClientHello } from '../event.ts';
import type { FlowTable } from '../flow/table.ts';
import type { Packet } from '../net/packet.ts';
import { type HelloExchange, type HelloReports, newExchange } from '../tls/exchange.ts';
import { CryptoResult, CryptoStream } from './crypto-stream.ts';
import { type FrameHandler, readFrames } from './frames.ts';
import { isVersionNegotiation, LongHeader } from './header.ts';
import { InitialKeys } from './keys.ts';
import { openInitial } from './packet.ts';
import { type QuicVersion, quicVersionIndex } from './version.ts';

/**
 * Packets of a flow that no key opens before it is given up, 30 µs each: a connection that began before the capture
 * sends a handful of Initials.
 */
export const MAX_FAILURES = 16;

/** CRYPTO_ERROR (RFC 9000 §20.1): the low byte is TLS's alert. */
const CRYPTO_ERROR = 0x0100;
/** AlertLevel of every alert under TLS 1.3 that ends a connection (RFC 8446 §6). */
const FATAL = 2;

/** Shared: set and read out within one call. */
const header = new LongHeader();

export class QuicConnection implements FrameHandler {
  readonly slot: number;
  /** Its hellos, until the handshake is reported. */
  exchange: HelloExchange;
  /** A limit was reached before the handshake was whole. */
  limited = false;

  private readonly reports: HelloReports;
  private readonly flows: FlowTable;
  private readonly counters: Counters;
  /** Of the client's first Initial, from which all keys follow. */
  private originalId: Buffer | undefined = undefined;
  /** In which the client began. */
  private originalVersion: QuicVersion | undefined = undefined;
  /** The id that the server chose, to which the client then sends. */
  private serverId: Buffer | undefined = undefined;
  /** One for each version in which packets came: more than one where the server changes it (RFC 9368 §2.3). */
  private readonly keys = new Map<QuicVersion, InitialKeys>();
  private clientStream = new CryptoStream();
  private serverStream = new CryptoStream();
  private failures = 0;
  private answered = false;
  /** The server asked the client to begin again, by a Retry or a Version Negotiation. */
  private sentBack = false;
  /** Of the packet whose frames are being read. */
  private fromClient = true;
  private packet: Packet | undefined = undefined;

  constructor(slot: number, flows: FlowTable, counters: Counters, reports: HelloReports) {
    this.slot = slot;
    this.flows = flows;
    this.counters = counters;
    this.reports = reports;
    this.exchange = newExchange(slot, 'quic');
  }

  get bufferedBytes(): number {
    return this.clientStream.bufferedBytes + this.serverStream.bufferedBytes;
  }

  /** A hello has begun that is not whole. */
  get began(): boolean {
    return this.clientStream.began || this.serverStream.began;
  }

  get isAnswered(): boolean {
    return this.serverId !== undefined;
  }

  /** Takes a datagram that begins with a long header. Returns false when nothing more is wanted of the flow. */
  datagram(packet: Packet, fromFlowClient: boolean): boolean {
    const { bytes, view, payloadEnd } = packet;
    this.packet = packet;
    if (isVersionNegotiation(view, packet.payloadStart, payloadEnd)) this.sentBack = true;
    // Packets that travel together (RFC 9000 §12.2); a short header can only be the last.
    for (let at = packet.payloadStart; header.read(bytes, view, at, payloadEnd); at = header.end) {
      const { types } = header.version!.initial!;
      if (header.type === types.initial) this.initial(bytes, fromFlowClient);
      else if (header.type === types.retry) this.sentBack = true;
      if (this.failures >= MAX_FAILURES) break;
    }
    this.packet = undefined;
    return this.failures < MAX_FAILURES && !this.limited;
  }

  /** Reports what is known of a handshake that was not reported yet. */
  finish(): void {
    if (!this.answered) this.reports.handshake(this.exchange);
    this.answered = true;
  }

  crypto(offset: number, bytes: Buffer, start: number, end: number): void {
    if (this.answered) return;
    const stream = this.fromClient ? this.clientStream : this.serverStream;
    if (!stream.add(offset, bytes, start, end)) this.limited = true;
  }

  connectionClose(errorCode: number): void {
    if (this.answered || this.exchange.firstTime === undefined) return;
    if (errorCode >> 8 === CRYPTO_ERROR >> 8) {
      const from = this.fromClient ? 'client' : 'server';
      this.exchange.alert = { from, level: FATAL, description: errorCode & 0xff };
    }
    this.over();
  }

  private initial(bytes: Buffer, fromFlowClient: boolean): void {
    const fromClient = this.originalId === undefined || fromFlowClient === this.exchange.fromFlowClient;
    if (this.answered && !(fromClient && this.isNewId(bytes))) return;
    const payload = fromClient ? this.openFromClient(bytes, fromFlowClient) : this.openFromServer(bytes);
    if (payload === undefined) {
      this.failures++;
      this.counters['quic.undecryptable']++;
      return;
    }
    this.counters['quic.initials']++;
    this.fromClient = fromClient;
    readFrames(payload, header.version!.initial!.googleFrames, this);
    this.readHellos();
  }

  /** Whether the packet goes to an id that is not of the connection that is known. */
  private isNewId(bytes: Buffer): boolean {
    return !isDestination(bytes, this.originalId) && !isDestination(bytes, this.serverId);
  }

  private openFromClient(bytes: Buffer, fromFlowClient: boolean): Buffer | undefined {
    if (this.originalId !== undefined && !this.answered) {
      const payload = openInitial(header, bytes, this.keysOf(header.version!).client);
      if (payload !== undefined) return payload;
      if (isDestination(bytes, this.serverId)) return undefined;
    }
    // The first packet, or the first after a Retry, or of another connection.
    const { version, destinationIdStart, destinationIdLength } = header;
    const id = bytes.subarray(destinationIdStart, destinationIdStart + destinationIdLength);
    const keys = new InitialKeys(version!.initial!, id);
    const payload = openInitial(header, bytes, keys.client);
    if (payload === undefined) return undefined;
    this.begin(version!, id, keys, fromFlowClient);
    return payload;
  }

  private openFromServer(bytes: Buffer): Buffer | undefined {
    const version = header.version!;
    const payload = openInitial(header, bytes, this.keysOf(version).server);
    if (payload === undefined) return undefined;
    if (this.serverId === undefined) {
      const { sourceIdStart, sourceIdLength } = header;
      this.serverId = Buffer.from(bytes.subarray(sourceIdStart, sourceIdStart + sourceIdLength));
    }
    // A server may acknowledge in the client's version before it changes to another (RFC 9369 §4.1), never back.
    if (version !== this.originalVersion) this.speaks(version);
    return payload;
  }

  private keysOf(version: QuicVersion): InitialKeys {
    let keys = this.keys.get(version);
    if (keys === undefined) {
      keys = new InitialKeys(version.initial!, this.originalId!);
      this.keys.set(version, keys);
    }
    return keys;
  }

  /** The client begins, anew with what it said before (after a Retry), or another connection. */
  private begin(version: QuicVersion, id: Buffer, keys: InitialKeys, fromFlowClient: boolean): void {
    if (this.answered) this.exchange = newExchange(this.slot, 'quic');
    this.answered = false;
    this.originalId = Buffer.from(id);
    this.originalVersion = version;
    this.serverId = undefined;
    this.keys.clear();
    this.keys.set(version, keys);
    this.release();
    this.exchange.fromFlowClient = fromFlowClient;
    this.speaks(version);
  }

  private speaks({ number }: QuicVersion): void {
    this.exchange.quicVersion = number;
    this.flows.setQuicVersion(this.slot, quicVersionIndex(number));
  }

  private readHellos(): void {
    while (!this.answered) {
      const stream = this.fromClient ? this.clientStream : this.serverStream;
      const repeats = stream.isFirst;
      const result = stream.next();
      if (result === CryptoResult.more) return;
      if (result === CryptoResult.clientHello && this.fromClient) this.clientHello(stream.client!, repeats);
      else if (result === CryptoResult.serverHello && !this.fromClient) {
        this.reports.serverHello(this.exchange, stream.server!, this.packet!);
      } else {
        this.over();
        return;
      }
      if (this.exchange.client !== undefined && this.exchange.server !== undefined) this.over();
    }
  }

  /** @param isFirst of its stream: when it begins again, the client should say the same (RFC 9000 §17.2.5.3). */
  private clientHello(hello: ClientHello, isFirst: boolean): void {
    const known = this.exchange.client;
    if (isFirst && known !== undefined) {
      if (known.random === hello.random) return;
      if (!this.sentBack) this.another();
    }
    this.sentBack = false;
    if (isHttp3(hello.alpn)) this.exchange.app = 'http3';
    this.reports.clientHello(this.exchange, hello, this.packet!);
  }

  /** The client gave up one connection without an answer and begins another. */
  private another(): void {
    const { fromFlowClient, quicVersion } = this.exchange;
    this.reports.handshake(this.exchange);
    this.exchange = { ...newExchange(this.slot, 'quic'), fromFlowClient, quicVersion };
  }

  /** What is kept of it then are its ids. */
  private over(): void {
    this.finish();
    this.release();
    this.keys.clear();
  }

  private release(): void {
    this.clientStream = new CryptoStream();
    this.serverStream = new CryptoStream();
  }
}

/** Whether the packet in `header` goes to this id. */
function isDestination(bytes: Buffer, id: Buffer | undefined): boolean {
  const { destinationIdStart, destinationIdLength } = header;
  return id !== undefined && id.compare(bytes, destinationIdStart, destinationIdStart + destinationIdLength) === 0;
}

/** Every protocol offered is HTTP/3 (RFC 9114 §3.1) or a draft of it: what the server chose is encrypted. */
function isHttp3(alpn: readonly string[]): boolean {
  return alpn.length > 0 && alpn.every((protocol) => protocol === 'h3' || protocol.startsWith('h3-'));
}
