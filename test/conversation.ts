/** Conversations from the texts that show them. */
import { Conversation, type Endpoint } from '../src/dissect/conversation.ts';
import { type IpAddress, parseIp } from '../src/dissect/net/address.ts';

type Plain = Pick<Conversation, 'transport' | 'session' | 'vlan' | 'innerVlan' | 'interfaceName' | 'tunnels' | 'owner'>;

export interface ConversationTexts extends Plain {
  client: Endpoint;
  server: Endpoint;
  communityId: string;
  clientMac: string;
  serverMac: string;
}

function addressOf({ ip }: Endpoint): IpAddress {
  const address = parseIp(ip);
  if (address === undefined) throw new Error(`${ip} is no address`);
  return address;
}

function macOf(text: string): readonly [high: number, low: number] {
  const bytes = Buffer.from(text.replaceAll(':', ''), 'hex');
  return [bytes.readUInt16BE(0), bytes.readInt32BE(2)];
}

/** `like`, or an empty conversation, with these texts instead of its own. Both ends are of one IP version. */
export function conversationOf(texts: Partial<ConversationTexts>, like = new Conversation()): Conversation {
  const { client, server, communityId, clientMac, serverMac, ...plain } = texts;
  const made = Object.assign(new Conversation(), like, plain);
  if (client !== undefined) {
    const { version, words } = addressOf(client);
    made.ipVersion = version;
    [made.client0, made.client1, made.client2, made.client3] = words.map((word) => word | 0) as [0, 0, 0, 0];
    made.clientPort = client.port;
  }
  if (server !== undefined) {
    const { version, words } = addressOf(server);
    made.ipVersion = version;
    [made.server0, made.server1, made.server2, made.server3] = words.map((word) => word | 0) as [0, 0, 0, 0];
    made.serverPort = server.port;
  }
  if (communityId !== undefined) {
    const hash = Buffer.from(communityId.slice('1:'.length), 'base64');
    made.hash0 = hash.readInt32BE(0);
    made.hash1 = hash.readInt32BE(4);
    made.hash2 = hash.readInt32BE(8);
    made.hash3 = hash.readInt32BE(12);
    made.hash4 = hash.readInt32BE(16);
  }
  if (clientMac !== undefined) [made.clientMacHigh, made.clientMacLow] = macOf(clientMac);
  if (serverMac !== undefined) [made.serverMacHigh, made.serverMacLow] = macOf(serverMac);
  return made;
}
