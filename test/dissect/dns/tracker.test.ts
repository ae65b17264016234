import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { MAX_PENDING, MAX_PENDING_BYTES, MAX_SAME_ID } from '../../../src/dissect/dns/transaction.ts';
import { MAX_TRUNCATIONS, Truncations } from '../../../src/dissect/dns/truncations.ts';
import type { DnsTransactionEvent } from '../../../src/dissect/event.ts';
import { conversationOf } from '../../conversation.ts';
import { hex, message, pointer, question, record, u16 } from './bytes.ts';
import { Harness } from './harness.ts';

const query = (id: number, name = 'www.example.com', type = 1): Buffer =>
  message({ id, questions: [question(name, type)] });
const response = (id: number, name = 'www.example.com', type = 1): Buffer =>
  message({ id, flags: 0x8180, questions: [question(name, type)], answers: [record(pointer(12), 1, hex('c0000201'))] });
const back = { from: 2, to: 1 };

/** What a transaction is made of. */
const shape = (t: DnsTransactionEvent): unknown[] => [
  t.query?.id,
  t.query?.questions[0]?.name,
  t.response?.questions[0]?.name,
  t.responseTime,
  t.retries,
];

describe('DNS transactions', () => {
  it('pairs a response with its query and measures the time between', () => {
    const h = new Harness();
    h.udp(query(7), { at: 100.25 });
    h.udp(response(7), { ...back, at: 100.254 });
    h.tracker.end();
    assert.equal(h.transactions.length, 1);
    const [t] = h.transactions;
    assert.deepEqual(t?.time, { seconds: 100, nanos: 250_000_000 });
    assert.equal(t?.responseTime, 0.004);
    assert.deepEqual([t?.conversation.client.ip, t?.conversation.server.port], ['10.0.0.1', 53]);
    assert.equal(t?.response?.answers[0]?.data, '192.0.2.1');
    assert.equal(t?.protocol, 'dns');
    assert.equal(h.flows[0]?.app, 'dns');
    assert.deepEqual(
      [h.counters['dns.messages'], h.counters['dns.transactions'], h.counters['dns.unanswered']],
      [2, 1, 0],
    );
  });

  it('gives a message event as each message traveled', () => {
    const h = new Harness({ transactions: false });
    h.udp(query(7), { at: 1 });
    h.udp(response(7), { ...back, at: 2 });
    h.udp(query(8), { at: 3 });
    assert.deepEqual(
      h.messages.map((m) => [m.time.seconds, m.message.response, m.conversation.client.ip, m.conversation.server.port]),
      [
        [1, false, '10.0.0.1', 53],
        [2, true, '10.0.0.2', 40_000],
        [3, false, '10.0.0.1', 53],
      ],
    );
    assert.equal(h.transactions.length, 0);
    assert.equal(h.counters['dns.transactions'], 0);
  });

  it('makes no message events where they are not wanted', () => {
    const h = new Harness({ messages: false });
    h.udp(query(7));
    h.udp(response(7), back);
    assert.deepEqual([h.messages.length, h.transactions.length], [0, 1]);
  });

  it('takes the sender of the query for the client, whichever side opened the flow', () => {
    const h = new Harness();
    h.udp(response(6), { ...back, at: 1 });
    h.udp(query(7), { at: 2 });
    h.udp(response(7), { ...back, at: 3 });
    assert.deepEqual(
      h.transactions.map((t) => [t.query?.id, t.conversation.client.ip, t.conversation.server.port]),
      [
        [undefined, '10.0.0.1', 53],
        [7, '10.0.0.1', 53],
      ],
    );
    assert.equal(h.counters['dns.unsolicited'], 1);
  });

  it('keeps apart the two directions of one flow', () => {
    const h = new Harness();
    const ports = { sourcePort: 53, destinationPort: 53 };
    h.udp(query(7, 'from.one'), ports);
    h.udp(query(7, 'from.one'), { ...back, ...ports });
    h.udp(response(7, 'from.one'), { ...back, ...ports });
    h.udp(response(7, 'from.one'), ports);
    assert.deepEqual(
      h.transactions.map((t) => [t.query?.id, t.conversation.client.ip]),
      [
        [7, '10.0.0.1'],
        [7, '10.0.0.2'],
      ],
    );
  });

  it('counts repeated queries as retries of the first', () => {
    const h = new Harness();
    for (const at of [1, 2, 4]) h.udp(query(7), { at });
    h.udp(response(7), { ...back, at: 4.5 });
    assert.deepEqual(h.transactions.map(shape), [[7, 'www.example.com', 'www.example.com', 3.5, 2]]);
    assert.equal(h.transactions[0]?.time.seconds, 1);
  });

  it('refers a query over TCP to the truncated response that made it necessary, once', () => {
    const h = new Harness();
    const tcp = (message: Buffer) => Buffer.concat([u16(message.length), message]);
    const truncated = message({ id: 7, flags: 0x8380, questions: [question('www.EXAMPLE.com')] });
    h.udp(query(7), { at: 1 });
    h.udp(truncated, { ...back, at: 1.1 });
    h.tcp(tcp(query(9)), { at: 1.2, sourcePort: 40_001, sequence: 1 });
    h.tcp(tcp(response(9)), { ...back, at: 1.3, destinationPort: 40_001, sequence: 1 });
    h.tcp(tcp(query(10)), { at: 1.4, sourcePort: 40_001, sequence: 1 + tcp(query(9)).length });
    h.tracker.end();
    const references = h.transactions.map(({ retryOf }) => retryOf);
    assert.deepEqual(references, [undefined, { session: h.transactions[0]?.conversation.session, id: 7 }, undefined]);
  });

  it('forgets a truncated response after ten seconds, and of too many the oldest', () => {
    const truncations = new Truncations();
    const conversation = conversationOf({
      client: { ip: '192.0.2.1', port: 40_000 },
      server: { ip: '192.0.2.53', port: 53 },
      transport: 'udp',
    });
    const ask = (name: string) => ({ name, type: 1, class: 1, unicastResponse: false });
    const at = (seconds: number) => ({ seconds, nanos: 0 });
    truncations.add(conversation, ask('late'), 1, at(100));
    assert.equal(truncations.take(conversation, ask('late'), at(111)), undefined);
    for (let i = 0; i <= MAX_TRUNCATIONS; i++) truncations.add(conversation, ask(`n${i}`), i, at(100));
    assert.equal(truncations.take(conversation, ask('n0'), at(101)), undefined);
    assert.equal(truncations.take(conversation, ask('n1'), at(101))?.id, 1);
  });

  it('tells questions under one id apart, in any order of the responses', () => {
    const h = new Harness();
    for (const [name, type] of [
      ['a', 1],
      ['b', 1],
      ['a', 28],
      ['c', 1],
    ] as const)
      h.udp(query(7, name, type));
    for (const [name, type] of [
      ['a', 28],
      ['c', 1],
      ['a', 1],
      ['b', 1],
    ] as const)
      h.udp(response(7, name, type), back);
    h.tracker.end();
    assert.deepEqual(
      h.transactions.map((t) => [t.query?.questions[0], t.response?.questions[0]?.name]),
      [
        [{ name: 'a', type: 28, class: 1, unicastResponse: false }, 'a'],
        [{ name: 'c', type: 1, class: 1, unicastResponse: false }, 'c'],
        [{ name: 'a', type: 1, class: 1, unicastResponse: false }, 'a'],
        [{ name: 'b', type: 1, class: 1, unicastResponse: false }, 'b'],
      ],
    );
  });

  it('prefers the case that the query had, and takes another', () => {
    const h = new Harness();
    h.udp(query(7, 'wWw.example.com'));
    h.udp(query(7, 'WwW.example.com'));
    h.udp(response(7, 'WwW.example.com'), back);
    h.udp(response(7, 'www.example.com'), back);
    assert.deepEqual(
      h.transactions.map((t) => [t.query?.questions[0]?.name, t.response?.questions[0]?.name]),
      [
        ['WwW.example.com', 'WwW.example.com'],
        ['wWw.example.com', 'www.example.com'],
      ],
    );
  });

  it('pairs by the id alone where a question is missing', () => {
    const h = new Harness();
    h.udp(query(7));
    h.udp(hex('0007 8181 0000 0000 0000 0000'), back);
    h.udp(message({ id: 8, questions: [question(pointer(18)), question('a')] }));
    h.udp(response(8), back);
    assert.deepEqual(
      h.transactions.map((t) => [t.query?.id, t.response?.id]),
      [
        [7, 7],
        [8, 8],
      ],
    );
    assert.equal(h.transactions[0]?.response?.rcode, 1);
  });

  it('does not pair other questions, ids, opcodes or flows; a second response stands alone', () => {
    const h = new Harness();
    h.udp(query(7));
    h.udp(response(7, 'www.example.net'), back);
    h.udp(response(7, 'www.example.com', 28), back);
    h.udp(response(8), back);
    h.udp(message({ id: 7, flags: 0xa000, questions: [question('www.example.com')] }), back);
    h.udp(response(7), { from: 3, to: 1 });
    assert.ok(h.transactions.every((t) => t.query === undefined));
    h.udp(response(7), back);
    h.udp(response(7), back);
    assert.deepEqual(
      h.transactions.slice(5).map((t) => t.query?.id),
      [7, undefined],
    );
    assert.equal(h.counters['dns.unsolicited'], 6);
  });

  it('reports the unanswered after the time-out, in the order in which they were sent', () => {
    const h = new Harness({ queryTimeout: 5 });
    h.udp(query(3), { at: 100.5 });
    h.udp(query(1), { at: 101 });
    h.udp(query(2), { at: 102 });
    h.tracker.tick(105, 0);
    assert.equal(h.transactions.length, 0);
    h.udp(response(1), { ...back, at: 105.2 });
    h.tracker.tick(105, 500_000_000);
    h.tracker.tick(200, 0);
    assert.deepEqual(
      h.transactions.map((t) => [t.query?.id, t.response?.id]),
      [
        [1, 1],
        [3, undefined],
        [2, undefined],
      ],
    );
    assert.equal(h.counters['dns.unanswered'], 2);
    h.udp(response(3), { ...back, at: 201 });
    assert.equal(h.transactions[3]?.query, undefined);
  });

  it('reports at the end of the capture what still waits', () => {
    const h = new Harness();
    for (const id of [5, 4, 6]) h.udp(query(id));
    h.tracker.end();
    assert.deepEqual(
      h.transactions.map((t) => [t.query?.id, t.response]),
      [
        [5, undefined],
        [4, undefined],
        [6, undefined],
      ],
    );
  });

  it('leaves out a response time that the clock made negative', () => {
    const h = new Harness();
    h.udp(query(7), { at: 50 });
    h.udp(response(7), { ...back, at: 49 });
    assert.deepEqual([h.transactions[0]?.query?.id, h.transactions[0]?.responseTime], [7, undefined]);
  });

  it('bounds the queries under one id', () => {
    const h = new Harness();
    for (let i = 0; i <= MAX_SAME_ID; i++) h.udp(query(7, `host${i}`));
    assert.deepEqual(
      h.transactions.map((t) => t.query?.questions[0]?.name),
      ['host0'],
    );
    assert.equal(h.counters['dns.pending_evicted'], 1);
    h.tracker.end();
    assert.deepEqual(
      h.transactions.map((t) => t.query?.questions[0]?.name),
      Array.from({ length: MAX_SAME_ID + 1 }, (_, i) => `host${i}`),
    );
  });

  it('bounds the queries that wait, and their bytes', () => {
    const h = new Harness({ messages: false });
    for (let i = 0; i <= MAX_PENDING; i++) h.udp(query(i & 0xffff, 'a'), { sourcePort: 40_000 + (i >> 16) });
    assert.deepEqual([h.counters['dns.pending_evicted'], h.transactions[0]?.query?.id], [1, 0]);
    const big = Buffer.concat([query(0, 'a'), Buffer.alloc(60_000)]);
    for (let i = 0; i < 500; i++)
      h.udp(Buffer.concat([Buffer.from([1, i & 255]), big.subarray(2)]), { sourcePort: 50_000 + (i >> 8) });
    h.tracker.end();
    const evicted = h.counters['dns.pending_evicted'];
    assert.equal(h.transactions.length, MAX_PENDING + 1 + 500);
    assert.ok(evicted > MAX_PENDING - MAX_PENDING_BYTES / query(0, 'a').length && evicted < h.transactions.length - 60);
  });
});

