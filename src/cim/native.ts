/**
 * The native format: one event for each message, flow record and policy violation.
 *
 *     {"time":"2022-09-19T14:41:27.127059667+00:00","type":"DnsQuery","event":{"DnsQuery":{"source":{…},"destination":{…},…}}}
 */
import { clientSubnet, cookie, extendedErrorName, extendedErrors } from '../dissect/dns/edns-options.ts';
import { rrTypeName } from '../dissect/dns/names.ts';
import { dnsOver } from '../dissect/encrypted-dns.ts';
import type {
  Certificate,
  CertificateEvent,
  ClientHelloEvent,
  DnsMessage,
  DnsMessageEvent,
  DnsQuestion,
  DnsRecord,
  Edns,
  Endpoint,
  FlowEvent,
  NetworkEvent,
  ServerHelloEvent,
  Timestamp,
  Transport,
} from '../dissect/event.ts';
import { cipherSuiteName, groupName, signatureSchemeName, tlsVersionName } from '../dissect/iana.ts';
import { quicVersionName } from '../dissect/quic/version.ts';
import type { Finding } from '../policy/finding.ts';
import type { Severity } from '../policy/verdict.ts';
import type { CimEvent } from './event.ts';
import type { EventFormat } from './format.ts';
import { LineWriter, Piece } from './json-line.ts';
import { ListWriter, listSpec, NamePieces } from './pieces.ts';

/**
 * A native event tells a message whole as far as messages go: a DNS message may have 64 KB, but names that point at each
 * other make megabytes of text of it. The limits below let every message of ordinary traffic pass uncut.
 */
const LINE_ROOM = 96 * 1024;
/** An escaped name in JSON at its longest (RFC 1035 §2.3.4). */
const MAX_NAME_BYTES = 1_280;
/** A ClientHello may name a host of 64 KB; host names have at most 253 characters. */
const MAX_SERVER_NAME_BYTES = 1_024;
/** A TXT record may have 64 KB. */
const MAX_VALUE_BYTES = 8 * 1024;
const MAX_TEXT_BYTES = 1_024;
const MAX_ALPN_BYTES = 255;
const QUESTIONS = listSpec('questions', 256, 16 * 1024, 'question_count');
const ANSWERS = listSpec('answers', 1_024, 40 * 1024, 'answer_count');
/** Twice the registered suites. */
const CIPHERS = listSpec('ciphers', 768, 28 * 1024, 'cipher_count');
const GROUPS = listSpec('groups', 256, 4 * 1024, 'group_count');
const KEY_SHARES = listSpec('key_shares', 64, 2 * 1024, 'key_share_count');
const SIGNATURE_ALGORITHMS = listSpec('signature_algorithms', 256, 6 * 1024, 'signature_algorithm_count');
const CERTIFICATE_CHAIN = listSpec('certificate_chain', 16, 64 * 1024, 'certificate_count');
const ALTERNATIVE_NAMES = listSpec('subject_alternative_names', 256, 16 * 1024, 'subject_alternative_name_count');
/** Names of a certificate are cut at 2,048 characters before. */
const MAX_NAME_BYTES_OF_CERTIFICATE = 4 * 1024;
const ALPN = listSpec('alpn', 64, 4 * 1024, 'alpn_count');

const piece = (text: string): Piece => new Piece(text);

const TIME = piece('{"time":"');
const head = (type: string): Piece => piece(`","type":"${type}","event":{"${type}":{"source":{"ip":"`);
const HEADS = {
  dnsQuery: head('DnsQuery'),
  dnsResponse: head('DnsResponse'),
  certificate: head('TlsCertificate'),
  clientHello: head('TlsClientHello'),
  serverHello: head('TlsServerHello'),
  flow: head('Flow'),
  violation: head('PolicyViolation'),
};
const QUOTE = piece('"');
const PORT = piece(',"port":');
const DESTINATION = piece('},"destination":{"ip":"');
const END_OBJECT = piece('}');
const END_EVENT = piece('}}}');
const TRANSPORT = piece(',"transport":"');
const TRANSPORT_QUIC = piece(',"transport":"quic","quic_version":');

