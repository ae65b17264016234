import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LAST_SECOND } from '../../../src/capture/pcap-format.ts';
import { Disposition } from '../../../src/dissect/net/layer.ts';
import { IpProtocol, type Packet } from '../../../src/dissect/net/packet.ts';
import { Tally } from '../../../src/dissect/tally.ts';
import { ACK, CLIENT, FIN, type Fields, Observed, PSH, packet, RST, SERVER, SYN } from './packets.ts';

const udp = { protocol: IpProtocol.udp, ports: [5000, 53] as const };

describe('a flow table', () => {
  it('counts packets, IP bytes and payload each way in one flow', () => {
    const observed = new Observed();
    const slot = observed.out({ ...udp, payload: 30, time: 10.25 });
    assert.equal(observed.table.fromClient, true);
    assert.equal(observed.in({ ...udp, payload: 100, time: 10.5 }), slot);
    assert.equal(observed.table.fromClient, false);
    observed.in({ ...udp, payload: 200, time: 11.125, wirePackets: 3 });
    const event = observed.only();
    assert.deepEqual(event.out, { packets: 1, bytes: 70, payloadBytes: 30 });
    assert.deepEqual(event.in, { packets: 4, bytes: 380, payloadBytes: 300 });
    assert.deepEqual(event.time, { seconds: 10, nanos: 250_000_000 });
    assert.deepEqual(event.end, { seconds: 11, nanos: 125_000_000 });
    assert.equal(event.duration, 0.875);
    assert.deepEqual(event.conversation.client, { ip: CLIENT, port: 5000 });
    assert.deepEqual(event.conversation.server, { ip: SERVER, port: 53 });
    assert.equal(event.tcp, undefined);
    assert.equal(event.icmp, undefined);
    assert.equal(event.record, 1);
    assert.equal(event.endReason, 'end_of_capture');
  });

  it('tells apart every part of the key', () => {
    const observed = new Observed();
    const slots = [
      observed.out({ ports: [1, 2] }),
      observed.out({ ports: [1, 3] }),
      observed.out({ ports: [2, 2] }),
      observed.out({ ports: [1, 2], protocol: IpProtocol.udp }),
      observed.out({ ports: [1, 2], from: '192.0.2.9' }),
      observed.out({ ports: [1, 2], to: '192.0.2.9' }),
      observed.out({ ports: [1, 2], from: '::192.0.2.1', to: '::198.51.100.2' }),
      observed.out({ ports: [1, 2], from: '2001:db8::1', to: '2001:db8:0:0:0:1::2' }),
      observed.out({ ports: [1, 2], from: '2001:db8::1', to: '2001:db8:0:0:1::2' }),
      observed.out({ ports: [1, 2], from: '2001:db8:0:1::1', to: '2001:db8::2' }),
    ];
    assert.equal(new Set(slots).size, slots.length);
    assert.equal(observed.counters['flows.created'], slots.length);
    assert.equal(observed.counters['flows.active'], slots.length);
  });

  it('joins both ways of an IPv6 flow, whichever address is lower', () => {
    for (const to of ['2001:db8::2', '2001:db8::', '2001:db8:0:0:1::', '2001:db7::ffff', '2001:db8::ffff:1']) {
      const observed = new Observed();
      const fields = { ...udp, from: '2001:db8::1', to };
      assert.equal(observed.out(fields), observed.in(fields));
      const event = observed.only();
      assert.equal(event.conversation.server.ip, to);
      assert.equal(event.conversation.ipVersion, 6);
      assert.equal(event.out.packets, 1);
      assert.equal(event.in.packets, 1);
    }
  });

  it('takes no notice of VLAN tags', () => {
    const observed = new Observed();
    const tagged = packet(udp);
    tagged.vlan = 7;
    tagged.innerVlan = 0;
    assert.equal(observed.table.observe(tagged), observed.out(udp));
    const { conversation } = observed.only();
    assert.equal(conversation.vlan, 7);
    assert.equal(conversation.innerVlan, 0);
  });

  it('tells once of each session that it is over, after its last record', () => {
    const told: string[] = [];
    const observed = new Observed(
      { capacity: 3, activeTimeout: 100, udpIdleTimeout: 60 },
      {
        emit: ({ conversation, endReason }) => told.push(`${conversation.session} ${endReason}`),
        close: (session) => told.push(`${session} over`),
      },
    );
    // Its record is made while it lasts, and then nothing comes: there is no other one.
    for (let time = 0; time <= 100; time += 50) observed.out({ ...udp, time });
    observed.at(102);
    observed.at(500);
    for (const port of [1, 2, 3, 4, 5]) observed.out({ ...udp, ports: [port, 53], time: 600 + port });
    observed.finish();
    const isOver = (session: string) => told.filter((line) => line === `${session} over`).length;
    assert.deepEqual(told.slice(0, 2), ['1 active_timeout', '1 over']);
    const reported = told.filter((line) => !line.endsWith('over')).map((line) => line.split(' ')[0] ?? '');
    assert.equal(reported.length, 6);
    for (const session of reported) {
      assert.equal(isOver(session), 1);
      assert.equal(
        told.findLast((line) => line.startsWith(`${session} `)),
        `${session} over`,
      );
    }
    assert.ok(told.some((line) => line.endsWith('evicted')));
  });

  it('shows the MACs of client and server, tunnels, owner and interface', () => {
    for (const fromServer of [false, true]) {
      const observed = new Observed({}, { interfaceName: (index) => `eth${index}` });
      const first = packet(fromServer ? { ...udp, from: SERVER, to: CLIENT, ports: [53, 5000] } : udp);
      const macs = '00005e0053aa' + '00005e0053bb';
      first.frame.bytes = Buffer.from(`ffff${macs}`, 'hex');
      first.macOffset = 2;
      first.frame.interfaceIndex = 3;
      first.tunnels = [{ type: 'vxlan', id: 9, source: '192.0.2.8', destination: '192.0.2.9' }];
      first.frame.owner = { processId: 1, userId: 2, command: 'init' };
      const slot = observed.table.observe(first);
      const conversation = observed.table.conversation(slot);
      const [client, server] = fromServer ? ['aa', 'bb'] : ['bb', 'aa'];
      assert.equal(conversation.clientMac, `00:00:5e:00:53:${client}`);
      assert.equal(conversation.serverMac, `00:00:5e:00:53:${server}`);
      assert.equal(conversation.interfaceName, 'eth3');
      assert.deepEqual(conversation.tunnels, first.tunnels);
      assert.deepEqual(conversation.owner, first.frame.owner);
      assert.deepEqual(observed.table.conversation(slot), conversation);
      // A slot that is used again keeps nothing of it.
      observed.finish();
      const again = observed.table.conversation(observed.out(udp));
      assert.equal(again.clientMac, undefined);
      assert.equal(again.tunnels, undefined);
      assert.equal(again.owner, undefined);
      assert.equal(again.session, 2);
    }
  });

  it('takes TOS and TTL from the first packet of the client', () => {
    const observed = new Observed();
    observed.in({ ...udp, ttl: 50, tos: 1 });
    observed.out({ ...udp, ttl: 64, tos: 2 });
    observed.out({ ...udp, ttl: 1, tos: 3 });
    const event = observed.only();
    assert.equal(event.ttl, 64);
    assert.equal(event.tos, 2);
    const oneWay = new Observed();
    oneWay.in({ ...udp, ttl: 50 });
    assert.equal(oneWay.only().ttl, 50);
  });

  it('keeps stage and app with the flow, and begins anew in a used slot', () => {
    const observed = new Observed();
    const slot = observed.out(udp);
    assert.equal(observed.table.stage(slot), 0);
    observed.table.setStage(slot, 200);
    observed.table.setApp(slot, 'dns');
    assert.equal(observed.table.stage(slot), 200);
    observed.finish();
    assert.equal(observed.events[0]?.app, 'dns');
    assert.equal(observed.out(udp), slot);
    assert.equal(observed.table.stage(slot), 0);
    observed.finish();
    assert.equal(observed.events[1]?.app, undefined);
    assert.deepEqual(observed.ended, [slot, slot]);
  });

  it('knows the first byte of each end that has shown its SYN and no data yet', () => {
    const o = new Observed();
    const first = (fields: Fields, fromClient = true): number | undefined => {
      const slot = fromClient ? o.out(fields) : o.in(fields);
      return o.table.firstByte(slot, packet(fields), fromClient);
    };
    o.out({ flags: SYN, sequence: 0xffffffff });
    o.in({ flags: SYN | ACK, sequence: 100 });
    assert.equal(first({ payload: 10, sequence: 20 }), 0);
    assert.equal(first({ payload: 20, sequence: 0 }), undefined);
    assert.equal(first({ payload: 5, sequence: 301 }, false), 101);
    // Whose SYN was not seen, or lies before what was told already.
    const other = { ports: [40001, 443] } as const;
    assert.equal(first({ ...other, payload: 10, sequence: 7 }), undefined);
    const late = { ports: [40002, 443] } as const;
    o.out({ ...late, flags: SYN, sequence: 50 });
    assert.equal(first({ ...late, payload: 10, sequence: 51 }), 51);
    for (let time = 1; time < 2000; time += 100) o.out({ ...late, payload: 10, sequence: 61, time });
    assert.equal(first({ ...late, payload: 10, sequence: 61, time: 2000 }), undefined);
  });

  it('begins a record with the earliest fragment of its packets', () => {
    const o = new Observed();
    o.out({ ...udp, time: 3, since: 1.5 });
    assert.deepEqual([o.finish()[0]?.time, o.events[0]?.duration], [{ seconds: 1, nanos: 500_000_000 }, 1.5]);
    const later = new Observed();
    later.out({ ...udp, time: 2 });
    later.in({ ...udp, time: 4, since: 3 });
    later.out({ ...udp, time: 5, since: 1 });
    assert.deepEqual([later.finish()[0]?.time, later.events[0]?.duration], [{ seconds: 1, nanos: 0 }, 4]);
  });

  it('pairs ICMP requests with replies and shows no ports', () => {
    const observed = new Observed();
    const icmp = { protocol: IpProtocol.icmp, ports: [0, 0] as const };
    const slot = observed.out({ ...icmp, icmp: [8, 0] });
    assert.equal(observed.in({ ...icmp, icmp: [0, 0] }), slot);
    assert.equal(observed.table.fromClient, false);
    const unreachable = observed.out({ ...icmp, icmp: [3, 1] });
    assert.notEqual(unreachable, slot);
    assert.notEqual(observed.in({ ...icmp, icmp: [3, 1] }), unreachable);
    const [echo, one, other] = observed.finish();
    assert.deepEqual(echo?.icmp, { type: 8, code: 0 });
    assert.deepEqual(echo?.conversation.client, { ip: CLIENT, port: 0 });
    assert.equal(echo?.conversation.transport, 'icmp');
    assert.deepEqual(one?.icmp, { type: 3, code: 1 });
    assert.equal(one?.conversation.client.ip, CLIENT);
    assert.equal(other?.conversation.client.ip, SERVER);
  });

  it('keeps the ICMP type of the first packet, also when that is the reply', () => {
    const observed = new Observed();
    const icmp = { protocol: IpProtocol.icmpv6, from: '2001:db8::1', to: '2001:db8::2', ports: [0, 0] as const };
    observed.in({ ...icmp, icmp: [129, 0] });
    observed.out({ ...icmp, icmp: [128, 0] });
    const event = observed.only();
    assert.deepEqual(event.icmp, { type: 129, code: 0 });
    assert.equal(event.conversation.client.ip, '2001:db8::1');
  });

  it('asks once about a flow and never reports one that is ignored', () => {
    let asked = 0;
    const admit = (p: Packet): Disposition => {
      asked++;
      return p.destinationPort === 53 ? Disposition.filteredPort : Disposition.emitted;
    };
    const observed = new Observed({}, { admit });
    assert.equal(observed.out(udp), -Disposition.filteredPort);
    assert.equal(observed.in(udp), -Disposition.filteredPort);
    assert.equal(asked, 1);
    assert.ok(observed.out({ ...udp, ports: [5000, 54] }) >= 0);
    observed.at(10_000);
    assert.equal(observed.events.length, 1);
    assert.equal(observed.ended.length, 1);
    assert.equal(observed.counters['flows.active'], 1);
    assert.equal(observed.out({ ...udp, time: 10_000 }), -Disposition.filteredPort);
    assert.equal(asked, 3);
  });

  it('reports in the order of creation at the end, slots used again or not', () => {
    const observed = new Observed();
    for (let i = 0; i < 4; i++) observed.out({ ...udp, ports: [5000 + i, 53], time: i < 2 ? 0 : 50 });
    observed.at(100);
    assert.equal(observed.events.length, 2);
    for (let i = 4; i < 7; i++) observed.out({ ...udp, ports: [5000 + i, 53], time: 100 });
    observed.events.length = 0;
    const ports = observed.finish().map((event) => event.conversation.client.port);
    assert.deepEqual(ports, [5002, 5003, 5004, 5005, 5006]);
    assert.equal(observed.counters['flows.active'], 0);
    assert.equal(observed.counters['flows.created'], 8);
  });

  it('evicts the longest silent of a sample when it is full, and reports it', () => {
    const observed = new Observed({ capacity: 16 });
    for (let i = 0; i < 16; i++) observed.out({ ...udp, ports: [5000 + i, 53], time: i === 3 ? 1 : 2 });
    observed.out({ ...udp, ports: [6000, 53], time: 2 });
    assert.equal(observed.counters['flows.evicted'], 1);
    assert.equal(observed.events[0]?.endReason, 'evicted');
    assert.equal(observed.events[0]?.conversation.client.port, 5003);
    for (let i = 0; i < 1000; i++) observed.out({ ...udp, ports: [7000 + i, 53], time: 2 });
    assert.equal(observed.counters['flows.active'], 16);
    const events = observed.finish();
    assert.equal(events.length, 1017);
    assert.equal(new Set(events.map((event) => event.conversation.session)).size, 1017);
    assert.equal(observed.counters['flows.evicted'], 1001);
  });

  it('keeps the ends of a flow apart from those of the flow it evicts, whose counts the kernel gives meanwhile', () => {
    const told = new Tally();
    const observed: Observed = new Observed(
      { capacity: 16 },
      {
        refresh: (words, at) => {
          told.key.set(words.subarray(at, at + told.key.length));
          told.id = 1;
          told.counts[0] = 5;
          observed.table.settle(told);
        },
      },
    );
    const tally = new Tally();
    tally.id = 1;
    for (let i = 0; i < 40; i++) observed.table.observe(packet({ ...udp, to: `203.0.113.${2 + i}`, time: 2 }), tally);
    const servers = observed.finish().map((event) => event.conversation.server.ip);
    assert.equal(new Set(servers).size, 40);
    assert.equal(servers.length, 40);
  });

  it('finds every flow again after many others came and went', () => {
    const observed = new Observed({ capacity: 4096 });
    const slots = new Map<number, number>();
    for (let i = 0; i < 3000; i++)
      slots.set(i, observed.out({ ...udp, ports: [1024 + i, 53], time: i % 3 === 0 ? 0 : 40 }));
    observed.at(70);
    assert.equal(observed.events.length, 1000);
    for (let i = 0; i < 3000; i++) {
      const slot = observed.out({ ...udp, ports: [1024 + i, 53], time: 70 });
      if (i % 3 !== 0) assert.equal(slot, slots.get(i));
    }
    const counted = new Map<number, number>();
    for (const { conversation, out } of observed.finish()) {
      const { port } = conversation.client;
      counted.set(port, (counted.get(port) ?? 0) + out.packets);
    }
    assert.equal(counted.size, 3000);
    assert.ok([...counted.values()].every((packets) => packets === 2));
  });

  it('gives the same events whatever the secret of its hash', () => {
    const run = (): unknown => {
      const observed = new Observed({ capacity: 64 });
      for (let i = 0; i < 500; i++) {
        const fields = { ...udp, ports: [1024 + ((i * 7919) % 200), 53] as const, time: i };
        if (i % 3 === 0) observed.in(fields);
        else observed.out(fields);
      }
      return observed.finish();
    };
    assert.deepEqual(run(), run());
  });
});

