import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MAX_HELD_BYTES, MAX_HELD_SEGMENTS, MAX_REST, TcpStream } from '../../../src/dissect/flow/stream.ts';
import { Packet, TcpFlag } from '../../../src/dissect/net/packet.ts';

const START = 0xffff_ffe0;

function segment(at: number, payload: Uint8Array | string, flags: number = TcpFlag.ack, captured?: number): Packet {
  const packet = new Packet();
  packet.bytes = Buffer.from(typeof payload === 'string' ? Buffer.from(payload, 'latin1') : payload);
  packet.view = new DataView(packet.bytes.buffer, packet.bytes.byteOffset, packet.bytes.length);
  packet.payloadLength = packet.bytes.length;
  packet.payloadEnd = captured ?? packet.bytes.length;
  packet.tcpSequence = (START + at) >>> 0;
  packet.tcpFlags = flags;
  return packet;
}

/** Uses everything that it is given. */
class Collector {
  text = '';
  calls: Buffer[] = [];
  consume(bytes: Buffer, view: DataView, start: number, end: number): number {
    for (let i = start; i < end; i++) assert.equal(view.getUint8(i), bytes[i]);
    this.text += bytes.latin1Slice(start, end);
    this.calls.push(bytes);
    return end - start;
  }
}

/** Uses bytes in blocks of `size` only, until `wanted` blocks have come. */
class Blocks {
  readonly blocks: string[] = [];
  readonly size: number;
  readonly wanted: number;
  constructor(size: number, wanted = Number.POSITIVE_INFINITY) {
    this.size = size;
    this.wanted = wanted;
  }
  consume(bytes: Buffer, _view: DataView, start: number, end: number): number {
    let at = start;
    for (; end - at >= this.size; at += this.size) {
      this.blocks.push(bytes.latin1Slice(at, at + this.size));
      if (this.blocks.length === this.wanted) return -1;
    }
    return at - start;
  }
}

function read(...segments: Packet[]): string {
  const collector = new Collector();
  const stream = new TcpStream(collector);
  for (const one of segments) assert.equal(stream.segment(one), true);
  return collector.text;
}

test('data in order is parsed where it lies, without a copy', () => {
  const collector = new Collector();
  const stream = new TcpStream(collector);
  const packets = [segment(0, 'abc'), segment(3, 'def')];
  for (const packet of packets) stream.segment(packet);
  assert.equal(collector.text, 'abcdef');
  assert.deepEqual(
    collector.calls.map((bytes, i) => bytes === packets[i]!.bytes),
    [true, true],
  );
});

test('a SYN takes one sequence number, and its payload follows it', () => {
  assert.equal(read(segment(0, '', TcpFlag.syn), segment(4, 'def'), segment(1, 'abc')), 'abcdef');
  assert.equal(read(segment(0, 'abc', TcpFlag.syn), segment(4, 'def')), 'abcdef');
});

test('retransmissions and keep-alives add nothing; the first copy wins', () => {
  assert.equal(read(segment(0, 'abc'), segment(0, 'XXX'), segment(2, '\0'), segment(3, 'def')), 'abcdef');
  assert.equal(read(segment(0, 'abc'), segment(1, 'XXde')), 'abcde');
  assert.equal(read(segment(0, 'a'), segment(3, 'de'), segment(1, 'bcXXf')), 'abcdef');
  assert.equal(read(segment(0, 'a'), segment(2, 'c'), segment(4, 'e'), segment(1, 'bXdXf')), 'abcdef');
});

test('a segment before the first one seen is taken while nothing has been used', () => {
  const blocks = new Blocks(6);
  const stream = new TcpStream(blocks);
  stream.segment(segment(3, 'def'));
  stream.segment(segment(2, '\0'));
  stream.segment(segment(0, 'abc'));
  assert.deepEqual(blocks.blocks, ['abcdef']);
  assert.equal(read(segment(3, 'def'), segment(0, 'abc')), 'def');
});

test('nothing is taken before an anchored start', () => {
  const blocks = new Blocks(4);
  const stream = new TcpStream(blocks);
  stream.anchor((START + 3) >>> 0);
  stream.segment(segment(3, 'de'));
  stream.segment(segment(0, 'abc'));
  stream.segment(segment(5, 'fg'));
  assert.deepEqual(blocks.blocks, ['defg']);
});

