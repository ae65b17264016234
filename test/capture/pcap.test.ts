import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BIG, LITTLE, ORDERS, pcapHeader, pcapRecord, read, refusal } from './capture-bytes.ts';

const A = Buffer.from('first');
const B = Buffer.from('the second packet');

describe('pcap', () => {
  for (const [name, to] of ORDERS) {
    test(`microseconds, ${name}`, async () => {
      const { frames, warnings } = await read([
        pcapHeader(to),
        pcapRecord(to, 1_663_598_487, 127_059, A),
        pcapRecord(to, 4_294_967_294, 999_999, B, 1514),
      ]);
      assert.deepEqual(frames, [
        { data: 'first', time: '1663598487.127059000', link: 1, original: 5, interface: 0 },
        { data: 'the second packet', time: '4294967294.999999000', link: 1, original: 1514, interface: 0 },
      ]);
      assert.deepEqual(warnings, []);
    });

    test(`a second that no flow can have is moved to the one before, with a warning, ${name}`, async () => {
      const { frames, warnings } = await read([
        pcapHeader(to),
        pcapRecord(to, 4_294_967_295, 5, A),
        pcapRecord(to, 4_294_967_294, 1_000_005, B),
      ]);
      assert.deepEqual(
        frames.map(({ time }) => time),
        ['4294967294.000005000', '4294967294.000005000'],
      );
      assert.deepEqual(warnings, ['test has 2 packets with times outside 1970 to 2106, which were moved into it']);
    });

    test(`nanoseconds, ${name}`, async () => {
      const { frames } = await read([pcapHeader(to, 0xa1b23c4d), pcapRecord(to, 1, 999_999_999, A)]);
      assert.deepEqual(frames[0]?.time, '1.999999999');
    });

    test(`Kuznetsov's longer record header, ${name}`, async () => {
      const record = (data: Buffer) =>
        Buffer.concat([to.u32(7, 8, data.length, data.length, 2), to.u16(0x0800), Buffer.of(0, 0), data]);
      const { frames, warnings } = await read([pcapHeader(to, 0xa1b2cd34), record(A), record(B)]);
      assert.deepEqual(
        frames.map(({ data, time }) => [data, time]),
        [
          ['first', '7.000008000'],
          ['the second packet', '7.000008000'],
        ],
      );
      assert.deepEqual(warnings, []);
    });
  }

  test('the bits above the link type are masked', async () => {
    const { frames } = await read([pcapHeader(BIG, undefined, 0x5400_0071), pcapRecord(BIG, 0, 0, A)]);
    assert.equal(frames[0]?.link, 113);
  });

  test('a fraction of more than a second is carried', async () => {
    const { frames } = await read([pcapHeader(LITTLE), pcapRecord(LITTLE, 10, 4_294_967_295, A)]);
    assert.equal(frames[0]?.time, '4304.967295000');
  });

  test('a wire length below the captured one is not believed', async () => {
    const { frames } = await read([pcapHeader(LITTLE), pcapRecord(LITTLE, 0, 0, B, 0)]);
    assert.equal(frames[0]?.original, B.length);
  });

  test('an empty packet is a packet', async () => {
    const { frames } = await read([pcapHeader(LITTLE), pcapRecord(LITTLE, 0, 0, Buffer.alloc(0), 60)]);
    assert.deepEqual(frames, [{ data: '', time: '0.000000000', link: 1, original: 60, interface: 0 }]);
  });

  test('a header alone is a capture without packets', async () => {
    const { frames, warnings } = await read(pcapHeader(LITTLE));
    assert.deepEqual([frames, warnings], [[], []]);
  });

  test('packets up to 1 MiB are read, a longer one ends the capture with a warning', async () => {
    const large = Buffer.alloc(1 << 20, 'x');
    const { frames, warnings } = await read([
      pcapHeader(LITTLE),
      pcapRecord(LITTLE, 1, 0, large),
      pcapRecord(LITTLE, 2, 0, A),
      pcapRecord(LITTLE, 3, 0, Buffer.concat([large, A])),
      pcapRecord(LITTLE, 4, 0, A),
    ]);
    assert.deepEqual(
      frames.map((frame) => frame.data.length),
      [1 << 20, 5],
    );
    assert.deepEqual(warnings, [
      'test is damaged at byte 1048637 (a packet of 1048581 bytes); what follows was not read',
    ]);
  });

  test('an absurd length in the middle ends the capture there', async () => {
    const { frames, warnings } = await read([
      pcapHeader(BIG),
      pcapRecord(BIG, 1, 0, A),
      BIG.u32(2, 0, 0xffffffff, 0xffffffff),
      pcapRecord(BIG, 3, 0, A),
    ]);
    assert.equal(frames.length, 1);
    assert.deepEqual(warnings, [
      'test is damaged at byte 45 (a packet of 4294967295 bytes); what follows was not read',
    ]);
  });

  test('cut anywhere: every whole packet, one warning with the place', async () => {
    const whole = Buffer.concat([pcapHeader(LITTLE), pcapRecord(LITTLE, 1, 0, A), pcapRecord(LITTLE, 2, 0, B)]);
    const ends = [24, 24 + 16 + A.length, whole.length];
    for (let cut = 24; cut <= whole.length; cut++) {
      const { frames, warnings } = await read(whole.subarray(0, cut));
      const packets = ends.filter((end) => end <= cut).length - 1;
      assert.equal(frames.length, packets, `cut at ${cut}`);
      const expected = cut === ends[packets] ? [] : [`test is cut: it ends at byte ${cut}, within a record`];
      assert.deepEqual(warnings, expected, `cut at ${cut}`);
    }
    for (let cut = 4; cut < 24; cut++) {
      assert.match(await refusal(whole.subarray(0, cut)), new RegExp(`cut within its pcap header, after ${cut} of 24`));
    }
  });

  test('how the bytes arrive changes nothing', async () => {
    const records = Array.from({ length: 300 }, (_, index) =>
      pcapRecord(LITTLE, index, index, Buffer.alloc((index * 37) % 1600, index & 0xff)),
    );
    const whole = Buffer.concat([pcapHeader(LITTLE), ...records]);
    const { frames } = await read(whole);
    assert.equal(frames.length, 300);
    for (const piece of [1, 7, 4096, 65_536])
      assert.deepEqual((await read(whole, piece)).frames, frames, `in ${piece}s`);
  });
});
