import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unaccountedFrames } from '../../../src/counters.ts';
import { Bench, ethernet, hex, ipv4, ipv6, tcp, u16, u32, udp } from './packets.ts';

const text = 'The quick brown fox jumps over the lazy dog, and back again.';
const datagram = udp(1234, 53, text);

/** The bytes `[from, to)` of the datagram in an IPv4 fragment. */
function part4(from: number, to: number, { more = to < datagram.length, id = 9, data = datagram } = {}): Buffer {
  return ethernet(0x0800, ipv4(17, data.subarray(from, to), { id, fragment: (more ? 0x2000 : 0) | (from / 8) }));
}

function part6(from: number, to: number, id = 9): Buffer {
  const field = from | (to < datagram.length ? 1 : 0);
  return ethernet(0x86dd, ipv6(44, Buffer.concat([hex('1100'), u16(field), u32(id), datagram.subarray(from, to)])));
}

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length < 2) return [[...items]];
  return items.flatMap((item, i) => permutations(items.toSpliced(i, 1)).map((rest) => [item, ...rest]));
}

const cuts: [number, number][] = [
  [0, 16],
  [16, 24],
  [24, 48],
  [48, datagram.length],
];

test('fragments in every order make one packet', () => {
  for (const [part, header] of [
    [part4, 20],
    [part6, 48],
  ] as const) {
    for (const order of permutations(cuts)) {
      const bench = new Bench();
      for (const [i, [from, to]] of order.entries()) {
        assert.equal(bench.counters['frames.held'], i);
        bench.frame(part(from, to));
      }
      const [seen] = bench.packets;
      assert.equal(bench.packets.length, 1);
      assert.deepEqual([seen?.payload, seen?.payloadLength, seen?.wirePackets], [text, text.length, 4]);
      assert.deepEqual([seen?.protocol, seen?.sourcePort, seen?.destinationPort], [17, 1234, 53]);
      assert.equal(seen?.ipLength, 4 * header + datagram.length);
      assert.deepEqual(bench.frames, { received: 4, emitted: 4 });
    }
  }
});

test('a packet in fragments is as old as the earliest of them, also where a tunnel was in fragments', () => {
  const bench = new Bench();
  const since: number[] = [];
  bench.onPacket = (packet) => since.push(packet.sinceSeconds);
  bench.frame(part4(24, datagram.length), { seconds: 1001 });
  bench.frame(part4(16, 24), { seconds: 1000 });
  bench.frame(part4(0, 16), { seconds: 1003 });
  bench.frame(ethernet(0x0800, ipv4(17, datagram)), { seconds: 1004 });
  assert.deepEqual(since, [1000, -1]);
  const inner = ethernet(0x0800, ipv4(17, datagram));
  const outer = udp(7777, 4789, Buffer.concat([hex('0800000000000900'), inner]));
  bench.frame(part4(0, 40, { data: outer, more: true }), { seconds: 1010 });
  bench.frame(part4(40, outer.length, { data: outer, more: false }), { seconds: 1012 });
  assert.deepEqual(since, [1000, -1, 1010, 1010]);
});

test('duplicates and agreeing overlaps are taken, and counted as packets of the wire', () => {
  const bench = new Bench();
  const parts = [part4(0, 16), part4(0, 16), part4(8, 32), part4(16, 24), part4(40, datagram.length), part4(24, 48)];
  for (const part of parts) bench.frame(part);
  assert.equal(bench.packets.length, 1);
  assert.equal(bench.packets[0]?.payload, text);
  assert.equal(bench.packets[0]?.wirePackets, parts.length);
  assert.deepEqual(bench.frames, { received: 6, emitted: 6 });
});

test('pieces that contradict each other condemn the datagram and what still comes of it', () => {
  const evil = Buffer.from(datagram);
  evil[20] = 0x21;
  const bench = new Bench();
  bench.frame(part4(0, 24)).frame(part4(16, 32, { data: evil }));
  assert.deepEqual(bench.frames, { received: 2, 'dropped.fragment_overlap': 2 });
  bench.frame(part4(24, 48)).frame(part4(48, datagram.length)).frame(part4(0, 24));
  assert.deepEqual(bench.frames, { received: 5, 'dropped.fragment_overlap': 5 });
  // Another datagram of the same hosts is not concerned, and the id is free again after the timeout.
  for (const [from, to] of cuts) bench.frame(part4(from, to, { id: 10 }));
  for (const [from, to] of cuts) bench.frame(part4(from, to), { seconds: 1030 });
  assert.equal(bench.packets.length, 2);
  assert.deepEqual(bench.frames, { received: 13, emitted: 8, 'dropped.fragment_overlap': 5 });
});

