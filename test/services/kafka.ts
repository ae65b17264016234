/** Apache Kafka in KRaft mode: one broker or several, each of them a controller too. */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Admin, Kafka, logLevel } from 'kafkajs';
import { type KafkaVersion, kafkaFolder } from './cache.ts';
import { type Certificates, joined, makeCertificates } from './certificates.ts';
import { answers, freePorts, Server, waitUntil } from './process.ts';

const run = promisify(execFile);

export const SASL_USER = 'sensor';
export const SASL_PASSWORD = 'correct-horse-battery';

/** Small and quick to start; the tests ask little of it. */
const JAVA_OPTIONS = ['-Xms64m', '-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];
/** All records of a topic of a test, as the console consumer prints them. */
const MAX_CONSUMER_OUTPUT = 512 * 1024 * 1024;

const LISTENERS = ['plaintext', 'ssl', 'sasl_plaintext', 'sasl_ssl'] as const;
export type Listener = (typeof LISTENERS)[number];

export interface KafkaRecord {
  readonly partition: number;
  readonly offset: number;
  /** Milliseconds. */
  readonly timestamp: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly key: string | undefined;
  readonly value: string;
}

export interface KafkaOptions {
  readonly version: KafkaVersion;
  readonly brokers?: number;
  /** Listeners with TLS and SASL too. */
  readonly secure?: boolean;
  /** In place of those that make it small and quick to start. */
  readonly javaOptions?: readonly string[];
  /** Further settings of the brokers. */
  readonly properties?: Readonly<Record<string, string>>;
}

interface Node {
  readonly id: number;
  readonly ports: Readonly<Record<Listener | 'controller', number>>;
  readonly properties: string;
  server: Server | undefined;
}

export class KafkaCluster {
  readonly certificates: Certificates | undefined;
  private readonly folder: string;
  /** Brokers that are not ours. */
  private readonly running: readonly string[];
  private readonly classPath: string;
  private readonly javaOptions: readonly string[];
  private readonly nodes: readonly Node[];
  private readonly admin: Admin;

  static async start(options: KafkaOptions): Promise<KafkaCluster> {
    const ports = await freePorts(5 * (options.brokers ?? 1));
    const cluster = new KafkaCluster(options, ports);
    await Promise.all(cluster.nodes.map((node) => cluster.format(node)));
    await Promise.all(cluster.nodes.map(({ id }) => cluster.startBroker(id)));
    await cluster.admin.connect();
    return cluster;
  }

  /** One that runs already: `host:port,…`. */
  static async at(brokers: string): Promise<KafkaCluster> {
    const cluster = new KafkaCluster({ version: '4.3.1', brokers: 0 }, [], brokers.split(','));
    await cluster.admin.connect();
    return cluster;
  }

  private constructor(
    { version, brokers = 1, secure = false, javaOptions = JAVA_OPTIONS, properties = {} }: KafkaOptions,
    ports: number[],
    running: readonly string[] = [],
  ) {
    this.running = running;
    this.javaOptions = javaOptions;
    this.folder = mkdtempSync(join(tmpdir(), 'vesper-kafka-'));
    this.certificates = secure ? makeCertificates(this.folder) : undefined;
    this.classPath = `${kafkaFolder(version)}/*`;
    const layout = Array.from({ length: brokers }, (_, index) => {
      const [plaintext, ssl, sasl_plaintext, sasl_ssl, controller] = ports.slice(5 * index) as [
        number,
        number,
        number,
        number,
        number,
      ];
      return { id: index + 1, ports: { plaintext, ssl, sasl_plaintext, sasl_ssl, controller } };
    });
    const voters = layout.map(({ id, ports: { controller } }) => `${id}@127.0.0.1:${controller}`).join(',');
    this.nodes = layout.map(({ id, ports: own }) => {
      const file = join(this.folder, `${id}.properties`);
      const lines = { ...this.settings(id, own, voters, brokers), ...properties };
      writeFileSync(
        file,
        Object.entries(lines)
          .map(([name, value]) => `${name}=${value}\n`)
          .join(''),
      );
      return { id, ports: own, properties: file, server: undefined };
    });
    this.admin = new Kafka({ brokers: this.brokers(), clientId: 'test', logLevel: logLevel.NOTHING }).admin();
  }

  /** `host:port` of each broker. */
  brokers(listener: Listener = 'plaintext'): string[] {
    return [...this.running, ...this.nodes.map(({ ports }) => `127.0.0.1:${ports[listener]}`)];
  }

  async startBroker(id: number): Promise<void> {
    const node = this.node(id);
    const server = new Server(
      'java',
      [...this.javaOptions, '-cp', this.classPath, 'kafka.Kafka', node.properties],
      this.folder,
    );
    node.server = server;
    // A broker listens when the controllers have let it in.
    await server.until('listening', () => answers(node.ports.plaintext));
  }

  async stopBroker(id: number, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.node(id).server?.stop(signal);
  }

  /** It keeps its connections and answers nothing. */
  pauseBroker(id: number): void {
    this.node(id).server?.child.kill('SIGSTOP');
  }

  resumeBroker(id: number): void {
    this.node(id).server?.child.kill('SIGCONT');
  }

  async createTopic(
    topic: string,
    options: { partitions?: number; replicas?: number; config?: Record<string, string> } = {},
  ) {
    const { partitions = 1, replicas = 1, config = {} } = options;
    await this.admin.createTopics({
      waitForLeaders: false,
      topics: [
        {
          topic,
          numPartitions: partitions,
          replicationFactor: replicas,
          configEntries: Object.entries(config).map(([name, value]) => ({ name, value })),
        },
      ],
    });
    // Every broker hears of a topic in its own time.
    await waitUntil(`topic ${topic} has leaders`, async () => {
      const known = await this.admin.fetchTopicMetadata({ topics: [topic] }).catch(() => undefined);
      return known?.topics[0]?.partitions.length === partitions;
    });
  }

  /** The broker that leads the partition. */
  async leader(topic: string, partition = 0): Promise<number> {
    const { topics } = await this.admin.fetchTopicMetadata({ topics: [topic] });
    return topics[0]!.partitions.find(({ partitionId }) => partitionId === partition)!.leader;
  }

  async count(topic: string): Promise<number> {
    const offsets = await this.admin.fetchTopicOffsets(topic);
    return offsets.reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0);
  }

  /** All records of a topic, each partition's in order, as Kafka's own consumer reads them. */
  async records(topic: string): Promise<KafkaRecord[]> {
    const count = await this.count(topic);
    if (count === 0) return [];
    const shown = ['timestamp', 'partition', 'offset', 'headers', 'key'].flatMap((part) => [
      '--property',
      `print.${part}=true`,
    ]);
    const { stdout } = await run(
      'java',
      [
        ...[...JAVA_OPTIONS, '-cp', this.classPath, 'org.apache.kafka.tools.consumer.ConsoleConsumer'],
        ...['--bootstrap-server', this.brokers().join(','), '--topic', topic, '--from-beginning'],
        ...['--max-messages', `${count}`, '--timeout-ms', '60000', ...shown],
      ],
      { cwd: this.folder, maxBuffer: MAX_CONSUMER_OUTPUT },
    );
    return stdout
      .split('\n')
      .filter((line) => line.startsWith('CreateTime:'))
      .map(parseRecord);
  }

  async close(): Promise<void> {
    await this.admin.disconnect();
    await Promise.all(this.nodes.map(({ server }) => server?.stop('SIGKILL')));
    rmSync(this.folder, { recursive: true, force: true });
  }

  private node(id: number): Node {
    return this.nodes.find((node) => node.id === id)!;
  }

  private async format({ properties }: Node): Promise<void> {
    const users = ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => [
      '--add-scram',
      `${mechanism}=[name=${SASL_USER},password=${SASL_PASSWORD}]`,
    ]);
    await run(
      'java',
      [
        ...[...JAVA_OPTIONS, '-cp', this.classPath, 'kafka.tools.StorageTool', 'format'],
        ...['--cluster-id', 'dmVzcGVyLXRlc3QtMDAwMQ', '--config', properties, ...(this.certificates ? users : [])],
      ],
      { cwd: this.folder },
    );
  }

  private settings(id: number, ports: Node['ports'], voters: string, brokers: number): Record<string, string> {
    const data = join(this.folder, `data-${id}`);
    mkdirSync(data);
    const names = this.certificates ? LISTENERS : (['plaintext'] as const);
    const addresses = names.map((name) => `${name.toUpperCase()}://127.0.0.1:${ports[name]}`);
    const protocols = names.map((name) => `${name.toUpperCase()}:${name.toUpperCase()}`);
    return {
      'process.roles': 'broker,controller',
      'node.id': `${id}`,
      'controller.quorum.voters': voters,
      'controller.listener.names': 'CONTROLLER',
      listeners: [...addresses, `CONTROLLER://127.0.0.1:${ports.controller}`].join(','),
      'advertised.listeners': addresses.join(','),
      'listener.security.protocol.map': [...protocols, 'CONTROLLER:PLAINTEXT'].join(','),
      'inter.broker.listener.name': 'PLAINTEXT',
      'log.dirs': data,
      'auto.create.topics.enable': 'false',
      'offsets.topic.replication.factor': `${brokers}`,
      'offsets.topic.num.partitions': '1',
      'transaction.state.log.replication.factor': `${brokers}`,
      'transaction.state.log.min.isr': '1',
      'group.initial.rebalance.delay.ms': '0',
      // A broker that was killed is replaced soon.
      'broker.session.timeout.ms': '3000',
      'broker.heartbeat.interval.ms': '500',
      ...(this.certificates && securitySettings(this.certificates)),
    };
  }
}

