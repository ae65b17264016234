import { closeSync, openSync, writeSync } from 'node:fs';

/** Start of every capture: 2024-01-01T00:00:00Z, in µs. */
const EPOCH_US = 1_704_067_200 * 1e6;
const BUFFER_SIZE = 4 << 20;
/** Record header, Ethernet, IPv6, TCP without options, and an Ethernet frame's payload. */
const LARGEST_RECORD = 16 + 14 + 40 + 20 + 1500;
const ETHERNET_HEADER = Uint8Array.of(2, 0, 0, 0, 2, 0x35, 2, 0, 0, 0, 2, 0x0a);

export const Tcp = { fin: 0x01, syn: 0x02, rst: 0x04, psh: 0x08, ack: 0x10 } as const;

/** Who sends to whom. A host is the IPv4 address, or the last 32 bits of one in 2001:db8::/96. */
export interface Path {
  readonly ipv6: boolean;
  readonly source: number;
  readonly destination: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
}

export function reverse(path: Path): Path {
  return {
    ipv6: path.ipv6,
    source: path.destination,
    destination: path.source,
    sourcePort: path.destinationPort,
    destinationPort: path.sourcePort,
  };
}

/** Writes a little-endian µs pcap of Ethernet frames with correct checksums, through one buffer. */
export class CaptureWriter {
  packets = 0;
  bytes = 24;
  private readonly file: number;
  private readonly buffer = Buffer.alloc(BUFFER_SIZE);
  private used = 24;

  constructor(path: string) {
    this.file = openSync(path, 'w');
    this.buffer.writeUInt32LE(0xa1b2c3d4, 0);
    this.buffer.writeUInt16LE(2, 4);
    this.buffer.writeUInt16LE(4, 6);
    this.buffer.writeUInt32LE(262_144, 16);
    this.buffer.writeUInt32LE(1, 20); // LINKTYPE_ETHERNET
  }

  /** `time` is µs since the start of the capture; the payload is `payload[start, end)`. */
  tcp(
    time: number,
    path: Path,
    flags: number,
    sequence: number,
    acknowledged: number,
    payload: Buffer,
    start: number,
    end: number,
  ): void {
    const length = 20 + end - start;
    const at = this.begin(time, path, 6, length);
    const { buffer } = this;
    buffer.writeUInt16BE(path.sourcePort, at);
    buffer.writeUInt16BE(path.destinationPort, at + 2);
    buffer.writeUInt32BE(sequence >>> 0, at + 4);
    buffer.writeUInt32BE(acknowledged >>> 0, at + 8);
    buffer.writeUInt16BE(0x5000 | flags, at + 12);
    buffer.writeUInt16BE(64_240, at + 14);
    buffer.writeUInt32BE(0, at + 16);
    payload.copy(buffer, at + 20, start, end);
    buffer.writeUInt16BE(this.checksum(path, 6, at, length), at + 16);
    this.finish(at + length);
  }

  udp(time: number, path: Path, payload: Buffer, start: number, end: number): void {
    const length = 8 + end - start;
    const at = this.begin(time, path, 17, length);
    const { buffer } = this;
    buffer.writeUInt16BE(path.sourcePort, at);
    buffer.writeUInt16BE(path.destinationPort, at + 2);
    buffer.writeUInt16BE(length, at + 4);
    buffer.writeUInt16BE(0, at + 6);
    payload.copy(buffer, at + 8, start, end);
    buffer.writeUInt16BE(this.checksum(path, 17, at, length) || 0xffff, at + 6);
    this.finish(at + length);
  }

  close(): void {
    this.flush();
    closeSync(this.file);
  }

  /** Writes record, Ethernet and IP headers; returns where the transport header goes. */
  private begin(time: number, path: Path, protocol: number, length: number): number {
    if (this.used + LARGEST_RECORD > BUFFER_SIZE) this.flush();
    const { buffer } = this;
    const ipHeader = path.ipv6 ? 40 : 20;
    const frame = 14 + ipHeader + length;
    const now = EPOCH_US + Math.floor(time);
    let at = this.used;
    buffer.writeUInt32LE(Math.floor(now / 1e6), at);
    buffer.writeUInt32LE(now % 1e6, at + 4);
    buffer.writeUInt32LE(frame, at + 8);
    buffer.writeUInt32LE(frame, at + 12);
    buffer.set(ETHERNET_HEADER, at + 16);
    buffer.writeUInt16BE(path.ipv6 ? 0x86dd : 0x0800, at + 28);
    at += 30;
    if (path.ipv6) {
      buffer.writeUInt32BE(0x6000_0000, at);
      buffer.writeUInt16BE(length, at + 4);
      buffer.writeUInt16BE((protocol << 8) | 64, at + 6);
      for (const [offset, host] of [
        [8, path.source],
        [24, path.destination],
      ] as const) {
        buffer.writeUInt32BE(0x2001_0db8, at + offset);
        buffer.fill(0, at + offset + 4, at + offset + 12);
        buffer.writeUInt32BE(host, at + offset + 12);
      }
    } else {
      buffer.writeUInt32BE(0x4500_0000 | (20 + length), at);
      buffer.writeUInt32BE((((this.packets & 0xffff) << 16) | 0x4000) >>> 0, at + 4); // identification, do not fragment
      buffer.writeUInt32BE((0x4000_0000 | (protocol << 16)) >>> 0, at + 8);
      buffer.writeUInt32BE(path.source, at + 12);
      buffer.writeUInt32BE(path.destination, at + 16);
      buffer.writeUInt16BE(fold(this.sum(at, 20)), at + 10);
    }
    return at + ipHeader;
  }

  private finish(end: number): void {
    this.bytes += end - this.used;
    this.used = end;
    this.packets++;
  }

  /** The transport checksum with its pseudo-header (RFC 9293 section 3.1, RFC 8200 section 8.1). */
  private checksum(path: Path, protocol: number, at: number, length: number): number {
    const addresses = path.ipv6 ? this.sum(at - 32, 32) : this.sum(at - 8, 8);
    return fold(addresses + protocol + length + this.sum(at, length));
  }

  private sum(start: number, length: number): number {
    const { buffer } = this;
    let sum = 0;
    for (let i = start; i < start + length - 1; i += 2) sum += ((buffer[i] ?? 0) << 8) | (buffer[i + 1] ?? 0);
    if (length & 1) sum += (buffer[start + length - 1] ?? 0) << 8;
    return sum;
  }

  private flush(): void {
    let written = 0;
    while (written < this.used) written += writeSync(this.file, this.buffer, written, this.used - written);
    this.used = 0;
  }
}

/** The one's complement of a sum of 16-bit words. */
function fold(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded & 0xffff) + Math.floor(folded / 65_536);
  return ~folded & 0xffff;
}
