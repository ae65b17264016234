/** Events to Splunk's HTTP Event Collector, with or without indexer acknowledgment. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type CimEvent, KINDS, type Kind } from '../cim/event.ts';
import { UsageError } from '../usage-error.ts';
import { packageVersion } from '../version.ts';
import { type Refusal, sendInHalves } from './halves.ts';
import { type Answer, HttpClient, reasonOf } from './http-client.ts';
import type { HecSettings } from './options.ts';
import { DeliveryError, type Output } from './output.ts';
import { readSecret } from './secret.ts';
import { type Envelope, envelope, envelopeOf } from './splunk.ts';
import { tlsOptions } from './tls-options.ts';

const EVENT_PATH = '/services/collector/event';
const ACK_PATH = '/services/collector/ack';
const TOO_LARGE = 413;
/**
 * Codes of a 400 that concern the data itself: no data, invalid data format, event field required or blank, error in indexed
 * fields (Splunk, "Troubleshoot HTTP Event Collector"). The others, such as 7, incorrect index, and 14, acknowledgment
 * disabled, are mended in the token's settings.
 */
const DATA_CODES: ReadonlySet<number> = new Set([5, 6, 12, 13, 15]);
/** An indexer acknowledges within seconds; asking more seldom the longer it takes costs little time. */
const FIRST_ASK_MS = 100;
const MAX_ASK_MS = 5_000;

export class HecOutput implements Output {
  readonly name: string;
  private readonly client: HttpClient;
  private readonly kinds: Readonly<Record<Kind, Envelope>>;
  private readonly ack: boolean;

  /**
   * @param sensor name of this sensor: Splunk's `host`
   * @throws UsageError where a file or the token is missing
   */
  constructor(settings: HecSettings, sensor: string) {
    const { name, url, token_file, token_env, ack, compression, format, splunk, tls } = settings;
    this.name = name;
    this.ack = ack;
    const token = readSecret(`token of output ${name}`, { file: token_file, env: token_env });
    if (token === undefined) throw new UsageError(`output ${name}: give the token by token_file or token_env`);
    if (!/^[\x21-\x7e]+$/.test(token))
      throw new UsageError(`output ${name}: the token has characters that no token has`);
    const headers = {
      'user-agent': `vesper/${packageVersion()}`,
      authorization: `Splunk ${token}`,
      'content-type': 'application/json',
      // The indexer keeps what it acknowledges by channel, and a channel is a client's own.
      ...(ack && { 'x-splunk-request-channel': randomUUID() }),
    };
    this.client = new HttpClient(url, headers, [token], compression, tlsOptions(name, tls));
    this.kinds = Object.fromEntries(KINDS.map((kind) => [kind, envelopeOf(kind, format, sensor, splunk)])) as Record<
      Kind,
      Envelope
    >;
  }

  send(batch: readonly CimEvent[], signal?: AbortSignal): Promise<void> {
    return sendInHalves(batch, async (part) => {
      const body = Buffer.from(part.map((event) => envelope(event, this.kinds[event.kind])).join('\n'));
      const answer = await this.client.post(body, signal, EVENT_PATH);
      const refusal = refusalOf(answer, part.length);
      if (refusal === undefined && this.ack) await this.acknowledged(answer, signal);
      return refusal;
    });
  }

  async close(): Promise<void> {
    this.client.close();
  }

  private async acknowledged(answer: Answer, signal: AbortSignal | undefined): Promise<void> {
    const { ackId } = parsed(answer);
    if (typeof ackId !== 'number')
      throw new DeliveryError('the token does not acknowledge: no ackId in the answer', true);
    const question = Buffer.from(JSON.stringify({ acks: [ackId] }));
    for (let wait = FIRST_ASK_MS; ; wait = Math.min(2 * wait, MAX_ASK_MS)) {
      const status = await this.client.post(question, signal, ACK_PATH);
      if (status.status !== 200) throw waiting(status);
      const { acks } = parsed(status) as { acks?: Record<string, unknown> };
      if (acks?.[ackId] === true) return;
      await sleep(wait, undefined, signal && { signal }).catch(() => {
        throw new DeliveryError('no acknowledgment in time', true);
      });
    }
  }
}

/** @throws DeliveryError where the events have to wait */
function refusalOf(answer: Answer, count: number): Refusal | undefined {
  if (answer.status === 200) return undefined;
  if (answer.status === TOO_LARGE) return { reason: reasonOf(answer) };
  const { code } = parsed(answer);
  if (answer.status === 400 && typeof code === 'number' && DATA_CODES.has(code))
    return { reason: reasonOf(answer), lost: count };
  throw waiting(answer);
}

function waiting(answer: Answer): DeliveryError {
  const { retryAfterMs } = answer;
  return new DeliveryError(reasonOf(answer), true, { ...(retryAfterMs !== undefined && { retryAfterMs }) });
}

/** The answer's object, or one without members: proxies in between answer in anything. */
function parsed({ body }: Answer): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body.toString());
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
