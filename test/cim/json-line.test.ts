import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { LineWriter, Piece } from '../../src/cim/json-line.ts';

const ROOM = 200_000;
const writer = new LineWriter(ROOM);

/** What the writer writes between `begin` and `end`. */
function written(write: (to: LineWriter) => void): string {
  writer.begin();
  write(writer);
  return writer.end('flow', 0, 0).line;
}

const quoted = (text: string, limit: number): string => written((to) => to.text(text, limit));

describe('LineWriter.text', () => {
  it('writes any string so that JSON reads it back', () => {
    const anyString = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: 'grapheme' }),
      fc.array(fc.nat(0xffff)).map((units) => String.fromCharCode(...units)),
    );
    fc.assert(
      fc.property(anyString, (text) => {
        assert.equal(JSON.parse(`"${quoted(text, 100_000)}"`), text);
      }),
      { numRuns: 2_000 },
    );
  });

  it('escapes as JSON does where it must', () => {
    assert.equal(quoted('a"b\\c/d', 100), 'a\\"b\\\\c/d');
    assert.equal(quoted('\b\f\n\r\t\u0000\u001f', 100), '\\b\\f\\n\\r\\t\\u0000\\u001f');
    assert.equal(quoted('\u007f\u0085\u2028\u2029', 100), '\\u007f\\u0085\\u2028\\u2029');
    assert.equal(quoted('é€😀', 100), 'é€😀');
    assert.equal(quoted('\ud800x\udc00', 100), '\\ud800x\\udc00');
  });

  it('cuts at the limit, never inside a character or an escape', () => {
    assert.equal(quoted('abcdef', 6), 'abcdef');
    assert.equal(quoted('abcdefg', 6), 'abcdef...');
    assert.equal(quoted('abcd\n', 5), 'abcd...');
    assert.equal(quoted('ab😀', 5), 'ab...');
    assert.equal(quoted('ab😀', 6), 'ab😀');
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), fc.integer({ min: 1, max: 100 }), (text, limit) => {
        const cut = quoted(text, limit);
        assert.ok(Buffer.byteLength(cut) <= limit + 3);
        const read = JSON.parse(`"${cut}"`) as string;
        assert.ok(read === text || (read.endsWith('...') && text.startsWith(read.slice(0, -3))));
      }),
    );
  });
});

describe('LineWriter numbers', () => {
  const KEY = new Piece('=');

  it('writes whole numbers in full and leaves out what is none', () => {
    const count = (value: number): string => written((to) => to.count(KEY, value));
    const edges = [
      0, 9, 10, 99, 100, 999, 1000, 65_535, 99_999, 100_000, 999_999, 1e6, 9_999_999, 1e7, 99_999_999, 1e8,
    ];
    for (const value of [...edges, 999_999_999, 1e9, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
      assert.equal(count(value), `=${value}`);
    }
    for (const value of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, 1e21, 1e300])
      assert.equal(count(value), '');
    fc.assert(fc.property(fc.nat(2 ** 32 - 1), (value) => assert.equal(count(value), `=${value}`)));
    assert.equal(
      written((to) => to.quotedCount(KEY, 7)),
      '=7"',
    );
    assert.equal(
      written((to) => to.quotedCount(KEY, -7)),
      '',
    );
  });

  it('writes seconds with six decimals and never an exponent', () => {
    const seconds = (value: number): string => written((to) => to.seconds(KEY, value));
    assert.equal(seconds(0), '=0.000000');
    assert.equal(seconds(1e-9), '=0.000000');
    assert.equal(seconds(0.000_000_9), '=0.000001');
    assert.equal(seconds(0.000_012), '=0.000012');
    assert.equal(seconds(0.999_999_9), '=1.000000');
    assert.equal(seconds(1.5), '=1.500000');
    assert.equal(seconds(1e9), '=1000000000.000000');
    for (const value of [-1, Number.NaN, Number.POSITIVE_INFINITY, 1e21]) assert.equal(seconds(value), '');
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e9, noNaN: true }), (value) => {
        const text = seconds(value).slice(1);
        assert.match(text, /^\d+\.\d{6}$/);
        assert.ok(Math.abs(Number(text) - value) <= 1e-6, `${value} became ${text}`);
      }),
    );
  });

  it('writes the time in both forms', () => {
    const epoch = (seconds: number, nanos: number): string => written((to) => to.epoch(seconds, nanos));
    const rfc3339 = (seconds: number, nanos: number): string => written((to) => to.rfc3339(seconds, nanos));
    assert.equal(epoch(1_663_598_487, 127_059_667), '1663598487.127059');
    assert.equal(rfc3339(1_663_598_487, 127_059_667), '2022-09-19T14:41:27.127059667+00:00');
    assert.equal(epoch(0, 999), '0.000000');
    assert.equal(rfc3339(0, 7), '1970-01-01T00:00:00.000000007+00:00');
    assert.equal(epoch(4_294_967_295, 999_999_999), '4294967295.999999');
    assert.equal(rfc3339(-5, 7), '1970-01-01T00:00:00.000000000+00:00');
    assert.equal(epoch(1e300, 5_000), '253402300799.000005');
    assert.equal(rfc3339(1e300, 0), '9999-12-31T23:59:59.000000000+00:00');
    for (const broken of [Number.NaN, -1, 1e9]) assert.equal(epoch(7, broken), '7.000000');
  });

  it('writes base 36', () => {
    for (const value of [0, 35, 36, 1295, 1296, 2 ** 31, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
      assert.equal(
        written((to) => to.base36(value)),
        value.toString(36),
      );
    }
  });
});

describe('LineWriter blocks', () => {
  it('copies pieces of every length and repeats text', () => {
    for (let length = 0; length < 40; length++) {
      const text = 'é0123456789abcdefghijklmnopqrstuvwxyz….'.slice(0, length);
      assert.equal(
        written((to) => to.piece(new Piece(text))),
        text,
      );
    }
    const twice = written((to) => {
      to.safe('198.51.100.123');
      const end = to.position;
      to.piece(new Piece(','));
      to.again(end - 14, end);
      to.safe('!');
    });
    assert.equal(twice, '198.51.100.123,198.51.100.123!');
  });

  it('keeps every finished line as it goes on to new blocks', () => {
    const small = new LineWriter(100);
    const events = Array.from({ length: 40_000 }, (_, i) => {
      small.begin();
      small.text(`line ${i}`, 90);
      return small.end('dns', i, 0);
    });
    assert.ok(new Set(events.map(({ block }) => block)).size > 1);
    events.forEach((event, i) => {
      assert.equal(event.line, `line ${i}`);
      assert.equal(event.block[event.end], 0x0a);
    });
  });
});
