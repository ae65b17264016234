import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Bench, decode, ethernet, hex, ipv4, ipv6, u16, udp } from './packets.ts';

const inner4 = ipv4(17, udp(1111, 53, 'inside'), { source: '10.0.0.1', destination: '10.0.0.2' });
const inner6 = ipv6(17, udp(1111, 53, 'inside'), { source: 'fd00::1', destination: 'fd00::2' });
const innerFrame = ethernet(0x0800, inner4);
const ends = { source: '192.0.2.1', destination: '198.51.100.2' };
const join = (header: string, payload: Buffer): Buffer => Buffer.concat([hex(header), payload]);

test('tunnels over IP', () => {
  const cases: [string, number, Buffer, object][] = [
    ['IPv4 in IPv4', 4, inner4, { type: 'ipip' }],
    ['IPv6 in IPv4', 41, inner6, { type: 'ipip' }],
    ['GRE', 47, join('00000800', inner4), { type: 'gre' }],
    [
      'GRE with checksum, key and sequence',
      47,
      join('b0000800 00000000 0000002a 00000001', inner4),
      { type: 'gre', id: 42 },
    ],
    ['GRE with a source route', 47, join('40000800 00000000 0800 0004 0a000001 00000000', inner4), { type: 'gre' }],
    ['GRE with IPv6', 47, join('000086dd', inner6), { type: 'gre' }],
    ['GRE with Ethernet', 47, join('00006558', innerFrame), { type: 'gre' }],
    ['GRE with MPLS', 47, join('00008847 00010140', inner4), { type: 'gre' }],
    ['PPTP', 47, join('3081880b 0022 0007 00000001 00000001 ff030021', inner4), { type: 'gre', id: 7 }],
    ['ERSPAN I', 47, join('000088be', innerFrame), { type: 'erspan' }],
    ['ERSPAN II', 47, join('100088be 00000001 1001 0064 00000000', innerFrame), { type: 'erspan', id: 100 }],
    ['ERSPAN III', 47, join('100022eb 00000001 2001 0065 00000000 00000000', innerFrame), { type: 'erspan', id: 101 }],
    [
      'ERSPAN III with a platform header',
      47,
      join('100022eb 00000001 2001 0065 00000000 00000001 0000000000000000', innerFrame),
      { type: 'erspan', id: 101 },
    ],
  ];
  for (const [name, protocol, payload, hop] of cases) {
    const packets = decode(ethernet(0x0800, ipv4(protocol, payload)));
    assert.deepEqual(
      packets.map((packet) => packet.payload),
      ['inside'],
      name,
    );
    assert.deepEqual(packets[0]?.tunnels, [{ ...hop, ...ends }], name);
  }
  const in6 = decode(ethernet(0x86dd, ipv6(4, inner4)));
  assert.deepEqual(in6[0]?.tunnels, [{ type: 'ipip', source: '2001:db8::1', destination: '2001:db8::2' }]);
  assert.equal(decode(ethernet(0x0800, ipv4(137, join('00010140', inner4))))[0]?.payload, 'inside');
});

test('tunnels over UDP: the outer packet, then the inner one', () => {
  const teredo6 = ipv6(17, udp(1111, 53, 'inside'));
  const cases: [string, number, Buffer, object][] = [
    ['VXLAN', 4789, join('0800000000002a00', innerFrame), { type: 'vxlan', id: 42 }],
    ['VXLAN on the port of Linux', 8472, join('0800000000002a00', innerFrame), { type: 'vxlan', id: 42 }],
    ['VXLAN with a group policy', 4789, join('8800001000002a00', innerFrame), { type: 'vxlan', id: 42 }],
    ['VXLAN-GPE with IPv4', 4790, join('0c00000100002a00', inner4), { type: 'vxlan', id: 42 }],
    ['GENEVE', 6081, join('0000655800002a00', innerFrame), { type: 'geneve', id: 42 }],
    [
      'GENEVE with an option, IPv6',
      6081,
      join('020086dd00002a00 0102800100000000', inner6),
      { type: 'geneve', id: 42 },
    ],
    [
      'GTP-U',
      2152,
      Buffer.concat([hex('30ff'), u16(inner4.length), hex('0000002a'), inner4]),
      { type: 'gtp-u', id: 42 },
    ],
    [
      'GTP-U with extension headers',
      2152,
      Buffer.concat([hex('34ff'), u16(inner6.length + 12), hex('0000002a 00000085 01000585 01000500'), inner6]),
      { type: 'gtp-u', id: 42 },
    ],
    ['Teredo', 3544, teredo6, { type: 'teredo' }],
    [
      'Teredo with authentication and origin',
      3544,
      join('00010000 0000000000000000 00 00001234 7f000001', teredo6),
      { type: 'teredo' },
    ],
  ];
  for (const [name, port, payload, hop] of cases) {
    const bench = new Bench().frame(ethernet(0x0800, ipv4(17, udp(50000, port, payload))));
    assert.equal(bench.packets.length, 2, name);
    const [outer, inner] = bench.packets;
    assert.deepEqual(
      [outer?.destinationPort, outer?.payloadLength, outer?.tunnels],
      [port, payload.length, undefined],
      name,
    );
    assert.deepEqual([inner?.payload, inner?.tunnels], ['inside', [{ ...hop, ...ends }]], name);
    assert.deepEqual(bench.frames, { received: 1, emitted: 1 }, name);
  }
});

