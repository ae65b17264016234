import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import zlib from 'node:zlib';
import type { CimEvent } from '../../src/cim/event.ts';
import { KafkaOutput } from '../../src/outputs/kafka.ts';
import { DeliveryError } from '../../src/outputs/output.ts';
import { KAFKA_VERSIONS, skipWithoutService } from '../services/cache.ts';
import { KafkaCluster, SASL_PASSWORD, SASL_USER } from '../services/kafka.ts';
import { batchesOf, deliver } from './deliver.ts';
import { eventOf } from './events.ts';
import { sampleEvents, tally } from './sample-events.ts';
import { settingsOf } from './settings.ts';

const skip = skipWithoutService('kafka');

const linesOf = (events: readonly CimEvent[]): string[] => events.map(({ line }) => line);

for (const version of KAFKA_VERSIONS) {
  describe(`Kafka ${version}`, { skip }, () => {
    const folder = mkdtempSync(join(tmpdir(), 'vesper-'));
    const password = join(folder, 'password');
    writeFileSync(password, `${SASL_PASSWORD}\n`);
    let kafka: KafkaCluster;
    before(async () => {
      kafka = await KafkaCluster.start({ version, secure: true });
    });
    after(async () => {
      await kafka?.close();
      rmSync(folder, { recursive: true });
    });

    /** Sends to a topic of this name with these options, and returns what is in the topic then. */
    async function sent(events: readonly CimEvent[], topic: string, options: Record<string, unknown> = {}) {
      const target = `kafka://${kafka.brokers().join(',')}/${topic}`;
      const output = new KafkaOutput(settingsOf('kafka', target, options), 'sensor-1');
      try {
        await output.send(events);
      } finally {
        await output.close();
      }
      return kafka.records(topic);
    }

    test('a record is the line, by the byte; key, time and headers say what Splunk and consumers ask for', async () => {
      await kafka.createTopic('lines', { partitions: 3 });
      const events = sampleEvents(200);
      const records = await sent(events, 'lines', { splunk: { index: 'netops', source: 'wire' } });
      const byValue = new Map(records.map((record) => [record.value, record]));
      assert.equal(records.length, events.length);
      for (const event of events) {
        const record = byValue.get(event.line);
        assert.ok(record, `not among the records: ${event.line}`);
        const { flow_id, vesper } = JSON.parse(event.line) as { flow_id?: string; vesper?: { flow_id?: string } };
        assert.equal(record.key, flow_id ?? vesper?.flow_id);
        assert.match(record.key ?? '', /^1:/);
        assert.equal(record.timestamp, event.seconds * 1000 + Math.floor(event.nanos / 1e6));
        assert.deepEqual(record.headers, {
          'splunk.header.sourcetype': `vesper:${event.kind}`,
          'splunk.header.host': 'sensor-1',
          'splunk.header.source': 'wire',
          'splunk.header.index': 'netops',
        });
      }
      const partitions = new Map<string | undefined, Set<number>>();
      for (const { key, partition } of records) partitions.set(key, (partitions.get(key) ?? new Set()).add(partition));
      assert.ok(
        [...partitions.values()].every(({ size }) => size === 1),
        'a connection is in one partition',
      );
      assert.ok(new Set(records.map(({ partition }) => partition)).size > 1, 'connections are in several');
    });

    test('a topic for each kind', async () => {
      const events = sampleEvents(100);
      const kinds = [...new Set(events.map(({ kind }) => kind))];
      for (const kind of kinds) await kafka.createTopic(`by-kind-${kind}`);
      const output = new KafkaOutput(settingsOf('kafka', `kafka://${kafka.brokers()[0]}/by-kind-{kind}`), 'sensor-1');
      await output.send(events);
      await output.close();
      for (const kind of kinds) {
        const records = await kafka.records(`by-kind-${kind}`);
        assert.deepEqual(
          records.map(({ value }) => value),
          linesOf(events.filter((event) => event.kind === kind)),
        );
      }
    });

    test("the value may be Splunk's HEC envelope, with the line in it", async () => {
      await kafka.createTopic('envelopes');
      const events = sampleEvents(20);
      const records = await sent(events, 'envelopes', { value: 'hec', key: 'none', splunk: { index: 'netops' } });
      for (const [index, { value, key }] of records.entries()) {
        const event = events[index]!;
        assert.equal(key, undefined);
        const { time, ...rest } = JSON.parse(value) as Record<string, unknown>;
        assert.equal(time, (JSON.parse(event.line) as { time: number }).time);
        assert.deepEqual(rest, {
          host: 'sensor-1',
          sourcetype: `vesper:${event.kind}`,
          index: 'netops',
          event: event.line,
        });
      }
    });

    for (const compression of ['gzip', 'snappy', 'zstd']) {
      const unknown = compression === 'zstd' && !('zstdCompress' in zlib) && 'this Node has no Zstandard';
      test(`compression ${compression}`, { skip: unknown }, async () => {
        await kafka.createTopic(compression);
        const events = sampleEvents(300);
        const records = await sent(events, compression, { compression });
        assert.deepEqual(
          records.map(({ value }) => value),
          linesOf(events),
        );
      });
    }

    test('TLS with a client certificate', async () => {
      await kafka.createTopic('tls');
      const { ca, client } = kafka.certificates!;
      const tls = { enabled: true, ca_file: ca, cert_file: client.cert, key_file: client.key };
      const output = new KafkaOutput(settingsOf('kafka', `kafka://${kafka.brokers('ssl')[0]}/tls`, { tls }), 's');
      await output.send(sampleEvents(10));
      await output.close();
      assert.equal(await kafka.count('tls'), 10);
      const stranger = new KafkaOutput(
        settingsOf('kafka', `kafka://${kafka.brokers('ssl')[0]}/tls`, { tls: { enabled: true } }),
        's',
      );
      await assert.rejects(stranger.send(sampleEvents(10)), /self-signed certificate|unable to verify/);
      await stranger.close();
    });

    for (const mechanism of ['plain', 'scram-sha-256', 'scram-sha-512']) {
      for (const listener of ['sasl_plaintext', 'sasl_ssl'] as const) {
        test(`${mechanism} over ${listener}`, async () => {
          const topic = `${mechanism}-${listener}`;
          await kafka.createTopic(topic);
          const settings = (file: string) =>
            settingsOf('kafka', `kafka://${kafka.brokers(listener)[0]}/${topic}`, {
              tls: { enabled: listener === 'sasl_ssl', ca_file: kafka.certificates!.ca },
              sasl: { mechanism, username: SASL_USER, password_file: file },
            });
          const output = new KafkaOutput(settings(password), 's');
          await output.send(sampleEvents(10));
          await output.close();
          assert.equal(await kafka.count(topic), 10);

          const wrong = join(folder, 'wrong');
          writeFileSync(wrong, 'hunter2-is-no-password');
          const stranger = new KafkaOutput(settings(wrong), 's');
          await assert.rejects(stranger.send(sampleEvents(10)), (error: DeliveryError) => {
            assert.ok(error instanceof DeliveryError);
            assert.ok(error.retryable, 'somebody may mend the password');
            assert.match(error.message, /authentication failed/i);
            for (let each: unknown = error; each instanceof Error; each = each.cause)
              assert.doesNotMatch(`${each.stack} ${JSON.stringify(each)}`, /hunter2/);
            return true;
          });
          await stranger.close();
        });
      }
    }

    test('a message too large for the topic is lost alone, and told', async () => {
      await kafka.createTopic('small', { config: { 'max.message.bytes': '20000' } });
      const events = sampleEvents(100);
      const huge = eventOf(`{"huge":"${'x'.repeat(30_000)}"}`);
      const batch = [...events.slice(0, 40), huge, ...events.slice(40)];
      const output = new KafkaOutput(settingsOf('kafka', `kafka://${kafka.brokers()[0]}/small`), 's');
      await assert.rejects(output.send(batch), (error: DeliveryError) => {
        assert.equal(error.retryable, false);
        assert.deepEqual(error.remaining, [huge]);
        assert.match(error.message, /larger than the max/);
        return true;
      });
      await output.close();
      const records = await kafka.records('small');
      assert.deepEqual(
        records.map(({ value }) => value),
        linesOf(events),
      );
    });

    test('an event of a time that the topic does not take gets the time of sending', async () => {
      await kafka.createTopic('present', { config: { 'message.timestamp.before.max.ms': '60000' } });
      const before = Date.now();
      const events = [eventOf('{"time":1.000000}')];
      const [record] = await sent(events, 'present');
      assert.equal(record?.value, '{"time":1.000000}');
      assert.ok(record.timestamp >= before);
    });

    test('a topic that is missing: all arrives when it is there', async () => {
      const output = new KafkaOutput(settingsOf('kafka', `kafka://${kafka.brokers()[0]}/late`), 's');
      await assert.rejects(output.send(sampleEvents(1)), /does not host this topic-partition/);
      const delivery = deliver(output, [sampleEvents(50)]);
      await kafka.createTopic('late');
      await delivery;
      await output.close();
      const records = await kafka.records('late');
      assert.deepEqual(
        tally(
          records.map(({ value }) => value),
          50,
        ),
        { missing: 0, duplicates: 0 },
      );
    });

    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      test(`the broker ends by ${signal} and comes back`, async () => {
        const topic = `restart-${signal}`;
        await kafka.createTopic(topic);
        const events = sampleEvents(3000);
        const output = new KafkaOutput(settingsOf('kafka', `kafka://${kafka.brokers()[0]}/${topic}`), 's');
        let restarted: Promise<void> | undefined;
        const { errors } = await deliver(output, batchesOf(events, 100), (index) => {
          if (index === 10) restarted = kafka.stopBroker(1, signal).then(() => kafka.startBroker(1));
        });
        await restarted;
        await output.close();
        assert.ok(errors.length > 0, 'it was away');
        const records = await kafka.records(topic);
        const { missing, duplicates } = tally(
          records.map(({ value }) => value),
          3000,
        );
        assert.equal(missing, 0);
        assert.ok(duplicates <= 100, `${duplicates} twice: at most the batch that was on its way`);
      });
    }

    test('closing does not wait for a broker that is away, and a hanging one is given up', async () => {
      const output = new KafkaOutput(settingsOf('kafka', 'kafka://127.0.0.1:1/nowhere'), 's');
      await assert.rejects(output.send(sampleEvents(1)), /ECONNREFUSED/);
      await output.close();
      await kafka.createTopic('hang');
      const hanging = new KafkaOutput(settingsOf('kafka', `kafka://${kafka.brokers()[0]}/hang`), 's');
      await hanging.send(sampleEvents(1));
      kafka.pauseBroker(1);
      try {
        await assert.rejects(hanging.send(sampleEvents(1, 1), AbortSignal.timeout(300)), /no acknowledgment in time/);
        await hanging.close();
      } finally {
        kafka.resumeBroker(1);
      }
    });

    test('a host without address is told', async () => {
      const output = new KafkaOutput(settingsOf('kafka', 'kafka://broker.invalid:9092/topic'), 's');
      await assert.rejects(output.send(sampleEvents(1)), /ENOTFOUND|EAI_AGAIN/);
      await output.close();
    });
  });
}
