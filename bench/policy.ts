/**
 * What ten policies at once cost a handshake: of a kind that was judged before, and of one that was not. Ten with rules of
 * every kind, and ten of the built-in ones.
 *
 *     node dist/bench/policy.js
 *
 * The yardstick is one `JSON.stringify` of the same handshakes in the same run, so that machines can be compared.
 */
import { performance } from 'node:perf_hooks';
import type { Certificate, ClientHello, ServerHello, TlsHandshakeEvent } from '../src/dissect/event.ts';
import { builtInPolicies, loadPolicies, parsePolicy } from '../src/policy/load.ts';
import { Policy, PolicySet } from '../src/policy/policy.ts';
import { conversationOf } from '../test/conversation.ts';

const POLICIES = 10;
const HANDSHAKES = 4096;
/** Short, so that one of them passes undisturbed on a busy machine too. */
const ROUND = 256;
const ROUNDS = 800;

/** Rules of every kind; a built-in policy has fewer of them. */
const RULES = `
title: Bench
version: "1"
source: none
rules:
  - { id: versions, level: must, severity: high, reference: c, message: m, remediation: d, from: 2024-01-01,
      negotiated: { versions: { min: TLSv1_2 } } }
  - { id: suites, level: must, severity: high, reference: c, message: m, remediation: d,
      negotiated: { cipher_suites: { allow: [{ aead: true, forward_secrecy: true, strength_bits: ">= 128" }] } } }
  - { id: groups, level: must, severity: high, reference: c, message: m, remediation: d,
      negotiated: { groups: { allow: [P-256, P-384, x25519, { post_quantum: true }] }, dh_bits: ">= 2048" } }
  - { id: internal, level: should, severity: low, reference: c, message: m, remediation: d,
      applies_to: { servers: [10.0.0.0/8], ports: [443, "8000-8999"], server_names: ["*.example.com"] },
      negotiated: { versions: { min: TLSv1_3 } } }
  - { id: certificate, level: must, severity: medium, reference: c, message: m, remediation: d,
      negotiated: { certificate: { key_bits: { RSA: ">= 2048" }, signature_hashes: { deny: [SHA1] }, expired: false,
        self_signed: false, name_mismatch: false } } }
  - { id: offer, level: should, severity: low, reference: c, message: m, remediation: d,
      offered: { versions: { require: [TLSv1_3] }, cipher_suites: { deny: [{ export: true }, { encryption: RC4 }] } } }
exceptions:
  - { rules: [versions], applies_to: { servers: [192.0.2.9/32] }, reason: none, until: 2099-12-31 }
`;

const SUITES = [0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d];

function clientHello(name: string): ClientHello {
  return {
    recordVersion: 0x0301,
    legacyVersion: 0x0303,
    version: 0x0304,
    random: '00'.repeat(32),
    sessionIdLength: 32,
    sessionId: '22'.repeat(32),
    cipherSuites: [0x5a5a, ...SUITES, 0x002f, 0x0035],
    compressionMethods: [0],
    extensions: [0x5a5a, 0, 23, 65281, 10, 11, 35, 16, 5, 13, 18, 51, 45, 43, 27],
    serverName: name,
    alpn: ['h2', 'http/1.1'],
    supportedVersions: [0x5a5a, 0x0304, 0x0303],
    groups: [0x5a5a, 0x11ec, 0x001d, 0x0017, 0x0018],
    pointFormats: [0],
    signatureAlgorithms: [0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601],
    keyShares: [0x5a5a, 0x11ec, 0x001d],
    ticketLength: 0,
    encryptedClientHello: undefined,
    sslv2: false,
    sslv2CipherKinds: [],
    malformed: false,
  };
}

function serverHello(version: number, cipherSuite: number): ServerHello {
  return {
    recordVersion: 0x0303,
    legacyVersion: 0x0303,
    version,
    random: '11'.repeat(32),
    sessionIdLength: 32,
    sessionId: '22'.repeat(32),
    cipherSuite,
    compressionMethod: 0,
    extensions: version === 0x0304 ? [43, 51] : [65281, 11, 23],
    alpn: 'h2',
    keyShareGroup: version === 0x0304 ? 0x11ec : undefined,
    helloRetryRequest: false,
    sslv2: false,
    malformed: false,
  };
}

