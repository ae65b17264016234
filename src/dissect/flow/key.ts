/**
 * What makes packets one flow: protocol, addresses and ports, the same for both ways. VLAN tags and tunnels are not
 * part of it, so that a packet seen with and without its tag is one flow.
 */
import { randomFillSync } from 'node:crypto';
import { IpProtocol, type Packet } from '../net/packet.ts';
import { icmpCounterpart } from './icmp.ts';

/** Words of a key: the first four are all of an IPv4 key, IPv6 uses the six others too. */
export const KeyWord = {
  /** First (for IPv4 the only) word of the address of side 0, of side 1. */
  address0: 0,
  address1: 1,
  /** Port of side 0 in the upper half, of side 1 in the lower. ICMP: type and its counterpart, or type and code. */
  ports: 2,
  /** IP version in the upper half, protocol in the lower. */
  protocol: 3,
  /** The other three words of the addresses. */
  rest0: 4,
  rest1: 7,
} as const;

const IPV4_WORDS = 4;
const IPV6_WORDS = 10;
const HALVES = 2 * IPV6_WORDS;

/** The key of the packet at hand; reused. */
export class FlowKey {
  readonly words = new Uint32Array(IPV6_WORDS);
  /** How many of the words count. */
  length = IPV4_WORDS;
  /** The side that sent the packet. */
  side: 0 | 1 = 0;
  readonly secret: Int32Array;

  /** `secret`: of another key that is to have the same hashes. Nothing that can be observed depends on it. */
  constructor(secret: Int32Array = randomFillSync(new Int32Array(2 * (HALVES + 1)))) {
    this.secret = secret;
  }

  /**
   * Takes the key from a packet. The numerically lower address and port come first, as Community ID orders them; an
   * ICMP message that has no counterpart is a flow of its own in each direction.
   */
  set(packet: Packet): void {
    const { protocol } = packet;
    let source = packet.sourcePort;
    let destination = packet.destinationPort;
    let oneWay = false;
    if (protocol === IpProtocol.icmp || protocol === IpProtocol.icmpv6) {
      source = packet.icmpType;
      destination = icmpCounterpart(protocol, source);
      if (destination < 0) {
        destination = packet.icmpCode;
        oneWay = true;
      }
    }
    const swap = !oneWay && isAfter(packet, source, destination);
    this.side = swap ? 1 : 0;
    const { words } = this;
    words[KeyWord.protocol] = (packet.ipVersion << 16) | protocol;
    if (swap) {
      words[KeyWord.address0] = packet.destination0;
      words[KeyWord.address1] = packet.source0;
      words[KeyWord.ports] = (destination << 16) | source;
    } else {
      words[KeyWord.address0] = packet.source0;
      words[KeyWord.address1] = packet.destination0;
      words[KeyWord.ports] = (source << 16) | destination;
    }
    if (packet.ipVersion === 4) {
      this.length = IPV4_WORDS;
      return;
    }
    this.length = IPV6_WORDS;
    const sourceAt = swap ? KeyWord.rest1 : KeyWord.rest0;
    const destinationAt = swap ? KeyWord.rest0 : KeyWord.rest1;
    words[sourceAt] = packet.source1;
    words[sourceAt + 1] = packet.source2;
    words[sourceAt + 2] = packet.source3;
    words[destinationAt] = packet.destination1;
    words[destinationAt + 1] = packet.destination2;
    words[destinationAt + 2] = packet.destination3;
  }

  /** Takes a key that has this layout. */
  load(words: Uint32Array): void {
    this.words.set(words);
    this.length = keyLength(words[KeyWord.protocol] as number);
  }

  hash(): number {
    return this.hashOf(this.words, 0, this.length);
  }

  /**
   * A signed 32-bit hash of `length` key words from `at`. Two multilinear sums over 16-bit halves with secret
   * coefficients, the upper 16 bits of each: strongly universal (Lemire and Kaser 2014, "Strongly universal string
   * hashing is fast"), so that nobody who does not know the secret can choose flows that collide. The last steps
   * spread neighboring ports over the table.
   */
  hashOf(words: Uint32Array, at: number, length: number): number {
    const { secret } = this;
    let one = secret[0] as number;
    let two = secret[1] as number;
    for (let i = 0; i < length; i++) {
      const word = words[at + i] as number;
      const low = word & 0xffff;
      const high = word >>> 16;
      const s = 4 * i + 2;
      one = (one + Math.imul(low, secret[s] as number) + Math.imul(high, secret[s + 1] as number)) | 0;
      two = (two + Math.imul(low, secret[s + 2] as number) + Math.imul(high, secret[s + 3] as number)) | 0;
    }
    let hash = (one >>> 16) | (two & 0xffff0000);
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    return hash ^ (hash >>> 16);
  }
}

/** How many words a key has, by its word `KeyWord.protocol`. */
export function keyLength(protocolWord: number): number {
  return protocolWord >>> 16 === 4 ? IPV4_WORDS : IPV6_WORDS;
}

/** Whether the packet's source comes after its destination in the canonical order. */
function isAfter(packet: Packet, sourcePort: number, destinationPort: number): boolean {
  if (packet.source0 !== packet.destination0) return packet.source0 > packet.destination0;
  if (packet.ipVersion === 6) {
    if (packet.source1 !== packet.destination1) return packet.source1 > packet.destination1;
    if (packet.source2 !== packet.destination2) return packet.source2 > packet.destination2;
    if (packet.source3 !== packet.destination3) return packet.source3 > packet.destination3;
  }
  return sourcePort > destinationPort;
}
