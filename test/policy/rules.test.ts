import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ClientHello, TlsHandshakeEvent } from '../../src/dissect/event.ts';
import { type ConversationTexts, conversationOf } from '../conversation.ts';
import { clientHello, conversation, handshake, serverHello } from './handshakes.ts';
import { policy, policyOf, ruleText, summary } from './policies.ts';

const TLS13_ONLY = 'negotiated: { versions: { min: TLSv1_3 } }';
const NEW_YEAR_2025 = 1_735_689_600;
const DAY = 86_400;

function event(fields: Partial<TlsHandshakeEvent> = {}, ends: Partial<ConversationTexts> = {}): TlsHandshakeEvent {
  return {
    ...handshake(clientHello({}), serverHello(0x0303, 0xc02f)),
    time: { seconds: NEW_YEAR_2025, nanos: 0 },
    conversation: conversationOf(ends, conversation),
    ...fields,
  };
}

describe('conditions', () => {
  /** Whether a rule that the handshake breaks applies to it: yes, no, or unknown. */
  function applies(conditions: string, judged: TlsHandshakeEvent, direction?: 'inbound' | 'outbound') {
    const [outcome] = summary(policy(`applies_to: { ${conditions} }, ${TLS13_ONLY}`).judge(judged, direction));
    return { non_compliant: 'yes', compliant: 'no', not_observable: 'unknown' }[outcome ?? ''];
  }

  test('direction', () => {
    assert.equal(applies('direction: inbound', event(), 'inbound'), 'yes');
    assert.equal(applies('direction: inbound', event(), 'outbound'), 'no');
    assert.equal(applies('direction: inbound', event()), 'unknown');
  });

  test('networks of client and server', () => {
    assert.equal(applies('clients: [192.0.2.0/24]', event()), 'yes');
    assert.equal(applies('clients: [192.0.2.1]', event()), 'yes');
    assert.equal(applies('clients: [192.0.2.2, 10.0.0.0/8]', event()), 'no');
    const six = event({}, { server: { ip: '2001:db8:1::5', port: 443 } });
    assert.equal(applies('servers: ["2001:db8:1::/48"]', six), 'yes');
    assert.equal(applies('servers: ["2001:db8:2::/47"]', six), 'no');
    assert.equal(applies('servers: [0.0.0.0/0]', six), 'no');
    assert.equal(applies('servers: ["::/0"]', six), 'yes');
  });

  test('ports of the server', () => {
    assert.equal(applies('ports: [443]', event()), 'yes');
    assert.equal(applies('ports: ["400-443", 8443]', event()), 'yes');
    assert.equal(applies('ports: ["444-500"]', event()), 'no');
  });

  test('server names', () => {
    const asks = (serverName: string | undefined) => event({ client: clientHello({ serverName }) });
    assert.equal(applies('server_names: ["*.example.com"]', asks('www.example.com')), 'yes');
    assert.equal(applies('server_names: ["*.example.com"]', asks('example.com')), 'no');
    assert.equal(applies('server_names: [example.com]', asks(undefined)), 'no');
    assert.equal(applies('server_names: [example.com]', event({ client: undefined })), 'unknown');
  });

  test('versions that the client offers', () => {
    const offers = (client: Partial<ClientHello>) => event({ client: clientHello(client) });
    assert.equal(
      applies('offered_versions: [TLSv1_3]', offers({ supportedVersions: [0x0a0a, 0x0304, 0x0303] })),
      'yes',
    );
    assert.equal(applies('offered_versions: [TLSv1_3, TLSv1_2]', offers({})), 'yes');
    assert.equal(applies('offered_versions: [TLSv1_3]', offers({})), 'no');
    assert.equal(applies('offered_versions: [TLSv1_3]', offers({ malformed: true })), 'unknown');
    assert.equal(applies('offered_versions: [TLSv1_3]', event({ client: undefined })), 'unknown');
  });

  test('the suite that the server chose', () => {
    assert.equal(applies('cipher_suites: { allow: [{ mode: GCM }] }', event()), 'yes');
    assert.equal(applies('cipher_suites: { allow: [{ aead: true }], deny: [{ key_exchange: ECDHE }] }', event()), 'no');
    assert.equal(applies('cipher_suites: { allow: [{ mode: CBC }] }', event()), 'no');
  });

  test('processes', () => {
    const owner = { processId: 1, userId: 0, command: 'python3.12' };
    assert.equal(applies('processes: ["python3*"]', event({}, { owner })), 'yes');
    assert.equal(applies('processes: [python3]', event({}, { owner })), 'no');
    assert.equal(applies('processes: ["python3?12"]', event({}, { owner })), 'no');
    assert.equal(applies('processes: [python3]', event()), 'unknown');
  });

  test('protocols and versions', () => {
    const udp = { transport: 'udp' as const };
    assert.equal(applies('protocols: [tls]', event()), 'yes');
    assert.equal(applies('protocols: [quic, dtls]', event()), 'no');
    assert.equal(applies('protocols: [quic]', event({}, udp)), 'yes');
    assert.equal(applies('protocols: [dtls]', event({ server: serverHello(0xfefd, 0xc02f) }, udp)), 'yes');
    assert.equal(applies('versions: { max: TLSv1_2 }', event()), 'yes');
    assert.equal(applies('versions: { deny: [TLSv1_2] }', event()), 'no');
    assert.equal(applies('versions: { min: TLSv1_2 }', event({ server: undefined })), 'unknown');
  });

  test('all of them have to match', () => {
    assert.equal(applies('ports: [443], clients: [192.0.2.0/24]', event()), 'yes');
    assert.equal(applies('ports: [443], clients: [10.0.0.0/8]', event()), 'no');
    assert.equal(applies('processes: [curl], clients: [10.0.0.0/8]', event()), 'no');
    assert.equal(applies('processes: [curl], ports: [443]', event()), 'unknown');
  });

  test('a rule that may not apply can be kept, but accuses nobody', () => {
    const doubtful = policy(`applies_to: { processes: [curl] }, ${TLS13_ONLY}`);
    assert.deepEqual(summary(doubtful.judge(event())), ['not_observable', 'r?']);
    assert.deepEqual(summary(doubtful.judge(event({ server: serverHello(0x0304, 0x1301) }))), ['compliant']);
  });
});

