import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Disposition } from '../../../src/dissect/net/layer.ts';
import { Bench, decode, ethernet, hex, ipv4, ipv6, type Seen, tcp, u32, udp } from './packets.ts';

const ask = udp(5353, 53, 'ask');
const ip = ipv4(17, ask);
const only = (packets: Seen[]): Seen => {
  assert.equal(packets.length, 1);
  return packets[0] as Seen;
};

test('Ethernet, IPv4 with options, TCP with options: every field', () => {
  const bench = new Bench();
  bench.onPacket = (packet) => {
    assert.deepEqual(
      [packet.tcpSequence, packet.tcpAcknowledgment, packet.tcpFlags, packet.tcpWindow],
      [0xfedcba98, 0x89abcdef, 0x18, 0xfffe],
    );
    assert.deepEqual([packet.tos, packet.ttl, packet.macOffset, packet.frame.start], [0x10, 64, 3, 3]);
  };
  const segment = tcp(40000, 443, 'hello', hex('01010101'));
  bench.frame(ethernet(0x0800, ipv4(6, segment, { options: hex('94040000') })));
  assert.deepEqual(bench.packets, [
    {
      source: '192.0.2.1',
      destination: '198.51.100.2',
      protocol: 6,
      sourcePort: 40000,
      destinationPort: 443,
      ipLength: 53,
      wirePackets: 1,
      payloadLength: 5,
      payload: 'hello',
      vlan: -1,
      innerVlan: -1,
      tunnels: undefined,
    },
  ]);
});

test('the padding of a short Ethernet frame is no payload', () => {
  const seen = only(decode(Buffer.concat([ethernet(0x0800, ip), Buffer.alloc(20)])));
  assert.deepEqual([seen.ipLength, seen.payload], [31, 'ask']);
});

test('link types', () => {
  const cases: [string, number, Buffer][] = [
    ['raw', 101, ip],
    ['raw of BSD', 12, ip],
    ['IPv4', 228, ip],
    ['null, little-endian', 0, Buffer.concat([hex('02000000'), ip])],
    ['null, big-endian', 0, Buffer.concat([hex('00000002'), ip])],
    ['loop', 108, Buffer.concat([hex('00000002'), ip])],
    ['PPP', 9, Buffer.concat([hex('ff030021'), ip])],
    ['PPP, compressed', 9, Buffer.concat([hex('21'), ip])],
    ['PPP in HDLC', 50, Buffer.concat([hex('ff030021'), ip])],
    ['Cisco HDLC in 50', 50, Buffer.concat([hex('0f000800'), ip])],
    ['PPPoE', 51, Buffer.concat([hex('110000010021 0021'), ip])],
    ['Cisco HDLC', 104, Buffer.concat([hex('8f000800'), ip])],
    ['SLL', 113, Buffer.concat([hex('0000 0001 0006 00005e005301 0000 0800'), ip])],
    ['SLL2', 276, Buffer.concat([hex('0800 0000 00000002 0001 00 06 00005e0053010000'), ip])],
    ['FDDI', 10, Buffer.concat([hex('50 00005e005301 00005e005302 aaaa03 000000 0800'), ip])],
    ['IP over InfiniBand', 242, Buffer.concat([Buffer.alloc(40), hex('08000000'), ip])],
    ['NFLOG', 239, Buffer.concat([hex('02000000 0800010008000000 0500020061000000'), hex('2300 0900'), ip])],
    ['802.11', 105, Buffer.concat([hex('0801'), Buffer.alloc(22), hex('aaaa03 000000 0800'), ip])],
    ['802.11 QoS, four addresses', 105, Buffer.concat([hex('8803'), Buffer.alloc(30), hex('aaaa03 000000 0800'), ip])],
    ['PPI with Ethernet', 192, Buffer.concat([hex('00 00 0800 01000000'), ethernet(0x0800, ip)])],
  ];
  for (const [name, linkType, bytes] of cases) {
    const packets = decode(bytes, linkType);
    assert.equal(packets.length, 1, name);
    assert.equal(packets[0]?.payload, 'ask', name);
  }
  for (const family of [10, 24, 28, 30]) {
    assert.equal(only(decode(Buffer.concat([u32(family), ipv6(17, ask)]), 0)).source, '2001:db8::1');
  }
  assert.deepEqual(new Bench().frame(ip, { linkType: 147 }).frames, { received: 1, 'undecodable.link_type': 1 });
});

