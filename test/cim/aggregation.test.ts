/** Aggregated events hold exactly what the events that they stand for would have said. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Aggregator, MAX_SUMS } from '../../src/cim/aggregation/aggregator.ts';
import { Normalizer } from '../../src/cim/normalize.ts';
import { createCounters } from '../../src/counters.ts';
import type { DnsTransactionEvent, FlowEvent, NetworkEvent } from '../../src/dissect/event.ts';
import type { Verdict } from '../../src/policy/verdict.ts';
import { conversationOf } from '../conversation.ts';
import { PROJECT, skipWithout } from '../support/shared.ts';
import { Assessor } from './oracle/assessor.ts';
import { replayLines } from './oracle/replay.ts';
import { DNS, FLOW, OPTIONS, RESPONSE, record, TIME, VERDICTS } from './samples.ts';

const WINDOW = 60;

/** What the aggregator makes of events that come one after another. */
function aggregate(events: readonly NetworkEvent[], verdicts: readonly Verdict[] = []) {
  const told: (FlowEvent | DnsTransactionEvent)[] = [];
  const counters = createCounters();
  const aggregator = new Aggregator(WINDOW, counters, (event) => told.push(event));
  for (const event of events) assert.ok(aggregator.take(event, verdicts));
  aggregator.end();
  return { told, counters };
}

const later = <T extends FlowEvent | DnsTransactionEvent>(event: T, seconds: number, port: number): T => ({
  ...event,
  time: { seconds: TIME.seconds + seconds, nanos: 0 },
  ...('end' in event && { end: { seconds: TIME.seconds + seconds + 1, nanos: 0 } }),
  conversation: conversationOf({ client: { ip: '192.0.2.9', port }, session: port }, event.conversation),
});

/** Everything in a line that is counted. */
const COUNTED = ['bytes', 'bytes_in', 'bytes_out', 'packets', 'packets_in', 'packets_out'] as const;
const COUNTED_OF_FLOW =
  /^(payload_bytes|retransmits|retransmitted_bytes|out_of_order|zero_windows|resets)_(in|out)$|^retries$/;

// biome-ignore lint/suspicious/noExplicitAny: lines are what the test is about
function addTo(sums: Map<string, number>, kind: string, line: any): void {
  const add = (name: string, value: number) => sums.set(`${kind} ${name}`, (sums.get(`${kind} ${name}`) ?? 0) + value);
  add('events', line.vesper.aggregate?.count ?? 1);
  for (const name of COUNTED) if (name in line) add(name, line[name]);
  for (const [name, value] of Object.entries(line.vesper[kind] ?? {})) {
    if (COUNTED_OF_FLOW.test(name)) add(name, value as number);
  }
  if (kind === 'flow')
    add('connections', line.vesper.aggregate?.connections ?? (line.vesper.flow.record === 1 ? 1 : 0));
}

