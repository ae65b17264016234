/** Whatever is sent, no event outgrows its limit, and every count tells the truth. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CimEvent } from '../../src/cim/event.ts';
import { MAX_CIM_LINE } from '../../src/cim/line-parts.ts';
import { NativeFormat } from '../../src/cim/native.ts';
import { Normalizer } from '../../src/cim/normalize.ts';
import type { NetworkEvent } from '../../src/dissect/event.ts';
import type { Verdict } from '../../src/policy/verdict.ts';
import { conversationOf } from '../conversation.ts';
import { CERTIFICATE } from './oracle/fixtures.ts';
import { clientHello, DNS, FLOW, message, OPTIONS, record, serverHello, TIME, TLS, UDP, VIOLATION } from './samples.ts';

const LONG_ADDRESS = '2001:db8:1111:2222:3333:4444:5555:6666';

/** Everything that a conversation can carry, at its longest. */
const CROWDED = conversationOf(
  {
    client: { ip: LONG_ADDRESS, port: 65_535 },
    server: { ip: LONG_ADDRESS, port: 65_535 },
    session: Number.MAX_SAFE_INTEGER,
    clientMac: '00:00:5e:00:53:01',
    serverMac: '00:00:5e:00:53:02',
    vlan: 4095,
    innerVlan: 4095,
    interfaceName: '\u0001'.repeat(5_000),
    tunnels: Array.from({ length: 9 }, () => ({
      type: 'erspan' as const,
      id: 0xffff_ffff,
      source: LONG_ADDRESS,
      destination: LONG_ADDRESS,
    })),
    owner: {
      processId: 0xffff_ffff,
      userId: 0xffff_ffff,
      command: '"'.repeat(5_000),
      executable: '"'.repeat(5_000),
      userName: '"'.repeat(5_000),
      cgroup: '"'.repeat(5_000),
      containerId: 'a1'.repeat(32),
    },
  },
  UDP,
);

const CROWDED_TCP = conversationOf({ transport: 'tcp' }, CROWDED);

const WORST_ID = '\ud800'.repeat(1_000);

const WORST_VERDICTS: Verdict[] = Array.from({ length: 30 }, () => ({
  policy: WORST_ID,
  outcome: 'non_compliant',
  violations: Array.from({ length: 100 }, () => ({ ...VIOLATION, policy: WORST_ID, rule: WORST_ID })),
  excepted: [{ ...VIOLATION, rule: WORST_ID, reason: WORST_ID, exceptedUntil: '2026-12-31' }],
  notObserved: Array.from({ length: 100 }, () => WORST_ID),
}));

const normalizer = new Normalizer({ ...OPTIONS, dvc: '\u0001'.repeat(1_000) });
const native = new NativeFormat();

/** Type, parsed, of an event within the limit. */
// biome-ignore lint/suspicious/noExplicitAny: the shape is what the test is about
function parsed(event: CimEvent | undefined, limit = MAX_CIM_LINE): any {
  assert.ok(event);
  assert.ok(event.end - event.start <= limit, `${event.end - event.start} bytes`);
  return JSON.parse(event.line);
}

const cim = (event: NetworkEvent, verdicts: readonly Verdict[] = []) => parsed(normalizer.normalize(event, verdicts));

