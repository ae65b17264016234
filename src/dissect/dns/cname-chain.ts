/** Aliases followed from the name that was asked for (RFC 1034 §3.6.2). */
import type { DnsQuestion, DnsRecord } from '../event.ts';

const TYPE_CNAME = 5;

/** Longer chains than this resolvers do not follow (BIND 9 and Unbound stop at 11 or 16). */
export const MAX_CHAIN = 16;

/** The aliases' targets in their order, whatever the order of the records; a loop ends where it closes. */
export function cnameChain({ name }: DnsQuestion, answers: readonly DnsRecord[]): string[] {
  const chain: string[] = [];
  const seen = new Set([name.toLowerCase()]);
  let owner = name.toLowerCase();
  while (chain.length < MAX_CHAIN) {
    const alias = answers.find((answer) => answer.type === TYPE_CNAME && answer.name.toLowerCase() === owner);
    if (alias === undefined) break;
    owner = alias.data.toLowerCase();
    if (seen.has(owner)) break;
    seen.add(owner);
    chain.push(alias.data);
  }
  return chain;
}
