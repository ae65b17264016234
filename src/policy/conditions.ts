/** To which traffic a rule or an exception applies. */
import type { Conversation, DnsTransactionEvent, ServerHello, TlsHandshakeEvent } from '../dissect/event.ts';
import { tlsVersionName } from '../dissect/iana.ts';
import { type Cidr, parseCidr, parseIp } from '../dissect/net/address.ts';
import { versionMatchers } from './matchers.ts';
import { suiteMatchers } from './negotiated-suites.ts';
import { offeredVersions } from './offered.ts';
import { nameMatcher } from './server-name.ts';
import type { ConditionsSource, Protocol, VersionName } from './source.ts';
import type { Direction } from './verdict.ts';

export type Traffic = TlsHandshakeEvent | DnsTransactionEvent;

export const Match = { no: 0, yes: 1, unknown: 2 } as const;
export type Match = (typeof Match)[keyof typeof Match];

/** What of the traffic a condition looks at, and nothing else. */
export type Subject =
  | 'client'
  | 'server'
  | 'port'
  | 'process'
  | 'name'
  | 'direction'
  | 'protocol'
  | 'version'
  | 'suite'
  | 'offer';

export interface Condition {
  readonly subject: Subject;
  readonly match: (traffic: Traffic, direction: Direction | undefined) => Match;
}

const PORT_RANGE = /^(\d{1,5})-(\d{1,5})$/;

/** Every one of them has to match. What a capture does not tell (the process, in a file) is unknown, not a mismatch. */
export function compileConditions(source: ConditionsSource): Condition[] {
  const { direction, clients, servers, ports, server_names, processes, protocols } = source;
  const { versions, offered_versions, cipher_suites } = source;
  const conditions: Condition[] = [];
  const add = (subject: Subject, match: Condition['match']) => conditions.push({ subject, match });
  if (direction) add('direction', (_, seen) => (seen === undefined ? Match.unknown : truth(seen === direction)));
  if (clients)
    add(
      'client',
      network(clients, (conversation) => conversation.client.ip),
    );
  if (servers)
    add(
      'server',
      network(servers, (conversation) => conversation.server.ip),
    );
  if (ports) add('port', serverPort(ports));
  if (processes) add('process', process(processes));
  if (server_names) add('name', ofHandshake(serverName(server_names)));
  if (protocols) add('protocol', ofHandshake(protocol(protocols)));
  if (versions)
    add('version', ofHandshake(ofServer(versionMatchers(versions), ({ holds }, server) => holds(server.version))));
  if (offered_versions) add('offer', ofHandshake(offer(offered_versions)));
  if (cipher_suites)
    add('suite', ofHandshake(ofServer(suiteMatchers(cipher_suites), ({ holds }, server) => holds(server))));
  return conditions;
}

/** Least of all: one that does not match decides, one that is unknown leaves it open. */
export function matchAll(conditions: readonly Condition[], traffic: Traffic, direction: Direction | undefined): Match {
  let result: Match = Match.yes;
  for (const condition of conditions) {
    const match = condition.match(traffic, direction);
    if (match === Match.no) return Match.no;
    if (match === Match.unknown) result = Match.unknown;
  }
  return result;
}

function truth(value: boolean): Match {
  return value ? Match.yes : Match.no;
}

/** Conditions on TLS never match a DNS transaction. */
function ofHandshake(condition: (event: TlsHandshakeEvent) => Match): Condition['match'] {
  return (traffic) => (traffic.kind === 'tls_handshake' ? condition(traffic) : Match.no);
}

/** Addresses, ports and names whose answer is kept; more make the condition begin anew, 100 bytes each. */
const MAX_KEPT_ANSWERS = 4096;

function kept<K>(test: (key: K) => boolean): (key: K) => boolean {
  const answers = new Map<K, boolean>();
  return (key) => {
    let answer = answers.get(key);
    if (answer === undefined) {
      answer = test(key);
      if (answers.size >= MAX_KEPT_ANSWERS) answers.clear();
      answers.set(key, answer);
    }
    return answer;
  };
}

