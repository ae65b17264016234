/** The hellos of one handshake, whatever carries it, and the events that they make. */
import type { Counters } from '../../counters.ts';
import { type Conversation, reverse } from '../conversation.ts';
import type {
  CertificateChain,
  ClientHello,
  EventSink,
  Fingerprints,
  FlowEvent,
  HandshakeDetails,
  ServerHello,
  Timestamp,
} from '../event.ts';
import type { FlowTable } from '../flow/table.ts';
import type { Packet } from '../net/packet.ts';
import { Fingerprinter, type FingerprintName } from './fingerprints.ts';
import { Flight } from './flight.ts';

/** Which events are wanted. */
export interface HelloOptions {
  /** Whether `client_hello` and `server_hello` events are wanted. */
  readonly messages: boolean;
  /** Whether `tls_handshake` events are wanted. */
  readonly transactions: boolean;
  readonly fingerprints: readonly FingerprintName[];
}

export interface HelloExchange {
  readonly slot: number;
  /** The last ClientHello. */
  client: ClientHello | undefined;
  /** The one before it, or the one that was answered by a HelloRetryRequest. */
  firstClient: ClientHello | undefined;
  retry: ServerHello | undefined;
  server: ServerHello | undefined;
  /** Of the first hello, whosever it was. */
  firstTime: Timestamp | undefined;
  /** Of the first ClientHello. */
  clientTime: Timestamp | undefined;
  /** Of the ServerHello, a HelloRetryRequest aside. */
  serverTime: Timestamp | undefined;
  /** Whether the TLS client is the one whom the flow takes for the client. */
  fromFlowClient: boolean;
  quicVersion: number | undefined;
  /** What the flow carries if there is a hello. */
  app: FlowEvent['app'];
  /** A plaintext alert that ended it. */
  alert: HandshakeDetails['alert'];
  /** Of the first ClientHello and of the ServerHello. */
  fingerprints: Fingerprints | undefined;
}

export function newExchange(slot: number, app: FlowEvent['app']): HelloExchange {
  return {
    slot,
    client: undefined,
    firstClient: undefined,
    retry: undefined,
    server: undefined,
    firstTime: undefined,
    clientTime: undefined,
    serverTime: undefined,
    fromFlowClient: true,
    quicVersion: undefined,
    app,
    alert: undefined,
    fingerprints: undefined,
  };
}

/** Notes hellos in their exchange and makes their events. */
export class HelloReports {
  private readonly options: HelloOptions;
  private readonly counters: Counters;
  private readonly flows: FlowTable;
  private readonly sink: EventSink;
  private readonly fingerprinter: Fingerprinter;

  constructor(options: HelloOptions, counters: Counters, flows: FlowTable, sink: EventSink) {
    this.options = options;
    this.counters = counters;
    this.flows = flows;
    this.sink = sink;
    this.fingerprinter = new Fingerprinter(options.fingerprints);
  }

  clientHello(exchange: HelloExchange, hello: ClientHello, packet: Packet): void {
    const time = timeOf(packet);
    const isFirst = exchange.clientTime === undefined;
    exchange.firstTime ??= time;
    exchange.clientTime ??= time;
    // The second has the random of the first (RFC 8446 §4.1.2).
    if (exchange.client?.random === hello.random) exchange.firstClient ??= exchange.client;
    exchange.client = hello;
    this.counters['tls.client_hellos']++;
    if (hello.malformed) this.counters['tls.malformed']++;
    this.flows.setApp(exchange.slot, exchange.app);
    if (!isFirst && !this.options.messages) return;
    const fingerprints = this.fingerprinter.client(hello, carrierLetter(exchange.app));
    if (isFirst) exchange.fingerprints = fingerprints;
    if (!this.options.messages) return;
    const { quicVersion } = exchange;
    this.sink({
      kind: 'client_hello',
      time,
      conversation: this.conversation(exchange),
      quicVersion,
      hello,
      fingerprints,
    });
  }

