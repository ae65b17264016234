import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MAX_CONNECTIONS } from '../../../src/dissect/dns/tracker.ts';
import { hex, message, pointer, question, record, u16 } from './bytes.ts';
import { Harness } from './harness.ts';

const framed = (wire: Buffer): Buffer => Buffer.concat([u16(wire.length), wire]);
const query = (id: number, name = 'www.example.com', type = 1): Buffer =>
  message({ id, questions: [question(name, type)] });
const response = (id: number, name = 'www.example.com', type = 1): Buffer =>
  message({ id, flags: 0x8180, questions: [question(name, type)], answers: [record(pointer(12), 1, hex('c0000201'))] });
const back = { from: 2, to: 1 };

const QUERIES = Buffer.concat([framed(query(1)), framed(query(2, 'b.example')), framed(query(3, 'c.example'))]);

describe('DNS over TCP', () => {
  it('gives the same events wherever the segments are split', () => {
    for (let split = 1; split < QUERIES.length; split++) {
      const h = new Harness();
      assert.ok(h.tcp(QUERIES.subarray(0, split), { sequence: 100 }));
      assert.ok(h.tcp(QUERIES.subarray(split), { sequence: 100 + split }));
      assert.deepEqual(
        h.messages.map((m) => [m.message.id, m.message.incomplete]),
        [
          [1, false],
          [2, false],
          [3, false],
        ],
        `split at ${split}`,
      );
      assert.equal(h.flows[0]?.app, 'dns');
    }
  });

  it('gives the same events a byte at a time, out of order and repeated', () => {
    const inOrder = new Harness();
    for (let i = 0; i < QUERIES.length; i++) inOrder.tcp(QUERIES.subarray(i, i + 1), { sequence: i });
    assert.deepEqual(
      inOrder.messages.map((m) => m.message.id),
      [1, 2, 3],
    );
    const h = new Harness();
    const parts = [
      [0, 30],
      [60, 90],
      [30, 60],
      [0, 30],
      [50, QUERIES.length],
    ] as const;
    for (const [from, to] of parts) h.tcp(QUERIES.subarray(from, to), { sequence: 0xffffffe0 + from });
    assert.deepEqual(
      h.messages.map((m) => m.message),
      inOrder.messages.map((m) => m.message),
    );
  });

  it('pairs as over UDP', () => {
    const h = new Harness();
    h.tcp(QUERIES, { at: 1 });
    h.tcp(Buffer.concat([framed(response(2, 'b.example')), framed(response(1))]), { ...back, at: 2 });
    h.tracker.end();
    assert.deepEqual(
      h.transactions.map((t) => [t.query?.id, t.response?.id, t.responseTime]),
      [
        [2, 2, 1],
        [1, 1, 1],
        [3, undefined, undefined],
      ],
    );
    assert.equal(h.transactions[0]?.conversation.transport, 'tcp');
  });

  it('finds the messages again where the capture begins in the middle', () => {
    const h = new Harness();
    h.tcp(framed(response(9)).subarray(20), { ...back, sequence: 500 });
    const next = 500 + framed(response(9)).length - 20;
    h.tcp(framed(response(1)), { ...back, sequence: next });
    assert.deepEqual(
      h.messages.map((m) => m.message.id),
      [1],
    );
  });

  it('waits for a first segment that comes late, where the SYN tells of it', () => {
    const wire = Buffer.concat([framed(response(1)), framed(response(2))]);
    for (let split = 1; split < framed(response(1)).length; split++) {
      const h = new Harness();
      h.tcp(framed(query(1)), { firstByte: 0 });
      h.tcp(wire.subarray(split), { ...back, sequence: split - 1, firstByte: 0xffffffff });
      h.tcp(wire.subarray(0, split), { ...back, sequence: 0xffffffff });
      assert.deepEqual(
        h.messages.map((m) => [m.message.id, m.message.response]),
        [
          [1, false],
          [1, true],
          [2, true],
        ],
        `split at ${split}`,
      );
      assert.equal(h.counters['dns.unsolicited'], 1);
    }
  });

  it('goes on after bytes that the other end has acknowledged and the capture has not shown', () => {
    const h = new Harness();
    const lost = framed(query(1)).length;
    const next = lost + framed(query(2, 'b.example')).length;
    h.tcp(framed(query(2, 'b.example')), { sequence: lost, firstByte: 0, at: 1 });
    h.tcp(framed(query(3, 'c.example')), { sequence: next, at: 1.25 });
    // What is acknowledged is not the gap.
    h.tcp(framed(response(1)), { ...back, sequence: 0, acknowledgment: lost - 1, at: 1.5 });
    assert.deepEqual([h.messages.length, h.counters['dns.incomplete']], [1, 0]);
    h.tcp(framed(response(2, 'b.example')), {
      ...back,
      sequence: framed(response(1)).length,
      acknowledgment: next,
      at: 2,
    });
    h.tracker.end();
    assert.deepEqual(
      h.transactions.map((t) => [t.query?.id, t.response?.id, t.time.seconds, t.responseTime]),
      [
        [undefined, 1, 1, undefined],
        [2, 2, 1, 1],
        [3, undefined, 1, undefined],
      ],
    );
    assert.equal(h.transactions[2]?.time.nanos, 250_000_000);
    assert.equal(h.counters['dns.incomplete'], 1);
  });

  it('gives of a message before such a gap what was captured of it', () => {
    const h = new Harness();
    const first = framed(response(1));
    h.tcp(first.subarray(0, 40), { ...back, sequence: 0, firstByte: 0 });
    h.tcp(framed(response(2)), { ...back, sequence: first.length });
    h.tcp(framed(query(3)), { acknowledgment: first.length });
    assert.deepEqual(
      h.messages.map((m) => [m.message.id, m.message.incomplete]),
      [
        [1, true],
        [2, false],
        [3, false],
      ],
    );
  });

  it('reads at the end what waits for bytes that never came, and counts these', () => {
    const h = new Harness();
    h.tcp(framed(query(7)), { firstByte: 0, at: 1 });
    const gap = 10 + framed(response(7)).length;
    h.tcp(framed(response(7)), { ...back, sequence: 10, firstByte: 0, at: 2 });
    h.tcp(framed(response(9)), { ...back, sequence: gap + 5, at: 2.5 });
    h.tcp(framed(response(8)).subarray(0, 20), { ...back, sequence: gap + 5 + framed(response(9)).length, at: 3 });
    h.tcp(framed(query(8)).subarray(0, 30), { sequence: framed(query(7)).length, at: 9 });
    assert.equal(h.messages.length, 1);
    h.tracker.end();
    assert.deepEqual(
      h.transactions.map((t) => [t.query?.id, t.response?.id, t.time.seconds, t.responseTime]),
      [
        [7, 7, 1, 1],
        [undefined, 9, 2, undefined],
      ],
    );
    // Two gaps and the beginnings of two messages.
    assert.deepEqual([h.counters['dns.incomplete'], h.counters['dns.unsolicited']], [4, 1]);
    assert.equal(h.flows[0]?.app, 'dns');
  });

  it('gives up a connection that is not DNS, once both directions are not', () => {
    const h = new Harness();
    const text = Buffer.from('GET / HTTP/1.1\r\nHost: www.example.com\r\n\r\n');
    const answers: boolean[] = [];
    for (let i = 0; i < 12; i++) {
      answers.push(h.tcp(text, { sequence: i * text.length }));
      if (answers.at(-1)) answers.push(h.tcp(text, { ...back, sequence: i * text.length }));
      if (answers.at(-1) === false) break;
    }
    assert.equal(answers.at(-1), false);
    assert.equal(h.counters['dns.not_dns'], 2);
    assert.deepEqual([h.messages, h.flows[0]?.app], [[], undefined]);
  });

  it('gives what was captured of a cut segment and goes on after it', () => {
    const h = new Harness();
    const first = framed(response(1));
    h.tcp(first, { ...back, sequence: 10, captured: 40 });
    h.tcp(framed(response(2)), { ...back, sequence: 10 + first.length });
    h.tcp(first, { ...back, sequence: 10 });
    assert.deepEqual(
      h.messages.map((m) => [m.message.id, m.message.incomplete, m.message.length]),
      [
        [1, true, first.length - 2],
        [2, false, first.length - 2],
      ],
    );
    assert.equal(h.counters['dns.stream_limit'], 1);
  });

  it('takes all messages of a zone transfer for one transaction (RFC 5936 §2.2)', () => {
    const h = new Harness();
    h.tcp(framed(query(5, 'example.com', 252)));
    const more = message({ id: 5, flags: 0x8400, answers: [record('x.example.com', 1, hex('c0000201'))] });
    h.tcp(Buffer.concat([framed(response(5, 'example.com', 252)), framed(more), framed(more)]), back);
    assert.deepEqual([h.messages.length, h.transactions.length, h.counters['dns.unsolicited']], [4, 1, 0]);
    // The id is free again for another query.
    const sequence = framed(query(5, 'example.com', 252)).length;
    h.tcp(framed(query(5, 'www.example.com')), { sequence });
    h.tcp(framed(response(5, 'www.example.com')), {
      ...back,
      sequence: framed(response(5, 'example.com', 252)).length + 2 * framed(more).length,
    });
    assert.equal(h.transactions[1]?.query?.questions[0]?.name, 'www.example.com');
  });

  it('tells a message of an opcode that nobody has assigned, as over UDP, and what comes after it', () => {
    const odd = framed(message({ id: 1, flags: 0x1900, questions: [question('odd.example')] }));
    const wire = Buffer.concat([odd, framed(query(2))]);
    for (let split = 0; split < wire.length; split++) {
      const h = new Harness();
      h.tcp(wire.subarray(0, split), { sequence: 0, firstByte: 0 });
      h.tcp(wire.subarray(split), { sequence: split });
      assert.deepEqual(
        h.messages.map((m) => [m.message.id, m.message.opcode]),
        [
          [1, 3],
          [2, 0],
        ],
        `split at ${split}`,
      );
    }
    // In the middle of a connection it takes a whole one: nothing else says that one begins there.
    const h = new Harness();
    h.tcp(odd.subarray(0, 20), { sequence: 0 });
    h.tcp(framed(query(2)), { sequence: 20 });
    h.tcp(odd, { ...back, sequence: 0 });
    assert.deepEqual(
      h.messages.map((m) => m.message.id),
      [2, 1],
    );
  });

  it('goes on after a message that is not DNS, where the one before was', () => {
    const h = new Harness();
    const text = framed(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
    h.tcp(Buffer.concat([framed(query(1)), text, framed(query(2))]));
    assert.deepEqual(
      h.messages.map((m) => m.message.id),
      [1, 2],
    );
    const sequence = 2 * framed(query(1)).length + text.length;
    for (let i = 0; i < 10; i++) h.tcp(text, { sequence: sequence + i * text.length });
    assert.equal(h.counters['dns.not_dns'], 1);
  });

  it('tells each unidirectional message of a stateful session alone (RFC 8490 §5.4)', () => {
    const h = new Harness();
    const dso = (id: number, flags: number): Buffer =>
      framed(Buffer.concat([message({ id, flags: flags | (6 << 11) }), hex('0041 0002 6162')]));
    h.tcp(dso(7, 0), { at: 1 });
    h.tcp(Buffer.concat([dso(7, 0x8000), dso(0, 0), dso(0, 0)]), { ...back, at: 2 });
    h.tcp(dso(0, 0), { sequence: dso(7, 0).length, at: 3 });
    h.tracker.end();
    assert.deepEqual(
      h.transactions.map((t) => [t.query?.id, t.response?.id, t.retries, t.time.seconds, t.conversation.client.ip]),
      [
        [7, 7, 0, 1, '10.0.0.1'],
        [0, undefined, 0, 2, '10.0.0.2'],
        [0, undefined, 0, 2, '10.0.0.2'],
        [0, undefined, 0, 3, '10.0.0.1'],
      ],
    );
    assert.deepEqual([h.counters['dns.unanswered'], h.counters['dns.unsolicited']], [0, 0]);
  });

  it('counts a message that never becomes whole', () => {
    const h = new Harness();
    h.tcp(framed(query(1)).subarray(0, 20));
    h.tracker.endFlow(0);
    h.tracker.endFlow(0);
    assert.deepEqual([h.counters['dns.incomplete'], h.messages.length], [1, 0]);
    h.tcp(framed(query(2)).subarray(0, 20), { sequence: 0 });
    h.tracker.end();
    assert.equal(h.counters['dns.incomplete'], 2);
  });

  it('bounds the connections that it follows', () => {
    const h = new Harness();
    for (let i = 0; i <= MAX_CONNECTIONS; i++) h.tcp(framed(query(1)).subarray(0, 20), { sourcePort: 2000 + i });
    assert.equal(h.counters['dns.stream_limit'], 1);
    h.tracker.end();
    assert.equal(h.counters['dns.incomplete'], MAX_CONNECTIONS);
  });
});
