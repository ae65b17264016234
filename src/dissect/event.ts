/**
 * What the dissectors found, in the RFCs' terms. Events own their strings: this is the only copy boundary between the
 * reused packet views and everything after them.
 */
import type { Conversation } from './conversation.ts';

/** Packet time in two exact parts; a double cannot hold nanoseconds since 1970. */
export interface Timestamp {
  /** Since 1970-01-01 UTC. */
  readonly seconds: number;
  /** 0 to 999,999,999. */
  readonly nanos: number;
}

export type { Conversation, Endpoint, Transport } from './conversation.ts';

// ---------------------------------------------------------------- DNS (RFC 1035)

export interface DnsQuestion {
  /** Presentation form, escaped (RFC 4343 §2.1), no trailing dot; the root is `.`. */
  readonly name: string;
  readonly type: number;
  /** Without mDNS's top bit. */
  readonly class: number;
  /** mDNS: a unicast response is wanted (RFC 6762 §5.4). */
  readonly unicastResponse: boolean;
}

export interface DnsRecord {
  readonly name: string;
  readonly type: number;
  /** Without mDNS's top bit. */
  readonly class: number;
  /** Seconds. */
  readonly ttl: number;
  /** RDATA in presentation form; RFC 3597 form (`\# 4 0a000001`) where the type's own is not known. */
  readonly data: string;
  /** mDNS: the cache-flush bit (RFC 6762 §10.2). */
  readonly cacheFlush: boolean;
}

export interface EdnsOption {
  readonly code: number;
  /** Lower-case hexadecimal, at most 128 bytes of it. */
  readonly data: string;
}

/** The OPT pseudo-record (RFC 6891). */
export interface Edns {
  readonly version: number;
  /** Requestor's UDP payload size in bytes. */
  readonly udpSize: number;
  readonly dnssecOk: boolean;
  readonly options: readonly EdnsOption[];
}

export interface DnsMessage {
  id: number;
  /** QR: true for a response. */
  response: boolean;
  opcode: number;
  authoritative: boolean;
  truncated: boolean;
  recursionDesired: boolean;
  recursionAvailable: boolean;
  authenticData: boolean;
  checkingDisabled: boolean;
  /** Extended by EDNS where an OPT record is present (RFC 6891 §6.1.3). */
  rcode: number;
  questions: DnsQuestion[];
  answers: DnsRecord[];
  authority: DnsRecord[];
  /** Without the OPT record, which is `edns`. */
  additional: DnsRecord[];
  edns: Edns | undefined;
  /** QDCOUNT, ANCOUNT, NSCOUNT, ARCOUNT as the header states them. */
  counts: [number, number, number, number];
  /** Length of the message on the wire in bytes. */
  length: number;
  /** Not all of the message was captured, or it breaks the grammar before its end; the sections hold what came before. */
  incomplete: boolean;
}

export type DnsProtocol = 'dns' | 'mdns' | 'llmnr';

/** One DNS message as it passed: the client of the conversation sent it, whether query or response. */
export interface DnsMessageEvent {
  readonly kind: 'dns_message';
  readonly time: Timestamp;
  /** Oriented as the message traveled: `client` sent it. */
  readonly conversation: Conversation;
  readonly protocol: DnsProtocol;
  readonly message: DnsMessage;
}

/** A query and its response, or either alone. */
export interface DnsTransactionEvent {
  readonly kind: 'dns_transaction';
  /** Of the query; of the response where no query was seen. */
  readonly time: Timestamp;
  readonly conversation: Conversation;
  readonly protocol: DnsProtocol;
  readonly query: DnsMessage | undefined;
  readonly response: DnsMessage | undefined;
  /** Seconds from the query to its response. */
  readonly responseTime: number | undefined;
  /** Further copies of the query seen before the response or the time-out. */
  readonly retries: number;
  /** The transaction over UDP whose response was truncated, where this one asks the same again over TCP (RFC 7766 §5). */
  readonly retryOf?: DnsReference | undefined;
  /** Where this stands for several identical ones: how many, the time of the last, the longest response time. */
  readonly aggregated?: { readonly count: number; readonly last: Timestamp; readonly slowest: number | undefined };
}

/** One transaction among others. */
export interface DnsReference {
  /** `Conversation.session` of its flow. */
  readonly session: number;
  /** Its message id. */
  readonly id: number;
}

// ---------------------------------------------------------------- TLS (RFC 8446, RFC 5246, RFC 6101)

