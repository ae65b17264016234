import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ServerHello, TlsHandshakeEvent } from '../../src/dissect/event.ts';
import { parsePolicy } from '../../src/policy/load.ts';
import { Policy, PolicySet } from '../../src/policy/policy.ts';
import type { Direction } from '../../src/policy/verdict.ts';
import { conversationOf } from '../conversation.ts';
import { certificate, clientHello, conversation, detailed, handshake, serverHello } from './handshakes.ts';
import { policy } from './policies.ts';

/** Rules that look at everything that a rule can look at. */
const TEXT = `
id: all
title: t
version: "1"
source: s
rules:
  - { id: a, level: must, severity: low, reference: c, message: m, remediation: d, from: 2025-01-01, until: 2025-12-31,
      applies_to: { direction: outbound, clients: [192.0.2.0/25], ports: ["400-500"] },
      negotiated: { versions: { min: TLSv1_2 }, cipher_suites: { deny: [{ aead: false }] }, groups: { deny: [P-256] } } }
  - { id: b, level: must, severity: low, reference: c, message: m, remediation: d,
      applies_to: { server_names: ["*.example.com"], processes: [curl], protocols: [tls], versions: { max: TLSv1_2 } },
      negotiated: { dh_bits: ">= 2048", signature_schemes: { deny: [{ hash: SHA1 }] }, resumed: false } }
  - { id: c, level: must, severity: low, reference: c, message: m, remediation: d,
      offered: { versions: { require: [TLSv1_3] }, cipher_suites: { deny: [{ encryption: RC4 }] },
        groups: { require: [x25519] }, key_shares: { deny: [P-256] }, signature_schemes: { deny: [{ hash: SHA1 }] } } }
  - { id: d, level: must, severity: low, reference: c, message: m, remediation: d,
      negotiated: { compression: false, certificate: { scope: chain, key_bits: { RSA: ">= 2048" }, expired: false,
        not_yet_valid: false, name_mismatch: false, self_signed: false } } }
  - { id: e, level: must, severity: low, reference: c, message: m, remediation: d,
      dns: { encrypted_resolvers: { names: [dns.example.com] } } }
  - { id: f, level: must, severity: low, reference: c, message: m, remediation: d,
      applies_to: { offered_versions: [TLSv1_3], cipher_suites: { deny: [TLS_AES_128_GCM_SHA256] } },
      negotiated: { extensions: { require: [extended_master_secret], deny: [truncated_hmac] } } }
exceptions:
  - { rules: [c], applies_to: { servers: [198.51.100.0/24] }, reason: r, until: 2025-06-30 }
`;

const some = <T>(...values: T[]) => fc.constantFrom(...values);
const DAY = 86_400;
const NEW_YEAR_2025 = 1_735_689_600;

const arbitraryClient = fc.option(
  fc
    .record({
      cipherSuites: some([0x1301], [0xc02f, 0x0005]),
      groups: some([], [0x001d], [0x0017]),
      extensions: some([], [44]),
      keyShares: some([], [0x001d], [0x0017]),
      supportedVersions: some([], [0x0304, 0x0303]),
      signatureAlgorithms: some([], [0x0201]),
      serverName: some(undefined, 'www.example.com', 'example.org', 'dns.example.com', 'dns.google'),
    })
    .map(clientHello),
  { nil: undefined },
);

const arbitraryHandshake: fc.Arbitrary<TlsHandshakeEvent> = fc.record({
  kind: fc.constant('tls_handshake' as const),
  time: some(-1, 0, 180 * DAY, 181 * DAY, 364 * DAY, 365 * DAY).map((s) => ({ seconds: NEW_YEAR_2025 + s, nanos: 0 })),
  conversation: fc
    .record({
      client: some('192.0.2.1', '192.0.2.200'),
      server: some('198.51.100.1', '203.0.113.1'),
      port: some(443, 853),
    })
    .map(({ client, server, port }) => {
      const owner = { processId: 1, userId: 1, command: 'curl' };
      return conversationOf(
        { client: { ip: client, port: 50_000 }, server: { ip: server, port }, owner },
        conversation,
      );
    }),
  client: arbitraryClient,
  firstClient: arbitraryClient,
  retry: some(undefined, { ...serverHello(0x0304, 0x1301), helloRetryRequest: true }),
  server: fc.option(
    fc
      .record({
        version: some(0x0301, 0x0303, 0x0304),
        suite: some(0x1301, 0xc02f, 0x009e, 0x0005, 0xc031, 0x00a0),
        compressionMethod: some(0, 1),
        extensions: some([], [23], [4, 23]),
      })
      .map(({ version, suite, ...fields }) => ({ ...serverHello(version, suite), ...fields })),
    { nil: undefined },
  ),
  details: fc.record(
    {
      certificates: some(
        [certificate({})],
        [certificate({ sha256: 'b', notAfter: NEW_YEAR_2025 + 180 * DAY })],
        [certificate({ sha256: 'd', key: { type: 'EC', bits: 256, curve: 'secp256r1' } })],
        [certificate({ sha256: 'e', key: { type: 'DH', bits: 1024, curve: undefined } })],
        [certificate({ sha256: 'c', key: { type: 'RSA', bits: 1024, curve: undefined } }), certificate({})],
        [undefined, certificate({})],
        [certificate({}), undefined],
        [undefined],
      ),
      group: some(0x0017, 0x001d),
      dhBits: some(1024, 2048),
      signatureScheme: some(0x0201, 0x0804),
      resumed: fc.boolean(),
    },
    { requiredKeys: [] },
  ),
  responseTime: fc.constant(undefined),
});

