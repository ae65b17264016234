/** Network events made by hand, with the values of a small network. */

import type { HealthReport } from '../../src/cim/agent-health.ts';
import type { CimOptions } from '../../src/cim/line-parts.ts';
import type {
  ClientHello,
  DnsMessage,
  DnsTransactionEvent,
  FlowEvent,
  ServerHello,
  TcpCounts,
  TlsHandshakeEvent,
} from '../../src/dissect/event.ts';
import { dnsFinding, type Finding, handshakeFinding } from '../../src/policy/finding.ts';
import type { Verdict, Violation } from '../../src/policy/verdict.ts';
import { conversationOf } from '../conversation.ts';

export const TIME = { seconds: 1_663_598_487, nanos: 127_059_667 };

export const OPTIONS: CimOptions = {
  dvc: 'sensor-1',
  runId: 'r0',
  extras: 'full',
  deviceAddresses: () => undefined,
  localAddresses: new Set(),
  flowsCollected: true,
};

export const TCP = conversationOf({
  client: { ip: '192.168.109.2', port: 54_329 },
  server: { ip: '198.51.100.7', port: 443 },
  transport: 'tcp',
  session: 17,
  communityId: '1:LQU9qZlK+B5F3KDmev6m5PMibrg=',
  clientMac: '00:00:5e:00:53:01',
  serverMac: '00:00:5e:00:53:02',
  vlan: 12,
});

export const UDP = conversationOf({
  client: { ip: '2001:db8::2', port: 54_329 },
  server: { ip: '2001:db8::53', port: 53 },
  transport: 'udp',
  session: 18,
  communityId: '1:d/FP5EW3wiY1vCndhwleRRKHowQ=',
});

export const ICMP = conversationOf({
  client: { ip: '192.0.2.1', port: 0 },
  server: { ip: '192.0.2.2', port: 0 },
  transport: 'icmp',
  session: 19,
  communityId: '1:X0snYXpgwiv9TZtqg64sgzUn6Dk=',
});

export const QUIET: TcpCounts = {
  flags: 0b11011,
  retransmits: 0,
  retransmittedBytes: 0,
  outOfOrder: 0,
  zeroWindows: 0,
  resets: 0,
};

export const FLOW: FlowEvent = {
  kind: 'flow',
  time: TIME,
  end: { seconds: 1_663_598_489, nanos: 0 },
  duration: 1.872940333,
  conversation: TCP,
  app: 'tls',
  out: { packets: 9, bytes: 900, payloadBytes: 420 },
  in: { packets: 6, bytes: 600, payloadBytes: 280 },
  tcp: { state: 'closed', out: { ...QUIET, retransmits: 1, retransmittedBytes: 52 }, in: QUIET, rtt: 0.000_012_4 },
  icmp: undefined,
  tos: 0,
  ttl: 64,
  record: 1,
  endReason: 'fin',
};

export const ICMP_FLOW: FlowEvent = {
  ...FLOW,
  conversation: ICMP,
  app: undefined,
  duration: 0,
  out: { packets: 1, bytes: 84, payloadBytes: 56 },
  in: { packets: 0, bytes: 0, payloadBytes: 0 },
  tcp: undefined,
  icmp: { type: 8, code: 0 },
  endReason: 'idle_timeout',
};

export function message(changes: Partial<DnsMessage> = {}): DnsMessage {
  return {
    id: 57_975,
    response: false,
    opcode: 0,
    authoritative: false,
    truncated: false,
    recursionDesired: true,
    recursionAvailable: false,
    authenticData: false,
    checkingDisabled: false,
    rcode: 0,
    questions: [{ name: 'connectivity-check.ubuntu.com', type: 1, class: 1, unicastResponse: false }],
    answers: [],
    authority: [],
    additional: [],
    edns: undefined,
    counts: [1, 0, 0, 0],
    length: 47,
    incomplete: false,
    ...changes,
  };
}

