import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { guessSender, senderByHandshake } from '../../../src/dissect/flow/roles.ts';
import { IpProtocol } from '../../../src/dissect/net/packet.ts';
import { ACK, packet, RST, SYN } from './packets.ts';

describe('the role of a sender', () => {
  it('is told by SYN and SYN-ACK', () => {
    assert.equal(senderByHandshake(SYN), 'client');
    assert.equal(senderByHandshake(SYN | ACK), 'server');
    assert.equal(senderByHandshake(ACK), undefined);
    assert.equal(senderByHandshake(SYN | RST), undefined);
  });

  const udp = IpProtocol.udp;
  const cases: [string, Parameters<typeof packet>[0], 'client' | 'server'][] = [
    ['the port below 1024 serves', { protocol: udp, ports: [53, 5353] }, 'server'],
    ['the port below 1024 serves', { protocol: udp, ports: [3306, 1023] }, 'client'],
    ['two ports below 1024 tell nothing', { protocol: udp, ports: [123, 124] }, 'client'],
    ['a registered service port serves', { ports: [8443, 50000] }, 'server'],
    ['a registered service port serves', { ports: [50000, 8443] }, 'client'],
    ['two service ports tell nothing', { ports: [3306, 8443] }, 'client'],
    ['two other ports tell nothing', { ports: [1025, 50000] }, 'client'],
    ['a multicast destination serves', { protocol: udp, ports: [53, 5353], to: '224.0.0.251' }, 'client'],
    ['a broadcast destination serves', { protocol: udp, ports: [67, 5000], to: '255.255.255.255' }, 'client'],
    ['240.0.0.0/4 is no multicast', { protocol: udp, ports: [67, 5000], to: '240.0.0.1' }, 'server'],
    [
      'an IPv6 multicast destination serves',
      { protocol: udp, ports: [53, 5353], from: 'fe80::1', to: 'ff02::fb' },
      'client',
    ],
    ['who asks is the client', { protocol: IpProtocol.icmp, icmp: [8, 0] }, 'client'],
    ['who answers is the server', { protocol: IpProtocol.icmp, icmp: [0, 0] }, 'server'],
    ['type 129 answers in ICMPv6 only', { protocol: IpProtocol.icmpv6, icmp: [129, 0] }, 'server'],
    ['type 129 answers in ICMPv6 only', { protocol: IpProtocol.icmp, icmp: [129, 0] }, 'client'],
    ['an error is sent by the client', { protocol: IpProtocol.icmp, icmp: [3, 3] }, 'client'],
  ];
  for (const [rule, fields, role] of cases) {
    it(`${rule}: ${JSON.stringify(fields)}`, () => assert.equal(guessSender(packet(fields)), role));
  }
});
