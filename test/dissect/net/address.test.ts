import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatIp, formatIpv4, formatMac, parseCidr, parseIp } from '../../../src/dissect/net/address.ts';

const roundTrip = (text: string): string | undefined => {
  const parsed = parseIp(text);
  return parsed && formatIp(parsed.version, ...parsed.words);
};

test('addresses are written as RFC 5952 says', () => {
  // The examples of RFC 5952 §1, §2 and §4, and RFC 4291 §2.2.
  const cases: [string, string][] = [
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:0db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8::1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0000:0:1::1', '2001:db8::1:0:0:1'],
    ['2001:DB8:0:0:1::1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:0:0:0:2:1', '2001:db8::2:1'],
    ['1:0:0:0:0:0:0:0', '1::'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['1:0:3:0:5:0:7:0', '1:0:3:0:5:0:7:0'],
    ['0:2:3:4:5:6:7:8', '0:2:3:4:5:6:7:8'],
    ['FF01:0:0:0:0:0:0:101', 'ff01::101'],
    ['::ffff:192.0.2.128', '::ffff:192.0.2.128'],
    ['::FFFF:c000:280', '::ffff:192.0.2.128'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['255.255.255.255', '255.255.255.255'],
    ['0.0.0.0', '0.0.0.0'],
  ];
  for (const [text, want] of cases) assert.equal(roundTrip(text), want);
  assert.equal(formatIpv4(0xc0000201), '192.0.2.1');
  assert.equal(formatMac(0x0000, 0x5e00530a), '00:00:5e:00:53:0a');
});

test('every octet of an IPv4 address is written as its number', () => {
  for (let octet = 0; octet < 256; octet++) {
    assert.equal(formatIpv4((octet << 24) | (octet << 8)), `${octet}.0.${octet}.0`);
  }
});

test('what is no address is refused', () => {
  const wrong = ['', '1.2.3', '1.2.3.256', '01.2.3.4', '1.2.3.4.5', ' 1.2.3.4', ':', ':::', '1::2::3', '1:2:3:4:5:6:7'];
  wrong.push(
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7::8:9',
    'g::',
    '12345::',
    '::1.2.3',
    '1.2.3.4::',
    'fe80::1%eth0',
    '::1/64',
  );
  for (const text of wrong) assert.equal(parseIp(text), undefined, text);
});

test('networks are masked to their prefix', () => {
  assert.deepEqual(parseCidr('10.1.2.3/8'), { version: 4, words: [0x0a000000, 0, 0, 0], prefix: 8 });
  assert.deepEqual(parseCidr('192.0.2.1'), { version: 4, words: [0xc0000201, 0, 0, 0], prefix: 32 });
  assert.deepEqual(parseCidr('0.0.0.0/0'), { version: 4, words: [0, 0, 0, 0], prefix: 0 });
  assert.deepEqual(parseCidr('2001:db8:ffff::1/33'), { version: 6, words: [0x20010db8, 0x80000000, 0, 0], prefix: 33 });
  assert.deepEqual(parseCidr('::1'), { version: 6, words: [0, 0, 0, 1], prefix: 128 });
  for (const text of ['10.0.0.0/33', '::/129', '10.0.0.0/', '10.0.0.0/-1', '10.0.0.0/8/8', 'x/8', '1.2.3.4/1e1']) {
    assert.equal(parseCidr(text), undefined, text);
  }
});
