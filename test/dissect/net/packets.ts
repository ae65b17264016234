/** Hand-made packets, and a decoder that writes down what it was told. */
import assert from 'node:assert/strict';
import { type Counters, createCounters, unaccountedFrames } from '../../../src/counters.ts';
import { Frame } from '../../../src/dissect/frame.ts';
import { formatIp, parseIp } from '../../../src/dissect/net/address.ts';
import { DEFAULT_NETWORK_OPTIONS, NetworkDecoder, type NetworkOptions } from '../../../src/dissect/net/decoder.ts';
import { Disposition } from '../../../src/dissect/net/layer.ts';
import type { Packet, TunnelHop } from '../../../src/dissect/net/packet.ts';

export const hex = (text: string): Buffer => Buffer.from(text.replace(/\s+/g, ''), 'hex');
export const u16 = (value: number): Buffer => hex(value.toString(16).padStart(4, '0'));
export const u32 = (value: number): Buffer => hex(value.toString(16).padStart(8, '0'));

export function address(text: string): Buffer {
  const parsed = parseIp(text);
  assert.ok(parsed);
  return Buffer.concat(parsed.words.slice(0, parsed.version === 4 ? 1 : 4).map(u32));
}

export const ethernet = (type: number, payload: Buffer): Buffer =>
  Buffer.concat([hex('00005e005301 00005e005302'), u16(type), payload]);

export interface Ipv4Fields {
  source?: string;
  destination?: string;
  id?: number;
  /** Flags and fragment offset as on the wire. */
  fragment?: number;
  length?: number;
  options?: Buffer;
}

export function ipv4(protocol: number, payload: Buffer, fields: Ipv4Fields = {}): Buffer {
  const options = fields.options ?? Buffer.alloc(0);
  const header = 20 + options.length;
  return Buffer.concat([
    Buffer.from([0x40 | (header / 4), 0x10]),
    u16(fields.length ?? header + payload.length),
    u16(fields.id ?? 7),
    u16(fields.fragment ?? 0),
    Buffer.from([64, protocol, 0, 0]),
    address(fields.source ?? '192.0.2.1'),
    address(fields.destination ?? '198.51.100.2'),
    options,
    payload,
  ]);
}

export interface Ipv6Fields {
  source?: string;
  destination?: string;
  length?: number;
}

export function ipv6(nextHeader: number, payload: Buffer, fields: Ipv6Fields = {}): Buffer {
  return Buffer.concat([
    hex('60a00000'),
    u16(fields.length ?? payload.length),
    Buffer.from([nextHeader, 64]),
    address(fields.source ?? '2001:db8::1'),
    address(fields.destination ?? '2001:db8::2'),
    payload,
  ]);
}

export const udp = (source: number, destination: number, payload: Buffer | string, length?: number): Buffer => {
  const data = Buffer.from(payload);
  return Buffer.concat([u16(source), u16(destination), u16(length ?? 8 + data.length), u16(0), data]);
};

export const tcp = (
  source: number,
  destination: number,
  payload: Buffer | string,
  options: Buffer = Buffer.alloc(0),
): Buffer =>
  Buffer.concat([
    u16(source),
    u16(destination),
    u32(0xfedcba98),
    u32(0x89abcdef),
    Buffer.from([((20 + options.length) / 4) << 4, 0x18]),
    u16(0xfffe),
    u32(0),
    options,
    Buffer.from(payload),
  ]);

/** What the sink saw of a packet, with the payload as text. */
export interface Seen {
  source: string;
  destination: string;
  protocol: number;
  sourcePort: number;
  destinationPort: number;
  ipLength: number;
  wirePackets: number;
  payloadLength: number;
  payload: string;
  vlan: number;
  innerVlan: number;
  tunnels: TunnelHop[] | undefined;
}

export function seen(packet: Packet): Seen {
  const p = packet;
  return {
    source: formatIp(p.ipVersion, p.source0, p.source1, p.source2, p.source3),
    destination: formatIp(p.ipVersion, p.destination0, p.destination1, p.destination2, p.destination3),
    protocol: p.protocol,
    sourcePort: p.sourcePort,
    destinationPort: p.destinationPort,
    ipLength: p.ipLength,
    wirePackets: p.wirePackets,
    payloadLength: p.payloadLength,
    payload: p.bytes.latin1Slice(p.payloadStart, p.payloadEnd),
    vlan: p.vlan,
    innerVlan: p.innerVlan,
    tunnels: p.tunnels,
  };
}

/** A decoder of one capture; each frame lies amid other bytes, so that a read outside it gives itself away. */
export class Bench {
  readonly counters: Counters = createCounters();
  readonly packets: Seen[] = [];
  readonly decoder: NetworkDecoder;
  disposition: Disposition = Disposition.emitted;
  onPacket: (packet: Packet) => void = () => {};

  constructor(options: Partial<NetworkOptions> = {}) {
    this.decoder = new NetworkDecoder({ ...DEFAULT_NETWORK_OPTIONS, ...options }, this.counters, (packet) => {
      assert.ok(packet.payloadStart <= packet.payloadEnd && packet.payloadEnd <= packet.bytes.length);
      assert.ok(packet.payloadEnd - packet.payloadStart <= packet.payloadLength);
      this.packets.push(seen(packet));
      this.onPacket(packet);
      return this.disposition;
    });
  }

  frame(
    bytes: Buffer,
    { linkType = 1, seconds = 1000, originalLength = bytes.length, captured = bytes.length } = {},
  ): this {
    const frame = new Frame();
    frame.bytes = Buffer.concat([Buffer.alloc(3, 0xee), bytes.subarray(0, captured), Buffer.alloc(80, 0xee)]);
    frame.view = new DataView(frame.bytes.buffer, frame.bytes.byteOffset, frame.bytes.length);
    frame.start = 3;
    frame.end = 3 + captured;
    frame.originalLength = originalLength;
    frame.linkType = linkType;
    frame.seconds = seconds;
    this.decoder.decode(frame);
    assert.equal(unaccountedFrames(this.counters), 0);
    return this;
  }

  /** The `frames.*` counters that are not 0. */
  get frames(): Record<string, number> {
    const entries = Object.entries(this.counters).filter(([name, count]) => name.startsWith('frames.') && count !== 0);
    return Object.fromEntries(entries.map(([name, count]) => [name.slice('frames.'.length), count]));
  }
}

/** Decodes one frame and returns the packets in it. */
export function decode(bytes: Buffer, linkType = 1): Seen[] {
  return new Bench().frame(bytes, { linkType }).packets;
}