test('what the consumer does not use is given again, and the stream ends when it is satisfied', () => {
  const blocks = new Blocks(4, 2);
  const stream = new TcpStream(blocks);
  assert.equal(stream.segment(segment(0, 'abcde')), true);
  assert.equal(stream.restLength, 1);
  assert.equal(stream.segment(segment(5, 'f')), true);
  assert.equal(stream.segment(segment(6, 'ghi')), false);
  assert.deepEqual(blocks.blocks, ['abcd', 'efgh']);
  assert.equal(stream.failed, false);
  assert.equal(stream.segment(segment(9, 'jklm')), false);
});

test('a segment of which nothing was captured is not looked at', () => {
  const stream = new TcpStream({ consume: () => assert.fail('there is nothing to look at') });
  assert.equal(stream.segment(segment(0, 'abc', TcpFlag.ack, 0)), false);
  assert.equal(stream.failed, true);
});

test('a frame cut by the snap length ends the stream after what is captured', () => {
  const collector = new Collector();
  const stream = new TcpStream(collector);
  assert.equal(stream.segment(segment(0, 'abcdef', TcpFlag.ack, 4)), false);
  assert.equal(collector.text, 'abcd');
  assert.equal(stream.failed, true);
  const satisfied = new TcpStream(new Blocks(4, 1));
  assert.equal(satisfied.segment(segment(0, 'abcdef', TcpFlag.ack, 4)), false);
  assert.equal(satisfied.failed, false);
});

test('memory is bounded whatever is sent', () => {
  const never = { consume: () => 0 };
  const endless = new TcpStream(never);
  for (let at = 0; endless.segment(segment(at, Buffer.alloc(1000))); at += 1000) assert.ok(at < MAX_REST);
  assert.equal(endless.failed, true);
  assert.ok(endless.bufferedBytes <= MAX_REST);

  const gap = new TcpStream(never);
  gap.segment(segment(0, 'a'));
  for (let at = 10; gap.segment(segment(at, Buffer.alloc(5000))); at += 5000) assert.ok(at < MAX_HELD_BYTES + 10);
  assert.equal(gap.failed, true);

  const crumbs = new TcpStream(never);
  crumbs.segment(segment(0, 'a'));
  for (let at = 10; crumbs.segment(segment(at, 'x')); at += 2) assert.ok(at < 10 + 2 * MAX_HELD_SEGMENTS);
  assert.equal(crumbs.failed, true);

  const wild = new TcpStream(never);
  wild.segment(segment(0, 'a'));
  let strays = 0;
  while (wild.segment(segment(0x4000_0000, 'x'))) strays++;
  assert.equal(strays, MAX_HELD_SEGMENTS);
  assert.equal(wild.bufferedBytes < 4096, true);
});

test('a super-packet longer than the limit passes when its messages are used', () => {
  const blocks = new Blocks(1000);
  const stream = new TcpStream(blocks);
  assert.equal(stream.segment(segment(0, Buffer.alloc(500))), true);
  assert.equal(stream.segment(segment(500, Buffer.alloc(200_000))), true);
  assert.equal(blocks.blocks.length, 200);
});

test('any cut, order, repetition and overlap of segments gives the same bytes', () => {
  const data = Buffer.from(Array.from({ length: 300 }, (_, i) => i & 0xff));
  const piece = fc.record({ at: fc.nat(299), length: fc.integer({ min: 1, max: 40 }) });
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), fc.integer({ min: 1, max: 30 }), (pieces, size) => {
      const whole: { at: number; length: number }[] = [];
      for (let at = 0; at < 300; at += 30) whole.push({ at, length: 30 });
      const blocks = new Blocks(size);
      const stream = new TcpStream(blocks);
      stream.segment(segment(0, data.subarray(0, 1)));
      for (const { at, length } of [...pieces, ...whole]) {
        assert.equal(stream.segment(segment(at, data.subarray(at, Math.min(300, at + length)))), true);
      }
      const used = Math.floor(300 / size) * size;
      assert.equal(blocks.blocks.join(''), data.latin1Slice(0, used));
      assert.equal(stream.restLength, 300 - used);
    }),
  );
});