/** A ClientHello. All lists are in wire order, GREASE (RFC 8701) included: whoever shows them leaves it out. */
export interface ClientHello {
  /** Version of the record that carried it; undefined for SSLv2 framing and in QUIC, which has no records. */
  readonly recordVersion: number | undefined;
  /** The hello's own version field. */
  readonly legacyVersion: number;
  /** Highest version offered: `supported_versions` first (RFC 8446 §4.2.1), GREASE ignored. */
  readonly version: number;
  /** Lower-case hexadecimal. */
  readonly random: string;
  readonly sessionIdLength: number;
  /** `legacy_session_id` as lower-case hexadecimal. */
  readonly sessionId: string;
  /** SSLv2-only cipher kinds of three bytes are in `sslv2CipherKinds`. */
  readonly cipherSuites: readonly number[];
  readonly compressionMethods: readonly number[];
  /** Extension types in wire order. */
  readonly extensions: readonly number[];
  /** SNI (RFC 6066 §3); characters that are not printable ASCII are escaped as in DNS names. */
  readonly serverName: string | undefined;
  readonly alpn: readonly string[];
  readonly supportedVersions: readonly number[];
  readonly groups: readonly number[];
  readonly pointFormats: readonly number[];
  readonly signatureAlgorithms: readonly number[];
  readonly keyShares: readonly number[];
  /** Bytes of the session ticket that it offers to resume with (RFC 5077 §3.2); 0 for none. */
  readonly ticketLength: number;
  readonly encryptedClientHello: EncryptedClientHello | undefined;
  /** Carried in an SSLv2 record (RFC 5246 appendix E.2). */
  readonly sslv2: boolean;
  readonly sslv2CipherKinds: readonly number[];
  /** A list overran its message; what came before is here. */
  readonly malformed: boolean;
}

/**
 * The `encrypted_client_hello` extension of an outer ClientHello (RFC 9849 §5). The hello's own server name is then the
 * outer one. A client without a key sends the same with random contents (GREASE, §6.2), which nobody can tell by looking.
 */
export interface EncryptedClientHello {
  /** HPKE's key derivation function and AEAD. */
  readonly kdf: number;
  readonly aead: number;
  readonly configId: number;
  /** Bytes of the encapsulated key, 0 in a second ClientHello, and of the encrypted inner hello. */
  readonly encLength: number;
  readonly payloadLength: number;
}

export interface ServerHello {
  readonly recordVersion: number | undefined;
  readonly legacyVersion: number;
  /** The version really negotiated: `supported_versions` first. */
  readonly version: number;
  readonly random: string;
  readonly sessionIdLength: number;
  /** Lower-case hexadecimal; equal to the client's where a session is resumed, and always under TLS 1.3. */
  readonly sessionId: string;
  /** The chosen suite; for SSLv2 the first cipher kind, three bytes. */
  readonly cipherSuite: number;
  readonly compressionMethod: number;
  readonly extensions: readonly number[];
  readonly alpn: string | undefined;
  /** Group of the server's key share, or the one that a HelloRetryRequest asks for. */
  readonly keyShareGroup: number | undefined;
  /** RFC 8446 §4.1.3: the magic random. */
  readonly helloRetryRequest: boolean;
  readonly sslv2: boolean;
  readonly malformed: boolean;
}

/** Fingerprints of hellos, those that are asked for and defined: SSLv2 has none. */
export interface Fingerprints {
  /** MD5 of the ClientHello's lists (github.com/salesforce/ja3), and of the ServerHello's. */
  readonly ja3?: string | undefined;
  readonly ja3s?: string | undefined;
  /** Of the ClientHello (github.com/FoxIO-LLC/ja4). */
  readonly ja4?: string | undefined;
}

/** One ClientHello as it passed; `conversation.client` sent it. */
export interface ClientHelloEvent {
  readonly kind: 'client_hello';
  /** Of the frame that completed it. */
  readonly time: Timestamp;
  readonly conversation: Conversation;
  /** See `TlsHandshakeEvent`. */
  readonly quicVersion?: number | undefined;
  readonly hello: ClientHello;
  readonly fingerprints?: Fingerprints | undefined;
}

/** One ServerHello or HelloRetryRequest as it passed; `conversation.client` is the TLS client, its receiver. */
export interface ServerHelloEvent {
  readonly kind: 'server_hello';
  readonly time: Timestamp;
  readonly conversation: Conversation;
  /** See `TlsHandshakeEvent`. */
  readonly quicVersion?: number | undefined;
  readonly hello: ServerHello;
  readonly fingerprints?: Fingerprints | undefined;
}

