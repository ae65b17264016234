/** Aliases followed from the name that was asked for (RFC 1034 §3.6.2). */
import type { DnsQuestion, DnsRecord } from '../event.ts';

const TYPE_CNAME = 5;

/** Longer chains than this resolvers do not follow (BIND 9 and Unbound stop at 11 or 16). */
export const MAX_CHAIN = 16;

/** The aliases' targets in their order, whatever the order of the records; a loop ends where it closes. */
export function cnameChain({ name }: DnsQuestion, answers: readonly DnsRecord[]): string[] {
  const chain: string[] = [];
  let owner = name;
  // Servers send the records in the order of the chain: the search goes on where it found the last one.
  let at = 0;
  while (chain.length < MAX_CHAIN) {
    const found = findAlias(answers, owner, at);
    if (found < 0) break;
    owner = answers[found]!.data;
    if (isSame(owner, name) || chain.some((other) => isSame(other, owner))) break;
    chain.push(owner);
    at = found + 1;
  }
  return chain;
}

/** Index of the alias of `owner`, looked for from `from` on and then from the beginning; -1 where there is none. */
function findAlias(answers: readonly DnsRecord[], owner: string, from: number): number {
  const count = answers.length;
  for (let i = 0; i < count; i++) {
    const at = from + i < count ? from + i : from + i - count;
    const answer = answers[at]!;
    if (answer.type === TYPE_CNAME && isSame(answer.name, owner)) return at;
  }
  return -1;
}

/** Whatever the case (RFC 1035 §2.3.3). */
function isSame(a: string, b: string): boolean {
  return a === b || (a.length === b.length && a.toLowerCase() === b.toLowerCase());
}
