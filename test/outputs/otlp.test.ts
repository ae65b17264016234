import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { createCounters } from '../../src/counters.ts';
import { Delivery } from '../../src/outputs/delivery.ts';
import type { DeliveryNotice } from '../../src/outputs/notice.ts';
import { OtlpOutput } from '../../src/outputs/otlp.ts';
import { DeliveryError } from '../../src/outputs/output.ts';
import type { QueueOptions } from '../../src/outputs/queue.ts';
import { openSpool } from '../../src/outputs/spool/spool.ts';
import { UsageError } from '../../src/usage-error.ts';
import { skipWithoutService } from '../services/cache.ts';
import { type Certificates, makeCertificates } from '../services/certificates.ts';
import { Collector } from '../services/collector.ts';
import { FaultProxy } from '../services/fault-proxy.ts';
import { waitUntil } from '../services/process.ts';
import { batchesOf, deliver } from './deliver.ts';
import { eventOf } from './events.ts';
import { route } from './routes.ts';
import { sampleEvents, tally } from './sample-events.ts';
import { settingsOf } from './settings.ts';

const skip = skipWithoutService('collector');

/** As a collector that takes some. */
const PARTIAL_SUCCESS = JSON.stringify({
  partialSuccess: { rejectedLogRecords: '3', errorMessage: `no\nway ${'x'.repeat(1000)}` },
});