const ID = piece(',"id":');
const STATUS = piece(',"status":');
const NO_QUESTIONS = piece(',"questions":[]');
const NO_ANSWERS = piece(',"answers":[]');
const TYPE = piece('{"type":');
const NAME = piece(',"name":"');
const VALUE = piece('","value":"');
const TTL = piece(',"ttl":');
/** By AA and RA. */
const RESPONSE_FLAGS = [0, 1, 2, 3].map((bits) => piece(`,"authoritative":${bits > 1},"recursive":${bits % 2 === 1}`));

/** By TC, AD and CD. */
const MORE_FLAGS = Array.from({ length: 8 }, (_, bits) =>
  piece(
    `${bits & 4 ? ',"truncated":true' : ''}${bits & 2 ? ',"authentic_data":true' : ''}${bits & 1 ? ',"checking_disabled":true' : ''}`,
  ),
);
const EDNS = piece(',"edns":{"version":');
const EDNS_UDP_SIZE = piece(',"udp_size":');
const EDNS_DNSSEC_OK = { yes: piece(',"dnssec_ok":true'), no: piece(',"dnssec_ok":false') };
const CLIENT_SUBNET = piece(',"client_subnet":{"subnet":"');
const SCOPE = piece('","scope":');
const CLIENT_COOKIE = piece(',"cookie":{"client":"');
const SERVER_COOKIE = piece(',"server":"');
const EXTENDED_ERRORS = listSpec('extended_errors', 64, 8 * 1024, 'extended_error_count');
const ERROR_CODE = piece('{"code":');
const ERROR_TEXT = piece(',"text":"');

const VERSION = piece(',"version":');
const NO_CIPHERS = piece(',"ciphers":[]');
const CIPHER = piece(',"cipher":');
const SERVER_NAME = piece(',"server_name":"');
const GROUP = piece(',"group":');
const SERVER_ALPN = piece(',"alpn":"');
const RETRY = { yes: piece(',"hello_retry_request":true'), no: piece(',"hello_retry_request":false') };

const JA3 = piece(',"ja3":"');
const JA3S = piece(',"ja3s":"');
const JA4 = piece(',"ja4":"');

const DNS_OVER = piece(',"dns_over":"');

/** Stands in the place of a certificate of which nothing is known. */
const NOT_READ = piece('{}');
const ISSUER = piece('{"issuer":"');
const SUBJECT = piece(',"subject":"');
const SERIAL = piece(',"serial":"');
const NO_ALTERNATIVE_NAMES = piece(',"subject_alternative_names":[]');
const NOT_BEFORE = piece(',"validity":{"not_before":"');
const NOT_AFTER = piece('","not_after":"');
const KEY_TYPE = piece('"},"public_key":{"type":"');
const KEY_BITS = piece(',"bits":');
const KEY_CURVE = piece(',"curve":"');
const SIGNATURE_ALGORITHM = piece('},"signature_algorithm":"');
const SIGNATURE_HASH = piece(',"signature_hash":"');
const SHA256 = piece(',"sha256":"');

const PACKETS_OUT = piece(',"packets_out":');
const PACKETS_IN = piece(',"packets_in":');
const BYTES_OUT = piece(',"bytes_out":');
const BYTES_IN = piece(',"bytes_in":');
const PAYLOAD_BYTES_OUT = piece(',"payload_bytes_out":');
const PAYLOAD_BYTES_IN = piece(',"payload_bytes_in":');
const START = piece(',"start":"');
const DURATION = piece(',"duration":');
const RETRANSMITS_OUT = piece(',"retransmits_out":');
const RETRANSMITS_IN = piece(',"retransmits_in":');
const RTT = piece(',"rtt":');
const STATE = piece(',"state":"');
const END_REASON = piece(',"end_reason":"');
const QUIC_VERSION = piece('","quic_version":"');
const COMMUNITY_ID = piece('","community_id":"');

const POLICY = piece(',"policy":"');
const RULE = piece(',"rule":"');
const SEVERITY = piece(',"severity":"');
const MESSAGE = piece(',"message":"');
const OBSERVED = piece(',"observed":"');
const EXPECTED = piece(',"expected":"');
const REFERENCE = piece(',"reference":"');

/** By RCODE; holes are unassigned. */
const STATUSES: readonly (string | undefined)[] = (
  'NoError FormErr ServFail NxDomain NotImp Refused YxDomain YxRrSet NxRrSet NotAuth NotZone DsoTypeNi ' +
  '- - - - BadVers BadKey BadTime BadMode BadName BadAlg BadTrunc BadCookie'
)
  .split(' ')
  .map((name) => (name === '-' ? undefined : name));

