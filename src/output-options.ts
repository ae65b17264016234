/** Every option of an output, once: which outputs have it, its type, default and meaning. */
import { KINDS } from './cim/event.ts';
import { isHeaderName, isHeaderValue } from './outputs/header.ts';
import { type OutputType, SEVERITIES } from './outputs/options.ts';
import { atLeastOne, hasControls, list, oneOf, type SettingFormat, text, whole, yesOrNo } from './setting-formats.ts';
import { isTree } from './tree.ts';

export interface OutputOption {
  readonly outputs: readonly OutputType[];
  /** Undefined: there is none, and the option is left out. */
  readonly default: unknown;
  readonly format: SettingFormat;
  /** For the reference: the type in words. */
  readonly type: string;
  readonly doc: string;
}

const plain = (complaint: SettingFormat['complaint']): SettingFormat => ({ coerce: (value) => value, complaint });

function orAuto(format: SettingFormat): SettingFormat {
  return {
    coerce: format.coerce,
    complaint: (value) =>
      value === 'auto' ? undefined : format.complaint(value)?.replace(/^must be/, 'must be auto,'),
  };
}

/**
 * A map of text to text.
 * @param entry what is wrong with an entry, or undefined
 */
function texts(entry: (name: string, value: string) => string | undefined): SettingFormat {
  return plain((value) => {
    const entries: [string, unknown][] | undefined = isTree(value) ? Object.entries(value) : undefined;
    if (!entries?.every((each): each is [string, string] => typeof each[1] === 'string'))
      return 'must be a map of names to texts';
    return entries.map(([name, each]) => entry(name, each)).find((complaint) => complaint !== undefined);
  });
}

const attribute = (name: string, value: string): string | undefined =>
  hasControls(name) || hasControls(value)
    ? `${JSON.stringify(name)} must have no control characters, such as line ends`
    : undefined;

/** The value may be a secret: it is not shown. */
function header(name: string, value: string): string | undefined {
  if (!isHeaderName(name)) return `${JSON.stringify(name)} is no name of an HTTP header`;
  return isHeaderValue(value) ? undefined : `the value of ${name} has characters that no HTTP header has`;
}

const choice = (...names: string[]): [SettingFormat, string] => [plain(oneOf(names)), names.join(', ')];
const number = (least: number, most: number, unit: string): [SettingFormat, string] => [whole(least, most), unit];
const TEXT: [SettingFormat, string] = [plain(text), 'text'];
const FILE: [SettingFormat, string] = [plain(text), 'file'];
const YES_OR_NO: [SettingFormat, string] = [yesOrNo, 'true or false'];

const ALL: readonly OutputType[] = ['stdout', 'file', 'kafka', 'otlp', 'hec'];
const NETWORK: readonly OutputType[] = ['kafka', 'otlp', 'hec'];
/** Where Node's timers end: 2³¹ ms. */
const DAY_MS = 86_400_000;
const YEAR_S = 31_622_400;
const TEBIBYTE = 2 ** 40;
const MEBIBYTE = 2 ** 20;

