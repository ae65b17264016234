import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CimEvent } from '../../src/cim/event.ts';
import { noticeText } from '../../src/commands/outputs.ts';
import { type Counters, createCounters, unaccountedEvents } from '../../src/counters.ts';
import { backoffMs } from '../../src/outputs/backoff.ts';
import { MemoryStore } from '../../src/outputs/batch.ts';
import { Delivery } from '../../src/outputs/delivery.ts';
import type { DeliveryNotice } from '../../src/outputs/notice.ts';
import { DeliveryError, type DeliveryErrorOptions, type Output } from '../../src/outputs/output.ts';
import type { QueueOptions } from '../../src/outputs/queue.ts';
import { eventOf } from './events.ts';
import { route, settingsOf } from './routes.ts';

/** A peer that the test plays: it takes a batch, refuses it or says nothing. */
class Peer implements Output {
  readonly name = 'peer';
  readonly sent: string[][] = [];
  readonly taken: string[] = [];
  signals: AbortSignal[] = [];
  /** What becomes of each batch, in order; then everything is taken. */
  readonly answers: ('take' | 'slow' | 'hang' | DeliveryError | ((batch: readonly CimEvent[]) => DeliveryError))[] = [];

  async send(batch: readonly CimEvent[], signal?: AbortSignal): Promise<void> {
    const lines = batch.map(({ line }) => line);
    this.sent.push(lines);
    if (signal) this.signals.push(signal);
    const answer = this.answers.shift() ?? 'take';
    await new Promise((resolve) => setImmediate(resolve));
    if (answer === 'hang') return new Promise(() => {});
    if (answer === 'slow') await new Promise((resolve) => setTimeout(resolve, 50));
    else if (answer !== 'take') throw typeof answer === 'function' ? answer(batch) : answer;
    this.taken.push(...lines);
  }

  async close(): Promise<void> {}
}

const passing = (options: DeliveryErrorOptions = {}) => new DeliveryError('away', true, options);
const SOON = { initial_ms: 1, max_ms: 2, give_up_s: 0 };
/** One event a batch. */
const SINGLE = { ...settingsOf('-'), batch: { events: 1, bytes: 1_000_000, interval_ms: 10 }, retry: SOON };
const PATIENT = { settings: SINGLE, giveUpAfterMs: Number.POSITIVE_INFINITY };

function open(peer: Peer, options: Partial<QueueOptions> = PATIENT) {
  const counters = createCounters();
  const notices: DeliveryNotice[] = [];
  const delivery = new Delivery([route(peer, options)], counters, (notice) => notices.push(notice));
  const push = (count: number, from = 0): void => {
    for (let i = from; i < from + count; i++) delivery.push(eventOf(`${i}`), 'cim');
  };
  return { delivery, counters, notices, push };
}

const numbers = (count: number): string[] => Array.from({ length: count }, (_, i) => `${i}`);
const assertBalanced = (counters: Counters): void => assert.equal(unaccountedEvents(counters), 0);

describe('backoffMs', () => {
  it('is a random part of a span that doubles up to its limit', () => {
    const retry = { initial_ms: 100, max_ms: 1_000 };
    assert.deepEqual(
      [1, 2, 3, 4, 5, 2_000].map((failures) => backoffMs(failures, retry, 1)),
      [100, 200, 400, 800, 1_000, 1_000],
    );
    assert.equal(backoffMs(3, retry, 0.5), 200);
    assert.equal(backoffMs(3, retry, 0), 0);
  });
});

