/** Network events of every shape that the types allow, hostile texts and numbers included. */
import fc from 'fast-check';
import type {
  ClientHello,
  Conversation,
  DnsMessage,
  DnsTransactionEvent,
  FlowEvent,
  NetworkEvent,
  ServerHello,
  Timestamp,
  TlsHandshakeEvent,
} from '../../src/dissect/event.ts';
import { formatIpv4, formatIpv6 } from '../../src/dissect/net/address.ts';
import { dnsFinding, type Finding, handshakeFinding } from '../../src/policy/finding.ts';
import type { Outcome, Severity, Verdict, Violation } from '../../src/policy/verdict.ts';

const word = fc.nat(0xffff_ffff);
const byte = fc.nat(255);
const code = fc.nat(0xffff);
const count = fc.oneof(fc.nat(100), fc.nat(Number.MAX_SAFE_INTEGER));
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
const ip = fc.oneof(
  word.map(formatIpv4),
  fc.tuple(word, word, word, word).map((words) => formatIpv6(...words)),
);
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
  const endpoint = fc.record({ ip, port: transport === 'icmp' ? fc.constant(0) : code });
  return fc.record(
    {
      client: endpoint,
      server: endpoint,
      transport: fc.constant(transport),
      ipVersion: fc.constantFrom(4, 6),
      session: count,
      communityId: fc.uint8Array({ minLength: 20, maxLength: 20 }).map((b) => `1:${Buffer.from(b).toString('base64')}`),
      clientMac: mac,
      serverMac: mac,
      vlan: fc.nat(4095),
      innerVlan: fc.nat(4095),
      interfaceName: someText,
      tunnels: fc.array(tunnel, { minLength: 1, maxLength: 6 }),
      owner: fc.record({ processId: word, userId: word, command: anyText }),
    },
    { requiredKeys: ['client', 'server', 'transport', 'ipVersion', 'session', 'communityId'] },
  ) as fc.Arbitrary<Conversation>;
}

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
        options: list(fc.record({ code, data: fc.constant('00') })),
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
    retries: fc.nat(3),
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
  cipherSuite: fc.nat(0xff_ffff),
  compressionMethod: byte,
  extensions: list(code),
  alpn: maybe(anyText),
  keyShareGroup: maybe(code),
  helloRetryRequest: fc.boolean(),
  sslv2: fc.boolean(),
  malformed: fc.boolean(),
});

export const tlsHandshake: fc.Arbitrary<TlsHandshakeEvent> = fc
  .record({
    kind: fc.constant('tls_handshake' as const),
    time,
    conversation: conversation('tcp'),
    client: maybe(clientHello),
    retry: maybe(serverHello),
    server: maybe(serverHello),
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
    app: fc.constantFrom('dns', 'mdns', 'llmnr', 'tls', undefined),
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

export const cimEvent: fc.Arbitrary<NetworkEvent> = fc.oneof(flow, dnsTransaction, tlsHandshake);

export const nativeEvent = fc.oneof(
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
  fc.record({ kind: fc.constant('client_hello'), time, conversation: conversation('tcp'), hello: clientHello }),
  fc.record({ kind: fc.constant('server_hello'), time, conversation: conversation('tcp'), hello: serverHello }),
) as fc.Arbitrary<NetworkEvent>;