test('two ends of one datagram contradict each other', () => {
  for (const second of [part4(16, 24, { more: false }), part4(48, 64), part4(56, 64, { more: false })]) {
    const bench = new Bench().frame(part4(24, 48, { more: false })).frame(second);
    assert.deepEqual(bench.frames, { received: 2, 'dropped.fragment_overlap': 2 });
  }
  // A last fragment that ends before what came already.
  const bench = new Bench().frame(part4(24, 48)).frame(part4(8, 16, { more: false }));
  assert.deepEqual(bench.frames, { received: 2, 'dropped.fragment_overlap': 2 });
});

test('what is never completed times out on packet time: 30 s for IPv4, 60 s for IPv6', () => {
  const bench = new Bench();
  const other = ethernet(0x0800, ipv4(17, datagram));
  bench.frame(part4(0, 16), { seconds: 1000 }).frame(part6(0, 16), { seconds: 1000 });
  bench.frame(part4(16, 24), { seconds: 1020 }).frame(other, { seconds: 1029 });
  assert.equal(bench.counters['frames.held'], 3);
  bench.frame(other, { seconds: 1030 });
  assert.deepEqual(bench.frames, { received: 5, emitted: 2, held: 1, 'dropped.fragment_timeout': 2 });
  bench.frame(other, { seconds: 1059 });
  assert.equal(bench.counters['frames.held'], 1);
  bench.frame(other, { seconds: 1060 });
  assert.deepEqual(bench.frames, { received: 7, emitted: 4, 'dropped.fragment_timeout': 3 });
});

test('the end of the capture gives up what waits', () => {
  const bench = new Bench().frame(part4(0, 16)).frame(part6(16, 24));
  bench.decoder.end();
  assert.deepEqual(bench.frames, { received: 2, 'dropped.fragment_timeout': 2 });
});

test('limits: datagrams, memory, pieces of one datagram', () => {
  const few = new Bench({ fragmentDatagrams: 2 });
  for (let id = 0; id < 5; id++) few.frame(part4(0, 16, { id }));
  assert.deepEqual(few.frames, { received: 5, held: 2, 'dropped.fragment_limit': 3 });
  few.frame(part4(16, datagram.length, { id: 4 }));
  assert.deepEqual(few.frames, { received: 6, emitted: 2, held: 1, 'dropped.fragment_limit': 3 });

  const small = new Bench({ fragmentBytes: 1000 });
  for (let id = 0; id < 50; id++) small.frame(part4(0, 16, { id }));
  assert.deepEqual(small.frames, { received: 50, held: 3, 'dropped.fragment_limit': 47 });
  for (const offset of [16, 24, 32, 40]) small.frame(part4(offset, offset + 8, { id: 49 }));
  // Alone too much with its fourth piece; what comes then opens it anew.
  assert.deepEqual(small.frames, { received: 54, held: 1, 'dropped.fragment_limit': 53 });

  const many = new Bench();
  for (let offset = 8; offset < 8 * 300; offset += 8) {
    many.frame(ethernet(0x0800, ipv4(17, Buffer.alloc(8), { fragment: 0x2000 | (offset / 8) })));
  }
  assert.equal(many.counters['frames.dropped.fragment_limit'], 257);
  assert.equal(unaccountedFrames(many.counters), 0);
});

test('fragments that cannot be: past 65,535 bytes, not in units of eight, empty', () => {
  const bench = new Bench();
  bench.frame(ethernet(0x0800, ipv4(1, Buffer.alloc(1000), { fragment: 0x1fff })));
  bench.frame(ethernet(0x0800, ipv4(17, Buffer.alloc(12), { fragment: 0x2000 })));
  bench.frame(ethernet(0x0800, ipv4(17, Buffer.alloc(0), { fragment: 0x2000 })));
  bench.frame(ethernet(0x86dd, ipv6(44, Buffer.concat([hex('1100fff800000001'), Buffer.alloc(100)]))));
  bench.frame(ethernet(0x86dd, ipv6(44, hex('1100'))));
  assert.deepEqual(bench.frames, { received: 5, 'undecodable.network': 5 });
});

