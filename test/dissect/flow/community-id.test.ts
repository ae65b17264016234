import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { IpProtocol } from '../../../src/dissect/net/packet.ts';
import { Observed } from './packets.ts';

const { tcp, udp, icmp, icmpv6 } = IpProtocol;

/** The values of the specification's reference implementation: source, destination, ports or type and code. */
const VECTORS: [number, string, string, [number, number], string][] = [
  [tcp, '128.232.110.120', '66.35.250.204', [34855, 80], '1:LQU9qZlK+B5F3KDmev6m5PMibrg='],
  [tcp, '10.0.0.1', '10.0.0.2', [10, 11569], '1:SXBGMX1lBOwhhoDrZynfROxnhnM='],
  [tcp, '2001:db8::1', '2001:db8::2', [443, 51000], '1:2TiKiiiSIuDma9IxOEOpx4wCXWM='],
  [tcp, '192.168.1.42', '192.168.1.42', [41, 42], '1:eRcf7I/xocOxnYo5pbJBV5NhVm0='],
  [udp, '192.168.1.52', '8.8.8.8', [54585, 53], '1:d/FP5EW3wiY1vCndhwleRRKHowQ='],
  [icmp, '192.168.0.89', '192.168.0.1', [8, 0], '1:X0snYXpgwiv9TZtqg64sgzUn6Dk='],
  [icmp, '192.168.0.89', '192.168.0.1', [20, 0], '1:3o2RFccXzUgjl7zDpqmY7yJi8rI='],
  [icmp, '192.168.0.89', '192.168.0.1', [20, 1], '1:tz/fHIDUHs19NkixVVoOZywde+I='],
  [icmpv6, 'fe80::200:86ff:fe05:80da', 'fe80::260:97ff:fe07:69ea', [135, 0], '1:dGHyGvjMfljg6Bppwm3bg0LO8TY='],
  [
    icmpv6,
    '3ffe:507:0:1:200:86ff:fe05:80da',
    '3ffe:507:0:1:260:97ff:fe07:69ea',
    [3, 0],
    '1:/OGBt9BN1ofenrmSPWYicpij2Vc=',
  ],
  [
    icmpv6,
    '3ffe:501:0:1802:260:97ff:feb6:7ff0',
    '3ffe:507:0:1:200:86ff:fe05:80da',
    [3, 0],
    '1:bnQKq8A2r//dWnkRW2EYcMhShjc=',
  ],
];

describe('the Community ID', () => {
  for (const [protocol, from, to, numbers, expected] of VECTORS) {
    it(`of ${protocol} ${from} ${to} ${numbers}`, () => {
      const isIcmp = protocol === icmp || protocol === icmpv6;
      const fields = isIcmp ? { protocol, from, to, icmp: numbers } : { protocol, from, to, ports: numbers };
      const observed = new Observed();
      const slot = observed.out(fields);
      assert.equal(observed.table.conversation(slot).communityId, expected);
    });
  }

  it('is that of the request for an ICMP reply', () => {
    const observed = new Observed();
    const slot = observed.out({ protocol: icmp, from: '192.168.0.1', to: '192.168.0.89', icmp: [0, 0] });
    assert.equal(observed.table.conversation(slot).communityId, '1:X0snYXpgwiv9TZtqg64sgzUn6Dk=');
  });
});
