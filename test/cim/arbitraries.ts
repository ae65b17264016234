/** Network events of every shape that the types allow, hostile texts and numbers included. */
import fc from 'fast-check';
import type {
  Certificate,
  CertificateEvent,
  ClientHello,
  Conversation,
  DnsMessage,
  DnsTransactionEvent,
  Fingerprints,
  FlowEvent,
  HandshakeDetails,
  NetworkEvent,
  ServerHello,
  Timestamp,
  TlsHandshakeEvent,
} from '../../src/dissect/event.ts';
import { formatIpv4, formatIpv6 } from '../../src/dissect/net/address.ts';
import type { TunnelHop } from '../../src/dissect/net/packet.ts';
import { dnsFinding, type Finding, handshakeFinding } from '../../src/policy/finding.ts';
import type { Outcome, Severity, Verdict, Violation } from '../../src/policy/verdict.ts';
import { conversationOf } from '../conversation.ts';

const word = fc.nat(0xffff_ffff);
const byte = fc.nat(255);
const code = fc.nat(0xffff);
const count = fc.oneof(fc.nat(100), fc.nat(Number.MAX_SAFE_INTEGER));
const severalCount = fc.integer({ min: 2, max: Number.MAX_SAFE_INTEGER });
const span = fc.double({ min: 0, max: 1e9, noNaN: true });
/** Any UTF-16, lone surrogates and controls included, and texts far beyond every limit. */
export const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({
    unit: fc.constantFrom('\ud800', '\udc00', '\u0000', '"', '\\', '\n', '\u2028', '\x7f', 'é', '😀'),
    maxLength: 8,
  }),
  fc.integer({ min: 1, max: 3000 }).map((n) => '\\000'.repeat(n)),
  fc.constant('x'.repeat(70_000)),
);
const name = fc.oneof(fc.domain(), anyText);
const someText = anyText.filter((text) => text !== '');
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const list = <T>(value: fc.Arbitrary<T>, maxLength = 300) =>
  fc.array(value, { maxLength: 6 }).chain((few) => fc.constantFrom(few, repeatTo(few, maxLength)));

function repeatTo<T>(values: T[], length: number): T[] {
  return values.length === 0 ? values : Array.from({ length }, (_, i) => values[i % values.length] as T);
}

export const time: fc.Arbitrary<Timestamp> = fc.record({ seconds: fc.nat(4_294_967_295), nanos: fc.nat(999_999_999) });
const mac = fc
  .uint8Array({ minLength: 6, maxLength: 6 })
  .map((bytes) => [...bytes].map((b) => b.toString(16).padStart(2, '0')).join(':'));
const ipv4 = word.map(formatIpv4);
const ipv6 = fc.tuple(word, word, word, word).map((words) => formatIpv6(...words));
const ip = fc.oneof(ipv4, ipv6);
const tunnel = fc.record(
  {
    type: fc.constantFrom('ipip', 'gre', 'erspan', 'vxlan', 'geneve', 'gtp-u', 'teredo'),
    id: word,
    source: ip,
    destination: ip,
  },
  { requiredKeys: ['type', 'source', 'destination'] },
);

export function conversation(transport: Conversation['transport']): fc.Arbitrary<Conversation> {
  const port = transport === 'icmp' ? fc.constant(0) : code;
  const ends = fc.constantFrom(ipv4, ipv6).chain((ip) => {
    const endpoint = fc.record({ ip, port });
    return fc.record({ client: endpoint, server: endpoint });
  });
  const rest = fc.record(
    {
      session: count,
      communityId: fc.uint8Array({ minLength: 20, maxLength: 20 }).map((b) => `1:${Buffer.from(b).toString('base64')}`),
      clientMac: mac,
      serverMac: mac,
      vlan: fc.nat(4095),
      innerVlan: fc.nat(4095),
      interfaceName: someText,
      tunnels: fc.array(tunnel, { minLength: 1, maxLength: 6 }) as fc.Arbitrary<TunnelHop[]>,
      owner: fc.record(
        {
          processId: word,
          userId: word,
          command: anyText,
          executable: anyText,
          userName: anyText,
          cgroup: anyText,
          containerId: fc.uint8Array({ minLength: 32, maxLength: 32 }).map((b) => Buffer.from(b).toString('hex')),
        },
        { requiredKeys: ['processId', 'userId', 'command'] },
      ),
    },
    { requiredKeys: ['session', 'communityId'] },
  );
  return fc.tuple(ends, rest).map(([texts, others]) => conversationOf({ transport, ...texts, ...others }));
}

