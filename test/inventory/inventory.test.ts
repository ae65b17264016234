/** What an inventory keeps, and what it does when there is more than it keeps. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Inventory, MAX_ENDPOINTS } from '../../src/inventory/inventory.ts';
import { certificateFacts, type Observation, observe } from '../../src/inventory/observation.ts';
import { Counts } from '../../src/inventory/usage.ts';
import { TLS, VERDICTS } from '../cim/samples.ts';
import { certificate } from '../policy/handshakes.ts';

const OBSERVATION: Observation = observe(TLS, VERDICTS);

const at = (ip: string, port: number, changes: Partial<Observation> = {}): Observation => ({
  ...OBSERVATION,
  server: { ip, port },
  ...changes,
});

describe('observe', () => {
  it('takes what was negotiated and what the policies said', () => {
    assert.deepEqual(OBSERVATION, {
      time: 1_663_598_487.127_059_7,
      client: '192.168.109.2',
      server: { ip: '198.51.100.7', port: 443 },
      serverName: 'www.example.com',
      version: 'TLSv1.3',
      cipherSuite: 'TLS_AES_128_GCM_SHA256',
      group: 'x25519',
      signatureScheme: undefined,
      verdicts: [
        { policy: 'baseline', outcome: 'non_compliant', rules: ['no-old-versions'] },
        { policy: 'strict', outcome: 'not_observable', rules: [] },
      ],
    });
  });

  it('takes nothing that was only offered', () => {
    const { version, cipherSuite, group } = observe({ ...TLS, server: undefined }, []);
    assert.deepEqual([version, cipherSuite, group], [undefined, undefined, undefined]);
  });
});

describe('Inventory', () => {
  it('counts by server and by client', () => {
    const inventory = new Inventory();
    inventory.handshake(at('192.0.2.10', 443, { time: 20 }));
    inventory.handshake(at('192.0.2.10', 443, { time: 10, version: 'TLSv1.2', client: '2001:db8::1', verdicts: [] }));
    inventory.handshake(at('192.0.2.10', 8443, { serverName: 'a.example' }));
    const [server, other] = inventory.servers();
    assert.deepEqual(server?.address, { ip: '192.0.2.10', port: 443 });
    assert.deepEqual([server?.usage.handshakes, server?.usage.firstSeen, server?.usage.lastSeen], [2, 10, 20]);
    assert.deepEqual(server?.usage.negotiated.entries(), [
      ['TLSv1.2 TLS_AES_128_GCM_SHA256', 1],
      ['TLSv1.3 TLS_AES_128_GCM_SHA256', 1],
    ]);
    assert.deepEqual(server?.usage.policies.get('baseline')?.outcomes, {
      compliant: 0,
      non_compliant: 1,
      not_observable: 0,
    });
    assert.deepEqual(other?.names.entries(), [['a.example', 1]]);
    assert.deepEqual(
      inventory.clients().map(({ ip, usage }) => [ip, usage.handshakes]),
      [
        ['192.168.109.2', 2],
        ['2001:db8::1', 1],
      ],
    );
  });

  it('lists addresses by number', () => {
    const inventory = new Inventory();
    for (const ip of ['2001:db8::1', '192.0.2.10', '192.0.2.9', '240.0.0.1', '::2']) inventory.handshake(at(ip, 443));
    assert.deepEqual(
      inventory.servers().map(({ address }) => address.ip),
      ['192.0.2.9', '192.0.2.10', '240.0.0.1', '::2', '2001:db8::1'],
    );
  });

  it('keeps each certificate of a server once, and counts those beyond its limit', () => {
    const inventory = new Inventory();
    const server = { ip: '192.0.2.1', port: 443 };
    for (const round of [1, 2]) {
      for (let i = 0; i < 20; i++) inventory.certificate(server, certificateFacts(certificate({ sha256: `${i}` })));
      const [entry] = inventory.servers();
      assert.equal(entry?.certificates.size, 16);
      assert.equal(entry?.moreCertificates, 4 * round);
    }
  });

  it('counts what it has no room for', () => {
    const inventory = new Inventory();
    for (let port = 1; port <= MAX_ENDPOINTS + 3; port++) inventory.handshake(at('192.0.2.1', port));
    assert.equal(inventory.servers().length, MAX_ENDPOINTS);
    assert.deepEqual(inventory.leftOut, { servers: 3, clients: 0 });
    assert.equal(inventory.total.handshakes, MAX_ENDPOINTS + 3);
  });
});

describe('Counts', () => {
  it('counts new values beyond its limit, and values that are too long, as others', () => {
    const counts = new Counts(2);
    for (const value of ['a', 'b', 'b', 'c', undefined, '']) counts.add(value);
    counts.add('b');
    assert.deepEqual(counts.entries(), [
      ['b', 3],
      ['a', 1],
    ]);
    assert.equal(counts.others, 1);
    const long = new Counts();
    long.add('x'.repeat(257));
    assert.deepEqual([long.entries(), long.others], [[], 1]);
  });
});
