/** From a flow's record to what its events say of its two ends. */
import { Conversation, type Transport } from '../conversation.ts';
import type { Owner } from '../frame.ts';
import { IpProtocol, type Packet, type TunnelHop } from '../net/packet.ts';
import { hashFlow } from './community-id.ts';
import { KeyWord } from './key.ts';
import { type FlowRecords, Hot, HotByte, Mark, NO_VLAN, Origin, OriginMark } from './record.ts';
import { digest } from './sha1.ts';

/** What few flows have. */
interface Carriage {
  readonly tunnels: readonly TunnelHop[] | undefined;
  readonly owner: Owner | undefined;
}

export class Conversations {
  private readonly records: FlowRecords;
  private readonly interfaceName: (index: number) => string | undefined;
  private readonly carriages = new Map<number, Carriage>();

  constructor(records: FlowRecords, interfaceName: (index: number) => string | undefined) {
    this.records = records;
    this.interfaceName = interfaceName;
  }

  /** Remembers how the first packet of a flow, sent by `side`, was carried. */
  start(slot: number, packet: Packet, side: 0 | 1): void {
    const { words } = this.records;
    const origin = this.records.origin(slot);
    const { frame, macOffset } = packet;
    let marks = 0;
    if (macOffset >= 0) {
      marks |= OriginMark.macs;
      // The destination's comes first (IEEE 802.3 §3.1.1).
      const source = macOffset + 6;
      words[origin + Origin.mac0] = uint32(frame.bytes, 2 + (side === 0 ? source : macOffset));
      words[origin + Origin.mac1] = uint32(frame.bytes, 2 + (side === 0 ? macOffset : source));
      const sourceHigh = uint16(frame.bytes, source);
      const destinationHigh = uint16(frame.bytes, macOffset);
      words[origin + Origin.macHigh] =
        side === 0 ? (sourceHigh << 16) | destinationHigh : (destinationHigh << 16) | sourceHigh;
    }
    words[origin + Origin.vlans] = ((packet.vlan & NO_VLAN) << 16) | (packet.innerVlan & NO_VLAN);
    words[origin + Origin.interfaceIndex] = frame.interfaceIndex;
    if (packet.tunnels !== undefined || frame.owner !== undefined) {
      marks |= OriginMark.carriage;
      this.carriages.set(slot, { tunnels: packet.tunnels, owner: frame.owner });
    }
    words[origin + Origin.marks] = marks;
  }

  /** The process becomes known with a packet from this host, which need not be the flow's first. */
  setOwner(slot: number, owner: Owner): void {
    const { words } = this.records;
    const marks = this.records.origin(slot) + Origin.marks;
    const kept = ((words[marks] as number) & OriginMark.carriage) === 0 ? undefined : this.carriages.get(slot);
    if (kept?.owner !== undefined) return;
    words[marks] = (words[marks] as number) | OriginMark.carriage;
    this.carriages.set(slot, { tunnels: kept?.tunnels, owner });
  }

  /**
   * Client and server as the flow sees them now. A new object each time: of 280 bytes that die young, where kept ones
   * were copied by the garbage collector and crowded the caches (a fifth of the time of a million DNS messages).
   */
  get(slot: number): Conversation {
    const { words, signed, bytes, doubles } = this.records;
    const hot = this.records.hot(slot);
    const made = new Conversation();
    const protocol = words[hot + KeyWord.protocol]!;
    const ports = words[hot + KeyWord.ports]!;
    const clientIsSide1 = (bytes[hot * 4 + HotByte.marks]! & Mark.clientIsSide1) !== 0;
    made.transport = transportOf(protocol & 0xffff);
    made.ipVersion = protocol >>> 16 === 4 ? 4 : 6;
    made.session = doubles[(hot + Hot.session) / 2]!;
    made.client0 = signed[hot + (clientIsSide1 ? KeyWord.address1 : KeyWord.address0)]!;
    made.server0 = signed[hot + (clientIsSide1 ? KeyWord.address0 : KeyWord.address1)]!;
    if (made.ipVersion === 6) {
      const client = hot + (clientIsSide1 ? KeyWord.rest1 : KeyWord.rest0);
      const server = hot + (clientIsSide1 ? KeyWord.rest0 : KeyWord.rest1);
      made.client1 = signed[client]!;
      made.client2 = signed[client + 1]!;
      made.client3 = signed[client + 2]!;
      made.server1 = signed[server]!;
      made.server2 = signed[server + 1]!;
      made.server3 = signed[server + 2]!;
    }
    if (made.transport !== 'icmp') {
      made.clientPort = clientIsSide1 ? ports & 0xffff : ports >>> 16;
      made.serverPort = clientIsSide1 ? ports >>> 16 : ports & 0xffff;
    }
    this.name(made, slot);
    this.carry(made, slot, clientIsSide1);
    return made;
  }

  end(slot: number): void {
    if (((this.records.words[this.records.origin(slot) + Origin.marks] as number) & OriginMark.carriage) !== 0) {
      this.carriages.delete(slot);
    }
  }

  /** The Community ID, hashed once for each flow. */
  private name(made: Conversation, slot: number): void {
    const { words, signed } = this.records;
    const origin = this.records.origin(slot);
    const at = origin + Origin.communityId;
    if ((words[origin + Origin.marks]! & OriginMark.communityId) === 0) {
      hashFlow(words, this.records.hot(slot));
      for (let i = 0; i < digest.length; i++) signed[at + i] = digest[i]!;
      words[origin + Origin.marks] = words[origin + Origin.marks]! | OriginMark.communityId;
    }
    made.hash0 = signed[at]!;
    made.hash1 = signed[at + 1]!;
    made.hash2 = signed[at + 2]!;
    made.hash3 = signed[at + 3]!;
    made.hash4 = signed[at + 4]!;
  }

  private carry(made: Conversation, slot: number, clientIsSide1: boolean): void {
    const { words, signed } = this.records;
    const origin = this.records.origin(slot);
    const marks = words[origin + Origin.marks]!;
    if ((marks & OriginMark.macs) !== 0) {
      const client = origin + (clientIsSide1 ? Origin.mac1 : Origin.mac0);
      const server = origin + (clientIsSide1 ? Origin.mac0 : Origin.mac1);
      made.clientMacLow = signed[client]!;
      made.serverMacLow = signed[server]!;
      const high = words[origin + Origin.macHigh]!;
      made.clientMacHigh = clientIsSide1 ? high & 0xffff : high >>> 16;
      made.serverMacHigh = clientIsSide1 ? high >>> 16 : high & 0xffff;
    }
    const vlans = words[origin + Origin.vlans]!;
    if (vlans >>> 16 !== NO_VLAN) made.vlan = vlans >>> 16;
    if ((vlans & NO_VLAN) !== NO_VLAN) made.innerVlan = vlans & NO_VLAN;
    made.interfaceName = this.interfaceName(words[origin + Origin.interfaceIndex]!);
    if ((marks & OriginMark.carriage) !== 0) {
      const kept = this.carriages.get(slot);
      made.tunnels = kept?.tunnels;
      made.owner = kept?.owner;
    }
  }
}

export function transportOf(protocol: number): Transport {
  if (protocol === IpProtocol.tcp) return 'tcp';
  return protocol === IpProtocol.udp ? 'udp' : 'icmp';
}

function uint16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

function uint32(bytes: Uint8Array, at: number): number {
  return (uint16(bytes, at) << 16) | uint16(bytes, at + 2);
}
