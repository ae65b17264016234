/** The two ends of a flow and what is common to all its events. */
import { communityIdText } from './flow/community-id.ts';
import type { Owner } from './frame.ts';
import { formatIp, formatMac } from './net/address.ts';
import type { TunnelHop } from './net/packet.ts';

export interface Endpoint {
  /** RFC 5952 text. */
  readonly ip: string;
  /** 0 where the transport has none (ICMP). */
  readonly port: number;
}

export type Transport = 'tcp' | 'udp' | 'icmp';

/** In `clientMacHigh` and `serverMacHigh`: the link has no such addresses. */
export const NO_MAC = -1;

/**
 * Filled once by whoever makes it, not changed after. Addresses and hashes are numbers, from which lines are written
 * (texts of both took a third of the time of a flow record); the texts are made at each call. 32-bit words are signed:
 * V8 keeps those in the object itself.
 */
export class Conversation {
  transport: Transport = 'tcp';
  ipVersion: 4 | 6 = 4;
  /** Unique to the connection within one run of the agent: the ordinal of the flow. */
  session = 0;
  /** The address of the initiator, as this event sees it; IPv4 in the first word. */
  client0 = 0;
  client1 = 0;
  client2 = 0;
  client3 = 0;
  clientPort = 0;
  server0 = 0;
  server1 = 0;
  server2 = 0;
  server3 = 0;
  serverPort = 0;
  /** SHA-1 of the Community ID. */
  hash0 = 0;
  hash1 = 0;
  hash2 = 0;
  hash3 = 0;
  hash4 = 0;
  /** First 16 bits of the address, or `NO_MAC`, and the other 32. */
  clientMacHigh = NO_MAC;
  clientMacLow = 0;
  serverMacHigh = NO_MAC;
  serverMacLow = 0;
  vlan: number | undefined = undefined;
  innerVlan: number | undefined = undefined;
  /** Name of the interface, where the capture knows it. */
  interfaceName: string | undefined = undefined;
  tunnels: readonly TunnelHop[] | undefined = undefined;
  owner: Owner | undefined = undefined;

  get client(): Endpoint {
    return {
      ip: formatIp(this.ipVersion, this.client0, this.client1, this.client2, this.client3),
      port: this.clientPort,
    };
  }

  get server(): Endpoint {
    return {
      ip: formatIp(this.ipVersion, this.server0, this.server1, this.server2, this.server3),
      port: this.serverPort,
    };
  }

  /** Community ID v1, seed 0 (github.com/corelight/community-id-spec). */
  get communityId(): string {
    return communityIdText(this);
  }

  get clientMac(): string | undefined {
    return this.clientMacHigh === NO_MAC ? undefined : formatMac(this.clientMacHigh, this.clientMacLow);
  }

  get serverMac(): string | undefined {
    return this.serverMacHigh === NO_MAC ? undefined : formatMac(this.serverMacHigh, this.serverMacLow);
  }
}

/** The same conversation seen from the other end: for events whose messages, not the TCP handshake, tell the client. */
export function reverse(conversation: Conversation): Conversation {
  const turned = new Conversation();
  turned.transport = conversation.transport;
  turned.ipVersion = conversation.ipVersion;
  turned.session = conversation.session;
  turned.hash0 = conversation.hash0;
  turned.hash1 = conversation.hash1;
  turned.hash2 = conversation.hash2;
  turned.hash3 = conversation.hash3;
  turned.hash4 = conversation.hash4;
  turned.vlan = conversation.vlan;
  turned.innerVlan = conversation.innerVlan;
  turned.interfaceName = conversation.interfaceName;
  turned.tunnels = conversation.tunnels;
  turned.owner = conversation.owner;
  turned.client0 = conversation.server0;
  turned.client1 = conversation.server1;
  turned.client2 = conversation.server2;
  turned.client3 = conversation.server3;
  turned.clientPort = conversation.serverPort;
  turned.clientMacHigh = conversation.serverMacHigh;
  turned.clientMacLow = conversation.serverMacLow;
  turned.server0 = conversation.client0;
  turned.server1 = conversation.client1;
  turned.server2 = conversation.client2;
  turned.server3 = conversation.client3;
  turned.serverPort = conversation.clientPort;
  turned.serverMacHigh = conversation.clientMacHigh;
  turned.serverMacLow = conversation.clientMacLow;
  return turned;
}