describe('Sender', () => {
  it('sends again what a passing error kept back, in order, and says once that it fails and that it works again', async () => {
    const peer = new Peer();
    peer.answers.push('take', passing(), passing(), passing());
    const { delivery, counters, notices, push } = open(peer);
    push(4);
    await delivery.close();
    assert.deepEqual(peer.taken, numbers(4));
    assert.deepEqual(
      notices.map(({ what }) => what),
      ['failing', 'recovered'],
    );
    assert.equal(counters['delivery.retries'], 3);
    assert.equal(counters['events.sent'], 4);
    assertBalanced(counters);
  });

  it('says it once of a peer that comes and goes', async () => {
    const peer = new Peer();
    peer.answers.push(passing(), 'take', passing(), 'take', passing());
    const { delivery, notices, push } = open(peer);
    push(3);
    await delivery.close();
    assert.deepEqual(peer.taken, numbers(3));
    assert.deepEqual(
      notices.map(({ what }) => what),
      ['failing', 'recovered'],
    );
  });

  it('says another reason too, after a minute, then ever more seldom, and each hour that it still fails', async (t) => {
    let now = 0;
    t.mock.method(performance, 'now', () => now);
    const peer = new Peer();
    let reason: string | undefined = 'answered 401';
    peer.send = async (batch) => {
      await new Promise((resolve) => setImmediate(resolve));
      if (reason !== undefined) throw new DeliveryError(reason, true);
      peer.taken.push(...batch.map(({ line }) => line));
    };
    const { delivery, counters, notices, push } = open(peer);
    let said = 0;
    /** What is said while the batch is tried a few times more. */
    const after = async (ms: number, why: string): Promise<string[]> => {
      now += ms;
      reason = why;
      const enough = counters['delivery.retries'] + 3;
      while (counters['delivery.retries'] < enough) await new Promise((resolve) => setTimeout(resolve, 1));
      const news = notices.slice(said).map((notice) => noticeText(notice)?.text ?? '');
      said = notices.length;
      return news;
    };
    push(5);
    assert.deepEqual(await after(0, 'answered 401'), ['peer: answered 401; trying again until it works']);
    assert.deepEqual(await after(59_999, 'refused'), []);
    assert.deepEqual(await after(1, 'refused'), [
      'peer: refused; failing for 60 s, 5 events wait; trying again until it works',
    ]);
    push(2, 5);
    assert.deepEqual(await after(60_000, 'refused'), []);
    assert.deepEqual(await after(0, 'answered 401'), []);
    assert.deepEqual(await after(60_000, 'answered 401'), [
      'peer: answered 401; failing for 3 min, 7 events wait; trying again until it works',
    ]);
    assert.deepEqual(await after(180_000, 'refused'), []);
    assert.deepEqual(await after(0, 'answered 401'), []);
    assert.deepEqual(await after(3_420_000, 'answered 401'), [
      'peer: answered 401; failing for 63 min, 7 events wait; trying again until it works',
    ]);
    assert.deepEqual(await after(3_599_999, 'answered 401'), []);
    reason = undefined;
    await delivery.close();
    assert.equal(peer.taken.length, 7);
    assert.equal(notices.at(-1)?.what, 'recovered');
    assertBalanced(counters);
  });

  it('ends the output alone whose store fails, and says why', async () => {
    const [peer, other] = [new Peer(), new Peer()];
    const store = new MemoryStore();
    store.acknowledge = () => {
      throw new Error('a bug');
    };
    const counters = createCounters();
    const notices: DeliveryNotice[] = [];
    const delivery = new Delivery(
      [route(peer, { ...PATIENT, openStore: () => store }), route(other, PATIENT)],
      counters,
      (notice) => notices.push(notice),
    );
    for (const line of numbers(4)) delivery.push(eventOf(line), 'cim');
    await delivery.drain();
    delivery.push(eventOf('4'), 'cim');
    await delivery.close();
    assert.deepEqual(other.taken, numbers(5));
    assert.deepEqual(peer.taken, ['0']);
    assert.equal(notices.length, 1);
    assert.ok(notices[0]?.what === 'failed' && /a bug/.test(notices[0].error.message));
    assert.equal(counters['events.dropped.output'], 4);
    assert.equal(counters['events.queued'], 0);
    assertBalanced(counters);
  });

  it('ends the output alone of which nothing can be told', async () => {
    const [peer, other] = [new Peer(), new Peer()];
    peer.answers.push(new DeliveryError('too large', false));
    const counters = createCounters();
    const delivery = new Delivery([route(peer, PATIENT), route(other, PATIENT)], counters, () => {
      throw new Error('the log is broken');
    });
    for (const line of numbers(4)) delivery.push(eventOf(line), 'cim');
    await delivery.close();
    assert.deepEqual(other.taken, numbers(4));
    assert.equal(counters['events.dropped.refused'], 1);
    assert.equal(counters['events.dropped.output'], 3);
    assertBalanced(counters);
  });

  it('loses what the other side will never take, counts and tells it, and goes on', async () => {
    const peer = new Peer();
    peer.answers.push('take', new DeliveryError('too large', false));
    const { delivery, counters, notices, push } = open(peer);
    push(3);
    await delivery.close();
    assert.deepEqual(peer.taken, ['0', '2']);
    assert.deepEqual(notices, [{ output: 'peer', what: 'lost', loss: 'refused', events: 1, reason: 'too large' }]);
    assert.equal(counters['events.dropped.refused'], 1);
    assertBalanced(counters);
  });

  it('goes on after a batch that met a passing error first and was refused then', async () => {
    const peer = new Peer();
    peer.answers.push(passing(), new DeliveryError('too large', false));
    const { delivery, counters, notices, push } = open(peer);
    push(3);
    await delivery.close();
    assert.deepEqual(peer.taken, ['1', '2']);
    assert.deepEqual(
      notices.map(({ what }) => what),
      ['failing', 'lost', 'recovered'],
    );
    assert.equal(counters['events.dropped.refused'], 1);
    assert.equal(counters['events.sent'], 2);
    assertBalanced(counters);
  });

  it('sends again only the events that an error is about', async () => {
    const peer = new Peer();
    peer.answers.push((batch) => passing({ remaining: batch.slice(2) }));
    const settings = { ...SINGLE, batch: { ...SINGLE.batch, events: 4 } };
    const { delivery, counters, push } = open(peer, { ...PATIENT, settings });
    push(4);
    await delivery.close();
    assert.deepEqual(peer.sent, [numbers(4), ['2', '3']]);
    assert.equal(counters['events.sent'], 4);
    assertBalanced(counters);
  });

  it('has several batches in flight; after an error nothing new goes before what failed', async () => {
    const peer = new Peer();
    peer.answers.push(passing(), 'take', passing());
    const { delivery, counters, push } = open(peer, { ...PATIENT, inFlight: 3 });
    push(6);
    assert.equal(peer.sent.length, 3, 'three at once');
    await delivery.close();
    assert.deepEqual(
      peer.sent.map(([line]) => line),
      ['0', '1', '2', '0', '2', '3', '4', '5'],
    );
    assert.deepEqual(peer.taken, ['1', '0', '2', '3', '4', '5']);
    assertBalanced(counters);
  });

  it('waits as long as the other side asks', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const peer = new Peer();
    peer.answers.push(passing({ retryAfterMs: 80 }));
    const { delivery, push } = open(peer);
    const settled = async (): Promise<void> => {
      for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
    };
    push(1);
    await settled();
    t.mock.timers.tick(79);
    await settled();
    assert.equal(peer.sent.length, 1);
    t.mock.timers.tick(1);
    await settled();
    assert.equal(peer.sent.length, 2);
    t.mock.timers.reset();
    await delivery.close();
  });

  it('takes a peer that does not answer for one that is away', async () => {
    const peer = new Peer();
    peer.answers.push('hang');
    const { delivery, counters, push } = open(peer, { ...PATIENT, timeoutMs: 20 });
    push(2);
    await delivery.close();
    assert.deepEqual(peer.taken, ['0', '1']);
    assert.equal(peer.signals[0]?.aborted, true);
    assert.equal(peer.signals[1]?.aborted, false);
    assertBalanced(counters);
  });

  it('gives up after so long without success', async () => {
    const peer = new Peer();
    peer.answers.push(...Array.from({ length: 10_000 }, () => passing()));
    const { delivery, counters, notices, push } = open(peer, { ...PATIENT, giveUpAfterMs: 30 });
    push(3);
    await delivery.close();
    assert.deepEqual(
      notices.map(({ what }) => what),
      ['failing', 'failed'],
    );
    assert.equal(counters['events.dropped.output'], 3);
    assertBalanced(counters);
  });

  it('ends by its deadline, whatever the peer does, and counts what it could not send', async () => {
    const peer = new Peer();
    peer.answers.push('take', 'hang');
    const { delivery, counters, notices, push } = open(peer);
    push(5);
    await delivery.close(new Promise((resolve) => setTimeout(resolve, 20)));
    assert.deepEqual(peer.taken, ['0']);
    assert.equal(peer.signals[1]?.aborted, true);
    assert.equal(counters['events.dropped.shutdown'], 4);
    assert.deepEqual(notices, [
      { output: 'peer', what: 'lost', loss: 'shutdown', events: 4, reason: 'the agent had to end' },
    ]);
    assertBalanced(counters);
  });

  it('counts what the peer takes at the end although it was asked to give up', async () => {
    const peer = new Peer();
    peer.answers.push('slow');
    const { delivery, counters, push } = open(peer);
    push(3);
    await delivery.close(Promise.resolve());
    assert.equal(peer.signals[0]?.aborted, true);
    assert.deepEqual(peer.taken, ['0']);
    assert.equal(counters['events.sent'], 1);
    assert.equal(counters['events.dropped.shutdown'], 2);
    assertBalanced(counters);
  });

  it('takes a fault of the output for a refusal: the same again would fail again', async () => {
    const peer = new Peer();
    peer.send = async () => assert.fail('a bug');
    const { delivery, counters, push } = open(peer);
    push(1);
    await delivery.close();
    assert.equal(counters['events.dropped.refused'], 1);
  });

  it('counts what comes after its end as lost', async () => {
    const peer = new Peer();
    const { delivery, counters, push } = open(peer);
    push(1);
    await delivery.close();
    push(2, 1);
    assert.deepEqual(peer.taken, ['0']);
    assert.equal(counters['events.dropped.shutdown'], 2);
    assertBalanced(counters);
    assert.equal(counters['events.queued'], 0);
  });

  it('does not let one output hold another', async () => {
    const slow = new Peer();
    slow.answers.push('hang');
    const quick = new Peer();
    const counters = createCounters();
    const delivery = new Delivery([route(slow, PATIENT), route(quick, PATIENT)], counters, () => {});
    for (const line of numbers(3)) delivery.push(eventOf(line), 'cim');
    while (quick.taken.length < 3) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(slow.taken.length, 0);
    assert.deepEqual(
      delivery.outputs.map(({ counts }) => [counts['events.sent'], counts['events.queued']]),
      [
        [0, 3],
        [3, 0],
      ],
    );
    assertBalanced(counters);
    await delivery.close(Promise.resolve());
    assert.equal(counters['events.dropped.shutdown'], 3);
  });
});

