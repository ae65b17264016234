import assert from 'node:assert/strict';
import { test } from 'node:test';
import { alternativeNames, distinguishedName } from '../../../src/dissect/x509/names.ts';

test('a name is turned round, its escapes kept in the whole and read in the parts', () => {
  const name = distinguishedName('C=XX\nO=Caf\\C3\\A9\\, Inc.\nOU=a\nOU=b\nCN=www.example.test');
  assert.equal(name.text, 'CN=www.example.test,OU=b,OU=a,O=Caf\\C3\\A9\\, Inc.,C=XX');
  assert.equal(name.organization, 'Café, Inc.');
  assert.equal(name.commonName, 'www.example.test');
  // The most specific of several.
  assert.equal(name.attributes.unit, 'b');
});

test('several values in one part; no name at all; a name of 64 KB', () => {
  const name = distinguishedName('C=XX\nCN=a + emailAddress=a@example.test');
  assert.equal(name.text, 'CN=a+emailAddress=a@example.test,C=XX');
  assert.equal(name.attributes.email, 'a@example.test');
  assert.equal(distinguishedName(undefined).text, '');
  assert.equal(distinguishedName(`CN=${'x'.repeat(65_000)}`).text.length, 2_048);
});

test('alternative names: types in short, odd ones out of their quotes', () => {
  assert.deepEqual(
    alternativeNames('DNS:a.example, IP Address:192.0.2.1, DNS:"b, DNS:c", URI:"spiffe://td/x\\u002cy"').names,
    ['DNS:a.example', 'IP:192.0.2.1', 'DNS:b, DNS:c', 'URI:spiffe://td/x,y'],
  );
  // As all addresses (RFC 5952).
  const addresses = ['2001:DB8:0:0:0:0:0:1', '0:0:0:0:0:FFFF:C000:201', '0:0:0:0:0:0:0:0', '<invalid>'];
  assert.deepEqual(alternativeNames(addresses.map((one) => `IP Address:${one}`).join(', ')).names, [
    'IP:2001:db8::1',
    'IP:::ffff:192.0.2.1',
    'IP:::',
    'IP:<invalid>',
  ]);
  assert.deepEqual(alternativeNames(undefined), { names: [], count: 0 });
  const many = Array.from({ length: 500 }, (_, i) => `DNS:n${i}.example`).join(', ');
  const { names, count } = alternativeNames(many);
  assert.deepEqual([names.length, count], [256, 500]);
  assert.equal(alternativeNames(names.join(', ')).count, 256);
});