const statuses = new NamePieces((rcode) => STATUSES[rcode] ?? `UNKNOWN (${rcode})`);
const recordTypes = new NamePieces(rrTypeName);
const versions = new NamePieces(tlsVersionName);
const quicVersions = new NamePieces(quicVersionName);
const ciphers = new NamePieces(cipherSuiteName);
const groups = new NamePieces(groupName);
const signatureSchemes = new NamePieces(signatureSchemeName);

/** That one's event tells the whole chain. */
const isFirstRead = ({ index, chain }: CertificateEvent): boolean => index === chain.findIndex(Boolean);

export class NativeFormat implements EventFormat {
  private readonly writer = new LineWriter(LINE_ROOM);
  private readonly list = new ListWriter(this.writer);
  private readonly innerList = new ListWriter(this.writer);

  normalize(event: NetworkEvent): CimEvent | undefined {
    switch (event.kind) {
      case 'dns_message':
        return this.dnsMessage(event);
      case 'client_hello':
        return this.clientHello(event);
      case 'server_hello':
        return this.serverHello(event);
      case 'certificate':
        return isFirstRead(event) ? this.certificates(event) : undefined;
      case 'flow':
        return this.flow(event);
      default:
        return undefined;
    }
  }

  finding({ time, conversation, violation }: Finding): CimEvent {
    const { client, server, transport } = conversation;
    this.begin(time, HEADS.violation, client, server, transport);
    this.member(POLICY, violation.policy);
    this.member(RULE, violation.rule);
    this.severity(violation.severity);
    this.member(MESSAGE, violation.message);
    this.member(OBSERVED, violation.observed);
    this.member(EXPECTED, violation.expected);
    this.member(REFERENCE, violation.reference);
    return this.end('finding', time);
  }

  private dnsMessage({ time, conversation, message }: DnsMessageEvent): CimEvent {
    const { writer, list } = this;
    const { client, server, transport } = conversation;
    this.begin(time, message.response ? HEADS.dnsResponse : HEADS.dnsQuery, client, server, transport);
    writer.count(ID, message.id);
    if (message.response) {
      writer.piece(STATUS);
      writer.piece(statuses.piece(message.rcode));
      writer.piece(RESPONSE_FLAGS[(message.authoritative ? 2 : 0) + (message.recursionAvailable ? 1 : 0)]!);
    }
    list.begin(QUESTIONS);
    for (const question of message.questions) this.record(question, undefined);
    list.end(NO_QUESTIONS);
    if (message.response) {
      list.begin(ANSWERS);
      for (const answer of message.answers) this.record(answer, answer);
      list.end(NO_ANSWERS);
    }
    writer.piece(MORE_FLAGS[moreFlags(message)]!);
    if (message.edns !== undefined) this.edns(message.edns);
    return this.end('dns', time);
  }

  private edns(edns: Edns): void {
    const { writer, list } = this;
    writer.count(EDNS, edns.version);
    writer.count(EDNS_UDP_SIZE, edns.udpSize);
    writer.piece(edns.dnssecOk ? EDNS_DNSSEC_OK.yes : EDNS_DNSSEC_OK.no);
    if (edns.options.length > 0) {
      const subnet = clientSubnet(edns);
      if (subnet !== undefined) {
        writer.piece(CLIENT_SUBNET);
        writer.safe(subnet.subnet);
        writer.count(SCOPE, subnet.scope);
        writer.piece(END_OBJECT);
      }
      const cookies = cookie(edns);
      if (cookies !== undefined) {
        this.member(CLIENT_COOKIE, cookies.client);
        if (cookies.server !== undefined) this.member(SERVER_COOKIE, cookies.server);
        writer.piece(END_OBJECT);
      }
      list.begin(EXTENDED_ERRORS);
      for (const { code, text } of extendedErrors(edns)) {
        if (!list.next()) continue;
        writer.count(ERROR_CODE, code);
        this.member(NAME, extendedErrorName(code));
        if (text !== '') this.member(ERROR_TEXT, text);
        writer.piece(END_OBJECT);
        list.done();
      }
      list.end();
    }
    writer.piece(END_OBJECT);
  }

