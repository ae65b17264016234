/** Every setting, once: what it means, its default, unit, type and environment variable. */
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { domainToASCII } from 'node:url';
import { EXTRAS, KINDS } from './cim/event.ts';
import { parseCidr } from './dissect/net/address.ts';
import { FINGERPRINT_NAMES } from './dissect/tls/fingerprints.ts';
import {
  asNumber,
  atLeastOne,
  list,
  noList,
  oneOf,
  port,
  type SettingFormat,
  text,
  whole,
  yesOrNo,
} from './setting-formats.ts';

const cidr = (value: unknown): string | undefined =>
  typeof value === 'string' && parseCidr(value) ? undefined : 'must be a network such as 10.0.0.0/8 or 2001:db8::/32';

/** Names are compared as they are on the wire, where IDNA has ASCII (RFC 5890 §2.3.2.1) and other bytes are shown as `\DDD`. */
const domain = (value: unknown): string | undefined => {
  const [, wildcard = '', name] = typeof value === 'string' ? (/^(\*\.)?([^*\s]+)$/.exec(value) ?? []) : [];
  if (name === undefined) return 'must be a name such as example.com, or *.example.com for all names below it';
  if (/^[\x21-\x7e]+$/.test(name)) return undefined;
  const ascii = isMulticast(name) ? escaped(name) : domainToASCII(name);
  return `must be in ASCII, as it is on the wire${ascii === '' ? '' : `: ${wildcard}${ascii}`}`;
};

/** mDNS has no IDNA: its names are UTF-8 on the wire (RFC 6762 §16). */
const isMulticast = (name: string): boolean => /\.local\.?$/i.test(name);

/** As DNS events show the bytes of a name, in the form that RFC 5198 §3 has on the wire. */
const escaped = (name: string): string =>
  name
    .normalize('NFC')
    .replaceAll(/[^\x21-\x7e]/gu, (character) =>
      Array.from(Buffer.from(character), (byte) => `\\${`${byte}`.padStart(3, '0')}`).join(''),
    );

/** The commas between the brokers of a Kafka target are its own. */
const targets = (value: unknown): unknown =>
  typeof value === 'string'
    ? (value.match(/\s*kafka:\/\/[^/]*[^,]*|[^,]+/g) ?? [])
        .map((target) => target.trim())
        .filter((target) => target !== '')
    : value;

