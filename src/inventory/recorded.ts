/** Handshakes and certificates from events that Vesper has recorded: lines in CIM form, of any kinds, in any order. */
import type { Outcome } from '../policy/verdict.ts';
import type { CertificateFacts, Observation, ServerAddress, VerdictSummary } from './observation.ts';

/** Events stay below 5,000 bytes; what is longer is no event. */
const MAX_LINE_BYTES = 64 * 1024;

export type Recorded =
  | { readonly kind: 'handshake'; readonly observation: Observation }
  | { readonly kind: 'certificate'; readonly server: ServerAddress; readonly certificate: CertificateFacts }
  /** A Vesper event of another kind. */
  | { readonly kind: 'other' }
  /** No event in CIM form. */
  | { readonly kind: 'unreadable' };

const OTHER: Recorded = { kind: 'other' };
const UNREADABLE: Recorded = { kind: 'unreadable' };

const LAST_SECOND = 253_402_300_799;

type Fields = Readonly<Record<string, unknown>>;

const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);
const number = (value: unknown): number | undefined => (Number.isFinite(value) ? (value as number) : undefined);
/** Seconds since 1970-01-01 UTC up to the year 9999. */
const moment = (value: unknown): number | undefined =>
  typeof value === 'number' && value >= 0 && value <= LAST_SECOND ? value : undefined;
const fields = (value: unknown): Fields | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
const texts = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((one) => text(one) !== undefined) : [];

/** What one line says. Files of events are anybody's: nothing of them is taken for granted. */
export function parseRecorded(line: string): Recorded {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return UNREADABLE;
  }
  const event = fields(value);
  const extras = fields(event?.vesper);
  const ip = text(event?.dest);
  const port = number(event?.dest_port);
  if (event === undefined || extras === undefined || ip === undefined) return UNREADABLE;
  if (port === undefined) return OTHER;
  const tls = fields(extras.tls);
  if (tls !== undefined) return handshake(event, tls, extras, { ip, port });
  const certificate = fields(extras.certificate);
  // The leaf of the server's chain: the others are its issuers'.
  if (certificate?.from === 'server' && certificate.index === 0) return certificateOf(event, certificate, { ip, port });
  return OTHER;
}

function handshake(event: Fields, tls: Fields, extras: Fields, server: ServerAddress): Recorded {
  const time = moment(event.time);
  const client = text(event.src);
  if (time === undefined || client === undefined) return UNREADABLE;
  const observation: Observation = {
    time,
    client,
    server,
    serverName: text(event.ssl_server_name),
    version: text(event.ssl_version),
    cipherSuite: text(event.ssl_cipher),
    group: text(tls.group),
    signatureScheme: text(tls.signature_scheme),
    verdicts: Array.isArray(extras.policy) ? extras.policy.flatMap(verdict) : [],
  };
  return { kind: 'handshake', observation };
}

const OUTCOMES: ReadonlySet<unknown> = new Set<Outcome>(['compliant', 'non_compliant', 'not_observable']);

function verdict(value: unknown): VerdictSummary[] {
  const { policy, outcome, rules } = fields(value) ?? {};
  if (typeof policy !== 'string' || !OUTCOMES.has(outcome)) return [];
  return [{ policy, outcome: outcome as Outcome, rules: texts(rules) }];
}

function certificateOf(event: Fields, certificate: Fields, server: ServerAddress): Recorded {
  const sha256 = text(event.ssl_hash);
  const notBefore = moment(event.ssl_start_time);
  const notAfter = moment(event.ssl_end_time);
  if (sha256 === undefined || notBefore === undefined || notAfter === undefined) return UNREADABLE;
  return {
    kind: 'certificate',
    server,
    certificate: {
      sha256,
      subject: text(event.ssl_subject) ?? '',
      issuer: text(event.ssl_issuer) ?? '',
      notBefore,
      notAfter,
      keyType: text(event.ssl_publickey_algorithm) ?? '',
      keyBits: number(certificate.key_bits),
      keyCurve: text(certificate.key_curve),
      signatureAlgorithm: text(event.ssl_signature_algorithm) ?? '',
    },
  };
}

/** Lines of a stream of bytes; one that is too long comes as an empty text, which is no event either. */
export async function* linesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let kept: Buffer[] = [];
  let length = 0;
  const line = (): string => {
    const whole = length <= MAX_LINE_BYTES ? Buffer.concat(kept).toString('utf8') : '';
    kept = [];
    length = 0;
    return whole;
  };
  const keep = (part: Buffer): void => {
    length += part.length;
    if (length <= MAX_LINE_BYTES) kept.push(part);
    else kept = [];
  };
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, start)) {
      keep(chunk.subarray(start, end));
      yield line();
      start = end + 1;
    }
    // A copy: a part of the chunk would keep all of it in memory.
    if (start < chunk.length) keep(Buffer.from(chunk.subarray(start)));
  }
  if (length > 0) yield line();
}
