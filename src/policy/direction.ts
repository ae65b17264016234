import type { Conversation } from '../dissect/event.ts';
import type { Direction } from './verdict.ts';

/**
 * Which way a conversation goes, by the capturing host's own addresses (RFC 5952 text); undefined between two of its own
 * or two others, and so wherever none are known, as in a replay.
 */
export function directionOf(conversation: Conversation, ownAddresses: ReadonlySet<string>): Direction | undefined {
  // Asked first: the texts of the two addresses are made for the question.
  if (ownAddresses.size === 0) return undefined;
  const fromHere = ownAddresses.has(conversation.client.ip);
  if (fromHere === ownAddresses.has(conversation.server.ip)) return undefined;
  return fromHere ? 'outbound' : 'inbound';
}
