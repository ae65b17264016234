/** Takes the protection off an Initial packet (RFC 9001 §5.3, §5.4). */
import type { LongHeader } from './header.ts';
import { type PacketKeys, SAMPLE_LENGTH, SAMPLE_OFFSET, TAG_LENGTH } from './keys.ts';

/** A header with the longest token: no longer than a UDP datagram. */
const MAX_HEADER_LENGTH = 0x10000;

/** The unprotected header, which the tag covers: the packet's own bytes belong to the capture. */
const header = Buffer.allocUnsafeSlow(MAX_HEADER_LENGTH);

/** The payload; undefined where these are not the packet's keys or it is too short for a sample. */
export function openInitial(packet: LongHeader, bytes: Buffer, keys: PacketKeys): Buffer | undefined {
  const { start, packetNumberStart, end } = packet;
  const sampleStart = packetNumberStart + SAMPLE_OFFSET;
  if (sampleStart + SAMPLE_LENGTH > end) return undefined;
  const mask = keys.headerMask(bytes.subarray(sampleStart, sampleStart + SAMPLE_LENGTH));
  const first = bytes[start]! ^ (mask[0]! & 0x0f);
  const packetNumberLength = (first & 3) + 1;
  const headerLength = packetNumberStart + packetNumberLength - start;
  if (end - start - headerLength < TAG_LENGTH) return undefined;
  bytes.copy(header, 0, start, packetNumberStart + packetNumberLength);
  header[0] = first;
  // Initials are few: the encoded packet number is the whole one (RFC 9000 §17.1).
  let packetNumber = 0;
  for (let i = 0; i < packetNumberLength; i++) {
    const byte = bytes[packetNumberStart + i]! ^ mask[1 + i]!;
    header[packetNumberStart - start + i] = byte;
    packetNumber = ((packetNumber << 8) | byte) >>> 0;
  }
  return keys.open(packetNumber, header.subarray(0, headerLength), bytes.subarray(start + headerLength, end));
}