describe('OTLP', { skip }, () => {
  let collector: Collector;
  let proxy: FaultProxy;
  before(async () => {
    collector = await Collector.start({ receivers: { otlp: {} } });
    proxy = await FaultProxy.start(collector.otlpPort);
  });
  after(async () => {
    await proxy?.close();
    await collector?.close();
  });
  beforeEach(() => collector.clear());

  const outputTo = (port: number, options: Record<string, unknown> = {}): OtlpOutput =>
    new OtlpOutput(settingsOf('otlp', `otlp+http://127.0.0.1:${port}`, options), 'sensor-1');

  const bodies = async (count: number): Promise<string[]> =>
    (await collector.received(count)).map(({ body }) => body as string);

  for (const compression of ['none', 'gzip']) {
    test(`the body is the line, by the byte; compression ${compression}`, async () => {
      const events = sampleEvents(500);
      const output = outputTo(collector.otlpPort, { compression, splunk: { index: 'netops', source: 'wire' } });
      await output.send(events);
      await output.close();
      const records = await collector.received(500);
      assert.equal(records.length, 500);
      for (const [index, record] of records.entries()) {
        const event = events[index]!;
        assert.equal(record.body, event.line);
        assert.equal(record.timeUnixNano, `${BigInt(event.seconds) * 1_000_000_000n + BigInt(event.nanos)}`);
        assert.deepEqual(record.attributes, {
          'com.splunk.sourcetype': `vesper:${event.kind}`,
          'com.splunk.source': 'wire',
          'com.splunk.index': 'netops',
        });
        assert.equal(record.resource['host.name'], 'sensor-1');
        assert.equal(record.resource['service.name'], 'vesper');
        const { severity } = JSON.parse(event.line) as { severity?: string };
        assert.equal(record.severityText, severity);
        assert.equal(record.severityNumber === undefined, severity === undefined);
      }
      assert.ok(records.some(({ severityNumber }) => severityNumber === 17 || severityNumber === 13));
    });
  }

  test('the body may be a map, with attributes by semantic conventions', async () => {
    const events = sampleEvents(72);
    const output = outputTo(collector.otlpPort, { body: 'map', resource: { 'deployment.environment.name': 'test' } });
    await output.send(events);
    await output.close();
    const records = await collector.received(72);
    for (const [index, { body, attributes, eventName, resource }] of records.entries()) {
      const event = events[index]!;
      const line = JSON.parse(event.line) as Record<string, unknown>;
      assert.deepEqual(body, line);
      assert.equal(eventName, `vesper.${event.kind}`);
      assert.equal(attributes['source.address'], line.src);
      assert.equal(attributes['destination.port'], line.dest_port);
      assert.equal(attributes['network.transport'], line.transport);
      assert.equal(attributes['dns.question.name'], line.query);
      assert.equal(resource['deployment.environment.name'], 'test');
    }
  });

  test('a map holds values of every type, however long', async () => {
    const event = { long: 'é'.repeat(100_000), yes: true, big: 2 ** 40, part: -0.5, list: [1, [], {}, 'x'], empty: '' };
    const output = outputTo(collector.otlpPort, { body: 'map' });
    await output.send([eventOf(JSON.stringify(event))]);
    await output.close();
    const [record] = await collector.received(1);
    assert.deepEqual(record?.body, event);
  });

  const refusals: readonly [number, boolean][] = [
    [400, false],
    [500, false],
    [401, true],
    [404, true],
    [429, true],
    [502, true],
    [503, true],
    [504, true],
  ];
  for (const [status, retryable] of refusals) {
    test(`${status} is ${retryable ? 'a reason to wait' : 'for good'}`, async () => {
      proxy.faults.push({ status, headers: { 'retry-after': '7' }, body: 'a reason' });
      const output = outputTo(proxy.port);
      await assert.rejects(output.send(sampleEvents(3)), (error: DeliveryError) => {
        assert.ok(error instanceof DeliveryError);
        assert.equal(error.retryable, retryable);
        // Of the statuses after which the exporter itself would try again it does not hand on the text.
        const text = [429, 502, 503, 504].includes(status) ? '' : ': a reason';
        assert.equal(error.message, `answered ${status}${text}`);
        assert.equal(error.retryAfterMs, retryable ? 7000 : undefined);
        assert.equal(error.remaining?.length, 3);
        return true;
      });
      await output.send(sampleEvents(3));
      await output.close();
      assert.equal((await bodies(3)).length, 3);
    });
  }

  for (const wait of ['0', '1', '-1', new Date(0).toUTCString()]) {
    test(`Retry-After: ${wait} is for the delivery layer: one request an attempt`, async () => {
      proxy.faults.push({ status: 503, headers: { 'retry-after': wait } });
      const output = outputTo(proxy.port);
      const before = proxy.requests;
      await assert.rejects(output.send(sampleEvents(3)), (error: DeliveryError) => {
        assert.equal(error.message, 'answered 503');
        assert.equal(error.retryAfterMs, wait === '1' ? 1000 : undefined);
        return error.retryable;
      });
      assert.equal(proxy.requests, before + 1);
      await output.close();
    });
  }

  test('an answer that takes its time is waited for', async () => {
    const output = outputTo(proxy.port);
    await output.send(sampleEvents(3)); // over a connection that is kept
    proxy.delayMs = 300;
    await output.send(sampleEvents(3));
    proxy.delayMs = 0;
    await output.close();
    assert.equal((await bodies(6)).length, 6);
  });

  test('a partial success: what was rejected is told and not sent again', async () => {
    proxy.faults.push({ status: 200, headers: { 'content-type': 'application/json' }, body: PARTIAL_SUCCESS });
    const output = outputTo(proxy.port);
    await assert.rejects(output.send(sampleEvents(10)), (error: DeliveryError) => {
      assert.equal(error.retryable, false);
      assert.equal(error.remaining?.length, 3);
      assert.match(error.message, /^3 of 10 records were rejected: no way x{193}$/);
      return true;
    });
    await output.close();
  });

  test('a batch too large goes in halves, in order', async () => {
    proxy.faults.push({ status: 413 }, { status: 413 });
    const output = outputTo(proxy.port);
    const events = sampleEvents(100);
    await output.send(events);
    await output.close();
    assert.deepEqual(
      await bodies(100),
      events.map(({ line }) => line),
    );
  });

  test('busy, hanging, breaking, the answer lost: all arrives, in order, at most the batches under way twice', async () => {
    const events = sampleEvents(2000);
    const output = outputTo(proxy.port);
    const { errors } = await deliver(
      output,
      batchesOf(events, 100),
      (index) => {
        const fault = ([{ status: 429 }, 'hang', 'reset', 'lost answer', { status: 503 }] as const)[index % 5];
        if (fault && index < 19) proxy.faults.push(fault);
      },
      500,
    );
    await output.close();
    assert.equal(errors.length, 19);
    // The batches whose answer was lost are there twice.
    const found = await bodies(2400);
    const { missing, duplicates } = tally(found, 2000);
    assert.equal(missing, 0);
    assert.equal(duplicates, 400);
    assert.deepEqual(
      [...new Set(found)],
      events.map(({ line }) => line),
    );
  });

  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    test(`the collector ends by ${signal} and comes back`, async () => {
      const events = sampleEvents(2000);
      const output = outputTo(collector.otlpPort);
      let restarted: Promise<void> | undefined;
      const { errors } = await deliver(output, batchesOf(events, 100), async (index) => {
        if (index !== 5) return;
        // The collector acknowledges before its file exporter writes: what it had is not this output's to prove.
        await collector.received(600);
        await collector.stop(signal);
        restarted = new Promise((resolve) => setTimeout(resolve, 1000)).then(() => collector.restart());
      });
      await restarted;
      await output.close();
      assert.ok(errors.some((error) => /ECONNREFUSED|ECONNRESET|socket hang up/.test(error)));
      assert.deepEqual(tally(await bodies(2000), 2000), { missing: 0, duplicates: 0 });
    });
  }

  test('nobody listens, no such host: told, and closing takes no time', async () => {
    const nobody = outputTo(1);
    await assert.rejects(nobody.send(sampleEvents(1)), /ECONNREFUSED/);
    await nobody.close();
    const output = new OtlpOutput(settingsOf('otlp', 'otlp+http://collector.invalid'), 's');
    await assert.rejects(output.send(sampleEvents(1)), /ENOTFOUND|EAI_AGAIN/);
    await output.close();
  });

  test('a request without answer ends when it is given up', async () => {
    proxy.faults.push('hang');
    const output = outputTo(proxy.port);
    await assert.rejects(output.send(sampleEvents(1), AbortSignal.timeout(200)), (error: DeliveryError) => {
      assert.equal(error.retryable, true);
      assert.equal(error.message, 'no acknowledgment in time');
      return true;
    });
    await output.close();
  });
});