test('verdicts from memory are those that judging gives', () => {
  const policies = [new Policy(parsePolicy(TEXT, 'all.yaml'))];
  const set = new PolicySet(policies);
  const direction = some<Direction | undefined>('inbound', 'outbound', undefined);
  const outcomes = new Set<string>();
  fc.assert(
    fc.property(arbitraryHandshake, direction, (handshake, way) => {
      const verdicts = set.judge(handshake, way);
      assert.deepEqual(
        verdicts,
        policies.map((policy) => policy.judge(handshake, way)),
      );
      assert.deepEqual(set.judge(handshake, way), verdicts);
      for (const { outcome } of verdicts) outcomes.add(outcome);
    }),
    { numRuns: 3000, seed: 5 },
  );
  assert.deepEqual([...outcomes].sort(), ['compliant', 'non_compliant', 'not_observable']);
});

test('equal handshakes share their verdicts', () => {
  const set = new PolicySet([new Policy(parsePolicy(TEXT, 'all.yaml'))]);
  const make = () => ({
    kind: 'tls_handshake' as const,
    time: { seconds: NEW_YEAR_2025, nanos: 0 },
    conversation,
    client: clientHello({ cipherSuites: [0x0005] }),
    retry: undefined,
    server: serverHello(0x0303, 0x0005),
    responseTime: undefined,
  });
  assert.equal(set.judge(make()), set.judge(make()));
});

test('handshakes that differ in compression alone do not', () => {
  const set = new PolicySet([new Policy(parsePolicy(TEXT, 'all.yaml'))]);
  const [plain, compressed] = [0, 1].map((compressionMethod) => {
    const server = { ...serverHello(0x0304, 0x1301), compressionMethod };
    return set.judge(handshake(clientHello({}), server))[0]?.violations.map(({ rule }) => rule);
  });
  assert.deepEqual([plain?.includes('d'), compressed?.includes('d')], [false, true]);
});

test('handshakes that differ in the key shares of their first hello alone are told apart', () => {
  const set = new PolicySet([new Policy(parsePolicy(TEXT, 'all.yaml'))]);
  const client = clientHello({
    cipherSuites: [0x1301],
    groups: [0x001d],
    supportedVersions: [0x0304],
    keyShares: [0x001d],
  });
  const event: TlsHandshakeEvent = {
    kind: 'tls_handshake',
    time: { seconds: NEW_YEAR_2025, nanos: 0 },
    conversation,
    client,
    retry: { ...serverHello(0x0304, 0x1301), helloRetryRequest: true },
    server: undefined,
    responseTime: undefined,
  };
  const outcome = (firstClient: TlsHandshakeEvent['firstClient']) => {
    const [verdict] = set.judge({ ...event, firstClient });
    return [verdict?.outcome, verdict?.notObserved?.includes('c') ?? false];
  };
  assert.deepEqual(outcome(client), ['not_observable', false]);
  assert.deepEqual(outcome(clientHello({ keyShares: [0x0017] })), ['non_compliant', false]);
  assert.deepEqual(outcome(undefined), ['not_observable', true]);
});

test('handshakes that differ in a key share alone are told apart', () => {
  const condition =
    'applies_to: { cipher_suites: { allow: [{ forward_secrecy: false }] } }, negotiated: { resumed: false }';
  const secrecy = 'negotiated: { cipher_suites: { deny: [{ forward_secrecy: false }] } }';
  for (const rule of [condition, secrecy]) {
    const set = new PolicySet([policy(rule)]);
    const alone = { ...serverHello(0x0304, 0x1301), extensions: [43, 41] };
    const outcome = (server: ServerHello) => set.judge(handshake(undefined, server))[0]?.outcome;
    assert.equal(outcome(alone), 'non_compliant');
    assert.equal(outcome({ ...alone, malformed: true }), 'not_observable');
    assert.equal(outcome({ ...alone, keyShareGroup: 0x001d }), 'compliant');
  }
});

test("handshakes of static ECDH that differ in the certificate's curve alone are told apart", () => {
  const set = new PolicySet([policy('negotiated: { groups: { deny: [{ bits: "< 224" }] } }')]);
  const outcome = (sha256: string, curve: string, bits: number) => {
    const key = { type: 'EC', bits, curve };
    return set.judge(detailed(0x0303, 0xc031, { certificates: [certificate({ sha256, key })] }))[0]?.outcome;
  };
  assert.equal(outcome('a', 'secp256r1', 256), 'compliant');
  assert.equal(outcome('b', 'secp160r1', 160), 'non_compliant');
  assert.equal(set.judge(detailed(0x0303, 0xc031, {}))[0]?.outcome, 'not_observable');
});

test('handshakes that differ in the pre-shared keys of the offer alone are told apart', () => {
  const set = new PolicySet([policy('offered: { signature_schemes: { require: [{ hash: SHA256 }] } }')]);
  const outcome = (extensions: number[]) =>
    set.judge(handshake(clientHello({ cipherSuites: [0x1301], extensions }), undefined))[0]?.outcome;
  assert.equal(outcome([43]), 'non_compliant');
  assert.equal(outcome([41, 43]), 'compliant');
});

test('an offer that is too long to keep is judged all the same', () => {
  const set = new PolicySet([new Policy(parsePolicy(TEXT, 'all.yaml'))]);
  for (const last of [0x1301, 0x0005, 0x1301]) {
    const cipherSuites = [...new Array<number>(5000).fill(0x1301), last];
    const client = clientHello({ cipherSuites, supportedVersions: [0x0304], groups: [0x001d] });
    const event: TlsHandshakeEvent = {
      kind: 'tls_handshake',
      time: { seconds: NEW_YEAR_2025, nanos: 0 },
      conversation,
      client,
      retry: undefined,
      server: undefined,
      responseTime: undefined,
    };
    assert.equal(set.judge(event)[0]?.violations.length, last === 0x0005 ? 1 : 0);
  }
});
