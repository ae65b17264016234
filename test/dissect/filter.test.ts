import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DomainFilter, TrafficFilter } from '../../src/dissect/filter.ts';
import { parseIp } from '../../src/dissect/net/address.ts';
import { Disposition } from '../../src/dissect/net/layer.ts';
import { Packet } from '../../src/dissect/net/packet.ts';

function packet(source: string, destination: string, sourcePort = 1000, destinationPort = 2000): Packet {
  const made = new Packet();
  const from = parseIp(source);
  const to = parseIp(destination);
  assert.ok(from && to);
  made.ipVersion = from.version;
  [made.source0, made.source1, made.source2, made.source3] = from.words as [number, number, number, number];
  [made.destination0, made.destination1, made.destination2, made.destination3] = to.words as typeof from.words;
  made.sourcePort = sourcePort;
  made.destinationPort = destinationPort;
  return made;
}

const NOTHING = { ignoreSources: [], ignoreDestinations: [], ignoreNetworks: [], ignorePorts: [] };

describe('ignored traffic', () => {
  it('is nothing by default', () => {
    assert.equal(new TrafficFilter(NOTHING).admit(packet('10.0.0.1', '10.0.0.2')), Disposition.emitted);
  });

  it('is told by the network of either end', () => {
    const filter = new TrafficFilter({ ...NOTHING, ignoreNetworks: ['10.1.0.0/16', '2001:db8:8000::/33'] });
    assert.equal(filter.admit(packet('10.1.255.255', '192.0.2.1')), Disposition.filteredNetwork);
    assert.equal(filter.admit(packet('192.0.2.1', '10.1.0.0')), Disposition.filteredNetwork);
    assert.equal(filter.admit(packet('10.2.0.0', '192.0.2.1')), Disposition.emitted);
    assert.equal(filter.admit(packet('2001:db8:ffff::1', '::1')), Disposition.filteredNetwork);
    assert.equal(filter.admit(packet('2001:db8:7fff::1', '::1')), Disposition.emitted);
  });

  it('is told by the network of one end alone where only that is asked', () => {
    const sources = new TrafficFilter({ ...NOTHING, ignoreSources: ['192.0.2.128/25'] });
    assert.equal(sources.admit(packet('192.0.2.128', '10.0.0.1')), Disposition.filteredSource);
    assert.equal(sources.admit(packet('10.0.0.1', '192.0.2.128')), Disposition.emitted);
    const destinations = new TrafficFilter({ ...NOTHING, ignoreDestinations: ['0.0.0.0/0'] });
    assert.equal(destinations.admit(packet('10.0.0.1', '192.0.2.128')), Disposition.filteredDestination);
    assert.equal(destinations.admit(packet('::1', '::2')), Disposition.emitted);
  });

  it('is told by the port of either end', () => {
    const filter = new TrafficFilter({ ...NOTHING, ignorePorts: [22] });
    assert.equal(filter.admit(packet('10.0.0.1', '10.0.0.2', 22)), Disposition.filteredPort);
    assert.equal(filter.admit(packet('10.0.0.1', '10.0.0.2', 1, 22)), Disposition.filteredPort);
    assert.equal(filter.admit(packet('10.0.0.1', '10.0.0.2', 220, 222)), Disposition.emitted);
  });
});

describe('ignored domains', () => {
  const filter = new DomainFilter(['*.Example.com', 'one.test']);

  it('are names below a wildcard, not the name itself', () => {
    assert.equal(filter.ignores('www.example.com'), true);
    assert.equal(filter.ignores('a.b.EXAMPLE.com'), true);
    assert.equal(filter.ignores('example.com'), false);
    assert.equal(filter.ignores('badexample.com'), false);
  });

  it('are exact names without one', () => {
    assert.equal(filter.ignores('One.Test'), true);
    assert.equal(filter.ignores('www.one.test'), false);
  });
});