test('tags, labels and sessions between Ethernet and IP', () => {
  const cases: [string, number, Buffer][] = [
    ['802.1Q', 0x8100, Buffer.concat([hex('2064 0800'), ip])],
    ['802.3, LLC and SNAP', 0x0027, Buffer.concat([hex('aaaa03 000000 0800'), ip])],
    ['MPLS', 0x8847, Buffer.concat([hex('00010040 00011140'), ip])],
    ['MPLS pseudowire with control word', 0x8847, Buffer.concat([hex('00010140 00000000'), ethernet(0x0800, ip)])],
    ['MPLS pseudowire without', 0x8847, Buffer.concat([hex('00010140'), ethernet(0x0800, ip)])],
    ['PPPoE', 0x8864, Buffer.concat([hex('1100 0001 0021 0021'), ip])],
    ['FabricPath', 0x8903, Buffer.concat([hex('0000'), ethernet(0x0800, ip)])],
    ['NSH', 0x894f, Buffer.concat([hex('0fc20201 00000000'), ip])],
  ];
  for (const [name, type, payload] of cases) {
    const packets = decode(ethernet(type, payload));
    assert.equal(packets.length, 1, name);
    assert.equal(packets[0]?.payload, 'ask', name);
    assert.equal(packets[0]?.vlan, name === '802.1Q' ? 100 : -1, name);
  }
  const stacked = only(decode(ethernet(0x88a8, Buffer.concat([hex('0064 8100 2fff 9100 0003 0800'), ip]))));
  assert.deepEqual([stacked.vlan, stacked.innerVlan], [100, 0xfff]);
  const priority = only(decode(ethernet(0x8100, Buffer.concat([hex('a000 0800'), ip]))));
  assert.deepEqual([priority.vlan, priority.innerVlan], [-1, -1]);
  const above = only(decode(ethernet(0x88a8, Buffer.concat([hex('a000 8100 0007 0800'), ip]))));
  assert.deepEqual([above.vlan, above.innerVlan], [7, -1]);
});

test('what is not IP is filtered, not undecodable', () => {
  const bench = new Bench();
  bench
    .frame(ethernet(0x0806, Buffer.alloc(28)))
    .frame(ethernet(0x0026, hex('424203')))
    .frame(ethernet(0x88cc, ip));
  assert.deepEqual(bench.frames, { received: 3, 'filtered.not_ip': 3 });
  for (const protocol of [50, 132, 89]) bench.frame(ethernet(0x0800, ipv4(protocol, Buffer.alloc(20))));
  bench.frame(ethernet(0x86dd, ipv6(59, Buffer.alloc(0))));
  assert.deepEqual(bench.frames, { received: 7, 'filtered.not_ip': 3, 'filtered.protocol': 4 });
});

test('stacks without end are given up', () => {
  const bench = new Bench();
  bench.frame(ethernet(0x8100, Buffer.alloc(2000, hex('00018100'))));
  bench.frame(ethernet(0x8847, Buffer.alloc(2000)));
  assert.deepEqual(bench.frames, { received: 2, 'undecodable.link': 2 });
  bench.frame(ethernet(0x86dd, ipv6(60, Buffer.alloc(2000, hex('3c00000000000000')))));
  bench.frame(ethernet(0x86dd, ipv6(44, Buffer.alloc(2000, hex('2c00000000000000')))));
  assert.equal(bench.counters['frames.undecodable.network'], 2);
  bench.frame(Buffer.alloc(4000, hex('00005e005301 00005e005302 8903 0000')));
  assert.equal(bench.counters['frames.undecodable.tunnel_depth'], 1);
  assert.equal(bench.packets.length, 0);
});

test('IPv4 lengths', () => {
  const bench = new Bench();
  // Total length 0: captured before segmentation offload; then the frame tells.
  assert.equal(only(decode(ethernet(0x0800, ipv4(17, ask, { length: 0 })))).ipLength, 31);
  // More than the wire carried is not believed.
  assert.equal(only(decode(ethernet(0x0800, ipv4(6, tcp(1, 2, 'abc'), { length: 1500 })))).payloadLength, 3);
  bench.frame(ethernet(0x0800, ipv4(17, ask, { length: 19 })));
  const shortHeader = ethernet(0x0800, ip);
  shortHeader[14] = 0x44;
  bench.frame(shortHeader);
  shortHeader[14] = 0x55;
  bench.frame(shortHeader);
  assert.deepEqual(bench.frames, { received: 3, 'undecodable.network': 3 });
});

test('IPv6 extension headers', () => {
  const chain = Buffer.concat([
    hex('2b00 010400000000'), // hop-by-hop, PadN → routing
    hex('3c02 0400 00000000'), // routing, 24 bytes → destination options
    Buffer.alloc(16),
    hex('3300 010400000000'), // → AH
    hex('8702 0000 00000001 00000001 00000000'), // AH of 16 bytes → mobility
    hex('2c00 010400000000'), // → fragment header of an atomic fragment
    hex('1100 0000 00000009'), // → UDP
    ask,
  ]);
  const seen = only(decode(ethernet(0x86dd, ipv6(0, chain))));
  assert.deepEqual([seen.protocol, seen.payload, seen.ipLength], [17, 'ask', 40 + chain.length]);
  const signed = Buffer.concat([hex('1101 0000 00000001 00000001'), ask]);
  assert.equal(only(decode(ethernet(0x0800, ipv4(51, signed)))).payload, 'ask');
});