test('the largest datagram fits', () => {
  const bench = new Bench();
  const large = udp(1, 2, Buffer.alloc(65_507, 0x61));
  for (let from = 0; from < large.length; from += 1480) {
    const to = Math.min(from + 1480, large.length);
    bench.frame(part4(from, to, { more: to < large.length, data: large }));
  }
  assert.equal(bench.packets[0]?.payload.length, 65_507);
});

test('datagrams are told apart by id, protocol, hosts and VLAN', () => {
  const bench = new Bench();
  const inner = (fragment: number, from: number, to: number, fields: object): Buffer =>
    ipv4(17, datagram.subarray(from, to), { fragment, ...fields });
  const head = inner(0x2000, 0, 24, {});
  bench.frame(ethernet(0x0800, head)).frame(ethernet(0x8100, Buffer.concat([hex('00050800'), head])));
  bench.frame(ethernet(0x0800, inner(3, 24, datagram.length, { source: '192.0.2.9' })));
  bench.frame(ethernet(0x0800, inner(3, 24, datagram.length, { id: 8 })));
  assert.equal(bench.packets.length, 0);
  bench.frame(ethernet(0x8100, Buffer.concat([hex('00050800'), inner(3, 24, datagram.length, {})])));
  assert.deepEqual([bench.packets.length, bench.packets[0]?.vlan], [1, 5]);
  assert.deepEqual(bench.frames, { received: 5, emitted: 2, held: 3 });
});

test('a fragmented tunnel packet: the frames share the fate of the packet inside', () => {
  const inner = ipv4(6, tcp(1, 2, 'inside'), { source: '10.0.0.1', destination: '10.0.0.2' });
  const outer = udp(1, 4789, Buffer.concat([hex('0800000000002a00'), ethernet(0x0800, inner)]));
  const bench = new Bench();
  bench.frame(part4(0, 40, { data: outer })).frame(part4(40, outer.length, { data: outer, more: false }));
  assert.deepEqual(
    bench.packets.map((packet) => [packet.source, packet.payloadLength, packet.wirePackets]),
    [
      ['192.0.2.1', outer.length - 8, 2],
      ['10.0.0.1', 6, 1],
    ],
  );
  assert.deepEqual(bench.frames, { received: 2, emitted: 2 });
});

test('fragments in fragments', () => {
  const bench = new Bench();
  const halves = [
    ipv4(17, datagram.subarray(0, 24), { source: '10.0.0.1', fragment: 0x2000 }),
    ipv4(17, datagram.subarray(24), { source: '10.0.0.1', fragment: 3 }),
  ];
  for (const [id, half] of halves.entries()) {
    bench.frame(ethernet(0x0800, ipv4(4, half.subarray(0, 16), { id, fragment: 0x2000 })));
    bench.frame(ethernet(0x0800, ipv4(4, half.subarray(16), { id, fragment: 2 })));
  }
  assert.deepEqual([bench.packets.length, bench.packets[0]?.payload], [1, text]);
  assert.deepEqual(bench.frames, { received: 4, emitted: 4 });
});

test('a cut first fragment tells its ports and the length of its datagram; cut others are undecodable', () => {
  for (const part of [part4, part6]) {
    const bench = new Bench();
    const first = part(0, 24);
    bench.frame(first, { captured: first.length - 10, originalLength: first.length });
    const last = part(24, datagram.length);
    bench.frame(last, { captured: last.length - 10, originalLength: last.length });
    assert.deepEqual([bench.packets[0]?.destinationPort, bench.packets[0]?.payloadLength], [53, text.length]);
    assert.deepEqual(bench.frames, { received: 2, emitted: 1, 'undecodable.network': 1 });
  }
});

test('extension headers behind the fragment header are walked', () => {
  const whole = Buffer.concat([hex('1100 010400000000'), datagram]);
  const bench = new Bench();
  bench.frame(ethernet(0x86dd, ipv6(44, Buffer.concat([hex('3c00 0001 00000009'), whole.subarray(0, 8)]))));
  bench.frame(ethernet(0x86dd, ipv6(44, Buffer.concat([hex('3c00 0008 00000009'), whole.subarray(8)]))));
  assert.equal(bench.packets[0]?.payload, text);
});
