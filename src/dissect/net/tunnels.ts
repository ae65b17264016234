/**
 * The headers of tunnels. Each function is given the cursor at the tunnel's header, with `packet` still the outer
 * packet, and returns the next step with the cursor on the inner packet. Those over UDP are recognized by port, which
 * proves nothing: they return `NOT_A_TUNNEL` where the header does not look right, and the packet is just UDP.
 */
import { formatIp } from './address.ts';
import { EtherType, etherType, isEtherType, nextProtocol } from './ethertype.ts';
import { type Cursor, FIRST_STEP, Outcome, Step } from './layer.ts';
import type { Packet, TunnelHop } from './packet.ts';

export const NOT_A_TUNNEL = -1;

/** UDP destination ports (IANA) of tunnels; Linux used 8472 before VXLAN had its port. */
const GTP_U = 2152;
const TEREDO = 3544;
const VXLAN = 4789;
const VXLAN_GPE = 4790;
const GENEVE = 6081;
const VXLAN_LINUX = 8472;

export const TUNNEL_PORTS: readonly number[] = [GTP_U, TEREDO, VXLAN, VXLAN_GPE, GENEVE, VXLAN_LINUX];

/** GTP-U has half a dozen kinds of extension header (TS 29.281 §5.2). */
const MAX_GTP_EXTENSIONS = 8;
/** Source routes in GRE were hardly ever used (RFC 2784 dropped them). */
const MAX_GRE_ROUTES = 16;

/** Puts the hop at the end of the list. A new list, because a sink may have kept the one before. */
export function addHop(packet: Packet, type: TunnelHop['type'], id: number): void {
  const { ipVersion } = packet;
  const source = formatIp(ipVersion, packet.source0, packet.source1, packet.source2, packet.source3);
  const destination = formatIp(
    ipVersion,
    packet.destination0,
    packet.destination1,
    packet.destination2,
    packet.destination3,
  );
  const hop: TunnelHop = id < 0 ? { type, source, destination } : { type, id, source, destination };
  packet.tunnels = packet.tunnels === undefined ? [hop] : [...packet.tunnels, hop];
}

/** Whether `udpTunnel` has anything to say of the ports; the one test that every UDP packet pays. */
export function mayBeTunnel(sourcePort: number, destinationPort: number): boolean {
  switch (destinationPort) {
    case GTP_U:
    case TEREDO:
    case VXLAN:
    case VXLAN_GPE:
    case GENEVE:
    case VXLAN_LINUX:
      return true;
    default:
      // A Teredo server answers from its port (RFC 4380 §5.2.3).
      return sourcePort === TEREDO;
  }
}

/** The tunnel header at the start of the UDP payload, where the cursor is. */
export function udpTunnel(cursor: Cursor, packet: Packet): number {
  switch (packet.destinationPort) {
    case GTP_U:
      return gtpU(cursor, packet);
    case VXLAN:
    case VXLAN_LINUX:
      return vxlan(cursor, packet);
    case VXLAN_GPE:
      return vxlanGpe(cursor, packet);
    case GENEVE:
      return geneve(cursor, packet);
    default:
      return teredo(cursor, packet);
  }
}

/** RFC 7348 §5, with the group policy bits of draft-smith-vxlan-group-policy: flags, group, VNI, 0. */
function vxlan(cursor: Cursor, packet: Packet): number {
  const { view, position: at } = cursor;
  if (at + 8 > cursor.end) return NOT_A_TUNNEL;
  // The I flag must be set; of the others only G, D and A have a meaning on this port.
  if ((view.getUint16(at) & 0x7fb7) !== 0x0800 || view.getUint8(at + 7) !== 0) return NOT_A_TUNNEL;
  addHop(packet, 'vxlan', view.getUint32(at + 4) >>> 8);
  cursor.position = at + 8;
  return Step.ethernet;
}

/** draft-ietf-nvo3-vxlan-gpe §3: the P flag says that a next protocol is given. */
function vxlanGpe(cursor: Cursor, packet: Packet): number {
  const { view, position: at } = cursor;
  if (at + 8 > cursor.end) return NOT_A_TUNNEL;
  const flags = view.getUint8(at);
  if ((flags & 0xf8) !== 0x08 || view.getUint8(at + 7) !== 0) return NOT_A_TUNNEL;
  const next = (flags & 0x04) === 0 ? Step.ethernet : nextProtocol(view.getUint8(at + 3));
  if (next < FIRST_STEP) return NOT_A_TUNNEL;
  addHop(packet, 'vxlan', view.getUint32(at + 4) >>> 8);
  cursor.position = at + 8;
  return next;
}

/** RFC 8926 §3.4: version 0, options in 4-byte units, protocol, VNI. */
function geneve(cursor: Cursor, packet: Packet): number {
  const { view, position: at } = cursor;
  if (at + 8 > cursor.end) return NOT_A_TUNNEL;
  const first = view.getUint8(at);
  const length = 8 + ((first & 0x3f) << 2);
  const protocol = view.getUint16(at + 2);
  // Bit 7 of the second byte is O: control packets are no traffic of the tunnel's users.
  if (first >>> 6 !== 0 || view.getUint8(at + 1) >>> 7 !== 0 || !isEtherType(protocol)) return NOT_A_TUNNEL;
  if (view.getUint8(at + 7) !== 0 || at + length > cursor.end) return NOT_A_TUNNEL;
  const id = view.getUint32(at + 4) >>> 8;
  cursor.position = at + length;
  const next = etherType(protocol, cursor, packet);
  if (next < FIRST_STEP) return NOT_A_TUNNEL;
  addHop(packet, 'geneve', id);
  return next;
}

