/**
 * Truncated responses whose query may come again over TCP (RFC 7766 §5, RFC 2181 §9). The two exchanges stay two
 * transactions, each of them took place; the second refers to the first.
 */
import type { Conversation, DnsQuestion, DnsReference, Timestamp } from '../event.ts';

/** A stub resolver's whole patience (resolv.conf(5): 5 s, twice). It asks again at once, after a round trip. */
const RETRY_WITHIN_S = 10;

/** Truncated responses remembered: those of ten seconds at 400 a second, one in fifty of a busy resolver's. The oldest yields. */
export const MAX_TRUNCATIONS = 4_096;

interface Truncation extends DnsReference {
  readonly seconds: number;
}

export class Truncations {
  /** By client, server and question, in the order in which they came. */
  private readonly byQuestion = new Map<string, Truncation>();

  add(conversation: Conversation, question: DnsQuestion, id: number, { seconds }: Timestamp): void {
    const key = keyOf(conversation, question);
    this.byQuestion.delete(key);
    this.byQuestion.set(key, { session: conversation.session, id, seconds });
    if (this.byQuestion.size <= MAX_TRUNCATIONS) return;
    for (const oldest of this.byQuestion.keys()) {
      this.byQuestion.delete(oldest);
      return;
    }
  }

  /** The truncated transaction that a query over TCP repeats; it is repeated once. */
  take(conversation: Conversation, question: DnsQuestion, { seconds }: Timestamp): DnsReference | undefined {
    if (this.byQuestion.size === 0) return undefined;
    const key = keyOf(conversation, question);
    const found = this.byQuestion.get(key);
    if (found === undefined) return undefined;
    this.byQuestion.delete(key);
    const { session, id } = found;
    return seconds - found.seconds <= RETRY_WITHIN_S ? { session, id } : undefined;
  }
}

function keyOf({ client, server }: Conversation, { name, type, class: classCode }: DnsQuestion): string {
  return `${client.ip} ${server.ip} ${type} ${classCode} ${name.toLowerCase()}`;
}