describe('time-outs', () => {
  it('end a silent flow after its whole idle time, on the time of other packets', () => {
    const observed = new Observed();
    observed.out({ ...udp, time: 10.9 });
    observed.out({ ...udp, time: 20.5 });
    assert.equal(observed.at(80).length, 0);
    const [event] = observed.at(81);
    assert.equal(event?.endReason, 'idle_timeout');
    assert.equal(event?.out.packets, 2);
    assert.equal(event?.end.seconds, 20);
    assert.equal(observed.out({ ...udp, time: 81 }), 0);
  });

  it('give each protocol and state its own', () => {
    const cases = [
      [{ protocol: IpProtocol.icmp, icmp: [8, 0] as const }, 30],
      [{ protocol: IpProtocol.udp }, 60],
      [{ flags: SYN }, 60],
      [{ flags: ACK }, 300],
      [{ flags: RST }, 5],
    ] as const;
    for (const [fields, seconds] of cases) {
      const observed = new Observed();
      observed.out({ ...fields, time: 1000 });
      observed.at(1000 + seconds);
      assert.equal(observed.events.length, 0, JSON.stringify(fields));
      observed.at(1001 + seconds);
      assert.equal(observed.events.length, 1, JSON.stringify(fields));
    }
  });

  it('report a long flow at each active timeout, counting only what is new', () => {
    const observed = new Observed({ activeTimeout: 100 });
    for (let time = 0; time <= 250; time += 10) {
      observed.out({
        time,
        payload: 1,
        sequence: time / 10,
        flags: time === 0 ? ACK | PSH : ACK,
        window: time === 0 ? 0 : 1,
      });
    }
    const events = observed.finish();
    assert.deepEqual(
      events.map(({ record, endReason, time, end }) => [record, endReason, time.seconds, end.seconds]),
      [
        [1, 'active_timeout', 0, 100],
        [2, 'active_timeout', 110, 210],
        [3, 'end_of_capture', 220, 250],
      ],
    );
    assert.deepEqual(
      events.map(({ out }) => out.packets),
      [11, 11, 4],
    );
    assert.deepEqual(
      events.map(({ tcp }) => [tcp?.out.flags, tcp?.out.zeroWindows, tcp?.out.retransmits]),
      [
        [ACK | PSH, 1, 0],
        [ACK, 0, 0],
        [ACK, 0, 0],
      ],
    );
    assert.equal(new Set(events.map(({ conversation }) => conversation.session)).size, 1);
  });

  it('report nothing of a flow that was silent since its last record, but end it', () => {
    const observed = new Observed({ activeTimeout: 10, tcpIdleTimeout: 100 });
    observed.out({ time: 0 });
    observed.at(11);
    assert.equal(observed.events.length, 1);
    observed.at(101);
    assert.deepEqual(
      observed.events.map((event) => event.endReason),
      ['active_timeout'],
    );
    assert.equal(observed.ended.length, 1);
  });

  it('come to the last second that a capture can have', () => {
    const o = new Observed();
    o.out({ ...udp, time: LAST_SECOND - 500 });
    o.out({ time: LAST_SECOND });
    assert.deepEqual(
      o.finish().map(({ time, endReason }) => [time.seconds, endReason]),
      [
        [LAST_SECOND - 500, 'idle_timeout'],
        [LAST_SECOND, 'end_of_capture'],
      ],
    );
  });

  it('survive a jump of many years forwards', () => {
    const observed = new Observed();
    observed.out({ ...udp, time: 5 });
    observed.out({ time: 5 });
    observed.at(4_000_000_000);
    assert.deepEqual(
      observed.events.map((event) => event.endReason),
      ['idle_timeout', 'idle_timeout'],
    );
    assert.equal(observed.counters['flows.active'], 1);
  });

  it('never make a negative duration when time goes backwards', () => {
    const observed = new Observed();
    observed.out({ ...udp, time: 1000.5 });
    observed.out({ ...udp, time: 10.25 });
    observed.out({ ...udp, time: 500 });
    const event = observed.only();
    assert.deepEqual(event.time, { seconds: 10, nanos: 250_000_000 });
    assert.deepEqual(event.end, { seconds: 1000, nanos: 500_000_000 });
    assert.equal(event.duration, 990.25);
  });

  it('go on after the clock went back for good', () => {
    const observed = new Observed();
    observed.at(2_000_000_000);
    for (let i = 0; i < 1024; i++) observed.at(1000);
    observed.out({ ...udp, time: 1001 });
    observed.at(1062);
    assert.deepEqual(
      observed.events.map((event) => event.endReason),
      ['idle_timeout'],
    );
  });

  it('end a closed connection soon, as what it was', () => {
    for (const [last, reason] of [
      [FIN | ACK, 'fin'],
      [RST, 'rst'],
    ] as const) {
      const observed = new Observed();
      observed.out({ time: 0, flags: FIN | ACK });
      observed.in({ time: 200, flags: last });
      observed.at(205);
      assert.equal(observed.events.length, 0);
      observed.at(206);
      assert.equal(observed.events[0]?.endReason, reason);
    }
  });

  it('remember a closed connection for late packets, which are a further record of it', () => {
    const observed = new Observed();
    observed.out({ time: 0, flags: SYN, sequence: 0 });
    observed.in({ time: 0, flags: FIN | ACK, sequence: 9 });
    observed.out({ time: 0, flags: FIN | ACK, sequence: 1 });
    observed.at(30);
    assert.equal(observed.events.length, 1);
    observed.in({ time: 50, flags: FIN | ACK, sequence: 9 });
    observed.at(200);
    observed.in({ time: 200, flags: FIN | ACK, sequence: 9 });
    const [first, late, other] = observed.finish();
    assert.deepEqual([first?.record, first?.endReason], [1, 'fin']);
    assert.deepEqual([late?.record, late?.endReason, late?.in.packets, late?.out.packets], [2, 'fin', 1, 0]);
    assert.equal(late?.conversation.session, first?.conversation.session);
    assert.notEqual(other?.conversation.session, first?.conversation.session);
    assert.equal(observed.counters['flows.active'], 0);
  });

  it('say fin or rst also when the capture ends or the table is full', () => {
    const observed = new Observed();
    observed.out({ flags: RST });
    assert.equal(observed.only().endReason, 'rst');
  });
});
