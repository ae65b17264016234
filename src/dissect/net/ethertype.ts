/** What follows an EtherType, a PPP protocol number or an LLC header: tags, labels and sessions before IP. */
import { type Cursor, Outcome, Step } from './layer.ts';
import type { Packet } from './packet.ts';

/** IEEE 802 EtherTypes that the code names. */
export const EtherType = {
  ipv4: 0x0800,
  arp: 0x0806,
  transparentBridging: 0x6558,
  vlan: 0x8100,
  ipv6: 0x86dd,
  ppp: 0x880b,
  mpls: 0x8847,
  mplsUpstream: 0x8848,
  pppoeDiscovery: 0x8863,
  pppoeSession: 0x8864,
  fabricPath: 0x8903,
  networkServiceHeader: 0x894f,
  erspan: 0x88be,
  providerBridging: 0x88a8,
  vlan9100: 0x9100,
  erspan3: 0x22eb,
} as const;

/** Smaller values of the field are lengths (IEEE 802.3 §3.2.6). */
const FIRST_ETHERTYPE = 0x0600;
/** Two tags are usual (802.1ad), three occur; more is somebody spending our time. */
const MAX_VLAN_TAGS = 8;
/** IEEE 802.1Q §9.6: the tag gives the frame a priority and no VLAN. */
const NULL_VLAN = 0;
/** Segment routing stacks about a dozen labels. */
const MAX_MPLS_LABELS = 32;

export function isEtherType(value: number): boolean {
  return value >= FIRST_ETHERTYPE;
}

/** Ethernet II or 802.3 at the cursor. */
export function ethernet(cursor: Cursor, packet: Packet): number {
  const at = cursor.position;
  if (at + 14 > cursor.end) return Outcome.link;
  // An Ethernet frame inside a reassembled tunnel packet does not lie in the memory that `macOffset` means.
  packet.macOffset = cursor.bytes === packet.frame.bytes ? at : -1;
  packet.vlan = -1;
  packet.innerVlan = -1;
  cursor.position = at + 14;
  const type = cursor.view.getUint16(at + 12);
  if (type === EtherType.ipv4) return Step.ipv4;
  return isEtherType(type) ? etherType(type, cursor, packet) : llc(cursor, packet);
}

/** The payload of an EtherType at the cursor. */
export function etherType(type: number, cursor: Cursor, packet: Packet): number {
  let inner = type;
  for (let tags = 0; ; tags++) {
    switch (inner) {
      case EtherType.ipv4:
        return Step.ipv4;
      case EtherType.ipv6:
        return Step.ipv6;
      case EtherType.vlan:
      case EtherType.providerBridging:
      case EtherType.vlan9100: {
        const at = cursor.position;
        if (tags === MAX_VLAN_TAGS || at + 4 > cursor.end) return Outcome.link;
        const id = cursor.view.getUint16(at) & 0x0fff;
        if (id !== NULL_VLAN) {
          if (packet.vlan < 0) packet.vlan = id;
          else if (packet.innerVlan < 0) packet.innerVlan = id;
        }
        inner = cursor.view.getUint16(at + 2);
        cursor.position = at + 4;
        if (!isEtherType(inner)) return llc(cursor, packet);
        break;
      }
      case EtherType.mpls:
      case EtherType.mplsUpstream:
        return Step.mpls;
      case EtherType.pppoeSession:
        return pppoe(cursor);
      case EtherType.ppp:
        return Step.ppp;
      case EtherType.fabricPath:
        // Cisco FabricPath: a 16-bit tag, then the frame of the edge.
        if (cursor.position + 2 > cursor.end) return Outcome.link;
        cursor.position += 2;
        return Step.ethernet;
      case EtherType.networkServiceHeader:
        return networkServiceHeader(cursor);
      case EtherType.transparentBridging:
        return Step.ethernet;
      default:
        return Outcome.notIp;
    }
  }
}

/** IEEE 802.2 LLC, with the SNAP header (RFC 1042) where it carries an EtherType. */
export function llc(cursor: Cursor, packet: Packet): number {
  const at = cursor.position;
  if (at + 3 > cursor.end) return Outcome.link;
  const saps = cursor.view.getUint16(at);
  const unnumbered = cursor.view.getUint8(at + 2) === 0x03;
  if (saps === 0x0606 && unnumbered) {
    cursor.position = at + 3;
    return Step.ipv4;
  }
  if (saps !== 0xaaaa || !unnumbered) return Outcome.notIp;
  if (at + 8 > cursor.end) return Outcome.link;
  const organization = cursor.view.getUint16(at + 3) * 256 + cursor.view.getUint8(at + 5);
  // 00-00-00 is RFC 1042, 00-00-F8 is 802.1H bridging; others number their own protocols.
  if (organization !== 0 && organization !== 0xf8) return Outcome.notIp;
  cursor.position = at + 8;
  return etherType(cursor.view.getUint16(at + 6), cursor, packet);
}

