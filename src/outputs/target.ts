/** From the target that a user names to the kind of output, the place that it names and the options in it. */
import { statSync } from 'node:fs';
import { nearest } from '../suggest.ts';
import { UsageError } from '../usage-error.ts';
import type { OutputType } from './options.ts';

const STANDARD_OUTPUT = '-';
export const KIND_PLACEHOLDER = '{kind}';

const KAFKA_PORT = '9092';
const OTLP_HTTP_PORT = '4318';
const HEC_PORT = '8088';
/** The path of logs where a URL has none (OTLP 1.0, "OTLP/HTTP Request"). */
const OTLP_LOGS_PATH = '/v1/logs';

/** Splunk serves HEC over TLS unless told otherwise: that is plain `hec`. */
const HTTP_OF_SCHEME: Readonly<Record<string, 'http' | 'https'>> = {
  'otlp+http': 'http',
  'otlp+https': 'https',
  hec: 'https',
  'hec+https': 'https',
  'hec+http': 'http',
};
const SCHEMES = ['kafka', ...Object.keys(HTTP_OF_SCHEME)];

export interface Target {
  readonly type: OutputType;
  /** Members of the output's settings that the target itself gives: path, brokers and topic, or url. */
  readonly place: Readonly<Record<string, unknown>>;
  /** Options after a `?`, by path. */
  readonly options: ReadonlyMap<string, string>;
}

/** @throws UsageError where the text is no target; it repeats nothing of a URL but the scheme, for there may be a secret */
export function parseTarget(target: string): Target {
  if (target === STANDARD_OUTPUT) return { type: 'stdout', place: {}, options: new Map() };
  if (target === '')
    throw new UsageError('an output is -, for standard output, or the path of a file; this one is empty');
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(target)?.[1]?.toLowerCase();
  return scheme === undefined ? fileTarget(target) : urlTarget(scheme, target.slice(scheme.length + 3));
}

function fileTarget(path: string): Target {
  checkPlaceholders(path, `output ${path}`, 'a path');
  if (path.endsWith('/') || isDirectory(path)) {
    const inside = `${path.replace(/\/+$/, '')}/${KIND_PLACEHOLDER}.ndjson`;
    throw new UsageError(`output ${path} is a directory; for a file of each kind in it write ${inside}`);
  }
  return { type: 'file', place: { path }, options: new Map() };
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    // What is wrong with the path is said when it is opened.
    return false;
  }
}

function urlTarget(scheme: string, rest: string): Target {
  if (!SCHEMES.includes(scheme)) {
    const near = nearest(scheme, SCHEMES);
    throw new UsageError(
      `output ${scheme}:// is not known${near ? ` (did you mean ${near}://?)` : ''}; there are ${SCHEMES.map((name) => `${name}://`).join(', ')} and paths of files`,
    );
  }
  const { hosts, path, query } = /^(?<hosts>[^/?]*)(?<path>[^?]*)\??(?<query>.*)$/s.exec(rest)!.groups as {
    hosts: string;
    path: string;
    query: string;
  };
  if (hosts.includes('@'))
    throw new UsageError(
      `output ${scheme}://: a target holds no user and no password, for everybody on this host may read a command line; see the options password_file, password_env, token_file and token_env`,
    );
  const options = new Map(new URLSearchParams(query));
  if (scheme === 'kafka') return { type: 'kafka', place: kafkaPlace(hosts, path), options };
  const type = scheme.startsWith('otlp') ? 'otlp' : 'hec';
  const port = type === 'otlp' ? OTLP_HTTP_PORT : HEC_PORT;
  const authority = hostAndPort(scheme, hosts, port);
  if (type === 'hec' && path !== '' && path !== '/')
    throw new UsageError(`output ${scheme}://: the path of the collector endpoint is known; write host and port alone`);
  const suffix = type === 'hec' ? '' : path === '' || path === '/' ? OTLP_LOGS_PATH : path;
  return { type, place: { url: `${HTTP_OF_SCHEME[scheme]}://${authority}${suffix}` }, options };
}

function kafkaPlace(hosts: string, path: string): Target['place'] {
  const brokers = hosts.split(',').map((host) => hostAndPort('kafka', host, KAFKA_PORT));
  const topic = path.replace(/^\//, '');
  // Legal topic names: Kafka's org.apache.kafka.common.internals.Topic.
  if (!/^[a-zA-Z0-9._-]{1,249}$/.test(topic.replaceAll(KIND_PLACEHOLDER, 'certificate'))) {
    checkPlaceholders(topic, 'output kafka://', 'a topic');
    throw new UsageError(
      'output kafka://: write kafka://host:port/topic, the topic in letters, digits, ., _ and -; it may hold {kind}',
    );
  }
  return { brokers, topic };
}

function hostAndPort(scheme: string, text: string, defaultPort: string): string {
  const match = /^(\[[0-9a-f:.]+\]|[^:[\]\s]+)(?::(\d{1,5}))?$/i.exec(text);
  if (match === null || Number(match[2] ?? 1) > 65535 || Number(match[2] ?? 1) === 0)
    throw new UsageError(`output ${scheme}://: ${JSON.stringify(text)} is no host:port`);
  return `${match[1]}:${match[2] ?? defaultPort}`;
}

function checkPlaceholders(text: string, subject: string, what: string): void {
  for (const [placeholder] of text.matchAll(/\{[^{}/]*\}/g)) {
    if (placeholder === KIND_PLACEHOLDER) continue;
    throw new UsageError(`${subject}: ${placeholder} means nothing; ${what} may hold ${KIND_PLACEHOLDER}`);
  }
}
