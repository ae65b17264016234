/** The link types of capture files (the tcpdump LINKTYPE_ registry) down to the first IP header. */
import { ethernet, etherType, isEtherType, llc, pppoe } from './ethertype.ts';
import { type Cursor, Outcome, Step } from './layer.ts';
import type { Packet } from './packet.ts';

/** LINKTYPE_ numbers that are decoded. */
export const LinkType = {
  null: 0,
  ethernet: 1,
  ppp: 9,
  fddi: 10,
  /** DLT_RAW of most systems and of OpenBSD, where a capture library wrote it unmapped. */
  rawDlt: 12,
  rawDltOpenBsd: 14,
  pppHdlc: 50,
  pppoe: 51,
  raw: 101,
  ciscoHdlc: 104,
  loop: 108,
  linuxSll: 113,
  wlan: 105,
  wlanRadiotap: 127,
  ppi: 192,
  ipv4: 228,
  ipv6: 229,
  nflog: 239,
  ipoib: 242,
  /** LINKTYPE_USER2, under which macOS wrote PKTAP before it had a number of its own. */
  pktapUser2: 149,
  pktap: 258,
  linuxSll2: 276,
} as const;

/** The link header at the cursor: moves past it and says what follows. */
export function linkLayer(linkType: number, cursor: Cursor, packet: Packet): number {
  switch (linkType) {
    case LinkType.ethernet:
      return ethernet(cursor, packet);
    case LinkType.rawDlt:
    case LinkType.rawDltOpenBsd:
    case LinkType.raw:
      return ipByVersion(cursor);
    case LinkType.ipv4:
      return Step.ipv4;
    case LinkType.ipv6:
      return Step.ipv6;
    case LinkType.null:
    case LinkType.loop:
      return addressFamily(cursor);
    case LinkType.linuxSll:
      return typed(cursor, packet, 16, 14);
    case LinkType.linuxSll2:
      return typed(cursor, packet, 20, 0);
    case LinkType.ciscoHdlc:
      return typed(cursor, packet, 4, 2);
    case LinkType.ipoib:
      return typed(cursor, packet, 44, 40);
    case LinkType.ppp:
      return Step.ppp;
    case LinkType.pppHdlc:
      return pppHdlc(cursor, packet);
    case LinkType.pppoe:
      return pppoe(cursor);
    case LinkType.fddi:
      return fddi(cursor, packet);
    case LinkType.nflog:
      return nflog(cursor);
    case LinkType.wlan:
      return wlan(cursor, packet);
    case LinkType.wlanRadiotap:
      return radiotap(cursor, packet);
    case LinkType.ppi:
      return pseudoHeader(cursor, packet, 8, 2, 4);
    case LinkType.pktap:
    case LinkType.pktapUser2:
      return pseudoHeader(cursor, packet, 12, 0, 8);
    default:
      return Outcome.linkType;
  }
}

/** No header: the version nibble tells. */
export function ipByVersion(cursor: Cursor): number {
  if (cursor.position >= cursor.end) return Outcome.link;
  const version = cursor.view.getUint8(cursor.position) >>> 4;
  if (version === 4) return Step.ipv4;
  return version === 6 ? Step.ipv6 : Outcome.network;
}

/** The address family in 32 bits: in the byte order of the host that captured (NULL) or big-endian (LOOP). */
function addressFamily(cursor: Cursor): number {
  const at = cursor.position;
  if (at + 4 > cursor.end) return Outcome.link;
  cursor.position = at + 4;
  const word = cursor.view.getUint32(at);
  switch (word > 0xffff ? cursor.view.getUint32(at, true) : word) {
    case 2:
      return Step.ipv4;
    case 10: // AF_INET6 of Linux
    case 24: // NetBSD, OpenBSD
    case 28: // FreeBSD
    case 30: // macOS
      return Step.ipv6;
    default:
      return Outcome.notIp;
  }
}

/** A header of `length` bytes whose only interesting field is the EtherType at `typeOffset`. */
function typed(cursor: Cursor, packet: Packet, length: number, typeOffset: number): number {
  const at = cursor.position;
  if (at + length > cursor.end) return Outcome.link;
  cursor.position = at + length;
  const type = cursor.view.getUint16(at + typeOffset);
  if (isEtherType(type)) return etherType(type, cursor, packet);
  // ETH_P_802_2 of the Linux cooked header.
  return type === 0x0004 ? llc(cursor, packet) : Outcome.notIp;
}