describe('Aggregator', () => {
  it('sums flows between the same pair', () => {
    const { told, counters } = aggregate([later(FLOW, 0, 1), later({ ...FLOW, record: 2 }, 5, 2), later(FLOW, 9, 3)]);
    assert.equal(told.length, 1);
    const [sum] = told as FlowEvent[];
    assert.deepEqual(sum?.out, { packets: 27, bytes: 2_700, payloadBytes: 1_260 });
    assert.deepEqual(sum?.in, { packets: 18, bytes: 1_800, payloadBytes: 840 });
    assert.equal(sum?.tcp?.out.retransmits, 3);
    assert.deepEqual(sum?.aggregated, { count: 3, connections: 2 });
    assert.equal(sum?.time.seconds, TIME.seconds);
    assert.equal(sum?.duration, 10);
    assert.equal(counters['aggregate.merged'], 2);
  });

  it('sums DNS transactions with the same question and answer, whatever their TTL', () => {
    const aged = { ...RESPONSE, id: 7, answers: RESPONSE.answers.map((one) => ({ ...one, ttl: 1 })) };
    const { told } = aggregate([
      later({ ...DNS, responseTime: 0.1, retries: 1 }, 0, 1),
      later({ ...DNS, responseTime: 0.3, response: aged }, 7, 2),
    ]);
    const [sum] = told as DnsTransactionEvent[];
    assert.equal(told.length, 1);
    assert.equal(sum?.responseTime, 0.2);
    assert.equal(sum?.retries, 1);
    assert.deepEqual(sum?.aggregated, { count: 2, last: { seconds: TIME.seconds + 7, nanos: 0 }, slowest: 0.3 });
    const line = JSON.parse(new Normalizer(OPTIONS).normalize(sum!, [])!.line);
    assert.deepEqual(line.vesper.aggregate, { count: 2, last: TIME.seconds + 7, response_time_max: 0.3 });
  });

  it('keeps apart what differs', () => {
    const elsewhere = conversationOf({ server: { ip: '198.51.100.8', port: 443 } }, FLOW.conversation);
    const flows = [
      FLOW,
      { ...FLOW, endReason: 'rst' as const },
      { ...FLOW, app: undefined },
      { ...FLOW, conversation: elsewhere },
    ];
    assert.equal(aggregate(flows).told.length, flows.length);
    const answers = [record(1, '192.0.2.99')];
    const transactions = [
      DNS,
      { ...DNS, response: { ...RESPONSE, answers } },
      { ...DNS, response: { ...RESPONSE, rcode: 2 } },
      { ...DNS, response: undefined, responseTime: undefined },
    ];
    assert.equal(aggregate(transactions).told.length, transactions.length);
  });

  it('gives what stayed alone unchanged', () => {
    assert.deepEqual(aggregate([FLOW, DNS]).told, [FLOW, DNS]);
  });

  it('tells a sum when its window is over, by packet time', () => {
    const { told } = aggregate([0, 30, 59, 61, 200].map((at, i) => later(DNS, at, i + 1)));
    assert.deepEqual(
      told.map(({ aggregated }) => aggregated?.count ?? 1),
      [3, 1, 1],
    );
  });

  it('keeps its bound, and nothing gets lost by it', () => {
    const events = Array.from({ length: MAX_SUMS + 10 }, (_, i) => ({
      ...DNS,
      query: undefined,
      responseTime: undefined,
      response: { ...RESPONSE, answers: [record(1, `x${i}`)] },
    }));
    const { told, counters } = aggregate(events);
    assert.equal(told.length, events.length);
    assert.equal(counters['aggregate.evicted'], 10);
  });

  it('keeps the sums of any flows', () => {
    const some = fc.record({
      at: fc.nat(300),
      port: fc.integer({ min: 1, max: 5 }),
      bytes: fc.nat(1e6),
      server: fc.constantFrom('198.51.100.7', '198.51.100.8'),
    });
    fc.assert(
      fc.property(fc.array(some, { maxLength: 60 }), (list) => {
        const flows = list.map(({ at, port, bytes, server }) => {
          const conversation = conversationOf({ server: { ip: server, port: 443 } }, FLOW.conversation);
          return later({ ...FLOW, conversation, out: { packets: 1, bytes, payloadBytes: bytes } }, at, port);
        });
        const { told } = aggregate(flows, VERDICTS);
        const total = (events: readonly FlowEvent[]) => events.reduce((sum, { out }) => sum + out.bytes, 0);
        assert.equal(total(told as FlowEvent[]), total(flows));
        assert.equal(
          told.reduce((sum, { aggregated }) => sum + (aggregated?.count ?? 1), 0),
          flows.length,
        );
      }),
    );
  });
});

describe('aggregation of real traffic', () => {
  const assessor = skipWithout('cim') === false ? new Assessor() : undefined;

  for (const name of ['office-hour', 'dns-udp', 'dns-unanswered', 'tcp-retransmission', 'quic']) {
    it(`keeps every count of ${name}`, async () => {
      const folder = join(PROJECT, 'test', 'fixtures', 'cases', name);
      const file = join(folder, readdirSync(folder).find((one) => one.startsWith('input.'))!);
      const count = async (settings: Readonly<Record<string, string>>) => {
        const sums = new Map<string, number>();
        let lines = 0;
        await replayLines(
          file,
          (kind, line) => {
            lines++;
            addTo(sums, kind, JSON.parse(line));
            assert.deepEqual(assessor?.complaints(kind, line) ?? [], []);
          },
          settings,
        );
        return { lines, sums };
      };
      const plain = await count({});
      const aggregated = await count({ 'aggregate.window_s': '3600' });
      assert.deepEqual([...aggregated.sums].sort(), [...plain.sums].sort());
      assert.ok(aggregated.lines <= plain.lines);
      if (name === 'office-hour')
        assert.ok(aggregated.lines < plain.lines, `${aggregated.lines} of ${plain.lines} lines`);
    });
  }
});