/** 3GPP TS 29.281 §5.1: version 1, protocol type GTP, message type 255 (G-PDU); other messages are no user traffic. */
function gtpU(cursor: Cursor, packet: Packet): number {
  const { view, end, position: at } = cursor;
  if (at + 8 > end) return NOT_A_TUNNEL;
  const flags = view.getUint8(at);
  if (flags >>> 4 !== 3 || view.getUint8(at + 1) !== 0xff) return NOT_A_TUNNEL;
  if (at + 8 + view.getUint16(at + 2) > cursor.wireEnd) return NOT_A_TUNNEL;
  let inner = at + 8;
  if ((flags & 7) !== 0) {
    inner += 4;
    if (inner > end) return NOT_A_TUNNEL;
    // The next extension's type is the last byte of each; the field counts only where the E flag is set.
    let next = (flags & 4) === 0 ? 0 : view.getUint8(inner - 1);
    for (let count = 0; next !== 0; count++) {
      if (count === MAX_GTP_EXTENSIONS || inner >= end) return NOT_A_TUNNEL;
      const length = view.getUint8(inner) << 2;
      if (length === 0 || inner + length > end) return NOT_A_TUNNEL;
      inner += length;
      next = view.getUint8(inner - 1);
    }
  }
  const next = innerIp(cursor, inner);
  if (next !== NOT_A_TUNNEL) {
    cursor.position = inner;
    addHop(packet, 'gtp-u', view.getUint32(at + 4));
  }
  return next;
}

/** RFC 4380 §5.1.1: authentication and origin indication where they come, then the IPv6 packet. */
function teredo(cursor: Cursor, packet: Packet): number {
  const { view, end, position: at } = cursor;
  let inner = at;
  if (inner + 4 <= end && view.getUint16(inner) === 0x0001) {
    inner += 13 + view.getUint8(inner + 2) + view.getUint8(inner + 3);
  }
  if (inner + 8 <= end && view.getUint16(inner) === 0x0000) inner += 8;
  if (innerIp(cursor, inner) !== Step.ipv6 || inner + 40 > end) return NOT_A_TUNNEL;
  // Trailers (RFC 6081 §4) may follow the packet.
  if (inner + 40 + view.getUint16(inner + 4) > cursor.wireEnd) return NOT_A_TUNNEL;
  cursor.position = inner;
  addHop(packet, 'teredo', -1);
  return Step.ipv6;
}

/** IPv4 or IPv6 by the first byte at `at`. */
function innerIp(cursor: Cursor, at: number): number {
  if (at >= cursor.end) return NOT_A_TUNNEL;
  const first = cursor.view.getUint8(at);
  if (first >= 0x45 && first <= 0x4f) return Step.ipv4;
  return first >>> 4 === 6 ? Step.ipv6 : NOT_A_TUNNEL;
}

/** GRE: RFC 2784 and 2890, RFC 1701's source routes, and version 1 of PPTP (RFC 2637 §4.1). */
export function gre(cursor: Cursor, packet: Packet): number {
  const { view, end } = cursor;
  let at = cursor.position;
  if (at + 4 > end) return Outcome.network;
  const flags = view.getUint16(at);
  const protocol = view.getUint16(at + 2);
  const version = flags & 7;
  const routed = (flags & 0x4000) !== 0;
  let id = -1;
  at += 4;
  if (version > 1) return Outcome.filteredProtocol;
  // Checksum and routing offset come together where either is there.
  if ((flags & 0xc000) !== 0) at += 4;
  if ((flags & 0x2000) !== 0) {
    if (at + 4 > end) return Outcome.network;
    // Version 1 puts the payload length and the call id in the place of the key.
    id = version === 1 ? view.getUint16(at + 2) : view.getUint32(at);
    at += 4;
  }
  const sequenced = (flags & 0x1000) !== 0;
  if (sequenced) at += 4;
  if (version === 1 && (flags & 0x0080) !== 0) at += 4;
  for (let count = 0; routed; count++) {
    if (count === MAX_GRE_ROUTES || at + 4 > end) return Outcome.network;
    const length = view.getUint8(at + 3);
    const last = length === 0 && view.getUint16(at) === 0;
    at += 4 + length;
    if (last) break;
  }
  // An acknowledgment alone carries no packet.
  if (at === cursor.wireEnd) return Outcome.filteredProtocol;
  if (at > end) return Outcome.network;
  cursor.position = at;
  if (protocol === EtherType.erspan || protocol === EtherType.erspan3) {
    return erspan(cursor, packet, protocol === EtherType.erspan3 ? 3 : sequenced ? 2 : 1);
  }
  addHop(packet, 'gre', id);
  return etherType(protocol, cursor, packet);
}

/** draft-foschiano-erspan: type I has no header, type II one of 8 bytes, type III one of 12 and an optional one of 8. */
function erspan(cursor: Cursor, packet: Packet, type: 1 | 2 | 3): number {
  const { view, end, position: at } = cursor;
  let length = 0;
  let session = -1;
  if (type > 1) {
    length = type === 2 ? 8 : 12;
    if (at + length > end) return Outcome.network;
    session = view.getUint16(at + 2) & 0x03ff;
    if (type === 3 && (view.getUint8(at + 11) & 1) === 1) length += 8;
    if (at + length > end) return Outcome.network;
  }
  cursor.position = at + length;
  addHop(packet, 'erspan', session);
  return Step.ethernet;
}
