import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { DnsMessage, DnsTransactionEvent } from '../../src/dissect/event.ts';
import { PolicySet } from '../../src/policy/policy.ts';
import { type ConversationTexts, conversationOf } from '../conversation.ts';
import { clientHello, conversation, handshake, serverHello } from './handshakes.ts';
import { policy, summary } from './policies.ts';

function query(name: string): DnsMessage {
  return {
    id: 1,
    response: false,
    opcode: 0,
    authoritative: false,
    truncated: false,
    recursionDesired: true,
    recursionAvailable: false,
    authenticData: false,
    checkingDisabled: false,
    rcode: 0,
    questions: [{ name, type: 1, class: 1, unicastResponse: false }],
    answers: [],
    authority: [],
    additional: [],
    edns: undefined,
    counts: [1, 0, 0, 0],
    length: 30,
    incomplete: false,
  };
}

function transaction(name: string, fields: Partial<DnsTransactionEvent> = {}): DnsTransactionEvent {
  return {
    kind: 'dns_transaction',
    time: { seconds: 0, nanos: 0 },
    conversation: conversationOf({ server: { ip: '192.0.2.53', port: 53 }, transport: 'udp' }, conversation),
    protocol: 'dns',
    query: query(name),
    response: undefined,
    responseTime: undefined,
    retries: 0,
    ...fields,
  };
}

describe('DNS in the clear', () => {
  const judged = (rule: string, event: DnsTransactionEvent) => summary(policy(`dns: { ${rule} }`).judgeDns(event));

  test('approved resolvers only', () => {
    assert.deepEqual(judged('resolvers: [192.0.2.0/24]', transaction('example.com')), ['compliant']);
    assert.deepEqual(judged('resolvers: [198.51.100.53]', transaction('example.com')), [
      'non_compliant',
      'r: resolver 192.0.2.53, not a resolver of 198.51.100.53',
    ]);
    assert.deepEqual(judged('resolvers: [198.51.100.53]', transaction('a.local', { protocol: 'mdns' })), ['compliant']);
  });

  test('encrypted only', () => {
    assert.deepEqual(judged('encrypted: true', transaction('example.com')), [
      'non_compliant',
      'r: plain DNS over UDP, not DNS over TLS, HTTPS or QUIC',
    ]);
    assert.deepEqual(judged('encrypted: true', transaction('host', { protocol: 'llmnr' })), ['compliant']);
  });

  test('denied names, from the response where no query was seen', () => {
    const rule = 'denied_names: ["*.example.com"]';
    assert.deepEqual(judged(rule, transaction('example.org')), ['compliant']);
    assert.deepEqual(judged(rule, transaction('a.Example.com')), [
      'non_compliant',
      'r: a.Example.com, not not *.example.com',
    ]);
    const late = transaction('', { query: undefined, response: query('b.example.com') });
    assert.equal(judged(rule, late)[0], 'non_compliant');
    const cut = transaction('', { query: { ...query(''), questions: [] } });
    assert.deepEqual(judged(rule, cut), ['not_observable', 'r?']);
    const unread = transaction('', { query: { ...query(''), questions: [] }, response: query('b.example.com') });
    assert.deepEqual(judged(rule, unread), ['non_compliant', 'r: b.example.com, not not *.example.com']);
    const half = transaction('', {
      query: { ...query(''), questions: [], counts: [2, 0, 0, 0] },
      response: query('b.example.org'),
    });
    assert.deepEqual(judged(rule, half), ['not_observable', 'r?']);
  });

  test('conditions and exceptions hold here too; those on TLS never match', () => {
    const process = policy('applies_to: { clients: [10.0.0.0/8] }, dns: { encrypted: true }');
    assert.equal(process.judgeDns(transaction('example.com')).outcome, 'compliant');
    const names = policy(
      'applies_to: { server_names: [example.com] }, dns: { encrypted: true }, negotiated: { versions: { min: TLSv1_2 } }',
    );
    assert.equal(names.judgeDns(transaction('example.com')).outcome, 'compliant');
  });
});

describe('encrypted DNS', () => {
  const rule = policy('dns: { encrypted_resolvers: { networks: [192.0.2.0/28], names: [dns.example.com] } }');
  const judged = (hello: Parameters<typeof clientHello>[0], ends: Partial<ConversationTexts> = {}) =>
    summary(
      new PolicySet([rule]).judge({
        ...handshake(clientHello(hello), serverHello(0x0304, 0x1301)),
        conversation: conversationOf({ server: { ip: '203.0.113.1', port: 443 }, ...ends }, conversation),
      })[0] ?? assert.fail('no verdict'),
    );

  test('known by its port, its ALPN, its name', () => {
    const expected = 'an encrypted resolver of 192.0.2.0/28, dns.example.com';
    assert.deepEqual(judged({}, { server: { ip: '203.0.113.1', port: 853 } }), [
      'non_compliant',
      `r: encrypted DNS to 203.0.113.1, port 853, not ${expected}`,
    ]);
    assert.deepEqual(judged({ serverName: 'dns.google' }), [
      'non_compliant',
      `r: encrypted DNS to dns.google, port 443, not ${expected}`,
    ]);
    assert.equal(judged({ alpn: ['doq'] }, { transport: 'udp' })[0], 'non_compliant');
    assert.deepEqual(judged({ serverName: 'www.example.com', alpn: ['h2'] }), ['compliant']);
  });

  test('not observed without a whole ClientHello, unless port, ALPN or address tell', () => {
    const unseen = (ip: string, port: number, alpn?: string, decided = rule) =>
      summary(
        decided.judge({
          ...handshake(undefined, { ...serverHello(0x0303, 0xc02f), alpn }),
          conversation: conversationOf({ server: { ip, port } }, conversation),
        }),
      );
    const lost = ['not_observable', 'r?'];
    assert.deepEqual(unseen('203.0.113.1', 443), lost);
    assert.deepEqual(unseen('203.0.113.1', 443, 'h2'), lost);
    assert.deepEqual(unseen('192.0.2.1', 443), ['compliant']);
    // It is DNS; the client may have asked for an approved name.
    assert.deepEqual(unseen('203.0.113.1', 853), lost);
    const byNetwork = policy('dns: { encrypted_resolvers: { networks: [192.0.2.0/28] } }');
    assert.equal(unseen('203.0.113.1', 853, undefined, byNetwork)[0], 'non_compliant');
    assert.equal(unseen('203.0.113.1', 443, 'dot', byNetwork)[0], 'non_compliant');
    assert.deepEqual(judged({ malformed: true }), lost);
    assert.deepEqual(judged({ malformed: true }, { server: { ip: '203.0.113.1', port: 853 } }), lost);
    assert.equal(judged({ malformed: true, serverName: 'dns.google' })[0], 'non_compliant');
  });

  test('approved by network or by name', () => {
    assert.deepEqual(judged({}, { server: { ip: '192.0.2.1', port: 853 } }), ['compliant']);
    assert.deepEqual(judged({ serverName: 'dns.example.com' }, { server: { ip: '203.0.113.1', port: 853 } }), [
      'compliant',
    ]);
  });
});

test('only the policies that have such rules give verdicts', () => {
  const tls = policy('negotiated: { versions: { min: TLSv1_2 } }');
  const dns = policy('dns: { encrypted: true }');
  const set = new PolicySet([tls, dns]);
  assert.deepEqual(set.judgeDns(transaction('example.com')), [dns.judgeDns(transaction('example.com'))]);
  const event = handshake(clientHello({}), serverHello(0x0303, 0xc02f));
  assert.deepEqual(set.judge(event), [tls.judge(event)]);
});