const FORMATS = {
  kinds: atLeastOne(list(oneOf(KINDS))),
  fingerprints: list(oneOf(FINGERPRINT_NAMES)),
  yesOrNo,
  texts: list(text),
  someTexts: atLeastOne(list(text)),
  outputs: atLeastOne({
    coerce: targets,
    complaint: (value) => (Array.isArray(value) ? undefined : noList(value)),
  }),
  ports: list(port, asNumber),
  networks: list(cidr),
  domains: list(domain),
  text: { coerce: (value: unknown) => value, complaint: text },
  seconds: whole(1, 86_400),
  secondsOrNone: whole(0, 86_400),
  secondsOrAuto: {
    coerce: asNumber,
    complaint: (value: unknown) =>
      value === 'auto'
        ? undefined
        : whole(0, 604_800)
            .complaint(value)
            ?.replace(/^must be/, 'must be auto or'),
  },
  flowCount: whole(16, 4_194_304),
  eventFormat: { coerce: (value: unknown) => value, complaint: oneOf(['cim', 'native']) },
  extras: { coerce: (value: unknown) => value, complaint: oneOf(EXTRAS) },
  portOrNone: whole(0, 65_535),
  ipAddress: {
    coerce: (value: unknown) => value,
    complaint: (value: unknown) =>
      typeof value === 'string' && isIP(value) !== 0 ? undefined : 'must be an IP address',
  },
  captureBackend: { coerce: (value: unknown) => value, complaint: oneOf(['auto', 'ebpf', 'af_packet']) },
  logLevel: {
    coerce: (value: unknown) => value,
    complaint: oneOf(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']),
  },
  logFormat: { coerce: (value: unknown) => value, complaint: oneOf(['auto', 'json', 'text']) },
} satisfies Record<string, SettingFormat>;

export interface Setting {
  readonly doc: string;
  readonly default: unknown;
  readonly format: SettingFormat;
  /** For the reference: the type in words. */
  readonly type: string;
  readonly env: string;
}

function setting(path: string, doc: string, value: unknown, format: keyof typeof FORMATS, type: string): Setting {
  const env = `VESPER_${path.toUpperCase().replaceAll('.', '_')}`;
  return { doc, default: value, format: FORMATS[format], type, env };
}

const table: readonly [string, string, unknown, keyof typeof FORMATS, string][] = [
  [
    'capture',
    'Live capture. ebpf: programs in the kernel count flows and hand over what is decoded. af_packet: a packet socket. ' +
      'auto: ebpf where it works, else af_packet.',
    'auto',
    'captureBackend',
    'auto, ebpf or af_packet',
  ],
  [
    'interfaces',
    'Interfaces to watch: names, globs such as eth*, and auto for all but loopback. They may come and go.',
    ['auto'],
    'someTexts',
    'list of names',
  ],
  ['collect', 'Kinds of events to make.', [...KINDS], 'kinds', `list of ${KINDS.join(', ')}`],
  [
    'format',
    'cim: one Splunk CIM event per transaction, handshake, flow and finding. native: one event per message.',
    'cim',
    'eventFormat',
    'cim or native',
  ],
  [
    'extras',
    'How much of `vesper` CIM events have. full: everything. lean: what joins, policies and dashboards need, without lists and ' +
      'counters. off: nothing but fields of CIM.',
    'full',
    'extras',
    EXTRAS.join(', '),
  ],
  [
    'aggregate.window_s',
    'Sum repeated identical DNS transactions, and flow records between the same pair, over this time into one event with the ' +
      'exact counts of all (format cim). 0: off, every one is an event.',
    0,
    'secondsOrNone',
    'seconds',
  ],
  [
    'outputs',
    'Where events go: - is standard output, a path a file ({kind} in it: a file for each kind), ' +
      'kafka://host:port,host:port/topic, otlp+http://host:port, hec://host:port. A target may stand alone or be a map of ' +
      '`target` and options (see the reference of outputs).',
    ['-'],
    'outputs',
    'list of targets',
  ],
  [
    'policies',
    'TLS policies to judge handshakes by: names of built-in policies or paths of YAML files.',
    ['baseline'],
    'texts',
    'list of names and files',
  ],
  [
    'findings.suppress_s',
    'A violation of the same rule by the same client, server and name is not told again for this time; the next finding ' +
      'says how many were held back. 0: every violation is told. auto: 0 in replay, 3600 in run.',
    'auto',
    'secondsOrAuto',
    'seconds or auto',
  ],
  [
    'sensor.name',
    'Name of this sensor, dvc of the events that have one. Default: the name of the host.',
    hostname(),
    'text',
    'text',
  ],
  [
    'spool.directory',
    'Where outputs keep on disk what is not acknowledged yet, a directory for each. auto: spool in $STATE_DIRECTORY (systemd ' +
      'sets it), else /var/lib/vesper/spool as root, ~/.local/state/vesper/spool otherwise.',
    'auto',
    'text',
    'directory or auto',
  ],
  [
    'shutdown_timeout_s',
    'When the agent ends, outputs have so long to send what is left. What is in a spool by then is sent after the next ' +
      'start; what is not is lost, counted.',
    10,
    'seconds',
    'seconds',
  ],
  ['ignore.networks', 'Networks whose traffic is ignored, whichever end is in them.', [], 'networks', 'list of CIDR'],
  ['ignore.sources', 'Networks ignored as the source of a flow.', [], 'networks', 'list of CIDR'],
  ['ignore.destinations', 'Networks ignored as the destination of a flow.', [], 'networks', 'list of CIDR'],
  ['ignore.ports', 'TCP and UDP ports ignored on either end.', [], 'ports', 'list of ports'],
  [
    'ignore.domains',
    'Names ignored as DNS question and as TLS server name; *.example.com is every name below example.com.',
    [],
    'domains',
    'list of names',
  ],
  ['dns.ports', 'Ports that carry DNS besides 53, 5353 (mDNS) and 5355 (LLMNR).', [], 'ports', 'list of ports'],
  [
    'dns.query_timeout_s',
    'A query without a response is reported as unanswered after this time.',
    10,
    'seconds',
    'seconds',
  ],
  [
    'tls.certificates',
    'Follow handshakes up to TLS 1.2 beyond the ServerHello: certificates, groups and Diffie-Hellman sizes, client alerts.',
    true,
    'yesOrNo',
    'true or false',
  ],
  [
    'tls.fingerprints',
    'Fingerprints of hellos to make.',
    [...FINGERPRINT_NAMES],
    'fingerprints',
    `list of ${FINGERPRINT_NAMES.join(', ')}`,
  ],
  [
    'flows.capacity',
    'Flows kept at once; beyond it the longest silent are reported early. A flow costs 200 to 300 bytes, by eBPF 550 with ' +
      "the kernel's share, and IPv4 and IPv6 each have the capacity in the kernel.",
    1_048_576,
    'flowCount',
    'flows',
  ],
  ['flows.active_timeout_s', 'A long flow is reported each time it has lasted this long.', 1800, 'seconds', 'seconds'],
  ['flows.tcp_idle_timeout_s', 'A silent TCP connection is over after this time.', 300, 'seconds', 'seconds'],
  ['flows.udp_idle_timeout_s', 'A silent UDP flow is over after this time.', 60, 'seconds', 'seconds'],
  ['flows.icmp_idle_timeout_s', 'A silent ICMP flow is over after this time.', 30, 'seconds', 'seconds'],
  [
    'agent.interval_s',
    "Live, the agent's own health (counters, losses, processor time and memory) becomes an event each time this has passed.",
    60,
    'seconds',
    'seconds',
  ],
  [
    'metrics.port',
    'Live, counters can be read at http://ADDRESS:PORT/metrics in the text format of Prometheus. 0: they cannot.',
    0,
    'portOrNone',
    'port or 0',
  ],
  [
    'metrics.address',
    'Where metrics.port listens: an IP address of this host. Counters tell how much traffic there is, to anybody who asks.',
    '127.0.0.1',
    'ipAddress',
    'IP address',
  ],
  ['log.level', "Least level of the agent's own log, on standard error.", 'info', 'logLevel', 'level'],
  [
    'log.format',
    'json: a JSON object a line. text: for reading. auto: text on a terminal, else json.',
    'auto',
    'logFormat',
    'auto, json or text',
  ],
];

/** By path, in the order of the reference. */
export const SETTINGS: ReadonlyMap<string, Setting> = new Map(
  table.map(([path, doc, value, format, type]) => [path, setting(path, doc, value, format, type)]),
);
