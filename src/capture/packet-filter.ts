/** The classic BPF program (linux/filter.h) of a packet socket: which interfaces it sees. */
import { Hardware, type Link } from './links.ts';

/** `BPF_LD | BPF_W | BPF_ABS`, `BPF_JMP | BPF_JEQ | BPF_K`, `BPF_RET | BPF_K`. */
const LOAD = 0x20;
const JUMP_IF_EQUAL = 0x15;
const RETURN = 0x06;
/** SKF_AD_OFF with SKF_AD_PKTTYPE and SKF_AD_IFINDEX: what the kernel knows of the packet besides its bytes. */
const PACKET_TYPE = 0xfffff004;
const INTERFACE_INDEX = 0xfffff008;
const PACKET_OUTGOING = 4;

/** BPF_MAXINSNS is 4,096; a link takes at most five, and there is one loopback. */
export const MAX_LINKS = 1000;

const INSTRUCTION_SIZE = 8;

/**
 * Lets the first `snapLength` bytes of the packets of `links` pass. A packet over loopback goes out and comes in again:
 * only the second counts, as for libpcap.
 */
export function interfaceFilter(links: Iterable<Link>, snapLength: number): Buffer {
  const program: [code: number, yes: number, no: number, operand: number][] = [[LOAD, 0, 0, INTERFACE_INDEX]];
  let count = 0;
  for (const { index, hardware } of links) {
    if (++count > MAX_LINKS) break;
    if (hardware === Hardware.loopback) {
      program.push([JUMP_IF_EQUAL, 0, 4, index], [LOAD, 0, 0, PACKET_TYPE], [JUMP_IF_EQUAL, 1, 0, PACKET_OUTGOING]);
    } else program.push([JUMP_IF_EQUAL, 0, 1, index]);
    program.push([RETURN, 0, 0, snapLength]);
    // Where the loopback's outgoing copy ends.
    if (hardware === Hardware.loopback) program.push([RETURN, 0, 0, 0]);
  }
  program.push([RETURN, 0, 0, 0]);
  return encode(program);
}

function encode(program: readonly (readonly [number, number, number, number])[]): Buffer {
  const bytes = Buffer.alloc(program.length * INSTRUCTION_SIZE);
  program.forEach(([code, yes, no, operand], i) => {
    bytes.writeUInt16LE(code, i * INSTRUCTION_SIZE);
    bytes.writeUInt8(yes, i * INSTRUCTION_SIZE + 2);
    bytes.writeUInt8(no, i * INSTRUCTION_SIZE + 3);
    bytes.writeUInt32LE(operand, i * INSTRUCTION_SIZE + 4);
  });
  return bytes;
}
