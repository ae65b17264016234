/**
 * A QUIC connection as far as its Initial packets tell. After the ServerHello it is kept for its ids, by which the next
 * connection between the same ports is told from it.
 */
import type { Counters } from '../../counters.ts';
import type { ClientHello } from '../event.ts';
import type { FlowTable } from '../flow/table.ts';
import type { Packet } from '../net/packet.ts';
import { type HelloExchange, type HelloReports, newExchange } from '../tls/exchange.ts';
import { CryptoResult, CryptoStream } from './crypto-stream.ts';
import { type FrameHandler, readFrames } from './frames.ts';
import type { LongHeader, VersionNegotiation } from './header.ts';
import { InitialKeys } from './keys.ts';
import { openInitial } from './packet.ts';
import { type QuicVersion, quicVersionIndex } from './version.ts';

/** CRYPTO_ERROR (RFC 9000 §20.1): the low byte is TLS's alert. */
const CRYPTO_ERROR = 0x0100;
/** AlertLevel of every alert under TLS 1.3 that ends a connection (RFC 8446 §6). */
const FATAL = 2;

export class QuicConnection implements FrameHandler {
  /** What is known of its handshake was told: nothing more is wanted of it. */
  isReported = false;
  /** The server does not know the version in which the client began; it has not begun again. */
  isRefused = false;

  private readonly slot: number;
  private readonly reports: HelloReports;
  private readonly flows: FlowTable;
  private readonly counters: Counters;
  /** Its hellos, until the handshake is reported. */
  private exchange: HelloExchange;
  /** Of the client's first Initial, from which all keys follow. */
  private originalId: Buffer | undefined = undefined;
  /** In which the client began. */
  private originalVersion: QuicVersion | undefined = undefined;
  /** The id that the client chose, to which the server sends; often empty. */
  private clientId: Buffer | undefined = undefined;
  /** The id that the server chose, to which the client then sends. */
  private serverId: Buffer | undefined = undefined;
  /** One for each version in which packets came: more than one where the server changes it (RFC 9368 §2.3). */
  private readonly keys = new Map<QuicVersion, InitialKeys>();
  private clientStream = new CryptoStream();
  private serverStream = new CryptoStream();
  /** A limit was reached before the handshake was whole. */
  private limited = false;
  /** The server asked the client to begin again, and it has not said its hello since. */
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

  /** The server asks the client to begin again. */
  retry(): void {
    this.sentBack = true;
  }

  /** One with other ids than the client's first packet, or that offers its version, is not of this connection (RFC 9000 §6.2). */
  versionNegotiation(packet: VersionNegotiation, bytes: Buffer): void {
    if (this.isReported || this.isAnswered || packet.versions.includes(this.originalVersion?.number ?? 0)) return;
    if (!isId(this.clientId, bytes, packet.destinationIdStart, packet.destinationIdLength)) return;
    if (!isId(this.originalId, bytes, packet.sourceIdStart, packet.sourceIdLength)) return;
    this.isRefused = true;
    this.sentBack = true;
  }

  /** Whether a packet bears an id of this connection. */
  owns(header: LongHeader, bytes: Buffer, fromFlowClient: boolean): boolean {
    const { destinationIdStart: to, destinationIdLength: toLength, sourceIdStart: from, sourceIdLength } = header;
    const { originalId, serverId, clientId } = this;
    if (fromFlowClient !== this.exchange.fromFlowClient) return isId(clientId, bytes, to, toLength);
    if (isId(originalId, bytes, to, toLength) || isId(serverId, bytes, to, toLength)) return true;
    // The one that it keeps after a Retry (RFC 9000 §17.2.5.3).
    return !this.isReported && sourceIdLength > 0 && isId(clientId, bytes, from, sourceIdLength);
  }

  /** Whether a packet with other ids may be of another connection: a client without ids of its own has one at a time. */
  allowsOther({ sourceIdLength }: LongHeader, fromFlowClient: boolean): boolean {
    if (fromFlowClient !== this.exchange.fromFlowClient) return false;
    return this.isReported || (sourceIdLength > 0 && this.clientId!.length > 0);
  }

