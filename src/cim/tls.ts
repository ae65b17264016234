/**
 * TLS handshakes. They carry the fields of Network_Traffic, but `cim_model` says whether they count as such: where
 * flows are collected the connection is in the model through its flow record already, and one event more would count it
 * twice. An event type that tags Network_Traffic therefore asks for `cim_model="Network_Traffic"`.
 */
import { dnsOver } from '../dissect/encrypted-dns.ts';
import type { Certificate, ClientHello, HandshakeDetails, ServerHello, TlsHandshakeEvent } from '../dissect/event.ts';
import { cipherSuiteName, groupName, signatureSchemeName, sslVersionName, tlsVersionName } from '../dissect/iana.ts';
import { quicVersionName } from '../dissect/quic/version.ts';
import type { Verdict } from '../policy/verdict.ts';
import type { CimEvent } from './event.ts';
import { Piece } from './json-line.ts';
import { type HeadPieces, type LineParts, MAX_CIM_LINE } from './line-parts.ts';
import { listSpec, NamePieces } from './pieces.ts';
import { writeDetails, writeFingerprints } from './tls-details.ts';

/** A host name has at most 253 characters; a ClientHello may carry 64 KB. */
const MAX_SERVER_NAME_BYTES = 256;
const MAX_COMMON_NAME_BYTES = 64;
/** Browsers offer about 16 suites, scanners hundreds. */
const CIPHERS = listSpec('ciphers', 40, 1_400, 'cipher_count');
const GROUPS = listSpec('groups', 20, 250, 'group_count');
const KEY_SHARES = listSpec('key_shares', 8, 120, 'key_share_count');
const SIGNATURE_ALGORITHMS = listSpec('signature_algorithms', 24, 500, 'signature_algorithm_count');
const SUPPORTED_VERSIONS = listSpec('supported_versions', 8, 80, 'supported_version_count');
const EXTENSIONS = listSpec('extensions', 32, 128, 'extension_count');
const ALPN = listSpec('alpn', 8, 120, 'alpn_count');
const MAX_ALPN_BYTES = 64;

const piece = (text: string): Piece => new Piece(text);

const SSL_VERSION = piece(',"ssl_version":');
const SSL_CIPHER = piece(',"ssl_cipher":');
const SSL_SERVER_NAME = piece(',"ssl_server_name":"');
const SSL_HASH = piece(',"ssl_hash":"');
const SSL_SUBJECT_COMMON_NAME = piece(',"ssl_subject_common_name":"');
const RESPONSE_TIME = piece(',"response_time":');
const QUOTE = piece('"');
const END_OBJECT = piece('}');

/** `vesper.tls` begins with which hellos were seen. */
const HELLOS = {
  both: piece(',"vesper":{"tls":{"hellos":"both"'),
  client: piece(',"vesper":{"tls":{"hellos":"client"'),
  server: piece(',"vesper":{"tls":{"hellos":"server"'),
};
const TRANSPORT_QUIC = piece(',"transport":"quic","quic_version":');
const DNS_OVER = piece(',"dns_over":"');
const DNS_OVER_BY = piece('","dns_over_by":"');
const OFFERED_VERSION = piece(',"offered_version":');
const SERVER_NAME_LENGTH = piece(',"server_name_length":');
const SERVER_ALPN = piece(',"server_alpn":"');
const COMPRESSION_METHOD = piece(',"compression_method":');
const HELLO_RETRY_REQUEST = piece(',"hello_retry_request":true');
const SSLV2_HELLO = piece(',"sslv2_hello":true');
const MALFORMED = piece(',"malformed":true');

const ciphers = new NamePieces(cipherSuiteName);
const groups = new NamePieces(groupName);
const signatureSchemes = new NamePieces(signatureSchemeName);
const versions = new NamePieces((version) => sslVersionName(version) ?? tlsVersionName(version));

/** Their numbers. */
const extensionTypes = new NamePieces((type) => type);

const quicVersions = new NamePieces(quicVersionName);

/** What carries the handshake. */
type TlsApp = 'tls' | 'dtls' | 'quic';

function appOf({ quicVersion, conversation }: TlsHandshakeEvent): TlsApp {
  if (quicVersion !== undefined) return 'quic';
  return conversation.transport === 'udp' ? 'dtls' : 'tls';
}

/** In datagrams nothing but the hellos is read: then the group is the one of the server's key share. */
function detailsOf({ details, server }: TlsHandshakeEvent): HandshakeDetails | undefined {
  if (details?.group !== undefined || server?.keyShareGroup === undefined) return details;
  return { ...details, group: server.keyShareGroup };
}

export class TlsLine {
  private readonly parts: LineParts;
  /** By `app`. */
  private readonly heads: Readonly<Record<TlsApp, HeadPieces>>;

  constructor(parts: LineParts, flowsCollected: boolean) {
    this.parts = parts;
    const model = flowsCollected ? 'none' : 'Network_Traffic';
    const head = (app: TlsApp): HeadPieces =>
      parts.headPieces(['"action":"allowed"', `"app":"${app}"`, `"cim_model":"${model}"`], {
        sensor: true,
        vendor: true,
        layers: true,
      });
    this.heads = { tls: head('tls'), dtls: head('dtls'), quic: head('quic') };
  }

