import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { HecOutput } from '../../src/outputs/hec.ts';
import type { DeliveryError } from '../../src/outputs/output.ts';
import { UsageError } from '../../src/usage-error.ts';
import { skipWithoutService } from '../services/cache.ts';
import { makeCertificates } from '../services/certificates.ts';
import { Collector } from '../services/collector.ts';
import { FaultProxy } from '../services/fault-proxy.ts';
import { batchesOf, deliver } from './deliver.ts';
import { sampleEvents, tally } from './sample-events.ts';
import { settingsOf } from './settings.ts';

const skip = skipWithoutService('collector');
const TOKEN = '3fa85f64-5717-4562-b3fc-2c963f66afa6';

describe('Splunk HEC', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'vesper-'));
  const tokenFile = join(folder, 'token');
  writeFileSync(tokenFile, `${TOKEN}\n`);
  const { ca, server } = makeCertificates(folder);
  let collector: Collector;
  let secure: Collector;
  let proxy: FaultProxy;
  before(async () => {
    const acks = { receivers: { splunk_hec: { ack: { extension: 'ack' } } }, extensions: { ack: {} } };
    collector = await Collector.start(acks);
    secure = await Collector.start({
      receivers: { splunk_hec: { tls: { cert_file: server.cert, key_file: server.key } } },
    });
    proxy = await FaultProxy.start(collector.hecPort);
  });
  after(async () => {
    await proxy?.close();
    await collector?.close();
    await secure?.close();
    rmSync(folder, { recursive: true });
  });
  beforeEach(() => collector.clear());

  const outputTo = (port: number, options: Record<string, unknown> = {}): HecOutput =>
    new HecOutput(settingsOf('hec', `hec+http://127.0.0.1:${port}`, { token_file: tokenFile, ...options }), 'sensor-1');

  for (const ack of [false, true]) {
    for (const compression of ['none', 'gzip']) {
      test(`the event is the line, by the byte; compression ${compression}, acknowledgment ${ack}`, async () => {
        const events = sampleEvents(300);
        const output = outputTo(proxy.port, { compression, ack, splunk: { index: 'netops', source: 'wire' } });
        await output.send(events);
        await output.close();
        const records = await collector.received(300);
        assert.equal(records.length, 300);
        const byBody = new Map(records.map((record) => [record.body, record]));
        for (const event of events) {
          const record = byBody.get(event.line);
          assert.ok(record, `not among the records: ${event.line}`);
          const said = { ...record.resource, ...record.attributes };
          assert.equal(said['host.name'], 'sensor-1');
          assert.equal(said['com.splunk.sourcetype'], `vesper:${event.kind}`);
          assert.equal(said['com.splunk.source'], 'wire');
          assert.equal(said['com.splunk.index'], 'netops');
          assert.equal(
            Math.round(Number(record.timeUnixNano) / 1e6),
            Math.round(event.seconds * 1e3 + event.nanos / 1e6),
          );
        }
        assert.equal(proxy.headers.authorization, `Splunk ${TOKEN}`);
        assert.equal(proxy.headers['x-splunk-request-channel'] !== undefined, ack);
      });
    }
  }

  test('with acknowledgment, a batch is delivered when the indexer says so, and not before', async () => {
    const output = outputTo(proxy.port, { ack: true });
    await output.send(sampleEvents(1));
    proxy.faults.push(
      { status: 200, body: '{"text":"Success","code":0,"ackId":7}' },
      { status: 200, body: '{"acks":{"7":false}}' },
      { status: 200, body: '{"acks":{"7":false}}' },
      { status: 200, body: '{"acks":{"7":true}}' },
    );
    await output.send(sampleEvents(1));
    assert.equal(proxy.faults.length, 0);
    proxy.faults.push({ status: 200, body: '{"text":"Success","code":0}' });
    await assert.rejects(output.send(sampleEvents(1)), /does not acknowledge/);
    await output.close();
  });

  const refusals: readonly [number, string, boolean][] = [
    [400, '{"text":"Invalid data format","code":6,"invalid-event-number":0}', false],
    [400, '{"text":"Error in handling indexed fields","code":15,"invalid-event-number":0}', false],
    [400, '{"text":"Incorrect index","code":7,"invalid-event-number":1}', true],
    [400, '{"text":"ACK is disabled","code":14}', true],
    [401, '{"text":"Token is required","code":2}', true],
    [403, '{"text":"Invalid token","code":4}', true],
    [404, 'not found', true],
    [500, '{"text":"Internal server error","code":8}', true],
    [503, '{"text":"Server is busy","code":9}', true],
  ];
  test('an answer that repeats the token is shown without it', async () => {
    proxy.faults.push({ status: 403, body: `{"text":"bad token Splunk ${TOKEN}","code":4}` });
    const output = outputTo(proxy.port);
    await assert.rejects(output.send(sampleEvents(1)), {
      message: 'answered 403: {"text":"bad token Splunk (hidden)","code":4}',
    });
    await output.close();
  });

  for (const [status, body, retryable] of refusals) {
    test(`${status} ${body} is ${retryable ? 'a reason to wait' : 'for good'}`, async () => {
      proxy.faults.push({ status, body, headers: { 'retry-after': '3' } });
      const output = outputTo(proxy.port);
      await assert.rejects(output.send(sampleEvents(3)), (error: DeliveryError) => {
        assert.equal(error.retryable, retryable);
        assert.equal(error.message, `answered ${status}: ${body}`);
        assert.equal(error.remaining?.length, 3);
        assert.equal(error.retryAfterMs, retryable ? 3000 : undefined);
        assert.doesNotMatch(`${error.stack} ${JSON.stringify(error)}`, new RegExp(TOKEN));
        return true;
      });
      await output.close();
    });
  }

  for (const ack of [false, true]) {
    test(`busy, hanging, breaking, the answer lost; acknowledgment ${ack}: all arrives`, async () => {
      const events = sampleEvents(1000);
      const output = outputTo(proxy.port, { ack });
      const { errors } = await deliver(
        output,
        batchesOf(events, 100),
        (index) => {
          const fault = ([{ status: 503 }, 'hang', 'reset', 'lost answer', { status: 429 }] as const)[index % 5];
          if (fault && index < 9) proxy.faults.push(fault);
        },
        500,
      );
      await output.close();
      assert.ok(errors.length >= 9);
      // The batches whose answer was lost are there twice; with acknowledgment it may be the answer to a question.
      const records = await collector.received(ack ? 1000 : 1200);
      const { missing, duplicates } = tally(
        records.map(({ body }) => body as string),
        1000,
      );
      assert.equal(missing, 0);
      assert.ok(ack ? duplicates <= 900 : duplicates === 200, `${duplicates} twice`);
    });
  }

  test('TLS with an own authority', async () => {
    const target = `hec://127.0.0.1:${secure.hecPort}`;
    const output = new HecOutput(settingsOf('hec', target, { token_file: tokenFile, tls: { ca_file: ca } }), 's');
    await output.send(sampleEvents(10));
    await output.close();
    assert.equal((await secure.received(10)).length, 10);
    const stranger = new HecOutput(settingsOf('hec', target, { token_file: tokenFile }), 's');
    await assert.rejects(stranger.send(sampleEvents(1)), /self-signed|unable to verify/);
    await stranger.close();
  });

  test('a token is needed, and is shown in no error', () => {
    assert.throws(() => new HecOutput(settingsOf('hec', 'hec://h'), 's'), UsageError);
    writeFileSync(join(folder, 'odd'), 'hunter2\u00e9\n');
    assert.throws(
      () => new HecOutput(settingsOf('hec', 'hec://h', { token_file: join(folder, 'odd') }), 's'),
      (error: Error) => error instanceof UsageError && !error.message.includes('hunter2'),
    );
  });
});