  /** Takes an Initial. Returns false where none of the connection's keys opens it. */
  initial(header: LongHeader, packet: Packet, fromFlowClient: boolean): boolean {
    if (this.isReported) return true;
    const { bytes } = packet;
    const fromClient = this.originalId === undefined || fromFlowClient === this.exchange.fromFlowClient;
    const payload = fromClient
      ? this.openFromClient(header, bytes, fromFlowClient)
      : this.openFromServer(header, bytes);
    if (payload === undefined) return false;
    this.counters['quic.initials']++;
    this.fromClient = fromClient;
    this.packet = packet;
    readFrames(payload, header.version!.initial!.googleFrames, this);
    if (this.limited) this.close(false);
    else this.readHellos();
    this.packet = undefined;
    return true;
  }

  /**
   * Nothing more comes: what is known of its handshake is reported.
   * @param evicted others need the room
   */
  close(evicted: boolean): void {
    if (this.isReported) return;
    if (this.began) this.counters['tls.incomplete']++;
    if (this.limited || (evicted && this.began)) this.counters['tls.stream_limit']++;
    this.over();
  }

  crypto(offset: number, bytes: Buffer, start: number, end: number): void {
    if (this.isReported) return;
    const stream = this.fromClient ? this.clientStream : this.serverStream;
    if (!stream.add(offset, bytes, start, end)) this.limited = true;
  }

  connectionClose(errorCode: number): void {
    if (this.isReported || this.exchange.firstTime === undefined) return;
    if (errorCode >> 8 === CRYPTO_ERROR >> 8) {
      const from = this.fromClient ? 'client' : 'server';
      this.exchange.alert = { from, level: FATAL, description: errorCode & 0xff };
    }
    this.over();
  }

  private openFromClient(header: LongHeader, bytes: Buffer, fromFlowClient: boolean): Buffer | undefined {
    const { destinationIdStart: to, destinationIdLength: toLength } = header;
    if (this.originalId !== undefined) {
      const payload = openInitial(header, bytes, this.keysOf(header.version!).client);
      if (payload !== undefined) return payload;
      if (isId(this.serverId, bytes, to, toLength)) return undefined;
    }
    // The first packet, or the first after a Retry, or of another connection.
    const id = bytes.subarray(to, to + toLength);
    const keys = new InitialKeys(header.version!.initial!, id);
    const payload = openInitial(header, bytes, keys.client);
    if (payload === undefined) return undefined;
    const { sourceIdStart, sourceIdLength } = header;
    this.clientId = Buffer.from(bytes.subarray(sourceIdStart, sourceIdStart + sourceIdLength));
    this.begin(header.version!, id, keys, fromFlowClient);
    return payload;
  }

  private openFromServer(header: LongHeader, bytes: Buffer): Buffer | undefined {
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

  /** The client begins, anew with what it said before (after a Retry), or another connection without ids of its own. */
  private begin(version: QuicVersion, id: Buffer, keys: InitialKeys, fromFlowClient: boolean): void {
    this.isRefused = false;
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
    while (!this.isReported) {
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

  /** What is kept of it from now on are its ids. */
  private over(): void {
    this.reports.handshake(this.exchange);
    this.isReported = true;
    this.release();
    this.keys.clear();
  }

  private release(): void {
    this.clientStream = new CryptoStream();
    this.serverStream = new CryptoStream();
  }
}

function isId(id: Buffer | undefined, bytes: Buffer, start: number, length: number): boolean {
  return id !== undefined && id.compare(bytes, start, start + length) === 0;
}

/** Every protocol offered is HTTP/3 (RFC 9114 §3.1) or a draft of it: what the server chose is encrypted. */
function isHttp3(alpn: readonly string[]): boolean {
  return alpn.length > 0 && alpn.every((protocol) => protocol === 'h3' || protocol.startsWith('h3-'));
}