  serverHello(exchange: HelloExchange, hello: ServerHello, packet: Packet): void {
    const time = timeOf(packet);
    exchange.firstTime ??= time;
    if (hello.helloRetryRequest) {
      exchange.retry = hello;
      exchange.firstClient ??= exchange.client;
    } else {
      exchange.server = hello;
      exchange.serverTime = time;
    }
    this.counters['tls.server_hellos']++;
    if (hello.malformed) this.counters['tls.malformed']++;
    this.flows.setApp(exchange.slot, exchange.app);
    if (hello.helloRetryRequest && !this.options.messages) return;
    const fingerprints = this.fingerprinter.server(hello);
    if (!hello.helloRetryRequest) exchange.fingerprints = both(exchange.fingerprints, fingerprints);
    if (!this.options.messages) return;
    const { quicVersion } = exchange;
    this.sink({
      kind: 'server_hello',
      time,
      conversation: this.conversation(exchange),
      quicVersion,
      hello,
      fingerprints,
    });
  }

  /**
   * The handshake is over as far as it can be seen; nothing is reported of one without a hello.
   * @param seen what the hellos and the messages after them show; without, the hellos and the exchange's alert alone
   */
  handshake(exchange: HelloExchange, seen?: HandshakeDetails): void {
    const { firstTime: time, client, firstClient, retry, server, fingerprints } = exchange;
    if (time === undefined) return;
    this.counters['tls.handshakes']++;
    if (!this.options.transactions) return;
    // Every field, known or not, without a spread: that takes a microsecond, and every reader of the event longer.
    this.sink({
      kind: 'tls_handshake',
      time,
      conversation: this.conversation(exchange),
      quicVersion: exchange.quicVersion,
      client,
      firstClient,
      retry,
      server,
      details: seen ?? detailsOfHellos(exchange),
      fingerprints,
      responseTime: secondsBetween(exchange.clientTime, exchange.serverTime),
    });
  }

  /** A chain of certificates, one event for each that was read. */
  chain(exchange: HelloExchange, chain: CertificateChain, fromServer: boolean, time: Timestamp): void {
    const conversation = this.conversation(exchange);
    const from = fromServer ? 'server' : 'client';
    const serverName = exchange.client?.serverName;
    for (let index = 0; index < chain.length; index++) {
      const certificate = chain[index];
      if (certificate === undefined) continue;
      this.sink({ kind: 'certificate', time, conversation, from, serverName, certificate, index, chain });
    }
  }

  /** Oriented from the TLS client to the TLS server. */
  conversation({ slot, fromFlowClient }: HelloExchange): Conversation {
    const flow = this.flows.conversation(slot);
    return fromFlowClient ? flow : reverse(flow);
  }
}

/** The fingerprints of a handshake, from those of its hellos. */
function both(client: Fingerprints | undefined, server: Fingerprints | undefined): Fingerprints | undefined {
  if (client === undefined) return server;
  return server === undefined ? client : { ja3: client.ja3, ja3s: server.ja3s, ja4: client.ja4 };
}

function detailsOfHellos({ client, retry, server, alert }: HelloExchange): HandshakeDetails {
  const flight = new Flight();
  flight.alert = alert;
  return flight.details(client, retry, server);
}

/** JA4's first letter. */
function carrierLetter(app: FlowEvent['app']): 't' | 'q' | 'd' {
  if (app === 'tls') return 't';
  return app === 'dtls' ? 'd' : 'q';
}

export function timeOf({ frame: { seconds, nanos } }: Packet): Timestamp {
  return { seconds, nanos };
}

/** Undefined where either is missing, or where the capture has the two in the wrong order. */
function secondsBetween(from: Timestamp | undefined, to: Timestamp | undefined): number | undefined {
  if (!from || !to) return undefined;
  const seconds = to.seconds - from.seconds + (to.nanos - from.nanos) / 1e9;
  return seconds < 0 ? undefined : seconds;
}
