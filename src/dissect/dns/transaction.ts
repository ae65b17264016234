/** Pairs queries with responses, reports those that stay alone, all on packet time. */
import type { Counters } from '../../counters.ts';
import type {
  Conversation,
  DnsMessage,
  DnsProtocol,
  DnsQuestion,
  DnsReference,
  EventSink,
  Timestamp,
} from '../event.ts';

/**
 * Queries waiting at once. A busy resolver asks 20,000 a second and waits for a tenth of them for a second; beyond
 * this the oldest is reported as unanswered before its time.
 */
export const MAX_PENDING = 65_536;
/** Their bytes on the wire together; decoded they take about ten times that. 64 for each query on average. */
export const MAX_PENDING_BYTES = 64 * MAX_PENDING;
/** Queries with other questions waiting under one id of one flow: a stub asks A, AAAA and HTTPS, and seldom with one id. */
export const MAX_SAME_ID = 8;

/** Direction of one flow and id, as a number; or the querier's address and id, as text, for LLMNR. */
export type PairingKey = number | string;

export interface PendingQuery {
  readonly key: PairingKey;
  readonly time: Timestamp;
  readonly conversation: Conversation;
  readonly protocol: DnsProtocol;
  readonly message: DnsMessage;
  readonly retryOf: DnsReference | undefined;
  retries: number;
  /** The next query under the same key. */
  sameKey: PendingQuery | undefined;
  older: PendingQuery | undefined;
  newer: PendingQuery | undefined;
}

export class Transactions {
  private readonly timeoutNanos: number;
  private readonly counters: Counters;
  private readonly sink: EventSink;
  /** First of each key's chain, which is in the order of arrival. */
  private readonly pending = new Map<PairingKey, PendingQuery>();
  /** All of them in the order of arrival: a Map's own order costs a scan over what was deleted. */
  private oldest: PendingQuery | undefined = undefined;
  private newest: PendingQuery | undefined = undefined;
  private size = 0;
  private bytes = 0;

  /** `queryTimeout`: seconds after which a query counts as unanswered. */
  constructor(queryTimeout: number, counters: Counters, sink: EventSink) {
    this.timeoutNanos = queryTimeout * 1e9;
    this.counters = counters;
    this.sink = sink;
  }

  /** The first query that waits under the key. */
  waiting(key: PairingKey): PendingQuery | undefined {
    return this.pending.get(key);
  }

  /** A query; a copy of one that waits counts as its retry, however often it is sent (RFC 1035 §4.2.1). */
  query(
    key: PairingKey,
    message: DnsMessage,
    conversation: Conversation,
    protocol: DnsProtocol,
    time: Timestamp,
    retryOf?: DnsReference,
  ): void {
    const first = this.pending.get(key);
    let last = first;
    let chained = 1;
    for (let other = first; other !== undefined; other = other.sameKey) {
      if (other.message.opcode === message.opcode && sameQuestions(other.message.questions, message.questions, false)) {
        other.retries++;
        return;
      }
      last = other;
      chained++;
    }
    const added: PendingQuery = {
      key,
      time,
      conversation,
      protocol,
      message,
      retryOf,
      retries: 0,
      sameKey: undefined,
      older: this.newest,
      newer: undefined,
    };
    if (last === undefined) this.pending.set(key, added);
    else last.sameKey = added;
    if (this.newest === undefined) this.oldest = added;
    else this.newest.newer = added;
    this.newest = added;
    this.size++;
    this.bytes += message.length;
    if (chained > MAX_SAME_ID && first !== undefined) this.evict(first);
    while (this.oldest !== undefined && (this.size > MAX_PENDING || this.bytes > MAX_PENDING_BYTES)) {
      this.evict(this.oldest);
    }
  }

