/** Events to an OpenTelemetry collector, as logs over HTTP (OTLP 1.x). docs/adr/0007-otlp.md tells why without the SDK. */
import { readFileSync } from 'node:fs';
import type { CimEvent } from '../cim/event.ts';
import { UsageError } from '../usage-error.ts';
import { packageVersion } from '../version.ts';
import { type Refusal, sendInHalves } from './halves.ts';
import { type Answer, HttpClient, reasonOf } from './http-client.ts';
import type { OtlpSettings } from './options.ts';
import { OtlpRequestWriter, partialSuccess } from './otlp-request.ts';
import { DeliveryError, type Output } from './output.ts';
import { readFields } from './protobuf.ts';
import { tlsOptions } from './tls-options.ts';

/**
 * These concern the data, and stay so: "MUST NOT retry" of the specification. Others, such as 401 and 404, pass when
 * somebody mends the settings of either side, and nothing need be lost until then.
 */
const PERMANENT: ReadonlySet<number> = new Set([400, 415, 422, 500, 501]);
const TOO_LARGE = 413;

export class OtlpOutput implements Output {
  readonly name: string;
  private readonly client: HttpClient;
  private readonly writer: OtlpRequestWriter;

  /**
   * @param sensor name of this sensor
   * @throws UsageError where a file that the settings name cannot be used
   */
  constructor(settings: OtlpSettings, sensor: string) {
    this.name = settings.name;
    const headers = {
      'user-agent': `vesper/${packageVersion()}`,
      ...settings.headers,
      ...(settings.headers_file !== undefined && readHeaders(settings.name, settings.headers_file)),
      'content-type': 'application/x-protobuf',
    };
    this.client = new HttpClient(settings.url, headers, settings.compression, tlsOptions(settings.name, settings.tls));
    this.writer = new OtlpRequestWriter(settings, sensor);
  }

  send(batch: readonly CimEvent[], signal?: AbortSignal): Promise<void> {
    return sendInHalves(batch, async (part) => {
      const answer = await this.client.post(this.writer.write(part, Date.now()), signal);
      return refusalOf(answer, part.length);
    });
  }

  async close(): Promise<void> {
    this.client.close();
  }
}

/** @throws DeliveryError where the records have to wait */
function refusalOf(answer: Answer, count: number): Refusal | undefined {
  const { status, body, retryAfterMs } = answer;
  if (status >= 200 && status < 300) {
    const partial = partialSuccess(body);
    if (partial === undefined) return undefined;
    const lost = Math.min(count, partial.rejected);
    return { reason: `${lost} of ${count} records were rejected: ${partial.message}`, lost };
  }
  const reason = statusReason(answer);
  if (status === TOO_LARGE) return { reason };
  if (PERMANENT.has(status)) return { reason, lost: count };
  throw new DeliveryError(reason, true, { ...(retryAfterMs !== undefined && { retryAfterMs }) });
}

/** An error's body is a google.rpc.Status in Protocol Buffers, its message field 2; proxies in between answer in text. */
function statusReason(answer: Answer): string {
  const message = readFields(answer.body)?.get(2);
  return message instanceof Buffer ? reasonOf({ ...answer, body: message }) : reasonOf(answer);
}

function readHeaders(output: string, file: string): Record<string, string> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`output ${output}: cannot read the headers: ${(error as Error).message}`);
  }
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  return Object.fromEntries(
    lines.map((line, index) => {
      // RFC 9110 §5.6.2, §5.5. The line may be a secret: it is not shown.
      const [, name, value] =
        /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):\s*([\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)\s*$/.exec(line) ?? [];
      if (name === undefined || value === undefined)
        throw new UsageError(`output ${output}: line ${index + 1} of ${file} is no header: write Name: value`);
      return [name.toLowerCase(), value];
    }),
  );
}