test('BIG TCP: the jumbo payload option (RFC 2675), and Linux without it', () => {
  const segment = tcp(1, 2, Buffer.alloc(70_000, 0x61));
  const option = Buffer.concat([hex('0600 c204'), u32(8 + segment.length)]);
  const jumbo = only(decode(ethernet(0x86dd, ipv6(0, Buffer.concat([option, segment]), { length: 0 }))));
  assert.deepEqual([jumbo.payloadLength, jumbo.payload.length, jumbo.ipLength], [70_000, 70_000, 70_068]);
  const bare = only(decode(ethernet(0x86dd, ipv6(6, segment, { length: 0 }))));
  assert.deepEqual([bare.payloadLength, bare.ipLength], [70_000, 70_060]);
  // A jumbogram that is none, and a hop-by-hop header without the option.
  const bench = new Bench();
  bench.frame(ethernet(0x86dd, ipv6(0, Buffer.concat([hex('0600 c204 0000ffff'), segment]), { length: 0 })));
  bench.frame(ethernet(0x86dd, ipv6(0, Buffer.concat([hex('0600 0104 00000000'), segment]), { length: 0 })));
  assert.deepEqual(bench.frames, { received: 2, 'undecodable.network': 2 });
});

test('transport headers that cannot be', () => {
  const bench = new Bench();
  const badOffset = tcp(1, 2, 'abc');
  badOffset[12] = 0x40;
  bench.frame(ethernet(0x0800, ipv4(6, badOffset)));
  badOffset[12] = 0xf0;
  bench.frame(ethernet(0x0800, ipv4(6, badOffset)));
  bench.frame(ethernet(0x0800, ipv4(6, Buffer.alloc(19))));
  bench.frame(ethernet(0x0800, ipv4(17, udp(1, 2, 'abc', 7))));
  bench.frame(ethernet(0x0800, ipv4(1, hex('0800'))));
  assert.deepEqual(bench.frames, { received: 5, 'undecodable.transport': 5 });
  assert.equal(only(decode(ethernet(0x0800, ipv4(17, udp(1, 2, 'abcdef', 11))))).payload, 'abc');
  assert.equal(only(decode(ethernet(0x0800, ipv4(17, udp(1, 2, 'abcdef', 900))))).payloadLength, 6);
  assert.equal(only(decode(ethernet(0x0800, ipv4(17, udp(1, 2, 'abcdef', 0))))).payloadLength, 6);
});

test('ICMP errors: type and code; the packet that they quote is no traffic', () => {
  const bench = new Bench();
  const types: number[] = [];
  bench.onPacket = (packet) => types.push(packet.protocol, packet.icmpType, packet.icmpCode, packet.payloadLength);
  bench.frame(ethernet(0x0800, ipv4(1, Buffer.concat([hex('0303000000000000'), ip]))));
  bench.frame(ethernet(0x86dd, ipv6(58, Buffer.concat([hex('0104000000000000'), ipv6(17, ask)]))));
  assert.deepEqual(types, [1, 3, 3, 31, 58, 1, 4, 51]);
});

test('cut by the snap length: what is left of the packet, with the lengths of the wire', () => {
  const frame = ethernet(0x0800, ipv4(6, tcp(40000, 443, 'hello world')));
  for (let captured = 38; captured <= frame.length; captured++) {
    const bench = new Bench().frame(frame, { captured, originalLength: frame.length });
    const seen = only(bench.packets);
    assert.deepEqual([seen.sourcePort, seen.destinationPort, seen.payloadLength, seen.ipLength], [40000, 443, 11, 51]);
    assert.equal(seen.payload, 'hello world'.slice(0, Math.max(0, captured - 54)));
  }
  const bench = new Bench();
  for (let captured = 0; captured < 38; captured++) bench.frame(frame, { captured, originalLength: frame.length });
  assert.deepEqual(bench.frames, {
    received: 38,
    'undecodable.link': 14,
    'undecodable.network': 20,
    'undecodable.transport': 4,
  });
});

test('the sink decides how a frame is counted', () => {
  const bench = new Bench();
  for (const disposition of Object.values(Disposition)) {
    bench.disposition = disposition;
    bench.frame(ethernet(0x0800, ip));
  }
  assert.deepEqual(bench.frames, {
    received: 7,
    emitted: 1,
    'filtered.network': 1,
    'filtered.source': 1,
    'filtered.destination': 1,
    'filtered.port': 1,
    'filtered.kind': 1,
    'filtered.duplicate': 1,
  });
});

test('state of one frame does not reach the next', () => {
  const bench = new Bench();
  bench.frame(ethernet(0x8100, Buffer.concat([hex('0064 0800'), ipv4(4, ip)])));
  bench.frame(ethernet(0x86dd, ipv6(17, ask)));
  bench.frame(ethernet(0x0800, ip));
  const last = bench.packets.at(-1);
  assert.deepEqual([last?.vlan, last?.tunnels, last?.source], [-1, undefined, '192.0.2.1']);
});
