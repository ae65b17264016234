/** The command line with the real peers: what `npm run test:containers` runs with peers in containers, too. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { COLLECTOR_AT, KAFKA_AT, skipWithoutService } from '../services/cache.ts';
import { Collector } from '../services/collector.ts';
import { FaultProxy } from '../services/fault-proxy.ts';
import { KafkaCluster } from '../services/kafka.ts';
import { vesper } from '../support/cli.ts';
import { PROJECT } from '../support/shared.ts';

const skip = skipWithoutService('kafka', 'collector');
const CAPTURE = join(PROJECT, 'test/fixtures/cases/office-hour/input.pcap');
const TOKEN = 'f1d2d2f9-24e9-4b5a-9f6c-0123456789ab';

describe('vesper with the real peers', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'vesper-'));
  const topic = `vesper-${process.pid}`;
  let kafka: KafkaCluster;
  let collector: Collector;
  before(async () => {
    kafka = KAFKA_AT === undefined ? await KafkaCluster.start({ version: '4.3.1' }) : await KafkaCluster.at(KAFKA_AT);
    collector =
      COLLECTOR_AT === undefined
        ? await Collector.start({ receivers: { otlp: {}, splunk_hec: {} } })
        : Collector.at(COLLECTOR_AT);
    await kafka.createTopic(topic);
  });
  after(async () => {
    await kafka?.close();
    await collector?.close();
    rmSync(folder, { recursive: true });
  });

  const replay = (...targets: string[]) =>
    vesper(['replay', CAPTURE, ...targets.flatMap((target) => ['-o', target]), '--set', 'sensor.name=demo'], {
      env: { HEC_TOKEN: TOKEN },
    });

  test('a line of the file, a Kafka value, an OTLP body and a HEC event are the same bytes', async () => {
    const file = join(folder, 'all.ndjson');
    const hec = `hec+http://127.0.0.1:${collector.hecPort}?token_env=HEC_TOKEN`;
    collector.clear();
    const first = await replay(file, `kafka://${kafka.brokers().join(',')}/${topic}`, hec);
    assert.equal(first.status, 0, first.stderr);
    assert.doesNotMatch(first.stderr, /Warning/);
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    assert.ok(lines.length > 50);
    const records = await kafka.records(topic);
    assert.deepEqual(
      records.map(({ value }) => value),
      lines,
    );
    const events = await collector.received(lines.length);
    assert.deepEqual(events.map(({ body }) => body).sort(), [...lines].sort());

    collector.clear();
    const second = await replay(`otlp+http://127.0.0.1:${collector.otlpPort}`);
    assert.equal(second.status, 0, second.stderr);
    const bodies = await collector.received(lines.length);
    assert.deepEqual(
      bodies.map(({ body }) => body),
      lines,
    );
  });

  test("the collector's own Kafka receiver reads the same lines", { skip: KAFKA_AT !== undefined }, async () => {
    const reader = await Collector.start({
      receivers: {
        kafka: {
          brokers: kafka.brokers(),
          initial_offset: 'earliest',
          logs: { topics: [topic], encoding: 'text' },
        },
      },
    });
    try {
      const records = await kafka.records(topic);
      const read = await reader.received(records.length);
      assert.deepEqual(read.map(({ body }) => body).sort(), records.map(({ value }) => value).sort());
    } finally {
      await reader.close();
    }
  });

  test('a peer that hangs does not hold the others, nor the end', async () => {
    const proxy = await FaultProxy.start(collector.otlpPort);
    try {
      proxy.faults.push('hang', 'hang', 'hang');
      const file = join(folder, 'other.ndjson');
      const config = join(folder, 'vesper.yaml');
      writeFileSync(config, 'shutdown_timeout_s: 1\n');
      const { status, stderr } = await vesper([
        ...['replay', CAPTURE, '-c', config, '-o', file],
        ...['-o', `otlp+http://127.0.0.1:${proxy.port}?timeout_ms=500&retry.give_up_s=1`],
      ]);
      assert.equal(status, 1, stderr);
      assert.match(stderr, /otlp\+http:/);
      assert.match(stderr, /"events.dropped/);
      assert.ok(readFileSync(file, 'utf8').split('\n').length > 50);
    } finally {
      await proxy.close();
    }
  });

  test('a token that is refused is told, and shown nowhere', async () => {
    const proxy = await FaultProxy.start(collector.hecPort);
    try {
      proxy.faults.push(
        ...Array.from({ length: 50 }, () => ({ status: 403, body: '{"text":"Invalid token","code":4}' })),
      );
      const target = `hec+http://127.0.0.1:${proxy.port}?token_env=HEC_TOKEN&retry.give_up_s=1`;
      const { status, stdout, stderr } = await vesper(['replay', CAPTURE, '-o', target, '--set', 'log.level=trace'], {
        env: { HEC_TOKEN: TOKEN },
      });
      assert.equal(status, 1);
      assert.match(stderr, /Invalid token/);
      assert.doesNotMatch(stdout + stderr, new RegExp(TOKEN));
    } finally {
      await proxy.close();
    }
  });
});