  /** `{"type":…,"name":…}` of a question, with `"value"` too of a record. */
  private record({ type, name }: DnsQuestion | DnsRecord, record: DnsRecord | undefined): void {
    const { writer, list } = this;
    if (!list.next()) return;
    writer.piece(TYPE);
    writer.piece(recordTypes.piece(type));
    writer.piece(NAME);
    writer.text(name, MAX_NAME_BYTES);
    if (record !== undefined) {
      writer.piece(VALUE);
      writer.text(record.data, MAX_VALUE_BYTES);
    }
    writer.piece(QUOTE);
    if (record !== undefined) writer.count(TTL, record.ttl);
    writer.piece(END_OBJECT);
    list.done();
  }

  private clientHello(event: ClientHelloEvent): CimEvent {
    const { time, conversation, quicVersion, hello, fingerprints } = event;
    const { writer, list } = this;
    const { client, server, transport } = conversation;
    this.begin(time, HEADS.clientHello, client, server, transport);
    writer.piece(VERSION);
    writer.piece(versions.piece(hello.version));
    list.begin(CIPHERS);
    list.names(hello.cipherSuites, ciphers);
    list.names(hello.sslv2CipherKinds, ciphers);
    list.end(NO_CIPHERS);
    if (hello.serverName !== undefined) this.member(SERVER_NAME, hello.serverName, MAX_SERVER_NAME_BYTES);
    list.begin(ALPN);
    for (const protocol of hello.alpn) list.item(protocol, MAX_ALPN_BYTES);
    list.end();
    list.begin(GROUPS);
    list.names(hello.groups, groups);
    list.end();
    list.begin(KEY_SHARES);
    list.names(hello.keyShares, groups);
    list.end();
    list.begin(SIGNATURE_ALGORITHMS);
    list.names(hello.signatureAlgorithms, signatureSchemes);
    list.end();
    if (fingerprints?.ja3 !== undefined) this.member(JA3, fingerprints.ja3);
    if (fingerprints?.ja4 !== undefined) this.member(JA4, fingerprints.ja4);
    const over = dnsOver(hello, undefined, conversation, quicVersion);
    if (over !== undefined) this.member(DNS_OVER, over.protocol);
    this.carrier(transport, quicVersion);
    return this.end('tls', time);
  }

  private serverHello({ time, conversation, quicVersion, hello, fingerprints }: ServerHelloEvent): CimEvent {
    const { writer } = this;
    const { client, server, transport } = conversation;
    this.begin(time, HEADS.serverHello, server, client, transport);
    writer.piece(VERSION);
    writer.piece(versions.piece(hello.version));
    writer.piece(CIPHER);
    writer.piece(ciphers.piece(hello.cipherSuite));
    if (hello.keyShareGroup !== undefined) {
      writer.piece(GROUP);
      writer.piece(groups.piece(hello.keyShareGroup));
    }
    if (hello.alpn !== undefined) this.member(SERVER_ALPN, hello.alpn, MAX_ALPN_BYTES);
    writer.piece(hello.helloRetryRequest ? RETRY.yes : RETRY.no);
    if (fingerprints?.ja3s !== undefined) this.member(JA3S, fingerprints.ja3s);
    this.carrier(transport, quicVersion);
    return this.end('tls', time);
  }

  /** From its sender to its receiver, as the hellos. */
  private certificates({ time, conversation, from, chain }: CertificateEvent): CimEvent {
    const { writer, list } = this;
    const { client, server, transport } = conversation;
    const fromServer = from === 'server';
    this.begin(time, HEADS.certificate, fromServer ? server : client, fromServer ? client : server, transport);
    list.begin(CERTIFICATE_CHAIN);
    for (const certificate of chain) {
      if (!list.next()) continue;
      if (certificate === undefined) writer.piece(NOT_READ);
      else this.certificate(certificate);
      list.done();
    }
    list.end();
    this.transport(transport);
    return this.end('certificate', time);
  }

