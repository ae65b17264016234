import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { PcapngInterface } from '../../src/capture/pcapng-interface.ts';
import { Frame } from '../../src/dissect/frame.ts';
import {
  BIG,
  block,
  enhanced,
  interfaceBlock,
  LITTLE,
  ORDERS,
  type Order,
  option,
  read,
  refusal,
  section,
  simple,
} from './capture-bytes.ts';

const A = Buffer.from('first');
const B = Buffer.from('the second packet');
const MICROSECONDS = 1_663_598_487_127_059n;

const tsresol = (to: Order, value: number) => option(to, 9, Buffer.of(value));
const tsoffset = (to: Order, value: bigint) => option(to, 14, to.u64(value));
const name = (to: Order, text: string) => option(to, 2, Buffer.from(text));

/** The time that an interface with these options gives to a stamp. */
async function timeOf(stamp: bigint, ...options: Buffer[]): Promise<[time: string | undefined, warnings: string[]]> {
  const { frames, warnings } = await read([
    section(BIG),
    interfaceBlock(BIG, 1, 0, ...options),
    enhanced(BIG, 0, stamp, A),
  ]);
  return [frames[0]?.time, warnings];
}

describe('pcapng', () => {
  for (const [orderName, to] of ORDERS) {
    test(`all packet blocks, ${orderName}`, async () => {
      const obsolete = block(to, 2, to.u16(0, 3), to.stamp(MICROSECONDS + 1n), to.u32(A.length, 99), A);
      const { frames, warnings, file } = await read([
        section(to),
        interfaceBlock(to, 1, 0, name(to, 'eth0'), option(to, 1, Buffer.from('a comment')), option(to, 0, Buffer.of())),
        interfaceBlock(to, 113, 0),
        enhanced(to, 0, MICROSECONDS, A, 1514),
        enhanced(to, 1, MICROSECONDS, B),
        obsolete,
        simple(to, B),
      ]);
      assert.deepEqual(frames, [
        { data: 'first', time: '1663598487.127059000', link: 1, original: 1514, interface: 0 },
        { data: 'the second packet', time: '1663598487.127059000', link: 113, original: 17, interface: 1 },
        { data: 'first', time: '1663598487.127060000', link: 1, original: 99, interface: 0 },
        { data: 'the second packet', time: '1663598487.127060000', link: 1, original: 17, interface: 0 },
      ]);
      assert.deepEqual(warnings, []);
      assert.deepEqual(
        [file.interfaceName(0), file.interfaceName(1), file.interfaceName(2)],
        ['eth0', undefined, undefined],
      );
    });
  }

  test('sections of either byte order; interfaces of different sections stay apart', async () => {
    const { frames, warnings, file } = await read([
      section(LITTLE),
      interfaceBlock(LITTLE, 1, 0, name(LITTLE, 'eth0')),
      interfaceBlock(LITTLE, 101, 0, name(LITTLE, 'tun0')),
      enhanced(LITTLE, 1, 0n, A),
      section(BIG),
      interfaceBlock(BIG, 276, 0, name(BIG, 'any\0\0'), tsresol(BIG, 9)),
      enhanced(BIG, 0, 5_000_000_007n, B),
      section(LITTLE),
      interfaceBlock(LITTLE, 0, 0),
      simple(LITTLE, A),
    ]);
    assert.deepEqual(
      frames.map((frame) => [frame.data, frame.time, frame.link, file.interfaceName(frame.interface)]),
      [
        ['first', '0.000000000', 101, 'tun0'],
        ['the second packet', '5.000000007', 276, 'any'],
        ['first', '5.000000007', 0, undefined],
      ],
    );
    assert.equal(new Set(frames.map((frame) => frame.interface)).size, 3);
    assert.deepEqual(warnings, []);
  });

  test('names that say nothing are none', async () => {
    for (const text of ['-', 'Unknown', '', '\0\0']) {
      const { file } = await read([
        section(LITTLE),
        interfaceBlock(LITTLE, 1, 0, name(LITTLE, text)),
        enhanced(LITTLE, 0, MICROSECONDS, A),
      ]);
      assert.equal(file.interfaceName(0), undefined);
    }
  });

  test('unknown blocks of any size are skipped', async () => {
    const { frames, warnings } = await read([
      section(LITTLE),
      block(LITTLE, 4, Buffer.alloc(40)),
      interfaceBlock(LITTLE, 1, 0),
      block(LITTLE, 10, Buffer.alloc(3 << 20, 'k')),
      enhanced(LITTLE, 0, MICROSECONDS, A),
      block(LITTLE, 0x0bad),
      enhanced(LITTLE, 0, MICROSECONDS, B),
      block(LITTLE, 0x8000_0001, Buffer.alloc(8)),
    ]);
    assert.deepEqual(
      frames.map((frame) => frame.data),
      ['first', 'the second packet'],
    );
    assert.deepEqual(warnings, []);
  });

  test('a simple packet ends at the snap length of the first interface', async () => {
    const { frames } = await read([
      section(LITTLE),
      interfaceBlock(LITTLE, 1, 6),
      simple(LITTLE, Buffer.from('the se'), 1514),
    ]);
    assert.deepEqual([frames[0]?.data, frames[0]?.original], ['the se', 1514]);
  });

  test('a section header alone is a capture without packets', async () => {
    const { frames, warnings } = await read(section(BIG));
    assert.deepEqual([frames, warnings], [[], []]);
  });

  test('cut anywhere: every whole packet, one warning with the place', async () => {
    const blocks = [
      section(LITTLE),
      interfaceBlock(LITTLE, 1, 0, name(LITTLE, 'eth0')),
      enhanced(LITTLE, 0, MICROSECONDS, A),
      block(LITTLE, 5, Buffer.alloc(20)),
      section(BIG),
      interfaceBlock(BIG, 1, 0),
      enhanced(BIG, 0, MICROSECONDS, B),
      simple(BIG, A),
    ];
    const whole = Buffer.concat(blocks);
    const ends = blocks.map((_, index) => Buffer.concat(blocks.slice(0, index + 1)).length);
    for (let cut = 16; cut <= whole.length; cut++) {
      const { frames, warnings } = await read(whole.subarray(0, cut));
      assert.equal(frames.length, [2, 6, 7].filter((index) => ends[index]! <= cut).length, `cut at ${cut}`);
      const last = Math.max(0, ...ends.filter((end) => end <= cut));
      const expected = cut === last ? [] : [`test is cut: it ends at byte ${cut}, within a record`];
      assert.deepEqual(warnings, expected, `cut at ${cut}`);
    }
    for (let cut = 4; cut < 16; cut++) {
      assert.match(await refusal(whole.subarray(0, cut)), /holds nothing: it is cut within its pcapng header/);
    }
    const { frames } = await read(whole);
    for (const piece of [1, 5, 13]) assert.deepEqual((await read(whole, piece)).frames, frames);
  });
});