/** Options that are read and others; `data` is cut at 128 bytes before. */
const ednsOption = fc.record({
  code: fc.oneof(fc.constantFrom(8, 10, 15), code),
  data: fc
    .oneof(
      fc.uint8Array({ maxLength: 128 }),
      fc.constantFrom(Uint8Array.of(0, 1, 24, 0, 192, 0, 2), Uint8Array.of(0, 2, 128, 128, ...Array(16).fill(255))),
    )
    .map((bytes) => Buffer.from(bytes).toString('hex')),
});

const question = fc.record({ name, type: code, class: code, unicastResponse: fc.boolean() });
const rr = fc.record({ name, type: code, class: code, ttl: word, data: name, cacheFlush: fc.boolean() });

export function dnsMessage(response: boolean): fc.Arbitrary<DnsMessage> {
  return fc.record({
    id: code,
    response: fc.constant(response),
    opcode: fc.nat(15),
    authoritative: fc.boolean(),
    truncated: fc.boolean(),
    recursionDesired: fc.boolean(),
    recursionAvailable: fc.boolean(),
    authenticData: fc.boolean(),
    checkingDisabled: fc.boolean(),
    rcode: fc.nat(4095),
    questions: fc.oneof(fc.tuple(question), list(question)),
    answers: list(rr),
    authority: fc.constant([]),
    additional: fc.constant([]),
    edns: maybe(
      fc.record({
        version: byte,
        udpSize: code,
        dnssecOk: fc.boolean(),
        options: list(ednsOption),
      }),
    ),
    counts: fc.tuple(code, code, code, code),
    length: code,
    incomplete: fc.boolean(),
  });
}

const dnsProtocol = fc.constantFrom('dns', 'mdns', 'llmnr');
const dnsConversation = fc.oneof(conversation('udp'), conversation('tcp'));

export const dnsTransaction = fc
  .record({
    kind: fc.constant('dns_transaction'),
    time,
    conversation: dnsConversation,
    protocol: dnsProtocol,
    query: maybe(dnsMessage(false)),
    response: maybe(dnsMessage(true)),
    responseTime: span,
    retryOf: maybe(fc.record({ session: count, id: code })),
    retries: fc.nat(3),
    aggregated: maybe(fc.record({ count: severalCount, last: time, slowest: maybe(span) })),
  })
  .filter(({ query, response }) => query !== undefined || response !== undefined)
  .map((event) =>
    event.query !== undefined && event.response !== undefined ? event : { ...event, responseTime: undefined },
  ) as fc.Arbitrary<DnsTransactionEvent>;

const clientHello: fc.Arbitrary<ClientHello> = fc.record({
  recordVersion: maybe(code),
  legacyVersion: code,
  version: code,
  random: fc.constant('00'.repeat(32)),
  sessionIdLength: byte,
  sessionId: fc.constant(''),
  cipherSuites: list(code, 1_000),
  compressionMethods: list(byte),
  extensions: list(code),
  serverName: maybe(name),
  alpn: list(anyText),
  supportedVersions: list(code),
  groups: list(code),
  pointFormats: list(byte),
  signatureAlgorithms: list(code),
  keyShares: list(code),
  ticketLength: code,
  encryptedClientHello: maybe(
    fc.record({ kdf: code, aead: code, configId: byte, encLength: code, payloadLength: code }),
  ),
  sslv2: fc.boolean(),
  sslv2CipherKinds: list(fc.nat(0xff_ffff)),
  malformed: fc.boolean(),
});

