/** Whatever the bytes: no throw, no read outside the frame, and every frame is accounted for (`Bench` checks each). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Bench, ethernet, hex, ipv4, ipv6, tcp, u16, udp } from './packets.ts';

const inner = ipv4(6, tcp(40000, 443, 'inside'), { source: '10.0.0.1', options: hex('94040000') });
const frame = ethernet(0x8100, Buffer.concat([hex('00640800'), inner]));
const gtp = Buffer.concat([hex('34ff'), u16(inner.length + 8), hex('0000002a 00000085 01000500'), inner]);
const samples: [number, Buffer][] = [
  [1, frame],
  [1, ethernet(0x86dd, ipv6(0, Buffer.concat([hex('2c00010400000000 1100000100000009'), udp(1, 2, 'first half')])))],
  [1, ethernet(0x86dd, ipv6(51, Buffer.concat([hex('0602000000000001 0000000100000000'), tcp(1, 2, 'x')])))],
  [1, ethernet(0x0800, ipv4(17, udp(1, 53, 'fragment'), { fragment: 0x2000 }))],
  [1, ethernet(0x0800, ipv4(47, Buffer.concat([hex('b0006558 00000000 0000002a 00000001'), frame])))],
  [1, ethernet(0x0800, ipv4(47, Buffer.concat([hex('40000800 00000000 08000004 0a000001 00000000'), inner])))],
  [
    1,
    ethernet(
      0x0800,
      ipv4(47, Buffer.concat([hex('100022eb 00000001 20010065 00000000 00000001 0000000000000000'), frame])),
    ),
  ],
  [1, ethernet(0x0800, ipv4(17, udp(1, 4789, Buffer.concat([hex('0800000000002a00'), frame]))))],
  [1, ethernet(0x0800, ipv4(17, udp(1, 6081, Buffer.concat([hex('0200655800002a00 0102800100000000'), frame]))))],
  [1, ethernet(0x0800, ipv4(17, udp(1, 2152, gtp)))],
  [
    1,
    ethernet(
      0x0800,
      ipv4(
        17,
        udp(1, 3544, Buffer.concat([hex('0001000000000000000000000000001234 7f000001'), ipv6(17, udp(1, 2, 'x'))])),
      ),
    ),
  ],
  [1, ethernet(0x8847, Buffer.concat([hex('0001004000010140 00000000'), frame]))],
  [1, ethernet(0x8864, Buffer.concat([hex('1100000100400021'), inner]))],
  [1, ethernet(0x0058, Buffer.concat([hex('aaaa030000000800'), inner]))],
  [0, Buffer.concat([hex('02000000'), inner])],
  [50, Buffer.concat([hex('ff030021'), inner])],
  [105, Buffer.concat([hex('8883'), Buffer.alloc(34), hex('aaaa030000000800'), inner])],
  [127, Buffer.concat([hex('0000080000000000 0801'), Buffer.alloc(22), hex('aaaa030000000800'), inner])],
  [113, Buffer.concat([hex('0000000100060000 5e00530100000800'), inner])],
  [276, Buffer.concat([hex('0800000000000002 000100060000 5e0053010000'), inner])],
  [239, Buffer.concat([hex('02000000 0800010008000000 54000900'), inner])],
  [192, Buffer.concat([hex('0000080001000000'), frame])],
  [258, Buffer.concat([hex('0c000000 00000000 01000000'), frame])],
];

test('cut at every length, by the capture and on the wire', () => {
  for (const [linkType, bytes] of samples) {
    const bench = new Bench();
    for (let captured = 0; captured <= bytes.length; captured++) {
      bench.frame(bytes, { linkType, captured, originalLength: bytes.length });
      bench.frame(bytes, { linkType, captured, originalLength: captured });
    }
    bench.decoder.end();
    assert.equal(bench.counters['frames.held'], 0);
    assert.equal(bench.counters['frames.received'], 2 * (bytes.length + 1));
  }
});

test('every byte set to every value', () => {
  for (const [linkType, bytes] of samples) {
    const bench = new Bench();
    const changed = Buffer.from(bytes);
    for (let at = 0; at < changed.length; at++) {
      for (let value = 0; value < 256; value += at < 64 ? 1 : 15) {
        changed[at] = value;
        bench.frame(changed, { linkType });
      }
      changed[at] = bytes[at] as number;
    }
    bench.decoder.end();
    assert.equal(bench.counters['frames.held'], 0);
  }
});

test('noise on every link type', () => {
  const bench = new Bench();
  let state = 1;
  for (let round = 0; round < 3000; round++) {
    const noise = Buffer.alloc(round % 200);
    for (let i = 0; i < noise.length; i++) {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      noise[i] = state >>> 16;
    }
    bench.frame(noise, { linkType: round % 280, seconds: round });
  }
  bench.decoder.end();
  assert.equal(bench.counters['frames.received'], 3000);
});
