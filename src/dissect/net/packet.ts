/** One IP packet after the link, tunnel and network layers; reused for every packet, valid during the call. */
import { Frame } from '../frame.ts';

/** IP protocol numbers (IANA "Assigned Internet Protocol Numbers") that the code names. */
export const IpProtocol = {
  hopByHop: 0,
  icmp: 1,
  ipv4: 4,
  tcp: 6,
  udp: 17,
  ipv6: 41,
  routing: 43,
  fragment: 44,
  gre: 47,
  esp: 50,
  ah: 51,
  icmpv6: 58,
  noNext: 59,
  destinationOptions: 60,
  sctp: 132,
  mobility: 135,
  mpls: 137,
  hip: 139,
  shim6: 140,
} as const;

/** TCP flag bits (RFC 9293 §3.1). */
export const TcpFlag = {
  fin: 1,
  syn: 2,
  rst: 4,
  psh: 8,
  ack: 16,
  urg: 32,
  ece: 64,
  cwr: 128,
} as const;

/** How a packet was carried, outermost first where it was nested. */
export interface TunnelHop {
  readonly type: 'ipip' | 'gre' | 'erspan' | 'vxlan' | 'geneve' | 'gtp-u' | 'teredo';
  /** VNI, TEID, GRE key or ERSPAN session. */
  readonly id?: number;
  readonly source: string;
  readonly destination: string;
}

export class Packet {
  /** The frame that it came in: time, interface, owner. For a reassembled packet, the frame that completed it. */
  frame: Frame = new Frame();
  /** Time of the earliest of its fragments; -1 seconds where the frame's own time is meant: it came whole. */
  sinceSeconds = -1;
  sinceNanos = 0;

  ipVersion: 4 | 6 = 4;
  /** Source address as four unsigned big-endian 32-bit words; IPv4 is in `source0`, the others 0. */
  source0 = 0;
  source1 = 0;
  source2 = 0;
  source3 = 0;
  destination0 = 0;
  destination1 = 0;
  destination2 = 0;
  destination3 = 0;
  /** Upper-layer protocol after extension headers. */
  protocol = 0;
  /** DSCP and ECN (RFC 2474), the old TOS byte. */
  tos = 0;
  ttl = 0;
  /** Length of the IP packet on the wire in bytes, header included (IPFIX octetTotalCount), never more than the wire carried; of all its fragments together. */
  ipLength = 0;
  /** Packets on the wire that this one stands for: its fragments, or the segments of an offloaded super-packet. */
  wirePackets = 1;

  /** Where the transport layer lies: the frame's memory, or the reassembly buffer of a fragmented packet. */
  bytes: Buffer = this.frame.bytes;
  view: DataView = this.frame.view;

  sourcePort = 0;
  destinationPort = 0;
  /** First byte of TCP or UDP payload in `bytes`. */
  payloadStart = 0;
  /** After the last captured payload byte in `bytes`; before `payloadStart + payloadLength` where the frame was cut. */
  payloadEnd = 0;
  /** Payload length on the wire in bytes. */
  payloadLength = 0;

  tcpSequence = 0;
  tcpAcknowledgment = 0;
  tcpFlags = 0;
  tcpWindow = 0;

  icmpType = 0;
  icmpCode = 0;

  /** Offset of the destination MAC (6 bytes, the source MAC after it) in `frame.bytes`; -1 where the link has none, or lies in a reassembled packet. */
  macOffset = -1;
  /** Outermost 802.1Q VLAN id of the Ethernet frame nearest around this packet, -1 without a tag. */
  vlan = -1;
  /** 802.1ad inner VLAN id, -1 without one. */
  innerVlan = -1;
  /** Tunnels around this packet, outermost first; undefined outside any. A new array for each tunneled packet. */
  tunnels: TunnelHop[] | undefined = undefined;
}