describe('pcapng damage', () => {
  const start = [section(LITTLE), interfaceBlock(LITTLE, 1, 0), enhanced(LITTLE, 0, MICROSECONDS, A)];
  const place = Buffer.concat(start).length;
  const next = enhanced(LITTLE, 0, MICROSECONDS, B);
  const twoLengths = Buffer.from(next);
  twoLengths.writeUInt32LE(next.length + 4, next.length - 4);
  const tooMuch = Buffer.from(next);
  tooMuch.writeUInt32LE(B.length + 4, 20);

  const cases: [damage: RegExp, bytes: Buffer][] = [
    [/a block of 4294967295 bytes/, LITTLE.u32(6, 0xffffffff, 0, 0)],
    [/a block of 4294967292 bytes/, LITTLE.u32(6, 0xfffffffc, 0, 0)],
    [/a block of 0 bytes/, LITTLE.u32(0, 0, 0, 0)],
    [/a block of 33 bytes/, LITTLE.u32(6, 33, 0, 0)],
    [/a block whose two lengths differ/, twoLengths],
    [/a packet of 21 bytes in a block of 52/, tooMuch],
    [/a packet of interface 1, which was not described/, enhanced(LITTLE, 1, 0n, B)],
    [/a packet of interface 4294967295, which/, enhanced(LITTLE, 0xffffffff, 0n, B)],
    [/a packet block of 28 bytes/, block(LITTLE, 6, Buffer.alloc(16))],
    [/a packet block of 12 bytes/, block(LITTLE, 3)],
    [/an interface description of 16 bytes/, block(LITTLE, 1, Buffer.alloc(4))],
    [/a section header of 24 bytes/, block(LITTLE, 0x0a0d0d0a, LITTLE.u32(0x1a2b3c4d), Buffer.alloc(8))],
    [/a section of version 2/, section(LITTLE, 2)],
    [/a section without a byte-order mark/, block(BIG, 0x0a0d0d0a, Buffer.alloc(16))],
  ];
  for (const [damage, bytes] of cases) {
    test(damage.source, async () => {
      const { frames, warnings } = await read([...start, bytes, next]);
      assert.equal(frames.length, 1);
      assert.equal(warnings.length, 1);
      assert.match(warnings[0]!, damage);
      assert.match(warnings[0]!, new RegExp(`^test is damaged at byte ${place} \\(`));
    });
  }

  test('packets before any interface', async () => {
    for (const packet of [simple(BIG, A), enhanced(BIG, 0, 0n, A)]) {
      const { frames, warnings } = await read([section(BIG), packet]);
      assert.deepEqual([frames.length, warnings.length], [0, 1]);
    }
  });

  test('an interface of the section before is gone', async () => {
    const { frames, warnings } = await read([...start, section(LITTLE), next]);
    assert.deepEqual([frames.length, warnings.length], [1, 1]);
  });

  test('a skipped block that never ends is a cut file', async () => {
    const { frames, warnings } = await read([...start, LITTLE.u32(99, 0xfffffffc), Buffer.alloc(100)]);
    assert.equal(frames.length, 1);
    assert.deepEqual(warnings, [`test is cut: it ends at byte ${place + 108}, within a record`]);
  });

  test('interfaces by the million stop at the limit', async () => {
    const many = Buffer.concat(Array.from({ length: 65_537 }, () => interfaceBlock(LITTLE, 1, 0)));
    const { warnings } = await read([section(LITTLE), many]);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0]!, /more than 65536 interfaces/);
  });

  test('options that overrun their block are left out', async () => {
    const overrun = Buffer.concat([LITTLE.u16(9, 1), Buffer.of(9, 0, 0, 0), LITTLE.u16(2, 400), Buffer.from('eth0')]);
    const { frames, warnings, file } = await read([
      section(LITTLE),
      interfaceBlock(LITTLE, 1, 0, overrun),
      enhanced(LITTLE, 0, 1n, A),
    ]);
    assert.deepEqual([frames[0]?.time, warnings, file.interfaceName(0)], ['0.000000001', [], undefined]);
  });

  test('a first section that cannot be read is refused', async () => {
    assert.match(await refusal([section(LITTLE, 2), next]), /test cannot be read: it is pcapng of version 2/);
    assert.match(await refusal(block(BIG, 0x0a0d0d0a, Buffer.alloc(16))), /no byte-order mark/);
  });
});