/** Whether an address as text is of one of the networks. */
export function networkMatcher(networks: readonly string[]): (ip: string) => boolean {
  const cidrs = networks.map(parseCidr).filter((cidr) => cidr !== undefined);
  return kept((ip) => {
    const address = parseIp(ip);
    return (
      address !== undefined && cidrs.some((cidr) => cidr.version === address.version && inside(address.words, cidr))
    );
  });
}

function inside(words: readonly number[], { words: network, prefix }: Cidr): boolean {
  let bits = prefix;
  for (let i = 0; bits > 0; i++, bits -= 32) {
    const mask = bits >= 32 ? 0xffffffff : 0xffffffff << (32 - bits);
    if ((((words[i] ?? 0) ^ (network[i] ?? 0)) & mask) !== 0) return false;
  }
  return true;
}

function network(networks: readonly string[], address: (conversation: Conversation) => string): Condition['match'] {
  const matches = networkMatcher(networks);
  return ({ conversation }) => truth(matches(address(conversation)));
}

/** First and last port of `443` or `8000-8999`; undefined for other text. */
export function parsePorts(source: number | string): readonly [number, number] | undefined {
  if (typeof source === 'number') return [source, source];
  const [, first, last] = PORT_RANGE.exec(source) ?? [];
  if (first === undefined || last === undefined) return undefined;
  const range = [Number(first), Number(last)] as const;
  return range[0] <= range[1] && range[1] <= 65535 ? range : undefined;
}

function serverPort(sources: readonly (number | string)[]): Condition['match'] {
  const ranges = sources.map(parsePorts).filter((range) => range !== undefined);
  return ({ conversation }) => {
    const { port } = conversation.server;
    return truth(ranges.some(([first, last]) => port >= first && port <= last));
  };
}

function process(patterns: readonly string[]): Condition['match'] {
  const expressions = patterns.map((pattern) => {
    const parts = pattern.split('*').map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, '\\$&'));
    return new RegExp(`^${parts.join('.*')}$`);
  });
  const matches = kept((command: string) => expressions.some((expression) => expression.test(command)));
  return ({ conversation }) =>
    conversation.owner === undefined ? Match.unknown : truth(matches(conversation.owner.command));
}

function serverName(patterns: readonly string[]): (event: TlsHandshakeEvent) => Match {
  const matches = kept(nameMatcher(patterns));
  return ({ client }) => {
    if (client === undefined) return Match.unknown;
    return truth(client.serverName !== undefined && matches(client.serverName));
  };
}

/** @param holds whether the server's choice keeps to one of the matchers; undefined where it is not known */
function ofServer<M>(matchers: readonly M[], holds: (matcher: M, server: ServerHello) => boolean | undefined) {
  return ({ server }: TlsHandshakeEvent): Match => {
    if (server === undefined) return Match.unknown;
    const kept = matchers.map((matcher) => holds(matcher, server));
    if (kept.includes(false)) return Match.no;
    return kept.includes(undefined) ? Match.unknown : Match.yes;
  };
}

/** Whether the client offers one of the versions. */
function offer(names: readonly VersionName[]): (event: TlsHandshakeEvent) => Match {
  const wanted = new Set<string>(names);
  return ({ client }) => {
    if (client === undefined) return Match.unknown;
    if (offeredVersions(client).some((version) => wanted.has(tlsVersionName(version)))) return Match.yes;
    return client.malformed ? Match.unknown : Match.no;
  };
}

function protocol(protocols: readonly Protocol[]): (event: TlsHandshakeEvent) => Match {
  return (event) => truth(protocols.includes(protocolOf(event)));
}

/** TLS over UDP is QUIC's (RFC 9001), unless its versions are DTLS's. */
export function protocolOf({ conversation, client, server }: TlsHandshakeEvent): Protocol {
  if (conversation.transport === 'tcp') return 'tls';
  return tlsVersionName((server ?? client)?.version ?? 0).startsWith('DTLS') ? 'dtls' : 'quic';
}
