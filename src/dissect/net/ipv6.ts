/** The IPv6 header and its extension headers (RFC 8200). */
import { type Cursor, Outcome, Step } from './layer.ts';
import { IpProtocol, type Packet } from './packet.ts';

/** RFC 8200 §4.1 lists seven, each once but for the destination options; a chain beyond this is somebody spending our time. */
const MAX_EXTENSION_HEADERS = 16;
const JUMBO_PAYLOAD = 0xc2;

/** Reads the header at the cursor into `packet`; leaves the cursor at the payload, bounded by the packet's length. */
export function ipv6(cursor: Cursor, packet: Packet): number {
  const { view, position: at } = cursor;
  if (at + 40 > cursor.end) return Outcome.network;
  const first = view.getUint16(at);
  if (first >>> 12 !== 6) return Outcome.network;
  const nextHeader = view.getUint8(at + 6);
  let payloadLength = view.getUint16(at + 4);
  if (payloadLength === 0) {
    payloadLength = jumboLength(cursor, nextHeader, at + 40);
    if (payloadLength < 0) return Outcome.network;
  }
  // As in IPv4, no more than the wire carried.
  payloadLength = Math.min(payloadLength, cursor.wireEnd - at - 40);

  packet.ipVersion = 6;
  packet.tos = (first >>> 4) & 0xff;
  packet.ttl = view.getUint8(at + 7);
  packet.protocol = nextHeader;
  packet.ipLength = 40 + payloadLength;
  packet.wirePackets = 1;
  packet.source0 = view.getUint32(at + 8);
  packet.source1 = view.getUint32(at + 12);
  packet.source2 = view.getUint32(at + 16);
  packet.source3 = view.getUint32(at + 20);
  packet.destination0 = view.getUint32(at + 24);
  packet.destination1 = view.getUint32(at + 28);
  packet.destination2 = view.getUint32(at + 32);
  packet.destination3 = view.getUint32(at + 36);

  cursor.header = at;
  cursor.partial = false;
  cursor.position = at + 40;
  cursor.wireEnd = at + 40 + payloadLength;
  if (cursor.end > cursor.wireEnd) cursor.end = cursor.wireEnd;
  return Step.upper;
}

/**
 * Payload length of a packet whose header says 0; -1 where that cannot be. It is in the jumbo payload option of the
 * hop-by-hop header (RFC 2675 §2), or nowhere: Linux captures its own BIG TCP packets without the option.
 */
function jumboLength(cursor: Cursor, nextHeader: number, at: number): number {
  const { view, end } = cursor;
  if (nextHeader === IpProtocol.tcp || nextHeader === IpProtocol.udp) return cursor.wireEnd - at;
  if (nextHeader !== IpProtocol.hopByHop) return 0;
  if (at + 8 > end) return -1;
  const optionsEnd = Math.min(end, at + ((view.getUint8(at + 1) + 1) << 3));
  // Each turn moves on by a byte at least, within the 2048 bytes that the header can have.
  for (let option = at + 2; option + 6 <= optionsEnd; ) {
    const type = view.getUint8(option);
    if (type === JUMBO_PAYLOAD) {
      const length = view.getUint32(option + 2);
      // RFC 2675 §3: a jumbogram is longer than what the header's own field can say.
      return view.getUint8(option + 1) === 4 && length > 0xffff ? length : -1;
    }
    option += type === 0 ? 1 : 2 + view.getUint8(option + 1);
  }
  return -1;
}

/** Whether `packet.protocol` is a header that another one follows (other than the fragment header). */
export function isExtensionHeader(packet: Packet): boolean {
  switch (packet.protocol) {
    case IpProtocol.ah:
      return true;
    case IpProtocol.hopByHop:
    case IpProtocol.routing:
    case IpProtocol.destinationOptions:
    case IpProtocol.mobility:
    case IpProtocol.hip:
    case IpProtocol.shim6:
      return packet.ipVersion === 6;
    default:
      return false;
  }
}

/**
 * Walks the extension headers from the one at the cursor to the first other header, whose number it leaves in
 * `packet.protocol`. AH is walked in IPv4 too: what it signs is in the clear.
 */
export function extensionHeaders(cursor: Cursor, packet: Packet): number {
  const { view, end } = cursor;
  for (let count = 0; isExtensionHeader(packet); count++) {
    const at = cursor.position;
    if (count === MAX_EXTENSION_HEADERS || at + 8 > end) return Outcome.network;
    const units = view.getUint8(at + 1);
    // AH counts 32-bit words, less two (RFC 4302 §2.2); the others 64-bit words, less one.
    const length = packet.protocol === IpProtocol.ah ? (units + 2) << 2 : (units + 1) << 3;
    if (at + length > end) return Outcome.network;
    packet.protocol = view.getUint8(at);
    cursor.position = at + length;
  }
  return Step.upper;
}
