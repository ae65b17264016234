/**
 * Events a second, and CPU a thousand events, of the outputs over the network, each with its real peer on this machine:
 * `node dist/bench/outputs-network.js [kafka] [otlp] [hec]`. The peer shares the cores, as it never does in a plant.
 */
import type { CimEvent } from '../src/cim/event.ts';
import { HecOutput } from '../src/outputs/hec.ts';
import { KafkaOutput } from '../src/outputs/kafka.ts';
import { OtlpOutput } from '../src/outputs/otlp.ts';
import type { Output } from '../src/outputs/output.ts';
import { batchesOf } from '../test/outputs/deliver.ts';
import { sampleEvents } from '../test/outputs/sample-events.ts';
import { settingsOf } from '../test/outputs/settings.ts';
import { KAFKA_VERSIONS } from '../test/services/cache.ts';
import { Collector } from '../test/services/collector.ts';
import { KafkaCluster } from '../test/services/kafka.ts';

const EVENTS = 20_000;
/** As the delivery layer cuts them: 256 KiB. */
const BATCH_BYTES = 256 * 1024;
const RUNS = 5;

const asked = process.argv.slice(2);
const isAsked = (what: string): boolean => asked.length === 0 || asked.includes(what);

const events = sampleEvents(EVENTS);
const bytes = events.reduce((sum, { start, end }) => sum + end - start, 0);
const batches = batchesOf(events, Math.floor(BATCH_BYTES / (bytes / EVENTS)));
console.log(
  `${EVENTS} events of ${Math.round(bytes / EVENTS)} bytes in ${batches.length} batches; the best of ${RUNS} runs`,
);

/** Keeps `inFlight` batches under way. */
async function sendAll(output: Output, all: readonly (readonly CimEvent[])[], inFlight: number): Promise<void> {
  const waiting = [...all];
  const sender = async (): Promise<void> => {
    for (let batch = waiting.shift(); batch !== undefined; batch = waiting.shift()) await output.send(batch);
  };
  await Promise.all(Array.from({ length: inFlight }, sender));
}

async function measure(name: string, output: Output, inFlight = 1): Promise<void> {
  await sendAll(output, batches, inFlight);
  let rate = 0;
  let cpu = Number.POSITIVE_INFINITY;
  for (let run = 0; run < RUNS; run++) {
    const started = performance.now();
    const usage = process.cpuUsage();
    await sendAll(output, batches, inFlight);
    const { user, system } = process.cpuUsage(usage);
    rate = Math.max(rate, EVENTS / ((performance.now() - started) / 1000));
    cpu = Math.min(cpu, (user + system) / EVENTS);
  }
  await output.close();
  console.log(
    `${name.padEnd(40)} ${Math.round(rate).toLocaleString('en').padStart(9)}/s  ${cpu.toFixed(1)} ms CPU per 1,000`,
  );
}

for (const version of isAsked('kafka') ? KAFKA_VERSIONS : []) {
  const kafka = await KafkaCluster.start({ version, javaOptions: ['-Xms256m', '-Xmx512m'] });
  try {
    for (const options of [
      {},
      { in_flight: 4 },
      { compression: 'gzip' },
      { compression: 'snappy' },
      { value: 'hec' },
    ]) {
      const topic = Object.values(options).join('-') || 'plain';
      await kafka.createTopic(topic, { partitions: 3, config: { 'retention.bytes': '100000000' } });
      const settings = settingsOf('kafka', `kafka://${kafka.brokers()[0]}/${topic}`, options);
      await measure(`Kafka ${version} ${topic}`, new KafkaOutput(settings, 'bench'), settings.in_flight);
    }
  } finally {
    await kafka.close();
  }
}

const collector = await Collector.start({ receivers: { otlp: {}, splunk_hec: {} } });
try {
  process.env.BENCH_TOKEN = 'bench';
  const otlp = [{}, { in_flight: 4 }, { compression: 'none' }, { compression: 'none', in_flight: 4 }, { body: 'map' }];
  for (const options of isAsked('otlp') ? otlp : []) {
    const settings = settingsOf('otlp', `otlp+http://127.0.0.1:${collector.otlpPort}`, options);
    await measure(
      `OTLP ${Object.values(options).join(' ') || 'gzip'}`,
      new OtlpOutput(settings, 'bench'),
      settings.in_flight,
    );
    collector.clear();
  }
  for (const options of isAsked('hec') ? [{}, { compression: 'none' }] : []) {
    const settings = settingsOf('hec', `hec+http://127.0.0.1:${collector.hecPort}`, {
      ...options,
      token_env: 'BENCH_TOKEN',
    });
    await measure(`HEC ${Object.values(options).join(' ') || 'gzip'}`, new HecOutput(settings, 'bench'));
    collector.clear();
  }
} finally {
  await collector.close();
}