function securitySettings({ ca, server }: Certificates): Record<string, string> {
  const plain = 'org.apache.kafka.common.security.plain.PlainLoginModule required';
  const scram = 'org.apache.kafka.common.security.scram.ScramLoginModule required;';
  const sasl = ['sasl_plaintext', 'sasl_ssl'].flatMap((listener) => [
    [`listener.name.${listener}.plain.sasl.jaas.config`, `${plain} user_${SASL_USER}="${SASL_PASSWORD}";`],
    [`listener.name.${listener}.scram-sha-256.sasl.jaas.config`, scram],
    [`listener.name.${listener}.scram-sha-512.sasl.jaas.config`, scram],
  ]);
  return {
    'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
    ...(Object.fromEntries(sasl) as Record<string, string>),
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.location': joined(server),
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.location': ca,
    // Clients of the listener without SASL show a certificate.
    'listener.name.ssl.ssl.client.auth': 'required',
  };
}

/** `CreateTime:1\tPartition:0\tOffset:0\ta:b,c:d\tkey\tvalue` */
function parseRecord(line: string): KafkaRecord {
  const [time, partition, offset, headers, key, ...value] = line.split('\t') as [
    string,
    string,
    string,
    string,
    string,
  ];
  const number = (text: string): number => Number(text.slice(text.indexOf(':') + 1));
  const pairs = headers === 'NO_HEADERS' ? [] : headers.split(',').map((pair) => pair.split(/:(.*)/s).slice(0, 2));
  return {
    partition: number(partition),
    offset: number(offset),
    timestamp: number(time),
    headers: Object.fromEntries(pairs) as Record<string, string>,
    key: key === 'null' ? undefined : key,
    value: value.join('\t'),
  };
}