test('a port alone makes no tunnel', () => {
  const cases: [string, number, Buffer][] = [
    ['VXLAN without the I flag', 4789, join('0000000000002a00', innerFrame)],
    ['VXLAN with reserved bits', 4789, join('0800000000002a01', innerFrame)],
    ['too short', 4789, hex('080000')],
    ['GENEVE of another version', 6081, join('4000655800002a00', innerFrame)],
    ['GENEVE, control', 6081, join('0080655800002a00', innerFrame)],
    ['GENEVE with an unknown protocol', 6081, join('0000123400002a00', innerFrame)],
    ['GTP-U echo', 2152, hex('3201000400000000 00000000')],
    ['GTP-U, longer than the datagram', 2152, join('30ff0fff0000002a', inner4)],
    ['GTP-U with something else', 2152, join('30ff00040000002a', hex('00000000'))],
    ['Teredo, not IPv6', 3544, inner4],
    ['Teredo, longer than the datagram', 3544, ipv6(17, hex('00'), { length: 900 })],
  ];
  for (const [name, port, payload] of cases) {
    const bench = new Bench().frame(ethernet(0x0800, ipv4(17, udp(50000, port, payload))));
    assert.deepEqual(bench.frames, { received: 1, emitted: 1 }, name);
    assert.equal(bench.packets.length, 1, name);
  }
});

test('a frame counts by its innermost IP packet', () => {
  const vxlan = (frame: Buffer): Buffer => ethernet(0x0800, ipv4(17, udp(1, 4789, join('0800000000002a00', frame))));
  const bench = new Bench();
  // ARP inside: the innermost IP packet is the tunnel's.
  bench.frame(vxlan(ethernet(0x0806, Buffer.alloc(28))));
  assert.deepEqual(bench.frames, { received: 1, emitted: 1 });
  bench.frame(vxlan(ethernet(0x0800, ipv4(50, Buffer.alloc(20)))));
  bench.frame(vxlan(ethernet(0x0800, Buffer.alloc(20))));
  assert.deepEqual(bench.frames, { received: 3, emitted: 1, 'filtered.protocol': 1, 'undecodable.network': 1 });
  bench.frame(ethernet(0x0800, ipv4(47, join('00000806', Buffer.alloc(28)))));
  assert.equal(bench.counters['frames.filtered.not_ip'], 1);
});

test('nested tunnels are listed from the outermost in, and followed so far and no farther', () => {
  const nest = (depth: number): Buffer =>
    depth === 0 ? inner4 : ipv4(4, nest(depth - 1), { source: `192.0.2.${depth}` });
  const two = decode(ethernet(0x0800, nest(2)));
  assert.deepEqual(
    two[0]?.tunnels?.map((hop) => hop.source),
    ['192.0.2.2', '192.0.2.1'],
  );
  const bench = new Bench({ tunnelDepth: 3 });
  bench.frame(ethernet(0x0800, nest(3))).frame(ethernet(0x0800, nest(4)));
  assert.deepEqual(bench.frames, { received: 2, emitted: 1, 'undecodable.tunnel_depth': 1 });
});

test('VLAN tags are those of the Ethernet frame around the packet', () => {
  const tagged = join('00005e005301 00005e005302 8100 0007 0800', inner4);
  const frame = ethernet(0x8100, join('0063 0800', ipv4(17, udp(1, 4789, join('0800000000002a00', tagged)))));
  assert.deepEqual(
    decode(frame).map((packet) => packet.vlan),
    [99, 7],
  );
});
