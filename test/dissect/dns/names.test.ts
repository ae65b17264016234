import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { className, isOpcodeAssigned, opcodeName, rcodeName, rrTypeName } from '../../../src/dissect/dns/names.ts';

describe('names of DNS numbers', () => {
  it('follows the IANA registry', () => {
    const types: [number, string][] = [
      [1, 'A'],
      [12, 'PTR'],
      [26, 'PX'],
      [27, 'GPOS'],
      [28, 'AAAA'],
      [33, 'SRV'],
      [41, 'OPT'],
      [48, 'DNSKEY'],
      [49, 'DHCID'],
      [53, 'SMIMEA'],
      [55, 'HIP'],
      [65, 'HTTPS'],
      [66, 'DSYNC'],
      [99, 'SPF'],
      [109, 'EUI64'],
      [128, 'NXNAME'],
      [249, 'TKEY'],
      [250, 'TSIG'],
      [252, 'AXFR'],
      [255, 'ANY'],
      [257, 'CAA'],
      [260, 'AMTRELAY'],
      [264, 'IPN'],
      [32768, 'TA'],
      [32769, 'DLV'],
    ];
    for (const [type, name] of types) assert.equal(rrTypeName(type), name);
    assert.deepEqual([1, 3, 4, 254, 255].map(className), ['IN', 'CH', 'HS', 'NONE', 'ANY']);
    assert.deepEqual([0, 4, 5, 6].map(opcodeName), ['QUERY', 'NOTIFY', 'UPDATE', 'DSO']);
    assert.deepEqual([0, 3, 9, 16, 23].map(rcodeName), ['NOERROR', 'NXDOMAIN', 'NOTAUTH', 'BADVERS', 'BADCOOKIE']);
  });

  it('numbers what the registry does not name', () => {
    for (const type of [0, 54, 110, 65534]) assert.equal(rrTypeName(type), `TYPE${type}`);
    assert.equal(className(32), 'CLASS32');
    assert.equal(opcodeName(3), 'OPCODE3');
    assert.equal(rcodeName(4095), 'RCODE4095');
    assert.deepEqual([0, 2, 3, 6, 7].map(isOpcodeAssigned), [true, true, false, true, false]);
  });
});
