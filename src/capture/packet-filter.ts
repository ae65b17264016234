/** The classic BPF program (linux/filter.h) of a packet socket: which interfaces it sees, and how much of a packet. */
import { EtherType } from '../dissect/net/ethertype.ts';
import { Hardware, type Link } from './links.ts';

/** `BPF_LD | BPF_W | BPF_ABS` and so on: size, mode and class as linux/bpf_common.h has them. */
const Op = {
  loadWord: 0x20,
  loadHalf: 0x28,
  loadByte: 0x30,
  loadLength: 0x80,
  loadHalfAtIndex: 0x48,
  loadByteAtIndex: 0x50,
  /** X: four times the lower half of a byte, the length of an IPv4 header. */
  indexOfIpv4: 0xb1,
  setIndex: 0x01,
  indexFromAccumulator: 0x07,
  addIndex: 0x0c,
  shiftRight: 0x74,
  and: 0x54,
  jump: 0x05,
  ifEqual: 0x15,
  ifGreater: 0x25,
  ifAnyBit: 0x45,
  return: 0x06,
} as const;

/** SKF_AD_OFF with SKF_AD_PKTTYPE and SKF_AD_IFINDEX: what the kernel knows of the packet besides its bytes. */
const PACKET_TYPE = 0xfffff004;
const INTERFACE_INDEX = 0xfffff008;
const PACKET_OUTGOING = 4;

/** BPF_MAXINSNS is 4,096; a link takes at most five, and there is one loopback. */
export const MAX_LINKS = 1000;
/** Each takes four instructions. With more of them, large packets are copied like all others. */
const MAX_DNS_PORTS = 256;

const INSTRUCTION_SIZE = 8;

type Instruction = readonly [code: number, yes: number, no: number, operand: number];

const TCP = 6;
const ETHERNET_HEADER = 14;
const IPV6_HEADER = 40;
const TLS_HANDSHAKE = 22;
/** All headers up to the longest of TCP. */
const HEADERS = ETHERNET_HEADER + 60 + 60;

export interface PacketFilter {
  readonly links: Iterable<Link>;
  /** What is copied of a packet at most. */
  readonly snapLength: number;
  readonly dnsPorts: Iterable<number>;
}

/**
 * Lets the first `snapLength` bytes of the packets of `links` pass. A packet over loopback goes out and comes in again:
 * only the second counts, as for libpcap.
 *
 * Of a TCP segment that offloading made larger than that, only the headers pass if it begins no TLS handshake and
 * belongs to no DNS port: it is a part of a bulk transfer, and copying 16 KiB of each cost more than all the rest.
 */
export function packetFilter({ links, snapLength, dnsPorts }: PacketFilter): Buffer {
  const program: Instruction[] = [[Op.loadWord, 0, 0, INTERFACE_INDEX]];
  const ethernet: number[] = [];
  const toEthernet = (): void => {
    ethernet.push(program.length);
    program.push([Op.jump, 0, 0, 0]);
  };
  let count = 0;
  for (const { index, hardware } of links) {
    if (++count > MAX_LINKS) break;
    if (hardware === Hardware.loopback) {
      program.push([Op.ifEqual, 0, 4, index], [Op.loadWord, 0, 0, PACKET_TYPE], [Op.ifEqual, 1, 0, PACKET_OUTGOING]);
      toEthernet();
      // Where the loopback's outgoing copy ends.
      program.push([Op.return, 0, 0, 0]);
    } else {
      program.push([Op.ifEqual, 0, 1, index]);
      if (hardware === Hardware.ethernet) toEthernet();
      else program.push([Op.return, 0, 0, snapLength]);
    }
  }
  program.push([Op.return, 0, 0, 0]);
  for (const at of ethernet) program[at] = [Op.jump, 0, 0, program.length - at - 1];
  program.push(...bytesOfEthernet(snapLength, new Set(dnsPorts)));
  return encode(program);
}

/** How much of an Ethernet frame passes. */
function bytesOfEthernet(snapLength: number, dnsPorts: ReadonlySet<number>): Instruction[] {
  const all: Instruction = [Op.return, 0, 0, snapLength];
  if (dnsPorts.size > MAX_DNS_PORTS) return [all];
  const ports = (offset: number): Instruction[] => [
    [Op.loadHalfAtIndex, 0, 0, ETHERNET_HEADER + offset],
    ...[...dnsPorts].flatMap((port): Instruction[] => [[Op.ifEqual, 0, 1, port], all]),
  ];
  const ipv4: Instruction[] = [
    [Op.loadHalf, 0, 0, ETHERNET_HEADER + 6],
    // A fragment.
    [Op.ifAnyBit, 0, 1, 0x3fff],
    all,
    [Op.loadByte, 0, 0, ETHERNET_HEADER + 9],
    [Op.ifEqual, 1, 0, TCP],
    all,
    [Op.indexOfIpv4, 0, 0, ETHERNET_HEADER],
  ];
  const ipv6: Instruction[] = [
    [Op.loadByte, 0, 0, ETHERNET_HEADER + 6],
    [Op.ifEqual, 1, 0, TCP],
    all,
    [Op.setIndex, 0, 0, IPV6_HEADER],
  ];
  return [
    [Op.loadLength, 0, 0, 0],
    [Op.ifGreater, 1, 0, snapLength],
    all,
    [Op.loadHalf, 0, 0, ETHERNET_HEADER - 2],
    [Op.ifEqual, 0, ipv4.length + 1, EtherType.ipv4],
    ...ipv4,
    [Op.jump, 0, 0, ipv6.length + 2],
    [Op.ifEqual, 1, 0, EtherType.ipv6],
    all,
    ...ipv6,
    // X: where TCP begins, counted from the end of the Ethernet header.
    ...ports(0),
    ...ports(2),
    [Op.loadByteAtIndex, 0, 0, ETHERNET_HEADER + 12],
    [Op.shiftRight, 0, 0, 2],
    [Op.and, 0, 0, 60],
    [Op.addIndex, 0, 0, 0],
    [Op.indexFromAccumulator, 0, 0, 0],
    [Op.loadByteAtIndex, 0, 0, ETHERNET_HEADER],
    [Op.ifEqual, 0, 1, TLS_HANDSHAKE],
    all,
    [Op.return, 0, 0, HEADERS],
  ];
}

function encode(program: readonly Instruction[]): Buffer {
  const bytes = Buffer.alloc(program.length * INSTRUCTION_SIZE);
  program.forEach(([code, yes, no, operand], i) => {
    bytes.writeUInt16LE(code, i * INSTRUCTION_SIZE);
    bytes.writeUInt8(yes, i * INSTRUCTION_SIZE + 2);
    bytes.writeUInt8(no, i * INSTRUCTION_SIZE + 3);
    bytes.writeUInt32LE(operand, i * INSTRUCTION_SIZE + 4);
  });
  return bytes;
}