export const record = (type: number, data: string, ttl = 300) => ({
  name: 'connectivity-check.ubuntu.com',
  type,
  class: 1,
  ttl,
  data,
  cacheFlush: false,
});

export const RESPONSE = message({
  response: true,
  recursionAvailable: true,
  answers: [record(5, 'check.example.net', 60), record(1, '35.232.111.17'), record(1, '35.224.170.84')],
  counts: [1, 3, 0, 1],
});

export const DNS: DnsTransactionEvent = {
  kind: 'dns_transaction',
  time: TIME,
  conversation: UDP,
  protocol: 'dns',
  query: message({ edns: { version: 0, udpSize: 1232, dnssecOk: false, options: [{ code: 10, data: '00' }] } }),
  response: RESPONSE,
  responseTime: 0.000_000_9,
  retries: 0,
};

export function clientHello(changes: Partial<ClientHello> = {}): ClientHello {
  return {
    recordVersion: 0x0301,
    legacyVersion: 0x0303,
    version: 0x0304,
    random: '00'.repeat(32),
    sessionIdLength: 32,
    sessionId: '22'.repeat(32),
    cipherSuites: [0x2a2a, 0x1301, 0x1302, 0xc02f, 0x00ff],
    compressionMethods: [0],
    extensions: [0x3a3a, 0, 10, 43, 51],
    serverName: 'www.example.com',
    alpn: ['h2', 'http/1.1'],
    supportedVersions: [0x4a4a, 0x0304, 0x0303],
    groups: [0x5a5a, 29, 23],
    pointFormats: [0],
    signatureAlgorithms: [0x0403, 0x0804],
    keyShares: [0x5a5a, 29],
    ticketLength: 0,
    encryptedClientHello: undefined,
    sslv2: false,
    sslv2CipherKinds: [],
    malformed: false,
    ...changes,
  };
}

export function serverHello(changes: Partial<ServerHello> = {}): ServerHello {
  return {
    recordVersion: 0x0303,
    legacyVersion: 0x0303,
    version: 0x0304,
    random: '11'.repeat(32),
    sessionIdLength: 32,
    sessionId: '22'.repeat(32),
    cipherSuite: 0x1301,
    compressionMethod: 0,
    extensions: [43, 51],
    alpn: undefined,
    keyShareGroup: 29,
    helloRetryRequest: false,
    sslv2: false,
    malformed: false,
    ...changes,
  };
}

export const TLS: TlsHandshakeEvent = {
  kind: 'tls_handshake',
  time: TIME,
  conversation: TCP,
  client: clientHello(),
  retry: undefined,
  server: serverHello(),
  responseTime: 0.012345678,
};

export const VIOLATION: Violation = {
  policy: 'baseline',
  rule: 'no-old-versions',
  level: 'must',
  severity: 'high',
  message: 'TLS 1.0 and TLS 1.1 are deprecated',
  observed: 'TLSv1_0',
  expected: 'TLSv1_2 or later',
  reference: 'RFC 8996 §4',
  remediation: 'Turn on TLS 1.2 or TLS 1.3.',
};

export const FINDING: Finding = handshakeFinding(TLS, VIOLATION);

export const DNS_FINDING: Finding = dnsFinding(DNS, {
  ...VIOLATION,
  rule: 'resolvers',
  observed: 'resolver 2001:db8::53',
  expected: 'a resolver of 10.0.0.53',
});

export const VERDICTS: readonly Verdict[] = [
  { policy: 'baseline', outcome: 'non_compliant', violations: [VIOLATION] },
  { policy: 'strict', outcome: 'not_observable', violations: [] },
];

/** What a live agent says of itself at an ordinary moment. */
export const HEALTH: HealthReport = {
  what: 'status',
  status: 'success',
  time: 1_700_000_000_123,
  uptime: 61.25,
  interval: 60,
  backend: 'ebpf',
  version: '1.0.0',
  interfaces: ['eth0'],
  counters: { 'frames.received': 17 },
  gauges: { 'flows.active': 2 },
  losses: {},
  cpu: 0.05,
  memory: 80_000_000,
};
