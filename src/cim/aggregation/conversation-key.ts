/** What events have in common that may be summed: the pair, and how its packets were carried. Client ports differ. */
import type { Conversation } from '../../dissect/event.ts';

export function conversationKey(conversation: Conversation): string {
  const { transport, client, server, vlan, innerVlan, interfaceName, tunnels, owner } = conversation;
  const carried = tunnels === undefined ? '' : JSON.stringify(tunnels);
  const process = owner === undefined ? '' : owner.processId;
  return `${transport} ${client.ip} ${server.ip} ${server.port} ${vlan ?? ''}.${innerVlan ?? ''} ${process} ${interfaceName ?? ''} ${carried}`;
}
