import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { clientSubnet, cookie, extendedErrorName, extendedErrors } from '../../../src/dissect/dns/edns-options.ts';
import type { Edns } from '../../../src/dissect/event.ts';

const edns = (code: number, data: string): Edns => ({
  version: 0,
  udpSize: 1232,
  dnssecOk: false,
  options: [
    { code: 3, data: '' },
    { code, data },
  ],
});

describe('EDNS options', () => {
  it('client subnet (RFC 7871): both families, no prefix at all', () => {
    const subnet = (data: string) => clientSubnet(edns(8, data));
    assert.deepEqual(subnet('00011800c00002'), { subnet: '192.0.2.0/24', scope: 0 });
    assert.deepEqual(subnet('00023030 20010db80001'.replace(' ', '')), { subnet: '2001:db8:1::/48', scope: 48 });
    assert.deepEqual(subnet('00010000'), { subnet: '0.0.0.0/0', scope: 0 });
    // Another family, a prefix longer than an address, fewer and more bytes than the prefix needs.
    for (const wrong of ['00031800c00002', '00012100c000020101', '00011800c000', '00011800c0000201', '0001', '']) {
      assert.equal(subnet(wrong), undefined, wrong);
    }
  });

  it('cookies (RFC 7873): 8 bytes of the client, 8 to 32 of the server', () => {
    const client = '0123456789abcdef';
    assert.deepEqual(cookie(edns(10, client)), { client, server: undefined });
    assert.deepEqual(cookie(edns(10, client + 'aa'.repeat(8))), { client, server: 'aa'.repeat(8) });
    assert.deepEqual(cookie(edns(10, client + 'aa'.repeat(32))), { client, server: 'aa'.repeat(32) });
    for (const bytes of [0, 7, 9, 15, 41]) assert.equal(cookie(edns(10, '00'.repeat(bytes))), undefined, `${bytes}`);
  });

  it('extended errors (RFC 8914): code, name, text without the null that some send', () => {
    assert.deepEqual(extendedErrors(edns(15, '0006')), [{ code: 6, text: '' }]);
    assert.deepEqual(extendedErrors(edns(15, '0016c3a400')), [{ code: 22, text: 'ä' }]);
    assert.deepEqual(extendedErrors(edns(15, '00')), []);
    assert.equal(extendedErrorName(6), 'DNSSEC Bogus');
    assert.equal(extendedErrorName(22), 'No Reachable Authority');
    assert.equal(extendedErrorName(49_152), 'UNKNOWN (49152)');
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.constantFrom(8, 10, 15), fc.uint8Array({ maxLength: 128 }), (code, bytes) => {
        const one = edns(code, Buffer.from(bytes).toString('hex'));
        const prefix = clientSubnet(one)?.subnet.split('/')[1];
        assert.ok(prefix === undefined || Number(prefix) <= 128);
        assert.ok((cookie(one)?.client.length ?? 16) === 16);
        assert.ok(extendedErrors(one).length <= 1);
      }),
    );
  });
});