  make(event: TlsHandshakeEvent, verdicts: readonly Verdict[]): CimEvent {
    const { parts } = this;
    const { writer } = parts;
    const { client, server, conversation } = event;
    parts.head(event.time, this.heads[appOf(event)], conversation);
    parts.trafficEnds(conversation);
    if (server !== undefined) this.negotiated(server);
    if (client?.serverName !== undefined && client.serverName !== '') {
      writer.piece(SSL_SERVER_NAME);
      writer.text(client.serverName, MAX_SERVER_NAME_BYTES);
      writer.piece(QUOTE);
    }
    const leaf = event.details?.certificates?.[0];
    if (leaf !== undefined) this.leaf(leaf);
    if (event.responseTime !== undefined) writer.seconds(RESPONSE_TIME, event.responseTime);
    parts.session(conversation);
    if (parts.extras === 'off') parts.end();
    else this.extras(event, verdicts);
    return writer.end('tls', event.time.seconds, event.time.nanos);
  }

  private extras(event: TlsHandshakeEvent, verdicts: readonly Verdict[]): void {
    const { parts } = this;
    const { writer } = parts;
    const { client, server, retry } = event;
    const full = parts.extras === 'full';
    if (client === undefined) writer.piece(HELLOS.server);
    else writer.piece(server === undefined && retry === undefined ? HELLOS.client : HELLOS.both);
    if (event.quicVersion !== undefined) {
      writer.piece(TRANSPORT_QUIC);
      writer.piece(quicVersions.piece(event.quicVersion));
    }
    const over = dnsOver(client, server, event.conversation, event.quicVersion);
    if (over !== undefined) {
      writer.piece(DNS_OVER);
      writer.safe(over.protocol);
      writer.piece(DNS_OVER_BY);
      writer.safe(over.by);
      writer.piece(QUOTE);
    }
    if (client !== undefined) this.offered(client);
    if (server !== undefined) this.answered(server);
    if (event.fingerprints !== undefined) writeFingerprints(parts, event.fingerprints);
    const details = detailsOf(event);
    if (details !== undefined) writeDetails(parts, details, client);
    if (retry !== undefined) writer.piece(HELLO_RETRY_REQUEST);
    if (client !== undefined && full) this.ciphers(client, MAX_CIM_LINE - parts.tailRoom(verdicts, event.conversation));
    if (client?.malformed || retry?.malformed || server?.malformed) writer.piece(MALFORMED);
    writer.piece(END_OBJECT);
    parts.verdicts(verdicts);
    parts.tail(event.conversation);
  }

  private negotiated({ version, cipherSuite }: ServerHello): void {
    const { writer } = this.parts;
    if (sslVersionName(version) !== undefined) {
      writer.piece(SSL_VERSION);
      writer.piece(versions.piece(version));
    }
    writer.piece(SSL_CIPHER);
    writer.piece(ciphers.piece(cipherSuite));
  }

  /** Enough to find the certificate's own event. */
  private leaf({ sha256, subjectCommonName }: Certificate): void {
    this.text(SSL_HASH, sha256);
    this.text(SSL_SUBJECT_COMMON_NAME, subjectCommonName);
  }

  private text(key: Piece, value: string | undefined): void {
    if (value === undefined || value === '') return;
    const { writer } = this.parts;
    writer.piece(key);
    writer.text(value, MAX_COMMON_NAME_BYTES);
    writer.piece(QUOTE);
  }

  private offered(client: ClientHello): void {
    const { writer, list } = this.parts;
    writer.piece(OFFERED_VERSION);
    writer.piece(versions.piece(client.version));
    const { serverName } = client;
    if (serverName !== undefined && serverName.length > MAX_SERVER_NAME_BYTES) {
      writer.count(SERVER_NAME_LENGTH, serverName.length);
    }
    if (client.sslv2) writer.piece(SSLV2_HELLO);
    if (this.parts.extras !== 'full') return;
    list.begin(SUPPORTED_VERSIONS);
    list.names(client.supportedVersions, versions);
    list.end();
    list.begin(GROUPS);
    list.names(client.groups, groups);
    list.end();
    list.begin(KEY_SHARES);
    list.names(client.keyShares, groups);
    list.end();
    list.begin(SIGNATURE_ALGORITHMS);
    list.names(client.signatureAlgorithms, signatureSchemes);
    list.end();
    list.begin(ALPN);
    for (const protocol of client.alpn) list.item(protocol, MAX_ALPN_BYTES);
    list.end();
    list.begin(EXTENSIONS);
    list.names(client.extensions, extensionTypes);
    list.end();
  }

  /** After everything else of `vesper.tls`: the longest list takes the room that is left. */
  private ciphers({ cipherSuites, sslv2CipherKinds }: ClientHello, end: number): void {
    const { writer, list } = this.parts;
    list.begin(CIPHERS, end - writer.length);
    list.names(cipherSuites, ciphers);
    list.names(sslv2CipherKinds, ciphers);
    list.end();
  }

  private answered(server: ServerHello): void {
    const { writer } = this.parts;
    if (server.alpn !== undefined && server.alpn !== '') {
      writer.piece(SERVER_ALPN);
      writer.text(server.alpn, MAX_ALPN_BYTES);
      writer.piece(QUOTE);
    }
    if (server.compressionMethod > 0) writer.count(COMPRESSION_METHOD, server.compressionMethod);
  }
}
