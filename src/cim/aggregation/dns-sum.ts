/** Identical DNS transactions as one: the same client, server, question and answer, whatever their ids, ports and times. */
import type { DnsMessage, DnsTransactionEvent, Timestamp } from '../../dissect/event.ts';
import type { Verdict } from '../../policy/verdict.ts';
import { conversationKey } from './conversation-key.ts';

const NO_VERDICTS: readonly Verdict[] = [];

/** Answers keep their order and lose their TTL, which counts down from one response to the next. */
function messageKey(message: DnsMessage | undefined): unknown {
  if (message === undefined) return null;
  const { opcode, rcode, questions, answers, counts, authoritative, truncated, authenticData, incomplete } = message;
  return [
    [opcode, rcode, authoritative, truncated, authenticData, incomplete, counts],
    questions.map(({ name, type, class: of }) => [name, type, of]),
    answers.map(({ type, data }) => [type, data]),
  ];
}

export function dnsKey({ conversation, protocol, query, response }: DnsTransactionEvent): string {
  return `${protocol} ${conversationKey(conversation)} ${JSON.stringify([messageKey(query), messageKey(response)])}`;
}

export class DnsSum {
  readonly verdicts = NO_VERDICTS;
  private readonly first: DnsTransactionEvent;
  private count = 1;
  private last: Timestamp;
  private retries: number;
  private responseTimes: number;
  private timed: number;
  private slowest: number | undefined;

  constructor(first: DnsTransactionEvent) {
    this.first = first;
    this.last = first.time;
    this.retries = first.retries;
    this.responseTimes = first.responseTime ?? 0;
    this.timed = first.responseTime === undefined ? 0 : 1;
    this.slowest = first.responseTime;
  }

  add({ time, retries, responseTime }: DnsTransactionEvent): void {
    this.count++;
    this.last = time;
    this.retries += retries;
    if (responseTime === undefined) return;
    this.responseTimes += responseTime;
    this.timed++;
    this.slowest = Math.max(this.slowest ?? 0, responseTime);
  }

  /** The first transaction with the counts of all and the mean of their response times; itself where it stayed alone. */
  event(): DnsTransactionEvent {
    const { first, count, last, retries, slowest } = this;
    if (count === 1) return first;
    return {
      ...first,
      retries,
      responseTime: this.timed === 0 ? undefined : this.responseTimes / this.timed,
      aggregated: { count, last, slowest },
    };
  }
}