export interface CertificateKey {
  /** `RSA`, `RSA-PSS`, `EC`, `DSA`, `Ed25519`, `Ed448`, `ML-DSA-44` …; the OID in dotted form where it has no name here. */
  readonly type: string;
  /** Modulus or field size. */
  readonly bits: number | undefined;
  /**
   * IANA's group name of the curve, `secp256r1`, or the curve's own; its OID in dotted form where it has no name here.
   * Undefined for other keys, and for a curve that the key itself defines.
   */
  readonly curve: string | undefined;
}

/** Attributes of a distinguished name besides its common name and organization: the first of each type. */
export interface NameAttributes {
  readonly unit?: string;
  readonly locality?: string;
  readonly state?: string;
  readonly street?: string;
  readonly email?: string;
}

/** An X.509 certificate (RFC 5280) as the wire showed it. */
export interface Certificate {
  /** RFC 4514 text. */
  readonly subject: string;
  readonly issuer: string;
  readonly subjectCommonName: string | undefined;
  readonly subjectOrganization: string | undefined;
  readonly subjectAttributes: NameAttributes;
  readonly issuerCommonName: string | undefined;
  readonly issuerOrganization: string | undefined;
  readonly issuerAttributes: NameAttributes;
  /** Lower-case hexadecimal. */
  readonly serial: string;
  /** `DNS:example.com`, `IP:192.0.2.1`, … in certificate order. */
  readonly subjectAlternativeNames: readonly string[];
  /** How many the certificate has: more than there are above where not all are kept. */
  readonly subjectAlternativeNameCount: number;
  /** Seconds since 1970-01-01 UTC. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly key: CertificateKey;
  /** As OpenSSL names it: `sha256WithRSAEncryption`, `ecdsa-with-SHA384` …; the OID where it has no name here. */
  readonly signatureAlgorithm: string;
  /** The hash of `rsassaPss`, from its parameters: `SHA256` …; the OID where it has no name here. Other algorithms name it. */
  readonly signatureHash: string | undefined;
  /** Of the whole certificate, lower-case hexadecimal. */
  readonly sha256: string;
  /**
   * Subject equals issuer and the signature verifies with its own key. Undefined where only the former is known: the key is
   * absurdly large, or it or the signature is of a kind that cannot be verified here.
   */
  readonly selfSigned: boolean | undefined;
  /** 1 or 3. */
  readonly version: number;
}

/**
 * What a Certificate message has, leaf first, each in its place: undefined where one cannot be read or was left out, so that
 * nobody takes an issuer for the leaf or a part for the whole.
 */
export type CertificateChain = readonly (Certificate | undefined)[];

/** One certificate of a chain as it passed. */
export interface CertificateEvent {
  readonly kind: 'certificate';
  /** Of the frame that completed the chain. */
  readonly time: Timestamp;
  readonly conversation: Conversation;
  /** Whose chain it is. */
  readonly from: 'client' | 'server';
  /** SNI of the ClientHello. */
  readonly serverName: string | undefined;
  readonly certificate: Certificate;
  /** Its place in `chain`: 0 is the leaf. */
  readonly index: number;
  readonly chain: CertificateChain;
}

/** Plaintext protocols that may come before a hello on the same connection. */
export type Preface =
  | 'smtp'
  | 'imap'
  | 'pop3'
  | 'ftp'
  | 'ldap'
  | 'xmpp'
  | 'postgresql'
  | 'mysql'
  | 'nntp'
  | 'sieve'
  | 'rdp'
  | 'http'
  | 'socks';

/** What a handshake shows in the clear besides its hellos. A missing field was not observable. */
export interface HandshakeDetails {
  /** The server's; never visible under TLS 1.3. */
  readonly certificates?: CertificateChain | undefined;
  /** The client's, where it was asked for one and sent it. */
  readonly clientCertificates?: CertificateChain | undefined;
  /** A CertificateRequest was seen, or, up to TLS 1.2, certainly none was sent. */
  readonly clientCertificateAsked?: boolean | undefined;
  /** Group of the key exchange: TLS 1.3's key share, else ServerKeyExchange's named curve (RFC 8422 §5.4). */
  readonly group?: number | undefined;
  /** Size of the finite-field Diffie-Hellman prime in bits (RFC 5246 §7.4.3). */
  readonly dhBits?: number | undefined;
  /** SignatureScheme of the ServerKeyExchange. */
  readonly signatureScheme?: number | undefined;
  /** An abbreviated handshake: session id, ticket or PSK (RFC 5246 §7.3, RFC 8446 §2.2). */
  readonly resumed?: boolean | undefined;
  readonly resumedBy?: 'session_id' | 'ticket' | 'psk' | undefined;
  /** The server issued a ticket in the clear (RFC 5077 §3.3). */
  readonly ticketIssued?: true | undefined;
  /** An OCSP response came with the certificate (RFC 6066 §8). */
  readonly ocspStapled?: boolean | undefined;
  /** Up to TLS 1.2, agreed by both (RFC 7627, RFC 5746). */
  readonly extendedMasterSecret?: boolean | undefined;
  readonly secureRenegotiation?: boolean | undefined;
  /** The client offered early data (RFC 8446 §4.2.10). */
  readonly earlyData?: true | undefined;
  /**
   * What is known of an `encrypted_client_hello`: `public_name` where the outer server name is one that providers of ECH
   * publish, `hello_retry_request` where the server's has the extension too, else `real_or_grease`.
   */
  readonly encryptedClientHello?: 'public_name' | 'hello_retry_request' | 'real_or_grease' | undefined;
  /** The plaintext protocol that came before the hello, as STARTTLS and CONNECT do; `plaintext` where it was not recognized. */
  readonly after?: Preface | 'plaintext' | undefined;
  /** A plaintext alert that ended it (RFC 8446 §6). */
  readonly alert?:
    | { readonly from: 'client' | 'server'; readonly level: number; readonly description: number }
    | undefined;
}

