/**
 * Events to Kafka, a topic for each kind where its name says `{kind}`. docs/adr/0006-kafka-client.md tells what this file
 * works around in kafkajs.
 */
import { createRequire } from 'node:module';
import { connect as connectTcp, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import kafkajs, {
  type ISocketFactoryArgs,
  type KafkaConfig,
  type Message,
  type PartitionerArgs,
  type Producer,
  type SASLOptions,
} from 'kafkajs';
import { type CimEvent, KINDS, type Kind } from '../cim/event.ts';
import { UsageError } from '../usage-error.ts';
import { type Refusal, sendInHalves } from './halves.ts';
import { type Codec, snappyCodec, zstdCodec } from './kafka-codecs.ts';
import { partitionOfKey } from './kafka-partition.ts';
import {
  encodeHeaders,
  encodeProduceRequest,
  type ProduceRecord,
  type ProduceRequest,
  type Range,
} from './kafka-produce.ts';
import { flowKey } from './line-values.ts';
import type { KafkaSettings } from './options.ts';
import { DeliveryError, type Output } from './output.ts';
import { readSecret } from './secret.ts';
import { type Envelope, envelope, envelopeOf, sourcetypeOf } from './splunk.ts';
import { KIND_PLACEHOLDER } from './target.ts';
import { tlsOptions } from './tls-options.ts';

/** A broker further away than this is not there. */
const CONNECT_TIMEOUT_MS = 10_000;
/**
 * The client itself tries again a few times with fresh metadata, which is enough for a leader that has moved; the rest is
 * the delivery layer's.
 */
const RETRY = { retries: 3, initialRetryTime: 100, maxRetryTime: 1_000 };
/** Errors that concern some record of a batch: the others of the batch may be taken without it. */
const RECORD_ERRORS: ReadonlySet<string> = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE', 'INVALID_RECORD']);

const require = createRequire(import.meta.url);
const { CompressionCodecs, CompressionTypes, Kafka, logLevel } = kafkajs;
/** By the numbers of the wire; none for 0. */
const codecs = CompressionCodecs as Record<number, (() => Codec) | undefined>;

/** Parts of kafkajs 2.2.4 that it does not export. */
interface RequestQueue {
  throttledUntil: number;
  throttleCheckTimeoutId: NodeJS.Timeout | null;
  readonly pending: readonly unknown[];
  checkPendingRequests(): void;
  scheduleCheckPendingRequests(): void;
}

/**
 * kafkajs 2.2.4 sets a timer after every response, in the past where nothing is throttled: it fires every millisecond for as
 * long as the connection lives, and Node 24 warns of each. A timer is needed only while requests wait.
 */
function mendRequestQueue(): void {
  const { prototype } = require('kafkajs/src/network/requestQueue') as { prototype: RequestQueue };
  prototype.scheduleCheckPendingRequests = function (): void {
    if (this.pending.length === 0 || this.throttleCheckTimeoutId !== null) return;
    this.throttleCheckTimeoutId = setTimeout(
      () => {
        this.throttleCheckTimeoutId = null;
        this.checkPendingRequests();
      },
      Math.max(this.throttledUntil - Date.now(), 10),
    );
  };
}
mendRequestQueue();

/** See kafka-produce.ts. Later versions of the request are made of version 3, which they load with the first of them. */
function replaceProduceEncoder(): void {
  const path = require.resolve('kafkajs/src/protocol/requests/produce/v3/request');
  const original = require(path) as (request: ProduceRequest) => object;
  (require.cache[path] as NodeJS.Module).exports = (request: ProduceRequest): object => ({
    ...original(request),
    encode: () => encodeProduceRequest(request, codecs[request.compression]?.().compress),
  });
}
replaceProduceEncoder();

/** What is said of every record of a kind. */
interface KindParts {
  readonly topic: string;
  /** Encoded. */
  readonly headers: Buffer;
  readonly envelope: Envelope;
}

/** Records keep the partition that was chosen first, through every repetition. */
interface PlacedRecord extends ProduceRecord {
  partition: number | undefined;
}

interface TopicMessages {
  readonly topic: string;
  readonly messages: PlacedRecord[];
}

/** A producer with its connections. After an error it is thrown away: see the ADR. */
class Connection {
  private readonly producer: Producer;
  private readonly sockets = new Set<Socket>();
  private ready: Promise<void> | undefined;
  private gone = false;
  /** Batches so far. */
  private turn = 0;

  constructor(config: KafkaConfig, tls: ConnectionOptions | undefined, idempotent: boolean) {
    const socketFactory = ({ host, port, onConnect }: ISocketFactoryArgs): Socket => {
      if (this.gone) throw new Error('given up');
      const socket = tls ? connectTls({ host, port, ...tls }, onConnect) : connectTcp({ host, port }, onConnect);
      this.sockets.add(socket);
      socket.setNoDelay(true).once('close', () => this.sockets.delete(socket));
      return socket;
    };
    const kafka = new Kafka({ ...config, socketFactory });
    this.producer = kafka.producer({ idempotent, retry: RETRY, createPartitioner: () => this.partitioner() });
  }

  connect(): Promise<void> {
    this.ready ??= this.producer.connect();
    return this.ready;
  }

  async produce(topicMessages: TopicMessages[], compression: number, timeout: number) {
    await this.connect();
    this.turn++;
    const results = await this.producer.sendBatch({
      acks: -1,
      compression,
      timeout,
      topicMessages: topicMessages as unknown as { topic: string; messages: Message[] }[],
    });
    // When a leader moves to a broker that has already answered for its other partitions, kafkajs 2.2.4 forgets the
    // partition that moved and calls the batch sent.
    const acknowledged = new Map<string, Set<number>>();
    for (const { topicName, partition } of results) {
      const partitions = acknowledged.get(topicName) ?? new Set();
      acknowledged.set(topicName, partitions.add(partition));
    }
    for (const { topic, messages } of topicMessages) {
      const partitions = acknowledged.get(topic);
      if (messages.some(({ partition }) => !partitions?.has(partition as number)))
        throw new Error(`a partition of ${topic} moved and did not acknowledge`);
    }
  }

  /** Ends at once, whatever is under way: that fails. */
  abandon(): void {
    this.gone = true;
    for (const socket of this.sockets) socket.destroy(new Error('given up'));
    this.producer.disconnect().catch(() => {});
  }

  /** By key as Kafka's own clients do; records without one go together, each batch to another partition. */
  private partitioner(): (args: PartitionerArgs) => number {
    return ({ message, partitionMetadata: { length } }) => {
      const record = message as unknown as PlacedRecord;
      const { key } = record;
      record.partition ??=
        key === undefined ? this.turn % length : partitionOfKey(key.block, key.start, key.end, length);
      return record.partition;
    };
  }

  async close(): Promise<void> {
    await this.ready?.then(() => this.producer.disconnect()).catch(() => {});
    this.abandon();
  }
}

/** Makes the connection of a first batch, and of each batch after an error. */
export class KafkaOutput implements Output {
  readonly name: string;
  private readonly settings: KafkaSettings;
  private readonly config: KafkaConfig;
  private readonly tls: ConnectionOptions | undefined;
  private readonly kinds: Readonly<Record<Kind, KindParts>>;
  private readonly compression: number;
  private connection: Connection | undefined;

  /**
   * @param sensor name of this sensor: Splunk's `host`
   * @throws UsageError where a file, a secret or this Node lacks what the settings ask for
   */
  constructor(settings: KafkaSettings, sensor: string) {
    const { name, brokers, client_id: clientId, timeout_ms } = settings;
    this.name = name;
    this.settings = settings;
    const sasl = saslOptions(settings);
    this.config = {
      brokers: [...brokers],
      clientId,
      connectionTimeout: Math.min(CONNECT_TIMEOUT_MS, timeout_ms),
      requestTimeout: timeout_ms,
      retry: RETRY,
      // Errors are told by whoever sends. kafkajs would write to standard output.
      logLevel: logLevel.NOTHING,
      ...(sasl && { sasl }),
    };
    this.tls = settings.tls.enabled ? tlsOptions(name, settings.tls) : undefined;
    this.compression = compressionType(settings.compression);
    this.kinds = Object.fromEntries(KINDS.map((kind) => [kind, kindParts(kind, settings, sensor)])) as Record<
      Kind,
      KindParts
    >;
  }

  async send(batch: readonly CimEvent[], signal?: AbortSignal): Promise<void> {
    const { promise: aborted, reject } = withRejection();
    const onAbort = (): void => {
      this.forget(this.connection);
      reject(new DeliveryError('no acknowledgment in time', true));
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      if (signal?.aborted) onAbort();
      const sent = sendInHalves(batch, (part) => this.sendPart(part, signal));
      await Promise.race([sent, aborted]);
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  async close(): Promise<void> {
    const { connection } = this;
    this.connection = undefined;
    await connection?.close();
  }

  private async sendPart(part: readonly CimEvent[], signal: AbortSignal | undefined): Promise<Refusal | undefined> {
    try {
      await this.produce(part);
      return undefined;
    } catch (error) {
      const { type, message } = innermost(error);
      if (!signal?.aborted && type !== undefined && RECORD_ERRORS.has(type)) return { reason: message };
      throw new DeliveryError(message === '' ? 'the broker cannot be reached' : message, true, { cause: error });
    }
  }

  private async produce(batch: readonly CimEvent[]): Promise<void> {
    try {
      await this.attempt(batch, eventTime);
    } catch (error) {
      // The broker takes no time so far from its own clock. The event's own is in its line.
      if (innermost(error).type !== 'INVALID_TIMESTAMP') throw error;
      await this.attempt(batch, Date.now);
    }
  }

  private async attempt(batch: readonly CimEvent[], timestamp: (event: CimEvent) => number): Promise<void> {
    const { in_flight, timeout_ms } = this.settings;
    // kafkajs gives two batches on their way at once the same sequence numbers when the first of them is refused.
    this.connection ??= new Connection(this.config, this.tls, in_flight === 1);
    const { connection } = this;
    try {
      await connection.produce(this.messages(batch, timestamp), this.compression, timeout_ms);
    } catch (error) {
      this.forget(connection);
      throw error;
    }
  }

  private forget(connection: Connection | undefined): void {
    if (this.connection === connection) this.connection = undefined;
    connection?.abandon();
  }

  private messages(batch: readonly CimEvent[], timestamp: (event: CimEvent) => number): TopicMessages[] {
    const { key, value } = this.settings;
    const byTopic = new Map<string, PlacedRecord[]>();
    for (const event of batch) {
      const { topic, headers, envelope: parts } = this.kinds[event.kind];
      const record = {
        value: event.block,
        line: value === 'event' ? event : wholeOf(Buffer.from(envelope(event, parts))),
        key: key === 'flow' ? flowKey(event) : undefined,
        headers,
        timestamp: timestamp(event),
        partition: undefined,
      };
      const records = byTopic.get(topic);
      if (records === undefined) byTopic.set(topic, [record]);
      else records.push(record);
    }
    return [...byTopic].map(([topic, messages]) => ({ topic, messages }));
  }
}

const wholeOf = (block: Buffer): Range => ({ block, start: 0, end: block.length });

/** Milliseconds. */
function eventTime({ seconds, nanos }: CimEvent): number {
  return seconds * 1000 + Math.floor(nanos / 1e6);
}

function withRejection(): { readonly promise: Promise<never>; readonly reject: (error: Error) => void } {
  let reject: (error: Error) => void = () => {};
  const promise = new Promise<never>((_, rejectIt) => {
    reject = rejectIt;
  });
  // Nobody may be waiting when it comes.
  promise.catch(() => {});
  return { promise, reject };
}

function kindParts(kind: Kind, { topic, format, splunk }: KafkaSettings, sensor: string): KindParts {
  const headers = Object.entries({
    'splunk.header.sourcetype': sourcetypeOf(kind, format),
    'splunk.header.host': sensor,
    'splunk.header.source': splunk.source,
    'splunk.header.index': splunk.index,
  });
  return {
    topic: topic.replaceAll(KIND_PLACEHOLDER, kind),
    headers: encodeHeaders(
      Object.fromEntries(headers.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))),
    ),
    envelope: envelopeOf(kind, format, sensor, splunk),
  };
}

function saslOptions({ name, sasl }: KafkaSettings): SASLOptions | undefined {
  const { mechanism, username, password_file, password_env } = sasl;
  const password = readSecret(`password of output ${name}`, { file: password_file, env: password_env });
  if (mechanism === undefined) {
    if (username === undefined && password === undefined) return undefined;
    throw new UsageError(`output ${name}: a user or password needs sasl.mechanism`);
  }
  if (username === undefined || password === undefined)
    throw new UsageError(
      `output ${name}: sasl.mechanism needs sasl.username, and sasl.password_file or sasl.password_env`,
    );
  return { mechanism, username, password };
}

function compressionType(compression: KafkaSettings['compression']): number {
  if (compression === 'snappy') {
    const codec = snappyCodec();
    codecs[CompressionTypes.Snappy] = () => codec;
    return CompressionTypes.Snappy;
  }
  if (compression === 'zstd') {
    const codec = zstdCodec();
    codecs[CompressionTypes.ZSTD] = () => codec;
    return CompressionTypes.ZSTD;
  }
  return compression === 'gzip' ? CompressionTypes.GZIP : CompressionTypes.None;
}

/** kafkajs wraps the error that counts, once for each layer that tried again. `type`: what the broker said. */
function innermost(error: unknown): Error & { readonly type?: string } {
  let inner = error as Error;
  while (inner.cause instanceof Error) inner = inner.cause;
  return inner;
}