const serverHello: fc.Arbitrary<ServerHello> = fc.record({
  recordVersion: maybe(code),
  legacyVersion: code,
  version: code,
  random: fc.constant('11'.repeat(32)),
  sessionIdLength: byte,
  sessionId: fc.constant(''),
  cipherSuite: fc.nat(0xff_ffff),
  compressionMethod: byte,
  extensions: list(code),
  alpn: maybe(anyText),
  keyShareGroup: maybe(code),
  helloRetryRequest: fc.boolean(),
  sslv2: fc.boolean(),
  malformed: fc.boolean(),
});

const hash = (length: number) => fc.constant('a1'.repeat(length / 2));

const nameAttributes = fc.record(
  { unit: anyText, locality: anyText, state: anyText, street: anyText, email: anyText },
  { requiredKeys: [] },
);

const certificate: fc.Arbitrary<Certificate> = fc
  .record({
    subject: anyText,
    issuer: anyText,
    subjectCommonName: maybe(anyText),
    subjectOrganization: maybe(anyText),
    subjectAttributes: nameAttributes,
    issuerCommonName: maybe(anyText),
    issuerOrganization: maybe(anyText),
    issuerAttributes: nameAttributes,
    serial: fc.oneof(hash(40), hash(70_000)),
    subjectAlternativeNames: list(anyText),
    subjectAlternativeNameCount: fc.nat({ max: 10_000 }),
    // GeneralizedTime has years from 0 to 9999.
    notBefore: fc.integer({ min: -62_167_219_200, max: 253_402_300_799 }),
    notAfter: fc.integer({ min: -62_167_219_200, max: 253_402_300_799 }),
    key: fc.record({ type: someText, bits: maybe(code), curve: maybe(someText) }),
    signatureAlgorithm: someText,
    signatureHash: maybe(someText),
    sha256: hash(64),
    selfSigned: maybe(fc.boolean()),
    version: fc.constantFrom(1, 3),
  })
  .map((one) => ({
    ...one,
    // Those that are kept, and as many more.
    subjectAlternativeNameCount: one.subjectAlternativeNames.length + one.subjectAlternativeNameCount,
  }));

const fingerprints = fc.record(
  { ja3: hash(32), ja3s: hash(32), ja4: fc.constant('t13d1516h2_8daaf6152771_e5627efa2ab1') },
  { requiredKeys: [] },
) as fc.Arbitrary<Fingerprints>;

const details = fc.record(
  {
    certificates: list(maybe(certificate), 16),
    clientCertificates: list(maybe(certificate), 16),
    clientCertificateAsked: fc.boolean(),
    group: code,
    dhBits: code,
    signatureScheme: code,
    resumed: fc.boolean(),
    resumedBy: fc.constantFrom('session_id', 'ticket', 'psk'),
    ticketIssued: fc.constant(true),
    ocspStapled: fc.boolean(),
    extendedMasterSecret: fc.boolean(),
    secureRenegotiation: fc.boolean(),
    earlyData: fc.constant(true),
    encryptedClientHello: fc.constantFrom('public_name', 'hello_retry_request', 'real_or_grease'),
    after: fc.constantFrom('smtp', 'postgresql', 'http', 'plaintext'),
    alert: fc.record({ from: fc.constantFrom('client', 'server'), level: byte, description: byte }),
  },
  { requiredKeys: [] },
) as fc.Arbitrary<HandshakeDetails>;

export const certificates: fc.Arbitrary<CertificateEvent> = fc
  .tuple(
    fc.array(fc.constant(undefined), { maxLength: 2 }),
    certificate,
    fc.array(maybe(certificate), { maxLength: 18 }),
  )
  .chain(([unread, first, others]) =>
    fc.record({
      kind: fc.constant('certificate' as const),
      time,
      conversation: conversation('tcp'),
      from: fc.constantFrom('client' as const, 'server' as const),
      serverName: maybe(name),
      certificate: fc.constant(first),
      index: fc.constant(unread.length),
      chain: fc.constant([...unread, first, ...others]),
    }),
  );

