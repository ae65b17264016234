/** The TCP, UDP, ICMP and ICMPv6 headers. Each returns whether the header could be read; cut payload is no matter. */
import type { Cursor } from './layer.ts';
import type { Packet } from './packet.ts';

/** RFC 9293 §3.1. Where the capture cut the header but left the ports, what is missing reads as 0. */
export function tcp(cursor: Cursor, packet: Packet): boolean {
  const { view, position: at } = cursor;
  const captured = cursor.end - at;
  const length = cursor.wireEnd - at;
  if (captured < 4 || length < 20) return false;
  let headerLength = 20;
  const ports = view.getInt32(at);
  packet.sourcePort = ports >>> 16;
  packet.destinationPort = ports & 0xffff;
  if (captured >= 16) {
    packet.tcpSequence = view.getUint32(at + 4);
    packet.tcpAcknowledgment = view.getUint32(at + 8);
    // Data offset, flags, window.
    const fourth = view.getInt32(at + 12);
    headerLength = (fourth >>> 26) & 0x3c;
    packet.tcpFlags = (fourth >>> 16) & 0xff;
    packet.tcpWindow = fourth & 0xffff;
  } else {
    packet.tcpSequence = captured >= 8 ? view.getUint32(at + 4) : 0;
    packet.tcpAcknowledgment = captured >= 12 ? view.getUint32(at + 8) : 0;
    if (captured >= 13) headerLength = (view.getUint8(at + 12) >>> 4) << 2;
    packet.tcpFlags = captured >= 14 ? view.getUint8(at + 13) : 0;
    packet.tcpWindow = 0;
  }
  if (headerLength < 20 || headerLength > length) return false;
  setPayload(cursor, packet, headerLength, length - headerLength);
  return true;
}

/**
 * RFC 768. The shorter of the UDP and the IP length counts: what lies between them is no payload. Of a fragment alone,
 * the UDP length tells what the datagram carries.
 */
export function udp(cursor: Cursor, packet: Packet): boolean {
  const { view, position: at } = cursor;
  const captured = cursor.end - at;
  let length = cursor.wireEnd - at;
  if (captured < 4 || length < 8) return false;
  packet.sourcePort = view.getUint16(at);
  packet.destinationPort = view.getUint16(at + 2);
  if (captured >= 6) {
    const stated = view.getUint16(at + 4);
    // RFC 2675 §4: 0 in a jumbogram, which leaves the IP length.
    if (stated < 8 && stated !== 0) return false;
    if (stated !== 0 && (stated < length || cursor.partial)) length = stated;
  }
  clearTcp(packet);
  setPayload(cursor, packet, 8, length - 8);
  return true;
}

/** RFC 792 and RFC 4443: type, code, checksum and four bytes that depend on them. What errors quote stays payload. */
export function icmp(cursor: Cursor, packet: Packet): boolean {
  const { view, position: at } = cursor;
  const length = cursor.wireEnd - at;
  if (cursor.end - at < 2 || length < 4) return false;
  packet.icmpType = view.getUint8(at);
  packet.icmpCode = view.getUint8(at + 1);
  packet.sourcePort = 0;
  packet.destinationPort = 0;
  clearTcp(packet);
  setPayload(cursor, packet, 8, Math.max(0, length - 8));
  return true;
}

function setPayload(cursor: Cursor, packet: Packet, headerLength: number, payloadLength: number): void {
  const { end } = cursor;
  const start = cursor.position + headerLength;
  packet.bytes = cursor.bytes;
  packet.view = cursor.view;
  packet.payloadLength = payloadLength;
  packet.payloadStart = Math.min(start, end);
  packet.payloadEnd = Math.min(start + payloadLength, end);
}

function clearTcp(packet: Packet): void {
  packet.tcpSequence = 0;
  packet.tcpAcknowledgment = 0;
  packet.tcpFlags = 0;
  packet.tcpWindow = 0;
}
