import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cnameChain, MAX_CHAIN } from '../../../src/dissect/dns/cname-chain.ts';

const asked = { name: 'www.example.com', type: 1, class: 1, unicastResponse: false };
const rr = (name: string, type: number, data: string) => ({ name, type, class: 1, ttl: 60, data, cacheFlush: false });

test('aliases are followed from the question, whatever their order and case', () => {
  const answers = [
    rr('c.example.net', 1, '192.0.2.1'),
    rr('B.example.net', 5, 'c.example.net'),
    rr('WWW.example.com', 5, 'b.Example.net'),
    rr('elsewhere.example', 5, 'x.example'),
  ];
  assert.deepEqual(cnameChain(asked, answers), ['b.Example.net', 'c.example.net']);
  assert.deepEqual(cnameChain(asked, []), []);
});

test('a loop ends where it closes, a long chain at its limit', () => {
  const loop = [rr('www.example.com', 5, 'b.example'), rr('b.example', 5, 'www.example.com')];
  assert.deepEqual(cnameChain(asked, loop), ['b.example']);
  const long = Array.from({ length: 40 }, (_, i) => rr(i === 0 ? 'www.example.com' : `n${i}`, 5, `n${i + 1}`));
  assert.equal(cnameChain(asked, long).length, MAX_CHAIN);
});