describe('DNS datagrams', () => {
  it('knows its ports', () => {
    const h = new Harness({ ports: [8053] });
    for (const port of [53, 5353, 5355, 8053]) {
      assert.ok(h.isDnsPort('udp', 40_000, port) && h.isDnsPort('tcp', port, 40_000));
    }
    assert.ok(!h.isDnsPort('udp', 40_000, 853));
    assert.ok(h.isDnsPort('udp', 5353, 5353));
    assert.ok(h.isDnsPort('udp', 5353, 53));
    // There they are the ephemeral port of a connection to another service.
    assert.ok(!h.isDnsPort('tcp', 5355, 443) && !h.isDnsPort('udp', 123, 5353));
  });

  it('counts what is not DNS and makes no event of it', () => {
    const h = new Harness();
    h.udp(Buffer.from('hello, is anybody there?'));
    h.udp(Buffer.alloc(40));
    h.tracker.end();
    assert.equal(h.counters['dns.not_dns'], 2);
    assert.deepEqual([h.messages, h.transactions, h.flows[0]?.app], [[], [], undefined]);
  });

  it('does not say of a datagram without captured payload that it is no DNS', () => {
    const h = new Harness();
    for (let captured = 0; captured < 4; captured++) h.udp(query(7), { captured });
    assert.deepEqual([h.counters['dns.incomplete'], h.counters['dns.not_dns']], [4, 0]);
    // On the wire, too, it was shorter than any message.
    h.udp(Buffer.alloc(11), { captured: 0 });
    assert.deepEqual([h.counters['dns.incomplete'], h.counters['dns.not_dns']], [4, 1]);
    h.udp(query(8), { captured: 4 });
    assert.deepEqual([h.messages.length, h.counters['dns.messages']], [1, 1]);
  });

  it('gives what was captured of a cut datagram', () => {
    const h = new Harness();
    h.udp(query(7));
    h.udp(response(7), { ...back, captured: response(7).length - 1 });
    const [t] = h.transactions;
    assert.deepEqual(
      [t?.response?.incomplete, t?.response?.length, t?.response?.answers],
      [true, response(7).length, []],
    );
    assert.equal(h.counters['dns.malformed'], 0);
  });

  it('counts broken messages', () => {
    const h = new Harness();
    const wire = Buffer.from(query(7));
    wire.writeUInt16BE(1, 6);
    h.udp(wire);
    assert.deepEqual([h.counters['dns.malformed'], h.messages[0]?.message.incomplete], [1, true]);
  });

  it('takes mDNS messages each for itself, without waiting (RFC 6762)', () => {
    const h = new Harness();
    const mdns = { sourcePort: 5353, destinationPort: 5353 };
    h.udp(query(0, 'printer.local'), { ...mdns, to: 0xe00000fb });
    h.udp(response(0, 'printer.local'), { ...mdns, from: 2, to: 0xe00000fb });
    h.udp(response(0, 'printer.local'), { ...mdns, ...back });
    assert.deepEqual(
      h.transactions.map((t) => [
        t.protocol,
        t.query?.id,
        t.response?.id,
        t.conversation.client.ip,
        t.conversation.server.ip,
      ]),
      [
        ['mdns', 0, undefined, '10.0.0.1', '224.0.0.251'],
        ['mdns', undefined, 0, '10.0.0.2', '224.0.0.251'],
        ['mdns', undefined, 0, '10.0.0.1', '10.0.0.2'],
      ],
    );
    assert.deepEqual([h.flows[0]?.app, h.counters['dns.unsolicited'], h.counters['dns.unanswered']], ['mdns', 0, 0]);
  });

  it('pairs LLMNR by the querier; the server is who responded (RFC 4795 §2)', () => {
    const h = new Harness();
    h.udp(query(7, 'host'), { to: 0xe00000fc, sourcePort: 40_000, destinationPort: 5355, at: 1 });
    h.udp(query(7, 'host'), { from: 5, to: 0xe00000fc, sourcePort: 40_000, destinationPort: 5355, at: 1 });
    h.udp(response(7, 'host'), { from: 9, to: 1, sourcePort: 5355, destinationPort: 40_000, at: 1.5 });
    h.tracker.end();
    assert.deepEqual(
      h.transactions.map((t) => [t.protocol, t.conversation.client.ip, t.conversation.server.ip, t.responseTime]),
      [
        ['llmnr', '10.0.0.1', '10.0.0.9', 0.5],
        ['llmnr', '10.0.0.5', '224.0.0.252', undefined],
      ],
    );
    assert.deepEqual(
      h.flows.map((flow) => flow.app),
      ['llmnr', 'llmnr', 'llmnr'],
    );
  });

  it('takes any datagrams in any order; every transaction is one query, one response or both', () => {
    const wire = fc.oneof(
      fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
      fc
        .tuple(fc.boolean(), fc.nat(2), fc.constantFrom('a', 'A', 'b'), fc.constantFrom(1, 28))
        .map(([isQuery, id, name, type]) => (isQuery ? query(id, name, type) : response(id, name, type))),
    );
    const packets = fc.array(fc.tuple(wire, fc.boolean(), fc.constantFrom(53, 5353, 5355), fc.nat(20)), {
      maxLength: 40,
    });
    fc.assert(
      fc.property(packets, (list) => {
        const h = new Harness();
        let at = 0;
        for (const [bytes, forth, port, seconds] of list) {
          at += seconds;
          h.tracker.tick(at, 0);
          if (forth) h.udp(bytes, { at, destinationPort: port });
          else h.udp(bytes, { ...back, at, sourcePort: port });
        }
        h.tracker.end();
        const queries = h.messages.filter((m) => !m.message.response).length;
        const responses = h.messages.length - queries;
        assert.equal(
          h.transactions.reduce((sum, t) => sum + (t.query ? 1 + t.retries : 0), 0),
          queries,
        );
        assert.equal(h.transactions.filter((t) => t.response).length, responses);
        assert.equal(h.counters['dns.messages'] + h.counters['dns.not_dns'], list.length);
      }),
      { numRuns: 300 },
    );
  });
});