const table: readonly [string, readonly OutputType[], [SettingFormat, string], unknown, string][] = [
  ['name', ALL, TEXT, undefined, 'Names the output in the log and its spool on disk. Default: the target.'],
  [
    'kinds',
    ALL,
    [atLeastOne(list(oneOf(KINDS))), `list of ${KINDS.join(', ')}`],
    [...KINDS],
    'Kinds of events that this output gets, of those that `collect` names.',
  ],
  [
    'min_severity',
    ALL,
    choice(...SEVERITIES),
    'informational',
    'Findings below this severity are left out. It is said of findings alone.',
  ],
  [
    'format',
    ALL,
    choice('cim', 'native'),
    undefined,
    'As the setting `format`, for this output. Default: that setting.',
  ],
  ['batch.events', ALL, number(1, 100_000, 'events'), 5_000, 'A batch has at most this many events.'],
  [
    'batch.bytes',
    ALL,
    number(1_024, 64 * MEBIBYTE, 'bytes'),
    256 * 1024,
    'A batch is sent when it has this many bytes; an event larger than that goes alone.',
  ],
  ['batch.interval_ms', ALL, number(1, 60_000, 'ms'), 200, 'So long an event waits at most for its batch to fill.'],
  [
    'in_flight',
    NETWORK,
    number(1, 64, 'batches'),
    1,
    'Batches sent before the first is acknowledged. 1 keeps the order strictly; more are faster over long lines, and after ' +
      'an error as many batches less one may arrive before the one that failed.',
  ],
  ['timeout_ms', NETWORK, number(100, DAY_MS, 'ms'), 30_000, 'A batch not acknowledged by then is sent again.'],
  [
    'retry.initial_ms',
    ALL,
    number(1, DAY_MS, 'ms'),
    250,
    'After an error the wait is a random part of this, then of twice as much, and so on (full jitter).',
  ],
  ['retry.max_ms', ALL, number(1, DAY_MS, 'ms'), 30_000, 'The wait grows no further than to this.'],
  [
    'retry.give_up_s',
    ALL,
    [orAuto(whole(0, YEAR_S)), 'seconds or auto'],
    'auto',
    'After so long without success the output has failed for good and its events are lost, counted; 0: never. auto: never ' +
      'in run; in replay at once for files, after 60 s for the others.',
  ],
  [
    'spool',
    NETWORK,
    [orAuto(yesOrNo), 'true, false or auto'],
    'auto',
    'Keep what is not acknowledged yet on disk, in `spool.directory`. auto: in run, not in replay.',
  ],
  [
    'spool_max_bytes',
    NETWORK,
    number(MEBIBYTE, TEBIBYTE, 'bytes'),
    1024 * MEBIBYTE,
    'The spool of this output grows no further: beyond it the oldest events are lost, counted and told.',
  ],
  [
    'rotate.bytes',
    ['file'],
    number(0, TEBIBYTE, 'bytes'),
    0,
    'A file that has reached this size is renamed, and a new one begun. 0: never.',
  ],
  ['rotate.interval_s', ['file'], number(0, YEAR_S, 'seconds'), 0, 'The same by age. 0: never.'],
  ['rotate.keep_files', ['file'], number(0, 100_000, 'files'), 0, 'Rotated files that stay of each file. 0: all.'],
  ['rotate.keep_s', ['file'], number(0, 10 * YEAR_S, 'seconds'), 0, 'Rotated files older than this go. 0: never.'],
  ['rotate.gzip', ['file'], YES_OR_NO, true, 'Compress rotated files, all but the newest.'],
  [
    'fsync',
    ['file'],
    choice('auto', 'never', 'interval', 'batch'),
    'auto',
    'When events are forced to the disk itself, which matters when the machine fails, not when the agent does: never, every ' +
      'second, or before a batch counts as written. auto: every second in run, never in replay, which can be repeated.',
  ],
  ['tls.enabled', ['kafka'], YES_OR_NO, false, 'Speak TLS with the brokers.'],
  ['tls.ca_file', NETWORK, FILE, undefined, "Authorities to trust, in PEM, in place of Node's own."],
  ['tls.cert_file', NETWORK, FILE, undefined, 'Client certificate in PEM.'],
  ['tls.key_file', NETWORK, FILE, undefined, 'Its private key in PEM.'],
  ['tls.server_name', NETWORK, TEXT, undefined, "Name that the server's certificate must have. Default: the host."],
  ['sasl.mechanism', ['kafka'], choice('plain', 'scram-sha-256', 'scram-sha-512'), undefined, 'Log in by this.'],
  ['sasl.username', ['kafka'], TEXT, undefined, 'As whom.'],
  ['sasl.password_file', ['kafka'], FILE, undefined, 'File that holds the password.'],
  ['sasl.password_env', ['kafka'], TEXT, undefined, 'Environment variable that holds the password.'],
  ['client_id', ['kafka'], TEXT, 'vesper', 'Name of this client in the brokers’ logs and quotas.'],
  ['key', ['kafka'], choice('flow', 'none'), 'flow', 'Record key: flow keeps a connection in one partition, in order.'],
  [
    'value',
    ['kafka'],
    choice('event', 'hec'),
    'event',
    "Record value: the event's line, or the same in Splunk's HEC envelope (splunk.hec.json.event.formatted).",
  ],
  ['body', ['otlp'], choice('line', 'map'), 'line', "Body of a log record: the event's line (Splunk), or a map."],
  ['headers', ['otlp'], [texts(header), 'map'], {}, 'HTTP headers of every request. Not for secrets.'],
  ['headers_file', ['otlp'], FILE, undefined, 'File of further headers, a line `Name: value` each: for secrets.'],
  ['resource', ['otlp'], [texts(attribute), 'map'], {}, 'Further resource attributes.'],
  ['token_file', ['hec'], FILE, undefined, 'File that holds the token.'],
  ['token_env', ['hec'], TEXT, undefined, 'Environment variable that holds the token.'],
  [
    'ack',
    ['hec'],
    YES_OR_NO,
    false,
    'Wait until the indexer has acknowledged. The token must allow it. Else an HTTP 200 counts.',
  ],
  ['compression', ['otlp', 'hec'], choice('none', 'gzip'), 'gzip', 'Of requests.'],
  ['compression', ['kafka'], choice('none', 'gzip', 'snappy', 'zstd'), 'none', 'Of record batches.'],
  ['splunk.index', NETWORK, TEXT, undefined, 'Index that events ask for. The receiver must allow it.'],
  ['splunk.source', NETWORK, TEXT, undefined, 'Source that events name.'],
];

export const OUTPUT_OPTIONS: readonly (OutputOption & { readonly path: string })[] = table.map(
  ([path, outputs, [format, type], value, doc]) => ({ path, outputs, format, type, default: value, doc }),
);

/** The options of one type of output, by path. */
export function optionsOf(output: OutputType): Map<string, OutputOption> {
  return new Map(
    OUTPUT_OPTIONS.filter(({ outputs }) => outputs.includes(output)).map((option) => [option.path, option]),
  );
}