export const tlsHandshake: fc.Arbitrary<TlsHandshakeEvent> = fc
  .record({
    kind: fc.constant('tls_handshake' as const),
    time,
    conversation: conversation('tcp'),
    client: maybe(clientHello),
    retry: maybe(serverHello),
    server: maybe(serverHello),
    details,
    fingerprints,
    responseTime: maybe(span),
  })
  .filter(({ client, server }) => client !== undefined || server !== undefined);

const flowCounts = fc.record({ packets: fc.nat(2 ** 40), bytes: fc.nat(2 ** 50), payloadBytes: fc.nat(2 ** 50) });
const tcpCounts = fc.record({
  flags: byte,
  retransmits: count,
  retransmittedBytes: count,
  outOfOrder: count,
  zeroWindows: count,
  resets: count,
});
const tcpState = fc.constantFrom('syn_sent', 'syn_received', 'established', 'closing', 'closed', 'reset', 'midstream');

export const flow: fc.Arbitrary<FlowEvent> = fc.constantFrom('tcp', 'udp', 'icmp').chain((transport) =>
  fc.record({
    kind: fc.constant('flow'),
    time,
    end: time,
    duration: span,
    conversation: conversation(transport as 'tcp'),
    app: fc.constantFrom('dns', 'mdns', 'llmnr', 'tls', 'smtp', 'http', undefined),
    out: flowCounts,
    in: flowCounts,
    tcp:
      transport === 'tcp'
        ? fc.record({ state: tcpState, out: tcpCounts, in: tcpCounts, rtt: maybe(span) })
        : fc.constant(undefined),
    icmp: transport === 'icmp' ? fc.record({ type: byte, code: byte }) : fc.constant(undefined),
    tos: byte,
    ttl: byte,
    record: word,
    aggregated: maybe(fc.record({ count: severalCount, connections: count })),
    endReason: fc.constantFrom('fin', 'rst', 'idle_timeout', 'active_timeout', 'evicted', 'reused', 'end_of_capture'),
  }),
) as fc.Arbitrary<FlowEvent>;

/** Texts of policies are the user's, and not empty. */
export const violation: fc.Arbitrary<Violation> = fc.record({
  policy: someText,
  rule: someText,
  level: fc.constantFrom('must', 'should'),
  severity: fc.constantFrom<Severity>('critical', 'high', 'medium', 'low', 'informational'),
  message: someText,
  observed: anyText,
  expected: anyText,
  reference: anyText,
  remediation: anyText,
});

export const finding: fc.Arbitrary<Finding> = fc.oneof(
  fc.tuple(tlsHandshake, violation).map(([event, one]) => handshakeFinding(event, one)),
  fc.tuple(dnsTransaction, violation).map(([event, one]) => dnsFinding(event, one)),
);

export const verdicts: fc.Arbitrary<Verdict[]> = list(
  fc.record(
    {
      policy: someText,
      outcome: fc.constantFrom<Outcome>('compliant', 'non_compliant', 'not_observable'),
      violations: list(violation, 40),
      excepted: list(
        violation.map((one) => ({ ...one, reason: 'a reason', exceptedUntil: '2026-12-31' })),
        40,
      ),
      notObserved: list(someText, 40),
    },
    { requiredKeys: ['policy', 'outcome', 'violations'] },
  ),
  20,
);

export const cimEvent: fc.Arbitrary<NetworkEvent> = fc.oneof(flow, dnsTransaction, tlsHandshake, certificates);

export const nativeEvent = fc.oneof(
  certificates,
  flow,
  fc.boolean().chain((response) =>
    fc.record({
      kind: fc.constant('dns_message'),
      time,
      conversation: dnsConversation,
      protocol: dnsProtocol,
      message: dnsMessage(response),
    }),
  ),
  fc.record({
    kind: fc.constant('client_hello'),
    time,
    conversation: conversation('tcp'),
    hello: clientHello,
    fingerprints,
  }),
  fc.record({
    kind: fc.constant('server_hello'),
    time,
    conversation: conversation('tcp'),
    hello: serverHello,
    fingerprints,
  }),
) as fc.Arbitrary<NetworkEvent>;
