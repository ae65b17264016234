/** POST requests over connections that are kept, and what their answers say. */
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { DeliveryError } from './output.ts';
import { withoutSecrets } from './secret.ts';
import type { TlsOptions } from './tls-options.ts';

/** An answer is a few lines; this much of it is read for its reason. */
const MAX_ANSWER_BYTES = 64 * 1024;
/** Of an answer's text, in an error. */
const MAX_REASON_CHARACTERS = 200;
/** Lines of JSON shrink to a fifth at this level, and to a sixth at zlib's default, which takes three times as long. */
const GZIP_LEVEL = 1;

const compress = promisify(gzip);

export interface Answer {
  readonly status: number;
  readonly body: Buffer;
  readonly retryAfterMs: number | undefined;
}

export class HttpClient {
  private readonly url: URL;
  private readonly headers: Readonly<Record<string, string>>;
  private readonly secrets: readonly string[];
  private readonly gzip: boolean;
  private readonly agent: HttpAgent | HttpsAgent;

  /**
   * @param headers of every request
   * @param secrets in them: where an answer repeats one, nobody is shown it
   */
  constructor(
    url: string,
    headers: Readonly<Record<string, string>>,
    secrets: readonly string[],
    compression: 'none' | 'gzip',
    tls: TlsOptions,
  ) {
    this.secrets = secrets;
    this.url = new URL(url);
    this.gzip = compression === 'gzip';
    this.headers = { ...headers, ...(this.gzip && { 'content-encoding': 'gzip' }) };
    this.agent =
      this.url.protocol === 'https:' ? new HttpsAgent({ keepAlive: true, ...tls }) : new HttpAgent({ keepAlive: true });
  }

  /**
   * @param path in place of the URL's own
   * @throws DeliveryError, retryable, where no answer came
   */
  async post(
    body: Buffer,
    signal: AbortSignal | undefined,
    path = this.url.pathname + this.url.search,
  ): Promise<Answer> {
    try {
      return await this.exchange(this.gzip ? await compress(body, { level: GZIP_LEVEL }) : body, signal, path);
    } catch (error) {
      if (signal?.aborted) throw new DeliveryError('no acknowledgment in time', true);
      throw new DeliveryError(networkReason(error as NodeJS.ErrnoException), true, { cause: error });
    }
  }

  close(): void {
    this.agent.destroy();
  }

  private exchange(body: Buffer, signal: AbortSignal | undefined, path: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const { protocol, hostname, port } = this.url;
      const request = (protocol === 'https:' ? httpsRequest : httpRequest)(
        {
          method: 'POST',
          host: hostname.replace(/^\[|\]$/g, ''),
          port,
          path,
          agent: this.agent,
          headers: { ...this.headers, 'content-length': body.length },
          ...(signal && { signal }),
        },
        (response) => readAnswer(response, this.secrets).then(resolve, reject),
      );
      request.on('error', reject);
      request.end(body);
    });
  }
}

async function readAnswer(response: IncomingMessage, secrets: readonly string[]): Promise<Answer> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    // What is beyond is read, so that the connection can be used again, and forgotten.
    if (length < MAX_ANSWER_BYTES) parts.push(part);
    length += part.length;
  }
  return {
    status: response.statusCode as number,
    body: Buffer.from(withoutSecrets(Buffer.concat(parts).toString(), secrets)),
    retryAfterMs: retryAfter(response.headers['retry-after'], Date.now()),
  };
}

/** RFC 9110 §10.2.3: seconds, or a date. */
export function retryAfter(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now;
  return Number.isFinite(ms) && ms > 0 ? ms : undefined;
}

/** `connect ECONNREFUSED 127.0.0.1:4318`; of several addresses that failed, the first's. */
export function networkReason(error: NodeJS.ErrnoException): string {
  if (error instanceof AggregateError && error.errors.length > 0) return (error.errors[0] as Error).message;
  return error.message === '' ? (error.code ?? 'the connection failed') : error.message;
}

/** What the other side says, for a log: printable, on one line, and not all of it. */
export function oneLine(text: string): string {
  return text
    .replace(/[^\x20-\x7e]+/g, ' ')
    .trim()
    .slice(0, MAX_REASON_CHARACTERS);
}

/** The answer's text as the reason of an error. */
export function reasonOf({ status, body }: Pick<Answer, 'status' | 'body'>): string {
  const text = oneLine(body.toString('utf8'));
  return `answered ${status}${text === '' ? '' : `: ${text}`}`;
}