describe('an OTLP collector that is away', () => {
  /** Of this machine, where nobody listens. */
  const freePort = async (): Promise<number> => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    return port;
  };

  test('the first error ends the attempt: nothing waits inside the exporter', async (t) => {
    // An exporter that waits to try again waits for ever.
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const output = new OtlpOutput(settingsOf('otlp', `otlp+http://127.0.0.1:${await freePort()}`), 's');
    await assert.rejects(output.send(sampleEvents(1)), (error: DeliveryError) => {
      assert.match(error.message, /ECONNREFUSED/);
      return error.retryable;
    });
    await output.close();
  });

  test('it is told, tried again as retry.* says, and holds no end', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'vesper-'));
    const settings = settingsOf('otlp', `otlp+http://127.0.0.1:${await freePort()}`, {
      retry: { initial_ms: 1, max_ms: 5 },
      batch: { events: 10 },
    });
    const counters = createCounters();
    const notices: DeliveryNotice[] = [];
    const options: Partial<QueueOptions> = {
      settings,
      giveUpAfterMs: Number.POSITIVE_INFINITY,
      timeoutMs: settings.timeout_ms,
      openStore: (ledger, losses) => openSpool({ directory: folder, name: 'o', maxBytes: 2 ** 30, ledger, losses }),
    };
    const delivery = new Delivery([route(new OtlpOutput(settings, 's'), options)], counters, (notice) =>
      notices.push(notice),
    );
    for (const event of sampleEvents(20)) delivery.push(event, 'cim');
    await waitUntil('twenty tries', () => counters['delivery.retries'] >= 20);
    assert.equal(notices.length, 1);
    assert.ok(notices[0]?.what === 'failing' && /ECONNREFUSED/.test(notices[0].error.message));
    // There is no deadline: an output that was not known to fail would be waited for.
    await delivery.close();
    assert.equal(counters['events.queued'], 20, 'kept for the next start');
    rmSync(folder, { recursive: true });
  });
});

