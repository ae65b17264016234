import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FlowIndex } from '../../../src/dissect/flow/flow-index.ts';
import { FlowKey } from '../../../src/dissect/flow/key.ts';
import { FlowRecords } from '../../../src/dissect/flow/record.ts';
import { IpProtocol } from '../../../src/dissect/net/packet.ts';
import { packet } from './packets.ts';

/** Puts the key of a flow with this client port into a slot. */
function keyed(records: FlowRecords, key: FlowKey, port: number): number {
  key.set(packet({ ports: [port, 53], protocol: IpProtocol.udp }));
  const slot = records.allocate();
  records.words.set(key.words.subarray(0, key.length), records.hot(slot));
  return slot;
}

describe('the index', () => {
  /** All in one place, in neighboring places, across the table's end, and as a good hash does it. */
  const hashes: [string, (port: number) => number][] = [
    ['the same hash', () => 12345],
    ['the same home cell', (port) => port << 22],
    ['neighboring cells', (port) => port >> 2],
    ['cells around the end of the table', (port) => -1 - (port % 3)],
    ['spread hashes', (port) => Math.imul(port, 0x9e3779b1)],
  ];
  for (const [name, hashOf] of hashes) {
    it(`finds what is there and only that, with ${name}`, () => {
      const records = new FlowRecords(2000);
      const index = new FlowIndex(records);
      const key = new FlowKey();
      const slots = new Map<number, number>();
      for (let port = 0; port < 1500; port++) {
        const slot = keyed(records, key, port);
        slots.set(port, slot);
        index.add(slot, hashOf(port));
      }
      // Removes two thirds in an order of its own.
      for (let i = 0; i < 1000; i++) {
        const port = (i * 7) % 1500;
        index.remove(slots.get(port) as number, hashOf(port));
        slots.delete(port);
      }
      for (let port = 0; port < 1500; port++) {
        key.set(packet({ ports: [port, 53], protocol: IpProtocol.udp }));
        assert.equal(index.find(key, hashOf(port)), slots.get(port) ?? -1);
      }
    });
  }
});

describe('the key', () => {
  it('is the same for both ways, and says which side sent', () => {
    const ends: [string, string, number, number][] = [
      ['192.0.2.1', '192.0.2.2', 9, 1],
      ['192.0.2.1', '192.0.2.1', 1, 9],
      ['10.0.0.1', '250.0.0.1', 1, 1],
      ['2001:db8::1', '2001:db8::2', 9, 1],
      ['2001:db8::1', 'fe80::', 9, 1],
    ];
    for (const [a, b, aPort, bPort] of ends) {
      const one = new FlowKey();
      one.set(packet({ from: a, to: b, ports: [aPort, bPort] }));
      const other = new FlowKey();
      other.set(packet({ from: b, to: a, ports: [bPort, aPort] }));
      assert.deepEqual(one.words, other.words);
      assert.equal(one.side, 0);
      assert.equal(other.side, 1);
    }
  });

  it('has another hash under another secret, and spreads neighbors', () => {
    const a = new FlowKey();
    const b = new FlowKey();
    const buckets = new Int32Array(1024);
    let same = 0;
    for (let port = 0; port < 16_384; port++) {
      a.set(packet({ ports: [port, 53] }));
      b.set(packet({ ports: [port, 53] }));
      if (a.hash() === b.hash()) same++;
      const bucket = a.hash() & 1023;
      buckets[bucket] = (buckets[bucket] as number) + 1;
    }
    assert.ok(same < 10, `${same} hashes do not depend on the secret`);
    // 16 a bucket on average; a secret that crowds even one bucket four times as much is not to be had by chance.
    assert.ok(Math.max(...buckets) < 64);
  });

  it('hashes every word of an IPv6 address', () => {
    const key = new FlowKey();
    const hashes = ['2001:db8::1', '2001:db8::1:0:0:1', '2001:db8:0:1::1', '2001:db9::1', '2001:db8::2'].map((from) => {
      key.set(packet({ from, to: '2001:db8::' }));
      return key.hash();
    });
    assert.equal(new Set(hashes).size, hashes.length);
  });
});
