import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { NameReader } from '../../../src/dissect/dns/name.ts';
import { hex, pointer, wireName } from './bytes.ts';

const HEADER = Buffer.alloc(12);

/** Reads the name at `position` of a message whose bytes after the header are `parts`. */
function read(parts: Buffer[], position = 12): { name: string | undefined; next: number } {
  const bytes = Buffer.concat([HEADER, ...parts]);
  const reader = new NameReader();
  reader.begin(0);
  const name = reader.read(bytes, position, bytes.length);
  return { name, next: reader.next };
}

describe('domain names', () => {
  it('reads the example of RFC 1035 §4.1.4', () => {
    const bytes = Buffer.alloc(93);
    hex('01 46 03 495349 04 41525041 00').copy(bytes, 20);
    hex('03 464f4f c014').copy(bytes, 40);
    hex('c01a').copy(bytes, 64);
    const reader = new NameReader();
    reader.begin(0);
    const at = (position: number) => [reader.read(bytes, position, bytes.length), reader.next];
    assert.deepEqual(at(20), ['F.ISI.ARPA', 32]);
    assert.deepEqual(at(40), ['FOO.F.ISI.ARPA', 46]);
    assert.deepEqual(at(64), ['ARPA', 66]);
    assert.deepEqual(at(92), ['.', 93]);
    // Again, now that the names are remembered.
    assert.deepEqual(at(40), ['FOO.F.ISI.ARPA', 46]);
  });

  it('counts pointers from the header of the message, wherever it lies', () => {
    const bytes = Buffer.concat([Buffer.alloc(7), HEADER, wireName('example.com'), hex('03777777'), pointer(12)]);
    const reader = new NameReader();
    reader.begin(7);
    assert.equal(reader.read(bytes, 19 + 13, bytes.length), 'www.example.com');
    assert.equal(reader.next, bytes.length);
  });

  it('escapes as RFC 4343 §2.1 says', () => {
    const label = Buffer.from([0x61, 0x2e, 0x5c, 0x20, 0x00, 0x7f, 0xff, 0x22, 0x41]);
    assert.equal(read([Buffer.from([label.length]), label, Buffer.from([0])]).name, 'a\\.\\\\\\032\\000\\127\\255"A');
  });

  it('bounds labels and names (RFC 1035 §2.3.4)', () => {
    const label = 'x'.repeat(63);
    const longest = `${label}.${label}.${label}.${'y'.repeat(61)}`;
    assert.equal(read([wireName(longest)]).name, longest);
    assert.equal(read([wireName(`${longest}y`)]).name, undefined);
    for (const type of ['40', '80', 'bf']) assert.equal(read([hex(type), Buffer.alloc(300)]).name, undefined);
    // Made longer by a pointer.
    const bytes = [wireName(longest), hex('0161'), pointer(12)];
    assert.equal(read(bytes, 12 + 255).name, undefined);
    const worst = Buffer.alloc(63);
    const escaped = read([
      Buffer.from([63]),
      worst,
      Buffer.from([63]),
      worst,
      Buffer.from([63]),
      worst,
      Buffer.from([61]),
      worst.subarray(2),
      Buffer.from([0]),
    ]);
    assert.equal(escaped.name?.length, 4 * 250 + 3);
  });

  it('follows pointers backwards only', () => {
    assert.equal(read([pointer(12)]).name, undefined, 'itself');
    assert.equal(read([pointer(14), wireName('a')]).name, undefined, 'forward');
    assert.equal(read([hex('0161'), pointer(12)]).name, undefined, 'into itself');
    assert.equal(read([pointer(14), pointer(12)], 14).name, undefined, 'each other');
    assert.equal(read([pointer(0)]).name, undefined, 'the header');
    assert.equal(read([wireName('.'), pointer(12)], 13).name, '.');
    // A name that the pointer's own bytes would end: not a prior occurrence.
    assert.equal(read([hex('0361'), pointer(12)], 14).name, undefined);
  });

  it('ends within its bounds', () => {
    const whole = Buffer.concat([HEADER, wireName('a.bc'), hex('0164'), pointer(12)]);
    for (let end = 12; end < 18; end++) {
      const reader = new NameReader();
      reader.begin(0);
      assert.equal(reader.read(whole, 12, end), undefined);
    }
    const reader = new NameReader();
    reader.begin(0);
    for (let end = 18; end < whole.length; end++) assert.equal(reader.read(whole, 18, end), undefined);
    assert.equal(reader.read(whole, 18, whole.length), 'd.a.bc');
  });

  it('gives back the string that it is compared with only if the wire holds just that', () => {
    const like = (wire: Buffer, text: string): [string | undefined, number] => {
      const bytes = Buffer.concat([HEADER, wire, Buffer.from('tail')]);
      const reader = new NameReader();
      reader.begin(0);
      return [reader.readLike(bytes, 12, bytes.length, text), reader.next];
    };
    const names = ['www.example.com', 'WWW.example.com', 'www.example.co', 'www.example.com.au', 'www', '.', 'a'];
    for (const wire of names) {
      for (const text of names) assert.deepEqual(like(wireName(wire), text), [wire, 12 + wireName(wire).length]);
    }
    // A label that holds a backslash and a dot is not the text that shows an escaped dot.
    assert.deepEqual(like(hex('04 615c2e62 00'), 'a\\.b'), ['a\\\\\\.b', 18]);
    assert.deepEqual(like(hex('03 612e62 00'), 'a.b'), ['a\\.b', 17]);
  });

  it('reads any bytes to an end, within them', () => {
    const reader = new NameReader();
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc
        .array(fc.constantFrom(0, 1, 2, 63, 0xc0, 12, 13, 14, 15, 16, 20, 0x41), { maxLength: 80 })
        .map((bytes) => Uint8Array.from(bytes)),
    );
    fc.assert(
      fc.property(bytes, fc.nat(300), (tail, skip) => {
        const buffer = Buffer.concat([HEADER, tail]);
        const position = 12 + (skip % (tail.length + 1));
        reader.begin(0);
        const name = reader.read(buffer, position, buffer.length);
        if (name === undefined) return;
        assert.ok(reader.next > position && reader.next <= buffer.length);
        assert.match(name, /^(\.|((\\([.\\]|\d{3})|[!-\-/-[\]-~])+(\.(?!$)|$))+)$/);
      }),
    );
  });
});
