/** What a transaction asked. */
import type { DnsMessage, DnsTransactionEvent } from '../event.ts';

/**
 * The message that tells the question: the query, or the response where the query was not seen or its question cannot be
 * read. A question written so that it breaks the grammar, and that servers answer all the same, hides nothing.
 */
export function askedIn({ query, response }: Pick<DnsTransactionEvent, 'query' | 'response'>): DnsMessage | undefined {
  if (query === undefined || response === undefined) return query ?? response;
  return query.questions.length === 0 && response.questions.length > 0 ? response : query;
}