/** A whole handshake as far as it is in the clear. At least one of the hellos is there. */
export interface TlsHandshakeEvent {
  readonly kind: 'tls_handshake';
  /** Of the first hello. */
  readonly time: Timestamp;
  readonly conversation: Conversation;
  /** Version of the QUIC connection that carried it (RFC 9000 §15); missing over TCP and in DTLS. */
  readonly quicVersion?: number | undefined;
  /** The last ClientHello: after a HelloRetryRequest, the second. */
  readonly client: ClientHello | undefined;
  /** The first ClientHello, where a HelloRetryRequest or a second one was seen after it. */
  readonly firstClient?: ClientHello | undefined;
  readonly retry: ServerHello | undefined;
  readonly server: ServerHello | undefined;
  readonly details?: HandshakeDetails | undefined;
  /** Of the first ClientHello, and of the ServerHello. */
  readonly fingerprints?: Fingerprints | undefined;
  /** Seconds from the first ClientHello to the ServerHello. */
  readonly responseTime: number | undefined;
}

// ---------------------------------------------------------------- flows

export type FlowEndReason = 'fin' | 'rst' | 'idle_timeout' | 'active_timeout' | 'evicted' | 'reused' | 'end_of_capture';

export type TcpState = 'syn_sent' | 'syn_received' | 'established' | 'closing' | 'closed' | 'reset' | 'midstream';

/** One way of a flow, since the last record of it. Out is client to server. */
export interface FlowCounts {
  readonly packets: number;
  /** IP bytes. */
  readonly bytes: number;
  /** TCP or UDP payload, retransmissions included. */
  readonly payloadBytes: number;
}

export interface TcpCounts {
  /** All flags seen, ORed (RFC 9293 §3.1 bits). */
  readonly flags: number;
  readonly retransmits: number;
  readonly retransmittedBytes: number;
  readonly outOfOrder: number;
  readonly zeroWindows: number;
  readonly resets: number;
}

export interface FlowEvent {
  readonly kind: 'flow';
  /** First packet that this record counts. */
  readonly time: Timestamp;
  /** Last packet that this record counts. */
  readonly end: Timestamp;
  /** Seconds between the two. */
  readonly duration: number;
  readonly conversation: Conversation;
  /** What the dissectors recognized in it. */
  readonly app: 'dns' | 'mdns' | 'llmnr' | 'tls' | 'dtls' | 'quic' | 'http3' | Preface | undefined;
  /** Name of its QUIC version, Google's own included: `1`, `draft-29`, `Q046`. */
  readonly quicVersion?: string | undefined;
  readonly out: FlowCounts;
  readonly in: FlowCounts;
  readonly tcp:
    | { readonly state: TcpState; readonly out: TcpCounts; readonly in: TcpCounts; readonly rtt: number | undefined }
    | undefined;
  /** Type and code of the flow's first packet. */
  readonly icmp: { readonly type: number; readonly code: number } | undefined;
  /** TOS byte and TTL of the first packet from the client, else of the first packet. */
  readonly tos: number;
  readonly ttl: number;
  /** 1 for the first record of the flow, then counting up. */
  readonly record: number;
  readonly endReason: FlowEndReason;
  /** Where this stands for several records: how many, and how many of them were the first of their flow. */
  readonly aggregated?: { readonly count: number; readonly connections: number };
}

export type NetworkEvent =
  | DnsMessageEvent
  | DnsTransactionEvent
  | ClientHelloEvent
  | ServerHelloEvent
  | TlsHandshakeEvent
  | CertificateEvent
  | FlowEvent;

export type EventSink = (event: NetworkEvent) => void;