/** RFC 8300 §2.2: the length is in the low six bits of the first word's upper half, in 4-byte units. */
function networkServiceHeader(cursor: Cursor): number {
  const at = cursor.position;
  if (at + 8 > cursor.end) return Outcome.link;
  const length = (cursor.view.getUint16(at) & 0x3f) << 2;
  if (length < 8 || at + length > cursor.end) return Outcome.link;
  cursor.position = at + length;
  return nextProtocol(cursor.view.getUint8(at + 3));
}

/** The protocol numbers that NSH and VXLAN-GPE share. */
export function nextProtocol(protocol: number): number {
  switch (protocol) {
    case 1:
      return Step.ipv4;
    case 2:
      return Step.ipv6;
    case 3:
      return Step.ethernet;
    case 5:
      return Step.mpls;
    default:
      return Outcome.notIp;
  }
}

/** The PPPoE session header (RFC 2516 §4): version and type 1, code 0, session, length. */
export function pppoe(cursor: Cursor): number {
  const at = cursor.position;
  if (at + 6 > cursor.end) return Outcome.link;
  if (cursor.view.getUint16(at) !== 0x1100) return Outcome.notIp;
  cursor.position = at + 6;
  return Step.ppp;
}

/** A PPP frame, with or without the HDLC address and control bytes and protocol field compression (RFC 1661 §2, §6.5). */
export function ppp(cursor: Cursor): number {
  let at = cursor.position;
  const { view, end } = cursor;
  if (at + 2 <= end && view.getUint16(at) === 0xff03) at += 2;
  if (at + 1 > end) return Outcome.link;
  let protocol = view.getUint8(at);
  if ((protocol & 1) === 0) {
    if (at + 2 > end) return Outcome.link;
    protocol = view.getUint16(at);
    at++;
  }
  cursor.position = at + 1;
  if (protocol === 0x21) return Step.ipv4;
  if (protocol === 0x57) return Step.ipv6;
  if (protocol === 0x281 || protocol === 0x283) return Step.mpls;
  return Outcome.notIp;
}

/**
 * The label stack (RFC 3032). Nothing names what is below it: RFC 4928 keeps 4 and 6 as the first nibble for IP, a
 * pseudowire starts with a zero nibble (RFC 4385) or, without its control word, with the destination MAC address.
 */
export function mpls(cursor: Cursor): number {
  const { view, end } = cursor;
  let at = cursor.position;
  for (let labels = 0; ; labels++) {
    if (labels === MAX_MPLS_LABELS || at + 4 > end) return Outcome.link;
    const bottom = (view.getUint8(at + 2) & 1) === 1;
    at += 4;
    if (bottom) break;
  }
  cursor.position = at;
  if (at >= end) return Outcome.link;
  const first = view.getUint8(at);
  // IHL 5 and up for version 4; a MAC address that starts so is possible, its EtherType then gives it away.
  if (first >= 0x45 && first <= 0x4f) return Step.ipv4;
  if (first >>> 4 === 6 && !looksLikeEthernet(cursor, at)) return Step.ipv6;
  if (first >>> 4 === 0 && looksLikeEthernet(cursor, at + 4)) {
    cursor.position = at + 4;
    return Step.ethernet;
  }
  return looksLikeEthernet(cursor, at) ? Step.ethernet : Outcome.notIp;
}

/** Whether an Ethernet frame at `at` would have an EtherType that is decoded (or ARP), or a fitting 802.3 length. */
function looksLikeEthernet(cursor: Cursor, at: number): boolean {
  if (at + 14 > cursor.end) return false;
  switch (cursor.view.getUint16(at + 12)) {
    case EtherType.ipv4:
    case EtherType.arp:
    case EtherType.vlan:
    case EtherType.ipv6:
    case EtherType.mpls:
    case EtherType.mplsUpstream:
    case EtherType.pppoeDiscovery:
    case EtherType.pppoeSession:
    case EtherType.providerBridging:
      return true;
    default:
      return false;
  }
}