describe('limits of CIM events', () => {
  it('keeps the first of 255 answers and says how many there were', () => {
    const answers = Array.from({ length: 255 }, (_, i) => record(1, `192.0.2.${i}`));
    const response = message({ response: true, answers, counts: [1, 255, 0, 0] });
    const line = cim({ ...DNS, response });
    assert.ok(line.answer.length >= 30);
    assert.deepEqual(
      line.answer,
      answers.slice(0, line.answer.length).map(({ data }) => data),
    );
    assert.equal(line.answer_count, line.answer.length);
    assert.equal(line.vesper.dns.answer_count, 255);
  });

  it('cuts a TXT record of 64 KB', () => {
    const response = message({
      response: true,
      answers: [record(16, `"${'x'.repeat(65_000)}"`)],
      counts: [1, 1, 0, 0],
    });
    const line = cim({ ...DNS, response });
    assert.match(line.answer[0], /^"x{400,}\.\.\.$/);
    assert.equal(line.answer_count, 1);
    assert.equal('answer_count' in line.vesper.dns, false);
  });

  it('keeps many questions and answers of the longest names within the limit', () => {
    const name = '\\000'.repeat(255);
    const questions = Array.from({ length: 100 }, () => ({
      name,
      type: 65_280,
      class: 32_000,
      unicastResponse: false,
    }));
    const answers = Array.from({ length: 500 }, () => ({ ...record(65_281, name), name }));
    const edns = {
      version: 1,
      udpSize: 65_535,
      dnssecOk: true,
      options: [
        { code: 8, data: `00028080${'ff'.repeat(16)}` },
        { code: 10, data: 'ab'.repeat(40) },
        ...answers.map(() => ({ code: 15, data: `001e${'01'.repeat(126)}` })),
      ],
    };
    const query = message({ questions, edns, counts: [100, 0, 0, 0], incomplete: true });
    const response = message({
      response: true,
      rcode: 3841,
      edns,
      questions,
      answers,
      counts: [100, 500, 65_535, 65_535],
    });
    const aggregated = { count: Number.MAX_SAFE_INTEGER, last: TIME, slowest: 1e9 };
    const retryOf = { session: 2 ** 52, id: 65_535 };
    const line = cim({ ...DNS, conversation: CROWDED, query, response, retries: 4_000_000_000, retryOf, aggregated });
    assert.equal(line.query_count, [line.query].flat().length);
    assert.equal(line.vesper.dns.question_count, 100);
    assert.equal(line.vesper.dns.answer_count, 500);
    assert.equal(line.vesper.dns.edns.option_count, 502);
    assert.equal(line.vesper.tunnel_count, 9);
  });

  it('keeps the first of 1,000 suites and says how many there were', () => {
    const cipherSuites = Array.from({ length: 1_000 }, (_, i) => 0xc001 + i);
    const { tls } = cim({ ...TLS, client: clientHello({ cipherSuites }) }).vesper;
    assert.ok(tls.ciphers.length >= 20);
    assert.equal(tls.ciphers[0], 'TLS_ECDH_ECDSA_WITH_NULL_SHA');
    // 0xcaca is GREASE.
    assert.equal(tls.cipher_count, 1_000);
  });

  it('cuts a server name of 64 KB', () => {
    const line = cim({ ...TLS, client: clientHello({ serverName: 'a'.repeat(65_000) }) });
    assert.equal(line.ssl_server_name, `${'a'.repeat(256)}...`);
    assert.equal(line.vesper.tls.server_name_length, 65_000);
  });

  it('keeps a handshake full of everything within the limit', () => {
    const many = Array.from({ length: 1_000 }, (_, i) => 0xfe00 + (i % 200));
    const client = clientHello({
      serverName: WORST_ID,
      cipherSuites: many,
      sslv2CipherKinds: many,
      extensions: many,
      alpn: many.map(() => WORST_ID),
      supportedVersions: many,
      groups: many,
      signatureAlgorithms: many,
      keyShares: many,
      sslv2: true,
      malformed: true,
    });
    const server = serverHello({
      cipherSuite: 0xff_ffff,
      alpn: WORST_ID,
      keyShareGroup: 0xfe00,
      compressionMethod: 255,
    });
    const line = cim({ ...TLS, conversation: CROWDED_TCP, client, server, retry: server }, WORST_VERDICTS);
    assert.equal(line.vesper.tls.alpn_count, 1_000);
    assert.equal(line.vesper.policy_count, 30);
  });

  it('keeps a flow full of everything within the limit', () => {
    const most = Number.MAX_SAFE_INTEGER;
    const counts = {
      flags: 255,
      retransmits: most,
      retransmittedBytes: most,
      outOfOrder: most,
      zeroWindows: most,
      resets: most,
    };
    const way = { packets: 2 ** 50, bytes: 2 ** 50, payloadBytes: 2 ** 50 };
    const tcp = { state: 'syn_received' as const, out: counts, in: counts, rtt: 1e9 };
    const flow = { ...FLOW, conversation: CROWDED_TCP, duration: 1e9, out: way, in: way, tcp, record: 2 ** 31 };
    cim({ ...flow, aggregated: { count: most, connections: most } }, WORST_VERDICTS);
  });

  it('keeps the first of 1,000 alternative names and says how many there were', () => {
    // The dissector keeps 256.
    const subjectAlternativeNames = Array.from({ length: 256 }, (_, i) => `DNS:host-${i}.example.com`);
    const names = { subjectAlternativeNames, subjectAlternativeNameCount: 1_000 };
    const line = cim({ ...CERTIFICATE, certificate: { ...CERTIFICATE.certificate, ...names } });
    const { certificate } = line.vesper;
    assert.ok(certificate.subject_alternative_names.length >= 20);
    assert.equal(certificate.subject_alternative_name_count, 1_000);
  });

  it('keeps a certificate full of everything within the limit', () => {
    const attributes = { unit: WORST_ID, locality: WORST_ID, state: WORST_ID, street: WORST_ID, email: WORST_ID };
    const certificate = {
      ...CERTIFICATE.certificate,
      subject: WORST_ID,
      issuer: WORST_ID,
      subjectCommonName: WORST_ID,
      issuerCommonName: WORST_ID,
      subjectOrganization: WORST_ID,
      issuerOrganization: WORST_ID,
      subjectAttributes: attributes,
      issuerAttributes: attributes,
      serial: 'a1'.repeat(10_000),
      signatureAlgorithm: WORST_ID,
      key: { type: WORST_ID, bits: Number.MAX_SAFE_INTEGER, curve: WORST_ID },
      subjectAlternativeNames: Array.from({ length: 1_000 }, () => WORST_ID),
      subjectAlternativeNameCount: 1_000,
    };
    const line = cim({ ...CERTIFICATE, conversation: CROWDED_TCP, serverName: WORST_ID, certificate });
    assert.equal(line.vesper.certificate.subject_alternative_name_count, 1_000);
    assert.equal(line.vesper.tunnel_count, 9);
  });

  it('keeps a finding full of everything within the limit', () => {
    const violation = {
      ...VIOLATION,
      policy: WORST_ID,
      rule: WORST_ID,
      message: WORST_ID,
      observed: WORST_ID,
      expected: WORST_ID,
      reference: WORST_ID,
      remediation: WORST_ID,
    };
    const finding = { time: TIME, conversation: CROWDED_TCP, name: WORST_ID, violation };
    for (const app of ['tls', 'dns'] as const) {
      parsed(normalizer.finding({ ...finding, app }, Number.MAX_SAFE_INTEGER));
    }
  });
});

describe('limits of native events', () => {
  it('tells 255 answers and 400 suites whole', () => {
    const answers = Array.from({ length: 255 }, (_, i) => record(1, `192.0.2.${i}`));
    const response = message({ response: true, answers });
    const dns = {
      kind: 'dns_message' as const,
      time: TIME,
      conversation: UDP,
      protocol: 'dns' as const,
      message: response,
    };
    assert.equal(parsed(native.normalize(dns), 96 * 1024).event.DnsResponse.answers.length, 255);
    const hello = clientHello({ cipherSuites: Array.from({ length: 400 }, (_, i) => 0xc001 + i) });
    const tls = { kind: 'client_hello' as const, time: TIME, conversation: FLOW.conversation, hello };
    assert.equal(parsed(native.normalize(tls), 96 * 1024).event.TlsClientHello.ciphers.length, 400);
  });

  it('bounds a message whose names point at each other', () => {
    const name = '\\000'.repeat(255);
    const answers = Array.from({ length: 4_000 }, () => ({ ...record(16, '\\'.repeat(65_000)), name }));
    const response = message({ response: true, answers });
    const dns = {
      kind: 'dns_message' as const,
      time: TIME,
      conversation: UDP,
      protocol: 'dns' as const,
      message: response,
    };
    assert.equal(parsed(native.normalize(dns), 96 * 1024).event.DnsResponse.answer_count, 4_000);
  });
});
