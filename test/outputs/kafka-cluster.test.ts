import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { KafkaOutput } from '../../src/outputs/kafka.ts';
import { KAFKA_VERSIONS, type KafkaVersion, skipWithoutService } from '../services/cache.ts';
import { KafkaCluster } from '../services/kafka.ts';
import { waitUntil } from '../services/process.ts';
import { batchesOf, deliver } from './deliver.ts';
import { numbersOf, sampleEvents, tally } from './sample-events.ts';
import { settingsOf } from './settings.ts';

const skip = skipWithoutService('kafka');
const EVENTS = 6_000;
const BATCH = 100;
/** Long enough that every connection is gone and tries have failed: a minute once; the older version takes the same way back. */
const AWAY_MS: Readonly<Record<KafkaVersion, number>> = { '3.9.1': 5_000, '4.3.1': 60_000 };

for (const version of KAFKA_VERSIONS) {
  describe(`three brokers of Kafka ${version}`, { skip }, () => {
    let kafka: KafkaCluster;
    before(async () => {
      kafka = await KafkaCluster.start({ version, brokers: 3 });
    });
    after(() => kafka?.close());

    /** Sends all events while something happens after a few batches; checks what is in the topic in the end. */
    async function undergoes(topic: string, partitions: number, fault: () => Promise<void>): Promise<void> {
      await kafka.createTopic(topic, { partitions, replicas: 3, config: { 'min.insync.replicas': '2' } });
      const output = new KafkaOutput(settingsOf('kafka', `kafka://${kafka.brokers().join(',')}/${topic}`), 's');
      let happening: Promise<void> | undefined;
      const { errors } = await deliver(output, batchesOf(sampleEvents(EVENTS), BATCH), async (index) => {
        if (index === 10) happening = fault();
        // The batches after it are on their way while it happens.
        if (index > 10) await sleep(20);
      });
      await happening;
      await output.close();
      const records = await kafka.records(topic);
      const { missing, duplicates } = tally(
        records.map(({ value }) => value),
        EVENTS,
      );
      assert.equal(missing, 0, `missing after ${errors.length} errors`);
      // Once by the client, which tries again where a leader has moved before it gives up, and once by whoever sends again then.
      assert.ok(duplicates <= 2 * errors.length * BATCH, `${duplicates} twice after ${errors.length} errors`);
      for (let partition = 0; partition < partitions; partition++) {
        const numbers = numbersOf(records.filter((record) => record.partition === partition).map(({ value }) => value));
        const firsts = [...new Set(numbers)];
        assert.deepEqual(
          firsts,
          firsts.toSorted((a, b) => a - b),
          `partition ${partition} is in order`,
        );
      }
    }

    test('the leader is killed, and another broker leads', async () => {
      await undergoes('leader-killed', 1, async () => {
        const leader = await kafka.leader('leader-killed');
        await kafka.stopBroker(leader);
        await waitUntil('another broker leads', async () => (await kafka.leader('leader-killed')) !== leader);
        await kafka.startBroker(leader);
      });
    });

    test('leaders move one after another to brokers that lead other partitions already', async () => {
      await undergoes('leaders-moved', 6, async () => {
        for (const broker of [1, 2, 3]) {
          await kafka.stopBroker(broker, 'SIGTERM');
          await kafka.startBroker(broker);
        }
      });
    });

    test('all brokers are away', async () => {
      await undergoes('all-away', 3, async () => {
        await Promise.all([1, 2, 3].map((broker) => kafka.stopBroker(broker)));
        await sleep(AWAY_MS[version]);
        await Promise.all([1, 2, 3].map((broker) => kafka.startBroker(broker)));
      });
    });
  });
}
