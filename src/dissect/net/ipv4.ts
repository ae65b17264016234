/** The IPv4 header (RFC 791). */
import { type Cursor, Outcome, Step } from './layer.ts';
import type { Packet } from './packet.ts';

/** Reads the header at the cursor into `packet`; leaves the cursor at the payload, bounded by the packet's length. */
export function ipv4(cursor: Cursor, packet: Packet): number {
  const { view, position: at } = cursor;
  if (at + 20 > cursor.end) return Outcome.network;
  // Version and header length, TOS, total length; identification, flags and offset; TTL, protocol, checksum.
  const first = view.getInt32(at);
  const headerLength = (first >>> 22) & 0x3c;
  if (first >>> 28 !== 4 || headerLength < 20 || at + headerLength > cursor.end) return Outcome.network;
  const stated = first & 0xffff;
  if (stated < headerLength && stated !== 0) return Outcome.network;
  // Segmentation offload and BIG TCP leave 0 in packets captured before the network card saw them. No length is
  // believed that is more than the wire carried: whoever sends the packet would choose what we count.
  const carried = cursor.wireEnd - at;
  const length = stated === 0 || stated > carried ? carried : stated;

  packet.ipVersion = 4;
  const third = view.getInt32(at + 8);
  packet.tos = (first >>> 16) & 0xff;
  packet.ttl = third >>> 24;
  packet.protocol = (third >>> 16) & 0xff;
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
  return (view.getInt32(at + 4) & 0x3fff) === 0 ? Step.upper : Step.fragment4;
}