describe('an output', () => {
  const MIXED = [
    eventOf('f', 'flow'),
    eventOf('{"severity":"low"}', 'finding'),
    eventOf('{"severity":"high","message":"\\"severity\\":\\"low\\""}', 'finding'),
    eventOf('{"severity":"no such"}', 'finding'),
    eventOf('d', 'dns'),
  ];

  async function lines(options: object): Promise<{ taken: string[]; counters: Counters }> {
    const peer = new Peer();
    const settings = settingsOf({ target: '-', ...options });
    const { delivery, counters } = open(peer, { settings });
    for (const event of MIXED) delivery.push(event, 'cim');
    await delivery.close();
    assertBalanced(counters);
    return { taken: peer.taken, counters };
  }

  it('gets the kinds that it wants', async () => {
    const { taken, counters } = await lines({ kinds: ['flow', 'dns'] });
    assert.deepEqual(taken, ['f', 'd']);
    assert.equal(counters['events.filtered.output'], 3);
  });

  it('gets the findings that are severe enough, and those that cannot be judged', async () => {
    const { taken } = await lines({ min_severity: 'medium' });
    assert.deepEqual(
      taken,
      MIXED.filter((_, i) => i !== 1).map(({ line }) => line),
    );
  });

  it('gets the events of its format alone', async () => {
    const [cim, native] = [new Peer(), new Peer()];
    const delivery = new Delivery(
      [route(cim), route(native, { settings: settingsOf('-', 'native') })],
      createCounters(),
      () => {},
    );
    assert.deepEqual([...delivery.formats], ['cim', 'native']);
    delivery.push(eventOf('c'), 'cim');
    delivery.push(eventOf('n'), 'native');
    await delivery.close();
    assert.deepEqual([cim.taken, native.taken], [['c'], ['n']]);
  });
});