test('dates are days of packet time, first and last included', () => {
  const dated = policy(`from: 2025-01-01, until: 2025-01-31, ${TLS13_ONLY}`);
  const at = (seconds: number) => dated.judge(event({ time: { seconds, nanos: 0 } })).outcome;
  assert.equal(at(NEW_YEAR_2025 - 1), 'compliant');
  assert.equal(at(NEW_YEAR_2025), 'non_compliant');
  assert.equal(at(NEW_YEAR_2025 + 31 * DAY - 1), 'non_compliant');
  assert.equal(at(NEW_YEAR_2025 + 31 * DAY), 'compliant');
});

describe('exceptions', () => {
  const excepted = (exception: string, judged = event(), now?: number) =>
    summary(
      policyOf(
        `rules:\n${ruleText('one', TLS13_ONLY)}${ruleText('two', 'negotiated: { versions: { deny: [TLSv1_2] } }')}` +
          `exceptions:\n  - { ${exception} }\n`,
        now === undefined ? {} : { now },
      ).judge(judged),
    );
  const one = 'one: TLSv1_2, not TLSv1_3 or later';
  const two = 'two: TLSv1_2, not not TLSv1_2';

  test('of one rule: told, and not counted', () => {
    assert.deepEqual(excepted('rules: [one], reason: legacy, until: 2025-06-30'), [
      'non_compliant',
      two,
      'one (legacy, 2025-06-30)',
    ]);
  });

  test('of all rules for some traffic', () => {
    const rest = 'applies_to: { servers: [192.0.2.2] }, reason: legacy, until: 2025-06-30';
    assert.deepEqual(excepted(rest), ['compliant', 'one (legacy, 2025-06-30)', 'two (legacy, 2025-06-30)']);
    const elsewhere = event({}, { server: { ip: '192.0.2.3', port: 443 } });
    assert.deepEqual(excepted(rest, elsewhere), ['non_compliant', one, two]);
  });

  test('of traffic that cannot be told apart: the violation stands', () => {
    const doubtful = 'applies_to: { processes: [old] }, reason: legacy, until: 2025-06-30';
    assert.deepEqual(excepted(doubtful), ['non_compliant', one, two]);
  });

  test('ends with its last day, by packet time and by the time of loading', () => {
    const short = 'rules: [one, two], reason: legacy, until: 2025-01-01';
    assert.equal(excepted(short)[0], 'compliant');
    assert.equal(excepted(short, event({ time: { seconds: NEW_YEAR_2025 + DAY, nanos: 0 } }))[0], 'non_compliant');
    assert.equal(excepted(short, event(), NEW_YEAR_2025 + DAY - 1)[0], 'compliant');
    assert.equal(excepted(short, event(), NEW_YEAR_2025 + DAY)[0], 'non_compliant');
  });
});