/** PPP in HDLC-like framing (RFC 1662), or Cisco HDLC, which the first byte tells (0x0f unicast, 0x8f broadcast). */
function pppHdlc(cursor: Cursor, packet: Packet): number {
  if (cursor.position >= cursor.end) return Outcome.link;
  const first = cursor.view.getUint8(cursor.position);
  return first === 0x0f || first === 0x8f ? typed(cursor, packet, 4, 2) : Step.ppp;
}

/** Frame control, two addresses, then LLC (RFC 1390). */
function fddi(cursor: Cursor, packet: Packet): number {
  if (cursor.position + 13 > cursor.end) return Outcome.link;
  cursor.position += 13;
  return llc(cursor, packet);
}

/** The radiotap header tells its length, little-endian, in its second half-word. */
function radiotap(cursor: Cursor, packet: Packet): number {
  const at = cursor.position;
  if (at + 4 > cursor.end) return Outcome.link;
  const length = cursor.view.getUint16(at + 2, true);
  if (length < 8 || at + length > cursor.end) return Outcome.link;
  cursor.position = at + length;
  return wlan(cursor, packet);
}

/** IEEE 802.11-2020 §9.3.2.1: data frames in the clear, with LLC in them. Aggregates (A-MSDU) are not taken apart. */
function wlan(cursor: Cursor, packet: Packet): number {
  const { view, end, position: at } = cursor;
  if (at + 2 > end) return Outcome.link;
  const control = view.getUint8(at);
  const flags = view.getUint8(at + 1);
  // Version 0, type data, a subtype with data in it; not protected.
  if ((control & 0x4f) !== 0x08 || (flags & 0x40) !== 0) return Outcome.notIp;
  const quality = (control & 0x80) !== 0;
  // Both DS bits: a fourth address. The order bit of a QoS frame: HT control.
  let length = (flags & 3) === 3 ? 30 : 24;
  const qualityControl = at + length;
  if (quality) length += (flags & 0x80) === 0 ? 2 : 6;
  if (at + length > end) return Outcome.link;
  if (quality && (view.getUint8(qualityControl) & 0x80) !== 0) return Outcome.notIp;
  cursor.position = at + length;
  return llc(cursor, packet);
}

/** More attributes than the kernel's nfnetlink_log knows (NFULA_MAX is about 20). */
const MAX_NFLOG_ATTRIBUTES = 64;
const NFULA_PAYLOAD = 9;

/** Family, version, resource, then attributes of length and type in the byte order of the host, each padded to four bytes. */
function nflog(cursor: Cursor): number {
  const { view, end } = cursor;
  let at = cursor.position + 4;
  for (let count = 0; count < MAX_NFLOG_ATTRIBUTES; count++) {
    if (at + 4 > end) return Outcome.link;
    // The types are small numbers: where the high byte comes first, the little-endian reading is 256 and more.
    const little = view.getUint16(at + 2, true) < 256;
    const length = view.getUint16(at, little);
    if (length < 4) return Outcome.link;
    if ((view.getUint16(at + 2, little) & 0x7fff) === NFULA_PAYLOAD) {
      cursor.wireEnd = Math.min(cursor.wireEnd, at + length);
      cursor.end = Math.min(end, cursor.wireEnd);
      cursor.position = at + 4;
      return ipByVersion(cursor);
    }
    at += (length + 3) & ~3;
  }
  return Outcome.link;
}

const PSEUDO_HEADERS: ReadonlySet<number> = new Set([LinkType.ppi, LinkType.pktap, LinkType.pktapUser2]);

/** PPI and PKTAP: a little-endian header that tells its own length and the DLT of the frame that follows. */
function pseudoHeader(
  cursor: Cursor,
  packet: Packet,
  minimum: number,
  lengthOffset: number,
  typeOffset: number,
): number {
  const at = cursor.position;
  if (at + minimum > cursor.end) return Outcome.link;
  const length = cursor.view.getUint16(at + lengthOffset, true);
  const linkType = cursor.view.getUint32(at + typeOffset, true);
  if (length < minimum || at + length > cursor.end) return Outcome.link;
  // One inside the other would be a way to make the decoder recurse.
  if (PSEUDO_HEADERS.has(linkType)) return Outcome.linkType;
  cursor.position = at + length;
  return linkLayer(linkType, cursor, packet);
}
