/** The IPv4 header (RFC 791). */
import { type Cursor, Outcome, Step } from './layer.ts';
import type { Packet } from './packet.ts';

/** Reads the header at the cursor into `packet`; leaves the cursor at the payload, bounded by the packet's length. */
export function ipv4(cursor: Cursor, packet: Packet): number {
  const { view, position: at } = cursor;
  if (at + 20 > cursor.end) return Outcome.network;
  const versionAndLength = view.getUint8(at);
  const headerLength = (versionAndLength & 15) << 2;
  if (versionAndLength >>> 4 !== 4 || headerLength < 20 || at + headerLength > cursor.end) return Outcome.network;
  const stated = view.getUint16(at + 2);
  if (stated < headerLength && stated !== 0) return Outcome.network;
  // Segmentation offload and BIG TCP leave 0 in packets captured before the network card saw them. No length is
  // believed that is more than the wire carried: whoever sends the packet would choose what we count.
  const carried = cursor.wireEnd - at;
  const length = stated === 0 || stated > carried ? carried : stated;

  packet.ipVersion = 4;
  packet.tos = view.getUint8(at + 1);
  packet.ttl = view.getUint8(at + 8);
  packet.protocol = view.getUint8(at + 9);
  packet.ipLength = length;
  packet.wirePackets = 1;
  packet.source0 = view.getUint32(at + 12);
  packet.source1 = 0;
  packet.source2 = 0;
  packet.source3 = 0;
  packet.destination0 = view.getUint32(at + 16);
  packet.destination1 = 0;
  packet.destination2 = 0;
  packet.destination3 = 0;

  cursor.header = at;
  cursor.partial = false;
  cursor.position = at + headerLength;
  // What follows on the wire is padding of the link.
  cursor.wireEnd = at + length;
  if (cursor.end > cursor.wireEnd) cursor.end = cursor.wireEnd;
  // More fragments, or an offset.
  return (view.getUint16(at + 6) & 0x3fff) === 0 ? Step.upper : Step.fragment4;
}