describe('pcapng time', () => {
  test('resolutions, decimal and binary', async () => {
    assert.deepEqual(await timeOf(MICROSECONDS), ['1663598487.127059000', []]);
    assert.deepEqual(await timeOf(1_663_598_487_127_059_667n, tsresol(BIG, 9)), ['1663598487.127059667', []]);
    assert.deepEqual(await timeOf(16_635_984_871_270_596n, tsresol(BIG, 7)), ['1663598487.127059600', []]);
    assert.deepEqual(await timeOf(1_663_598_487n, tsresol(BIG, 0)), ['1663598487.000000000', []]);
    assert.deepEqual(await timeOf(1_663_598_487_127n, tsresol(BIG, 3)), ['1663598487.127000000', []]);
    assert.deepEqual(await timeOf(1_663_598_487_127_059_667n * 8n + 7n, tsresol(BIG, 10)), [
      '1330878789.701647734',
      [],
    ]);
    assert.deepEqual(await timeOf((1_663_598_487n << 20n) | 1n, tsresol(BIG, 0x80 | 20)), ['1663598487.000000953', []]);
    assert.deepEqual(await timeOf((7n << 32n) | 0x8000_0000n, tsresol(BIG, 0x80 | 32)), ['7.500000000', []]);
    assert.deepEqual(await timeOf(0xffff_ffff_ffff_ffffn, tsresol(BIG, 127)), ['0.000000000', []]);
  });

  test('an offset moves the time both ways', async () => {
    assert.deepEqual(await timeOf(1_500_000n, tsoffset(BIG, 1_600_000_000n)), ['1600000001.500000000', []]);
    assert.deepEqual(await timeOf(10_500_000n, tsoffset(BIG, -3n)), ['7.500000000', []]);
    assert.deepEqual(await timeOf(3n, tsresol(BIG, 0), tsoffset(BIG, 4n)), ['7.000000000', []]);
  });

  test('times that no event can carry are moved to the nearest, with a warning', async () => {
    const warning = 'test has 1 packets with times outside 1970 to 2106, which were moved into it';
    assert.deepEqual(await timeOf(1n, tsoffset(BIG, -1n)), ['0.000001000', [warning]]);
    assert.deepEqual(await timeOf(0n, tsoffset(BIG, 1n << 62n)), ['4294967294.000000000', [warning]]);
    assert.deepEqual(await timeOf(4_294_967_294n, tsresol(BIG, 0)), ['4294967294.000000000', []]);
    assert.deepEqual(await timeOf(0xffff_ffff_ffff_ffffn, tsresol(BIG, 0)), ['4294967294.000000000', [warning]]);
  });

  test('no nanosecond is lost to rounding', () => {
    const LAST = 4_294_967_294n;
    for (const resolution of [6, 7, 8, 9]) {
      const body = Buffer.concat([BIG.u16(1, 0), BIG.u32(0), tsresol(BIG, resolution)]);
      const source = new PcapngInterface(body, new DataView(body.buffer, body.byteOffset), 0, body.length, false);
      const frame = new Frame();
      const units = 10n ** BigInt(resolution);
      const check = (stamp: bigint) => {
        if (stamp / units > LAST) return;
        assert.equal(source.setTime(frame, Number(stamp >> 32n), Number(stamp & 0xffff_ffffn)), true);
        assert.equal(BigInt(frame.seconds), stamp / units, `seconds of ${stamp}`);
        assert.equal(BigInt(frame.nanos), ((stamp % units) * 1_000_000_000n) / units, `nanos of ${stamp}`);
      };
      fc.assert(fc.property(fc.bigInt({ min: 0n, max: (LAST + 1n) * units - 1n }), check));
      // Either side of a whole second, where a rounded quotient is off by one.
      const edge = fc.tuple(fc.bigInt({ min: 1n, max: LAST }), fc.bigInt({ min: -1n, max: 1n }));
      fc.assert(fc.property(edge, ([second, aside]) => check(BigInt.asUintN(64, second * units + aside))));
    }
  });
});
