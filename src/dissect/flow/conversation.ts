/** The owned, readable form of a flow's two ends. */
import type { Conversation, Endpoint, Transport } from '../event.ts';
import type { Owner } from '../frame.ts';
import { type AddressWords, formatIp, formatMac } from '../net/address.ts';
import { IpProtocol, type Packet, type TunnelHop } from '../net/packet.ts';
import { communityId } from './community-id.ts';
import { KeyWord } from './key.ts';
import { type FlowRecords, Hot, HotByte, Mark, NO_VLAN, Origin, OriginMark } from './record.ts';

/**
 * Conversations kept, a power of two. A transaction asks for the same one two or three times in a short while, and
 * slots are handed out in a row; one a flow would double the table's memory with many flows of one question each.
 */
const KEPT = 8192;

/** What few flows have. */
interface Carriage {
  readonly tunnels: readonly TunnelHop[] | undefined;
  readonly owner: Owner | undefined;
}

type Optional = { -readonly [K in keyof Conversation]?: Conversation[K] };

export class Conversations {
  private readonly records: FlowRecords;
  private readonly interfaceName: (index: number) => string | undefined;
  private readonly kept: (Conversation | undefined)[] = new Array(KEPT).fill(undefined);
  private readonly carriages = new Map<number, Carriage>();

  constructor(records: FlowRecords, interfaceName: (index: number) => string | undefined) {
    this.records = records;
    this.interfaceName = interfaceName;
  }

  /** Remembers how the first packet of a flow, sent by `side`, was carried. */
  start(slot: number, packet: Packet, side: 0 | 1): void {
    const { words, bytes } = this.records;
    const origin = this.records.origin(slot);
    const { frame, macOffset } = packet;
    let marks = 0;
    if (macOffset >= 0) {
      marks |= OriginMark.macs;
      const macs = (origin + Origin.macs) * 4;
      const destination = side === 0 ? 6 : 0;
      for (let i = 0; i < 6; i++) {
        bytes[macs + destination + i] = frame.bytes[macOffset + i] as number;
        bytes[macs + 6 - destination + i] = frame.bytes[macOffset + 6 + i] as number;
      }
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
    this.forget(slot);
  }

  get(slot: number): Conversation {
    const session = this.records.doubles[(this.records.hot(slot) + Hot.session) / 2] as number;
    const kept = this.kept[slot % KEPT];
    if (kept !== undefined && kept.session === session) return kept;
    const conversation = this.build(slot, session);
    this.kept[slot % KEPT] = conversation;
    return conversation;
  }

  /** The roles have changed. */
  forget(slot: number): void {
    this.kept[slot % KEPT] = undefined;
  }

  end(slot: number): void {
    if (((this.records.words[this.records.origin(slot) + Origin.marks] as number) & OriginMark.carriage) !== 0) {
      this.carriages.delete(slot);
    }
  }

  private build(slot: number, session: number): Conversation {
    const { words, bytes } = this.records;
    const hot = this.records.hot(slot);
    const protocol = (words[hot + KeyWord.protocol] as number) & 0xffff;
    const ipVersion = (words[hot + KeyWord.protocol] as number) >>> 16 === 4 ? 4 : 6;
    const transport = transportOf(protocol);
    const one = addressOf(words, hot + KeyWord.address0, hot + KeyWord.rest0, ipVersion);
    const two = addressOf(words, hot + KeyWord.address1, hot + KeyWord.rest1, ipVersion);
    const ports = words[hot + KeyWord.ports] as number;
    const ends: [Endpoint, Endpoint] = [
      { ip: formatIp(ipVersion, ...one), port: transport === 'icmp' ? 0 : ports >>> 16 },
      { ip: formatIp(ipVersion, ...two), port: transport === 'icmp' ? 0 : ports & 0xffff },
    ];
    const client = ((bytes[hot * 4 + HotByte.marks] as number) & Mark.clientIsSide1) !== 0 ? 1 : 0;
    return {
      client: ends[client],
      server: ends[1 - client] as Endpoint,
      transport,
      ipVersion,
      session,
      communityId: communityId(ipVersion, one, two, protocol, ports >>> 16, ports & 0xffff),
      ...this.carriage(slot, client),
    };
  }

  private carriage(slot: number, client: 0 | 1): Optional {
    const { words, bytes } = this.records;
    const origin = this.records.origin(slot);
    const marks = words[origin + Origin.marks] as number;
    const carriage: Optional = {};
    if ((marks & OriginMark.macs) !== 0) {
      const macs = (origin + Origin.macs) * 4;
      carriage.clientMac = formatMac(bytes, macs + 6 * client);
      carriage.serverMac = formatMac(bytes, macs + 6 * (1 - client));
    }
    const vlans = words[origin + Origin.vlans] as number;
    if (vlans >>> 16 !== NO_VLAN) carriage.vlan = vlans >>> 16;
    if ((vlans & NO_VLAN) !== NO_VLAN) carriage.innerVlan = vlans & NO_VLAN;
    const interfaceName = this.interfaceName(words[origin + Origin.interfaceIndex] as number);
    if (interfaceName !== undefined) carriage.interfaceName = interfaceName;
    if ((marks & OriginMark.carriage) !== 0) {
      const kept = this.carriages.get(slot);
      if (kept?.tunnels !== undefined) carriage.tunnels = kept.tunnels;
      if (kept?.owner !== undefined) carriage.owner = kept.owner;
    }
    return carriage;
  }
}

export function transportOf(protocol: number): Transport {
  if (protocol === IpProtocol.tcp) return 'tcp';
  return protocol === IpProtocol.udp ? 'udp' : 'icmp';
}

function addressOf(words: Uint32Array, first: number, rest: number, ipVersion: 4 | 6): AddressWords {
  const word = words[first] as number;
  if (ipVersion === 4) return [word, 0, 0, 0];
  return [word, words[rest] as number, words[rest + 1] as number, words[rest + 2] as number];
}
