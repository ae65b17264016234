/** Community ID v1 (github.com/corelight/community-id-spec): the same text for a flow in every tool that has it. */
import { hash } from 'node:crypto';
import type { AddressWords } from '../net/address.ts';

/** The spec's default; tools that are to agree must share it. */
const SEED = 0;

const IPV4_LENGTH = 16;
const IPV6_LENGTH = 40;
const ipv4 = Buffer.alloc(IPV4_LENGTH);
const ipv6 = Buffer.alloc(IPV6_LENGTH);
const ipv4View = new DataView(ipv4.buffer, ipv4.byteOffset, IPV4_LENGTH);
const ipv6View = new DataView(ipv6.buffer, ipv6.byteOffset, IPV6_LENGTH);

/**
 * For ends in the spec's order: the lower address, then the lower port first (`FlowKey` orders them so). For ICMP the
 * ports are the type and its counterpart, or type and code of a one-way message.
 */
export function communityId(
  ipVersion: 4 | 6,
  first: AddressWords,
  second: AddressWords,
  protocol: number,
  firstPort: number,
  secondPort: number,
): string {
  // crypto.hash on a reused buffer: 0.4 µs, a third of what a Hash object costs.
  const view = ipVersion === 4 ? ipv4View : ipv6View;
  const words = ipVersion === 4 ? 1 : 4;
  view.setUint16(0, SEED);
  for (let i = 0; i < words; i++) {
    view.setUint32(2 + 4 * i, first[i] as number);
    view.setUint32(2 + 4 * (words + i), second[i] as number);
  }
  const at = 2 + 8 * words;
  view.setUint8(at, protocol);
  view.setUint8(at + 1, 0);
  view.setUint16(at + 2, firstPort);
  view.setUint16(at + 4, secondPort);
  return `1:${hash('sha1', ipVersion === 4 ? ipv4 : ipv6, 'base64')}`;
}