  /**
   * A response to one of those that wait from `first` on: reported with its query, or alone where none waits, as is a
   * second response to one query. `conversation` has the responder as its server, who need not be the one that was asked
   * (LLMNR). Returns the query.
   */
  response(
    first: PendingQuery | undefined,
    message: DnsMessage,
    conversation: Conversation,
    protocol: DnsProtocol,
    time: Timestamp,
  ): DnsMessage | undefined {
    const match = findQuery(first, message);
    if (match === undefined) {
      this.alone(undefined, message, conversation, protocol, time);
      return undefined;
    }
    this.remove(match, first);
    const nanos = nanosBetween(match.time, time.seconds, time.nanos);
    this.counters['dns.transactions']++;
    this.sink({
      kind: 'dns_transaction',
      time: match.time,
      conversation,
      protocol,
      query: match.message,
      response: message,
      // Negative where the clock was set back between the two: not known.
      responseTime: nanos >= 0 ? nanos / 1e9 : undefined,
      retries: match.retries,
      retryOf: match.retryOf,
    });
    return match.message;
  }

  /** A message that is not to be paired. */
  alone(
    query: DnsMessage | undefined,
    response: DnsMessage | undefined,
    conversation: Conversation,
    protocol: DnsProtocol,
    time: Timestamp,
  ): void {
    this.counters['dns.transactions']++;
    if (query === undefined && protocol !== 'mdns') this.counters['dns.unsolicited']++;
    this.sink({
      kind: 'dns_transaction',
      time,
      conversation,
      protocol,
      query,
      response,
      responseTime: undefined,
      retries: 0,
      retryOf: undefined,
    });
  }

  /** Reports the queries whose time is over, in the order in which they were sent. */
  expire(seconds: number, nanos: number): void {
    let first = this.oldest;
    while (first !== undefined && nanosBetween(first.time, seconds, nanos) >= this.timeoutNanos) {
      this.unanswered(first);
      first = this.oldest;
    }
  }

  /** The end of the capture: reports all that wait. */
  end(): void {
    while (this.oldest !== undefined) this.unanswered(this.oldest);
  }

  private evict(query: PendingQuery): void {
    this.counters['dns.pending_evicted']++;
    this.unanswered(query);
  }

  private unanswered(query: PendingQuery): void {
    this.remove(query, this.pending.get(query.key));
    this.counters['dns.transactions']++;
    this.counters['dns.unanswered']++;
    this.sink({
      kind: 'dns_transaction',
      time: query.time,
      conversation: query.conversation,
      protocol: query.protocol,
      query: query.message,
      response: undefined,
      responseTime: undefined,
      retries: query.retries,
      retryOf: query.retryOf,
    });
  }

  /** `first`: what waits first under the query's key. */
  private remove(query: PendingQuery, first: PendingQuery | undefined): void {
    const { key, older, newer, sameKey } = query;
    if (first === query) {
      if (sameKey === undefined) this.pending.delete(key);
      else this.pending.set(key, sameKey);
    } else {
      let before = first;
      while (before !== undefined && before.sameKey !== query) before = before.sameKey;
      if (before !== undefined) before.sameKey = sameKey;
    }
    if (older === undefined) this.oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.newest = older;
    else newer.older = older;
    this.size--;
    this.bytes -= query.message.length;
  }
}

/**
 * The oldest query of the chain with the response's opcode and questions: as they were sent, case included, since a
 * resolver that mixes cases expects them back; else whatever the case. A response may leave the question out, and that of
 * a query may be cut or broken: then the id alone tells.
 */
function findQuery(first: PendingQuery | undefined, response: DnsMessage): PendingQuery | undefined {
  const { opcode, questions } = response;
  let loose: PendingQuery | undefined;
  for (let query = first; query !== undefined; query = query.sameKey) {
    if (query.message.opcode !== opcode) continue;
    if (questions.length === 0 || query.message.questions.length === 0) return query;
    if (sameQuestions(query.message.questions, questions, false)) return query;
    if (loose === undefined && sameQuestions(query.message.questions, questions, true)) loose = query;
  }
  return loose;
}

function sameQuestions(a: readonly DnsQuestion[], b: readonly DnsQuestion[], ignoreCase: boolean): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) {
    const x = a[i]!;
    const y = b[i]!;
    if (x.type !== y.type || x.class !== y.class) return false;
    if (x.name === y.name) continue;
    if (!ignoreCase || x.name.toLowerCase() !== y.name.toLowerCase()) return false;
  }
  return true;
}

function nanosBetween(from: Timestamp, seconds: number, nanos: number): number {
  return (seconds - from.seconds) * 1e9 + (nanos - from.nanos);
}
