import { readFileSync } from 'node:fs';
import { Tcp } from './writer.ts';

/** What one side said before the other said something. */
export interface Turn {
  readonly fromClient: boolean;
  readonly bytes: Buffer;
}

/**
 * The TCP conversations of a small capture without loss (µs pcap, Ethernet, IPv4 without options), each from its SYN,
 * in the order in which they opened. For the project's own fixtures: anything else is an error.
 */
export function readConversations(path: string): Turn[][] {
  const file = readFileSync(path);
  if (file.readUInt32LE(0) !== 0xa1b2c3d4 || file.readUInt32LE(20) !== 1)
    throw new Error(`${path}: not a µs Ethernet pcap`);
  const conversations = new Map<string, { expected: Map<string, number>; turns: Turn[] }>();
  for (let at = 24; at < file.length; ) {
    const frame = file.subarray(at + 16, at + 16 + file.readUInt32LE(at + 8));
    at += 16 + frame.length;
    if (frame.readUInt16BE(12) !== 0x0800 || frame[23] !== 6) continue;
    if (frame[14] !== 0x45) throw new Error(`${path}: IPv4 options`);
    const packet = frame.subarray(14, 14 + frame.readUInt16BE(16));
    const segment = packet.subarray(20);
    const source = `${packet.toString('hex', 12, 16)}:${segment.readUInt16BE(0)}`;
    const destination = `${packet.toString('hex', 16, 20)}:${segment.readUInt16BE(2)}`;
    const flags = segment[13] ?? 0;
    const sequence = segment.readUInt32BE(4);
    if (flags & Tcp.syn && !(flags & Tcp.ack)) {
      conversations.set(`${source} ${destination}`, { expected: new Map([[source, sequence + 1]]), turns: [] });
    }
    const fromClient = conversations.has(`${source} ${destination}`);
    const conversation = conversations.get(fromClient ? `${source} ${destination}` : `${destination} ${source}`);
    if (!conversation) continue;
    if (flags & Tcp.syn && flags & Tcp.ack) conversation.expected.set(source, sequence + 1);
    const payload = segment.subarray(((segment[12] ?? 0) >>> 4) * 4);
    if (payload.length === 0) continue;
    if (conversation.expected.get(source) !== sequence) throw new Error(`${path}: a segment is lost or repeated`);
    conversation.expected.set(source, (sequence + payload.length) >>> 0);
    append(conversation.turns, fromClient, payload);
  }
  return [...conversations.values()].map(({ turns }) => turns);
}

function append(turns: Turn[], fromClient: boolean, payload: Buffer): void {
  const last = turns.at(-1);
  if (last?.fromClient !== fromClient) turns.push({ fromClient, bytes: payload });
  else turns[turns.length - 1] = { fromClient, bytes: Buffer.concat([last.bytes, payload]) };
}