  private certificate(certificate: Certificate): void {
    const { writer } = this;
    const { key } = certificate;
    this.member(ISSUER, certificate.issuer, MAX_NAME_BYTES_OF_CERTIFICATE);
    this.member(SUBJECT, certificate.subject, MAX_NAME_BYTES_OF_CERTIFICATE);
    this.member(SERIAL, certificate.serial);
    this.innerList.begin(ALTERNATIVE_NAMES);
    for (const name of certificate.subjectAlternativeNames) this.innerList.item(name, MAX_NAME_BYTES);
    this.innerList.offered = certificate.subjectAlternativeNameCount;
    this.innerList.end(NO_ALTERNATIVE_NAMES);
    writer.piece(NOT_BEFORE);
    writer.safe(utc(certificate.notBefore));
    writer.piece(NOT_AFTER);
    writer.safe(utc(certificate.notAfter));
    this.member(KEY_TYPE, key.type);
    if (key.bits !== undefined) writer.count(KEY_BITS, key.bits);
    if (key.curve !== undefined) this.member(KEY_CURVE, key.curve);
    this.member(SIGNATURE_ALGORITHM, certificate.signatureAlgorithm);
    if (certificate.signatureHash !== undefined) this.member(SIGNATURE_HASH, certificate.signatureHash);
    this.member(SHA256, certificate.sha256);
    writer.piece(END_OBJECT);
  }

  private flow(event: FlowEvent): CimEvent {
    const { writer } = this;
    const { time, conversation, tcp } = event;
    const { client, server, transport } = conversation;
    this.begin(time, HEADS.flow, client, server, transport);
    this.transport(transport);
    writer.count(PACKETS_OUT, event.out.packets);
    writer.count(PACKETS_IN, event.in.packets);
    writer.count(BYTES_OUT, event.out.bytes);
    writer.count(BYTES_IN, event.in.bytes);
    writer.count(PAYLOAD_BYTES_OUT, event.out.payloadBytes);
    writer.count(PAYLOAD_BYTES_IN, event.in.payloadBytes);
    writer.piece(START);
    writer.rfc3339(time.seconds, time.nanos);
    writer.piece(QUOTE);
    writer.seconds(DURATION, event.duration);
    if (tcp !== undefined) {
      writer.count(RETRANSMITS_OUT, tcp.out.retransmits);
      writer.count(RETRANSMITS_IN, tcp.in.retransmits);
      if (tcp.rtt !== undefined) writer.seconds(RTT, tcp.rtt);
      writer.piece(STATE);
      writer.safe(tcp.state);
      writer.piece(QUOTE);
    }
    writer.piece(END_REASON);
    writer.safe(event.endReason);
    if (event.quicVersion !== undefined) {
      writer.piece(QUIC_VERSION);
      writer.safe(event.quicVersion);
    }
    writer.piece(COMMUNITY_ID);
    writer.safe(conversation.communityId);
    writer.piece(QUOTE);
    return this.end('flow', time);
  }

  private begin(time: Timestamp, start: Piece, source: Endpoint, destination: Endpoint, transport: Transport): void {
    const { writer } = this;
    const hasPorts = transport !== 'icmp';
    writer.begin();
    writer.piece(TIME);
    writer.rfc3339(time.seconds, time.nanos);
    writer.piece(start);
    writer.safe(source.ip);
    writer.piece(QUOTE);
    if (hasPorts) writer.count(PORT, source.port);
    writer.piece(DESTINATION);
    writer.safe(destination.ip);
    writer.piece(QUOTE);
    if (hasPorts) writer.count(PORT, destination.port);
    writer.piece(END_OBJECT);
  }

  private end(kind: CimEvent['kind'], { seconds, nanos }: Timestamp): CimEvent {
    this.writer.piece(END_EVENT);
    return this.writer.end(kind, seconds, nanos);
  }

  private member(key: Piece, text: string, limit = MAX_TEXT_BYTES): void {
    this.writer.piece(key);
    this.writer.text(text, limit);
    this.writer.piece(QUOTE);
  }

  private severity(severity: Severity): void {
    this.writer.piece(SEVERITY);
    this.writer.safe(severity);
    this.writer.piece(QUOTE);
  }

  /** What carried a hello: `tcp`, `udp` (DTLS) or `quic`. */
  private carrier(transport: Transport, quicVersion: number | undefined): void {
    if (quicVersion === undefined) this.transport(transport);
    else {
      this.writer.piece(TRANSPORT_QUIC);
      this.writer.piece(quicVersions.piece(quicVersion));
    }
  }

  private transport(transport: Transport): void {
    this.writer.piece(TRANSPORT);
    this.writer.safe(transport);
    this.writer.piece(QUOTE);
  }
}

function moreFlags({ truncated, authenticData, checkingDisabled }: DnsMessage): number {
  return (truncated ? 4 : 0) | (authenticData ? 2 : 0) | (checkingDisabled ? 1 : 0);
}

/** RFC 3339 in UTC, of times before 1970 too. */
function utc(seconds: number): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, -5)}+00:00`;
}