function certificate(name: string, serial: number): Certificate {
  return {
    subject: `CN=${name}`,
    issuer: 'CN=Example CA,O=Example,C=AQ',
    subjectCommonName: name,
    subjectOrganization: undefined,
    subjectAttributes: {},
    issuerCommonName: 'Example CA',
    issuerOrganization: 'Example',
    issuerAttributes: {},
    serial: serial.toString(16),
    subjectAlternativeNames: [`DNS:${name}`],
    subjectAlternativeNameCount: 1,
    notBefore: 1_760_000_000,
    notAfter: 1_767_000_000,
    key: { type: 'RSA', bits: 2048, curve: undefined },
    signatureAlgorithm: 'sha256WithRSAEncryption',
    signatureHash: undefined,
    sha256: serial.toString(16).padStart(64, '0'),
    selfSigned: false,
    version: 3,
  };
}

/** As a host sees them: half TLS 1.3, a few dozen servers, one client program. */
function makeHandshake(i: number): TlsHandshakeEvent {
  const modern = i % 2 === 0;
  const site = i % 48;
  const name = `www${site}.example.com`;
  const suite = (modern ? SUITES[i % 3] : SUITES[3 + (i % 6)]) ?? 0;
  return {
    kind: 'tls_handshake',
    time: { seconds: 1_763_000_000 + i, nanos: 0 },
    conversation: conversationOf({
      client: { ip: '10.1.2.3', port: 32_768 + i },
      server: { ip: `192.0.2.${site}`, port: 443 },
      transport: 'tcp',
      session: i,
    }),
    client: clientHello(name),
    retry: undefined,
    server: serverHello(modern ? 0x0304 : 0x0303, suite),
    details: modern
      ? { group: 0x11ec, resumed: false }
      : { group: 0x0017, resumed: false, certificates: [certificate(name, site), certificate('Example CA', 1000)] },
    responseTime: 0.021,
  };
}

function makeSet(): PolicySet {
  return new PolicySet(
    Array.from({ length: POLICIES }, (_, i) => new Policy(parsePolicy(`id: bench-${i}\n${RULES}`, `bench-${i}.yaml`))),
  );
}

/** Nanoseconds of one handshake in the round that was disturbed least. */
function measure(work: (handshake: TlsHandshakeEvent) => number, rounds = ROUNDS): number {
  let least = Number.POSITIVE_INFINITY;
  let sum = 0;
  for (let round = 0; round < rounds; round++) {
    const first = (round * ROUND) % HANDSHAKES;
    const start = performance.now();
    for (let i = first; i < first + ROUND; i++) sum += work(handshakes[i] as TlsHandshakeEvent);
    least = Math.min(least, ((performance.now() - start) * 1e6) / ROUND);
  }
  if (sum === 0) throw new Error('nothing was done');
  return least;
}

const handshakes = Array.from({ length: HANDSHAKES }, (_, i) => makeHandshake(i));
const JUDGED_ROUNDS = 40;

/** Of a kind that was judged before, and every rule anew. */
function costs(set: PolicySet): readonly [known: number, judged: number] {
  const known = measure((handshake) => set.judge(handshake).length);
  const judge = (handshake: TlsHandshakeEvent) =>
    set.policies.reduce((n, policy) => n + policy.judge(handshake).policy.length, 0);
  return [known, measure(judge, JUDGED_ROUNDS)];
}

const [known, fresh] = costs(makeSet());
const [knownBuiltIn, freshBuiltIn] = costs(loadPolicies(builtInPolicies().slice(0, POLICIES)));
const json = measure((handshake) => JSON.stringify(handshake).length);

const row = (what: string, ns: number) =>
  process.stdout.write(
    `${what.padEnd(44)} ${ns.toFixed(0).padStart(7)} ns  ${(ns / json).toFixed(2).padStart(6)} × JSON\n`,
  );
row(`${POLICIES} policies, handshake of a known kind`, known);
row(`${POLICIES} policies, every rule judged`, fresh);
row(`${POLICIES} built-in policies, known kind`, knownBuiltIn);
row(`${POLICIES} built-in policies, every rule judged`, freshBuiltIn);
row('JSON.stringify of the handshake', json);