describe('OTLP over TLS', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'vesper-'));
  let certificates: Certificates;
  let collector: Collector;
  before(async () => {
    certificates = makeCertificates(folder);
    const { ca, server } = certificates;
    collector = await Collector.start({
      receivers: { otlp: { tls: { cert_file: server.cert, key_file: server.key, client_ca_file: ca } } },
    });
  });
  after(async () => {
    await collector?.close();
    rmSync(folder, { recursive: true });
  });

  const outputWith = (tls: Record<string, string>): OtlpOutput =>
    new OtlpOutput(settingsOf('otlp', `otlp+https://127.0.0.1:${collector.otlpPort}`, { tls }), 's');

  test('an own authority and a client certificate', async () => {
    const { ca, client } = certificates;
    const output = outputWith({ ca_file: ca, cert_file: client.cert, key_file: client.key });
    await output.send(sampleEvents(10));
    await output.close();
    assert.equal((await collector.received(10)).length, 10);
  });

  test('an unknown authority, no client certificate, a wrong name: refused, and told', async () => {
    const { ca, client } = certificates;
    const refused = async (tls: Record<string, string>, reason: RegExp): Promise<void> => {
      const output = outputWith(tls);
      await assert.rejects(output.send(sampleEvents(1)), (error: DeliveryError) => {
        assert.equal(error.retryable, true);
        assert.match(error.message, reason);
        return true;
      });
      await output.close();
    };
    await refused({}, /self-signed|unable to verify/);
    await refused({ ca_file: ca }, /certificate required|bad certificate|ECONNRESET|EPIPE|socket hang up/);
    const own = { ca_file: ca, cert_file: client.cert, key_file: client.key };
    await refused({ ...own, server_name: 'other.example' }, /other\.example/);
  });

  test('files that cannot be used are wrong settings', () => {
    assert.throws(() => outputWith({ ca_file: join(folder, 'none') }), UsageError);
    assert.throws(() => outputWith({ cert_file: certificates.client.cert }), /go together/);
  });
});

test('headers from a file go with requests and are in no error', { skip }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'vesper-'));
  const file = join(folder, 'headers');
  writeFileSync(file, 'Authorization: Bearer hunter2\nX-Scope: a b\n');
  const collector = await Collector.start({ receivers: { otlp: { include_metadata: true } } });
  const proxy = await FaultProxy.start(collector.otlpPort);
  try {
    const settings = settingsOf('otlp', `otlp+http://127.0.0.1:${proxy.port}`, { headers_file: file });
    const output = new OtlpOutput(settings, 's');
    proxy.faults.push({ status: 401, body: 'who are you' });
    await assert.rejects(output.send(sampleEvents(1)), (error: DeliveryError) => {
      assert.doesNotMatch(`${error.stack} ${JSON.stringify(error)}`, /hunter2/);
      return true;
    });
    assert.equal(proxy.headers.authorization, 'Bearer hunter2');
    assert.equal(proxy.headers['x-scope'], 'a b');
    await output.close();
    writeFileSync(file, 'Authorization hunter2\n');
    assert.throws(
      () => new OtlpOutput(settings, 's'),
      (error: Error) => error instanceof UsageError && /line 1/.test(error.message) && !/hunter2/.test(error.message),
    );
  } finally {
    await proxy.close();
    await collector.close();
    rmSync(folder, { recursive: true });
  }
});
