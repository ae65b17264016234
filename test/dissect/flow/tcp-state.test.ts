import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TcpCounts } from '../../../src/dissect/event.ts';
import { ACK, CLIENT, FIN, Observed, PSH, RST, SERVER, SYN } from './packets.ts';

/** A connection after its handshake: the next bytes are `1` of the client and `5001` of the server. */
function connected(clientInitial = 0, serverInitial = 5000): Observed {
  const observed = new Observed();
  observed.out({ flags: SYN, sequence: clientInitial, time: 1 });
  observed.in({ flags: SYN | ACK, sequence: serverInitial, time: 1.02 });
  observed.out({ flags: ACK, sequence: clientInitial + 1, time: 1.0205 });
  return observed;
}

function counts(observed: Observed): TcpCounts {
  const { tcp } = observed.only();
  assert.ok(tcp);
  return tcp.out;
}

describe('the state of a TCP connection', () => {
  const steps = [
    ['syn_sent', []],
    ['syn_received', [SYN | ACK]],
    ['established', [SYN | ACK, 0]],
    ['closing', [SYN | ACK, 0, FIN]],
    ['reset', [RST | ACK]],
  ] as const;
  for (const [state, segments] of steps) {
    it(`is ${state}`, () => {
      const observed = new Observed();
      observed.out({ flags: SYN, sequence: 0 });
      for (const flags of segments) {
        if (flags === 0) observed.out({ flags: ACK, sequence: 1 });
        else observed.in({ flags: flags | ACK, sequence: (flags & SYN) === 0 ? 8 : 7 });
      }
      assert.equal(observed.only().tcp?.state, state);
    });
  }

  it('is closed by both FINs, and a later reset does not change that', () => {
    const observed = connected();
    observed.out({ flags: FIN | ACK, sequence: 1 });
    observed.in({ flags: FIN | ACK, sequence: 5001 });
    observed.out({ flags: RST, sequence: 2 });
    const event = observed.only();
    assert.equal(event.tcp?.state, 'closed');
    assert.equal(event.endReason, 'fin');
    assert.equal(event.tcp?.out.resets, 1);
    assert.equal(event.tcp?.out.flags, SYN | ACK | FIN | RST);
    assert.equal(event.tcp?.in.flags, SYN | ACK | FIN);
  });

  it('is not changed by a reset far from the expected sequence number (RFC 5961 §3.2)', () => {
    for (const far of [(1 << 20) + 1, -(1 << 20) - 1, 2 ** 31]) {
      const observed = connected();
      observed.in({ flags: RST, sequence: 5001 + far, time: 2 });
      observed.out({ payload: 10, sequence: 1, time: 40 });
      const event = observed.only();
      assert.deepEqual([event.tcp?.state, event.endReason, event.tcp?.in.resets], ['established', 'end_of_capture', 1]);
    }
    for (const near of [1 << 20, -(1 << 20), 0]) {
      const observed = connected(0, 0xffffff00);
      observed.in({ flags: RST, sequence: 0xffffff01 + near, time: 2 });
      assert.equal(observed.only().tcp?.state, 'reset');
    }
    // A SYN that finds an old connection: its host acknowledges that one, and the client resets it (RFC 9293 §3.5.1).
    const old = new Observed();
    old.out({ flags: SYN, sequence: 7 });
    old.in({ flags: ACK, sequence: 2_000_000_000 });
    old.out({ flags: RST, sequence: 1_000_000_000 });
    old.out({ flags: SYN, sequence: 7, time: 1 });
    assert.equal(old.only().tcp?.state, 'syn_sent');
  });

  it('is midstream where no SYN was seen', () => {
    const observed = new Observed();
    observed.out({ payload: 5, sequence: 77 });
    observed.in({ payload: 5, sequence: 99 });
    const { tcp } = observed.only();
    assert.equal(tcp?.state, 'midstream');
    assert.equal(tcp?.rtt, undefined);
  });
});

describe('the round-trip time of the handshake', () => {
  it('is from the SYN to the ACK of the client', () => {
    const { tcp } = connected().only();
    assert.ok(tcp?.rtt !== undefined && Math.abs(tcp.rtt - 0.0205) < 1e-9);
  });

  it('is measured from the SYN that was answered', () => {
    const observed = new Observed();
    observed.out({ flags: SYN, sequence: 0, time: 1 });
    observed.out({ flags: SYN, sequence: 0, time: 2 });
    observed.in({ flags: SYN | ACK, sequence: 9, time: 2.125 });
    // The same frame, captured twice.
    observed.in({ flags: SYN | ACK, sequence: 9, time: 2.1875 });
    observed.out({ flags: ACK, sequence: 1, time: 2.5 });
    const { tcp } = observed.only();
    assert.equal(tcp?.rtt, 0.5);
    assert.equal(tcp?.out.retransmits, 1);
    assert.equal(tcp?.in.retransmits, 1);
    assert.equal(tcp?.in.retransmittedBytes, 0);
  });

  it('has no timeout of a SYN whose SYN-ACK was lost on its way', () => {
    const observed = new Observed();
    observed.out({ flags: SYN, sequence: 0, time: 1 });
    for (const time of [2, 4]) {
      observed.in({ flags: SYN | ACK, sequence: 9, time: time - 0.75 });
      observed.out({ flags: SYN, sequence: 0, time });
    }
    observed.in({ flags: SYN | ACK, sequence: 9, time: 4.25 });
    observed.out({ flags: ACK, sequence: 1, time: 4.5 });
    const { tcp } = observed.only();
    assert.equal(tcp?.rtt, 0.5);
    assert.equal(tcp?.state, 'established');
  });

  it('is not known where an ACK may be of any of several SYN-ACKs (RFC 6298 §3)', () => {
    const repeated = new Observed();
    repeated.out({ flags: SYN, sequence: 0, time: 1 });
    for (const time of [1.25, 2.25, 4.25]) repeated.in({ flags: SYN | ACK, sequence: 9, time });
    repeated.out({ flags: ACK, sequence: 1, time: 4.5 });
    repeated.in({ flags: SYN | ACK, sequence: 9, time: 8.25 });
    repeated.out({ flags: ACK, sequence: 1, time: 8.5 });
    assert.equal(repeated.only().tcp?.rtt, undefined);
    // The next SYN begins anew.
    const again = new Observed();
    again.out({ flags: SYN, sequence: 0, time: 1 });
    for (const time of [1.25, 2.25]) again.in({ flags: SYN | ACK, sequence: 9, time });
    again.out({ flags: SYN, sequence: 0, time: 3 });
    again.in({ flags: SYN | ACK, sequence: 9, time: 3.25 });
    again.out({ flags: ACK, sequence: 1, time: 3.5 });
    assert.equal(again.only().tcp?.rtt, 0.5);
  });

  it('is not known without a SYN-ACK or when time goes backwards', () => {
    const lost = new Observed();
    lost.out({ flags: SYN, sequence: 0, time: 1 });
    lost.out({ flags: ACK, sequence: 1, time: 2 });
    const { tcp } = lost.only();
    assert.equal(tcp?.rtt, undefined);
    assert.equal(tcp?.state, 'established');
    const backwards = new Observed();
    backwards.out({ flags: SYN, sequence: 0, time: 10 });
    backwards.in({ flags: SYN | ACK, sequence: 0, time: 9 });
    backwards.out({ flags: ACK, sequence: 1, time: 8 });
    assert.equal(backwards.only().tcp?.rtt, undefined);
  });
});

describe('the segments of a connection', () => {
  it('in order are neither retransmitted nor out of order, also across sequence number 0', () => {
    const observed = connected(0xffff_fff0);
    for (let sent = 1; sent < 100; sent += 10) observed.out({ sequence: 0xffff_fff0 + sent, payload: 10 });
    const { retransmits, outOfOrder, retransmittedBytes } = counts(observed);
    assert.deepEqual([retransmits, outOfOrder, retransmittedBytes], [0, 0, 0]);
  });

  it('seen again are retransmissions, each with its bytes', () => {
    const observed = connected(0xffff_fff0);
    for (const sent of [1, 11, 21, 11, 1, 31]) observed.out({ sequence: 0xffff_fff0 + sent, payload: 10 });
    const { retransmits, retransmittedBytes, outOfOrder } = counts(observed);
    assert.deepEqual([retransmits, retransmittedBytes, outOfOrder], [2, 20, 0]);
  });

  it('that overlap what was seen are retransmissions of the overlap', () => {
    const observed = connected();
    observed.out({ sequence: 1, payload: 10 });
    observed.out({ sequence: 6, payload: 10 });
    observed.out({ sequence: 16, payload: 10 });
    const { retransmits, retransmittedBytes } = counts(observed);
    assert.deepEqual([retransmits, retransmittedBytes], [1, 5]);
  });

  it('that fill a gap are out of order, and seen again retransmissions', () => {
    const observed = connected(0xffff_fff0);
    for (const sent of [1, 31, 41, 11, 21, 21, 51]) observed.out({ sequence: 0xffff_fff0 + sent, payload: 10 });
    const { retransmits, retransmittedBytes, outOfOrder } = counts(observed);
    assert.deepEqual([retransmits, retransmittedBytes, outOfOrder], [1, 10, 2]);
  });

  it('may fill several gaps', () => {
    const observed = connected();
    for (const sequence of [11, 31, 1, 21, 41, 1]) observed.out({ sequence, payload: 10 });
    const { retransmits, outOfOrder } = counts(observed);
    assert.deepEqual([retransmits, outOfOrder], [1, 2]);
  });

  it('that keep the connection alive are not retransmissions', () => {
    const observed = connected();
    observed.out({ sequence: 1, payload: 10 });
    observed.out({ sequence: 10, payload: 1 });
    observed.out({ sequence: 10, payload: 0 });
    observed.in({ sequence: 5001, payload: 0 });
    assert.equal(counts(observed).retransmits, 0);
    const again = connected();
    again.out({ sequence: 1, payload: 10 });
    again.out({ sequence: 9, payload: 2 });
    assert.equal(counts(again).retransmits, 1);
  });

  it('count the FIN as one number', () => {
    const observed = connected();
    observed.out({ sequence: 1, payload: 10, flags: FIN | ACK });
    observed.out({ sequence: 12 });
    observed.out({ sequence: 11, flags: FIN | ACK });
    const { retransmits, retransmittedBytes } = counts(observed);
    assert.deepEqual([retransmits, retransmittedBytes], [1, 0]);
  });

  it('count the payload of a SYN (RFC 7413) and expect what follows it', () => {
    const observed = new Observed();
    observed.out({ flags: SYN, sequence: 100, payload: 20 });
    observed.in({ flags: SYN | ACK, sequence: 7 });
    observed.out({ sequence: 121, payload: 5 });
    const event = observed.only();
    assert.equal(event.out.payloadBytes, 25);
    assert.deepEqual([event.tcp?.out.retransmits, event.tcp?.out.outOfOrder], [0, 0]);
  });

  it('count zero windows, but not those of resets and SYNs', () => {
    const observed = connected();
    observed.out({ sequence: 1, window: 0 });
    observed.out({ sequence: 1, window: 0, payload: 1 });
    observed.out({ sequence: 2, window: 0, flags: RST });
    assert.equal(counts(observed).zeroWindows, 2);
  });

  it('of super-packets count as their wire packets', () => {
    const observed = connected();
    observed.out({ sequence: 1, payload: 60_000, wirePackets: 42 });
    observed.out({ sequence: 60_001, payload: 10 });
    const event = observed.only();
    assert.equal(event.out.packets, 2 + 42 + 1);
    assert.equal(event.out.payloadBytes, 60_010);
    assert.equal(event.tcp?.out.retransmits, 0);
  });

  it('with wild numbers never make absurd counts', () => {
    const wild = [0, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x4000_0001, 0xc000_0000];
    for (const sequence of wild) {
      const observed = connected();
      observed.out({ sequence: 1, payload: 10 });
      observed.in({ flags: SYN | ACK, sequence: 5000 });
      observed.in({ flags: SYN | ACK, sequence });
      observed.in({ flags: RST | ACK, sequence });
      observed.out({ flags: RST, sequence });
      observed.in({ sequence: 5001, payload: 10 });
      observed.out({ sequence: 11, payload: 10 });
      const event = observed.only();
      assert.equal(event.out.payloadBytes, 20);
      assert.equal(event.in.payloadBytes, 10);
      assert.equal(event.tcp?.in.resets, 1);
      assert.equal(event.tcp?.in.retransmits, 1, `SYN-ACK ${sequence}`);
      assert.equal(event.tcp?.in.retransmittedBytes, 0);
      assert.equal(event.tcp?.out.retransmits, 0);
    }
  });

  it('farther away than any window only set the expected number anew', () => {
    const observed = connected();
    observed.out({ sequence: 1, payload: 10 });
    observed.out({ sequence: 0x6000_0000, payload: 10 });
    for (let sequence = 11; sequence < 111; sequence += 10) observed.out({ sequence, payload: 10 });
    const { retransmits, outOfOrder } = counts(observed);
    assert.deepEqual([retransmits, outOfOrder], [0, 0]);
  });
});

describe('a SYN between the same ends', () => {
  it('with another number begins another connection', () => {
    const observed = connected();
    observed.out({ flags: SYN, sequence: 1 });
    const [first, second] = observed.finish();
    assert.equal(first?.endReason, 'reused');
    assert.equal(first?.out.packets, 2);
    assert.equal(second?.out.packets, 1);
    assert.equal(second?.tcp?.state, 'syn_sent');
    assert.notEqual(first?.conversation.session, second?.conversation.session);
    assert.equal(first?.conversation.communityId, second?.conversation.communityId);
  });

  it('after a close or a reset ends the old one as what it was', () => {
    const closed = connected();
    closed.out({ flags: FIN | ACK, sequence: 1 });
    closed.in({ flags: FIN | ACK, sequence: 5001 });
    closed.out({ flags: SYN, sequence: 100 });
    assert.deepEqual(
      closed.finish().map((event) => event.endReason),
      ['fin', 'end_of_capture'],
    );
    const refused = new Observed();
    refused.in({ flags: RST | ACK });
    refused.in({ flags: SYN, sequence: 100 });
    assert.deepEqual(
      refused.finish().map((event) => event.endReason),
      ['rst', 'end_of_capture'],
    );
  });

  it('with the same number is a retransmission', () => {
    const observed = new Observed();
    observed.out({ flags: SYN, sequence: 100 });
    observed.in({ flags: RST | ACK, sequence: 0 });
    observed.out({ flags: SYN, sequence: 100 });
    const event = observed.only();
    assert.equal(event.out.packets, 2);
    assert.equal(event.tcp?.out.retransmits, 1);
  });

  it('after data of a connection in its middle begins another', () => {
    const observed = new Observed();
    observed.out({ sequence: 500, payload: 10 });
    observed.out({ flags: SYN, sequence: 100 });
    assert.equal(observed.finish().length, 2);
  });
});

describe('the roles of a TCP connection', () => {
  it('come from the SYN, whatever the ports', () => {
    const observed = new Observed();
    observed.out({ flags: SYN, sequence: 1, ports: [80, 40000] });
    const { conversation } = observed.only();
    assert.deepEqual(conversation.client, { ip: CLIENT, port: 80 });
  });

  it('come from the SYN-ACK where the SYN was not seen', () => {
    const observed = new Observed();
    observed.in({ flags: SYN | ACK, sequence: 1, ports: [80, 40000] });
    assert.equal(observed.table.fromClient, false);
    const { conversation } = observed.only();
    assert.equal(conversation.server.ip, SERVER);
  });

  it('are put right by a late SYN, with TOS and TTL', () => {
    const observed = new Observed();
    const slot = observed.out({ sequence: 9, payload: 1, ports: [80, 40000], ttl: 9 });
    assert.equal(observed.table.fromClient, false);
    assert.equal(observed.table.conversation(slot).client.ip, SERVER);
    observed.in({ sequence: 5, payload: 1, ports: [80, 40000], ttl: 8, flags: SYN | ACK });
    assert.equal(observed.table.fromClient, false);
    observed.out({ sequence: 10, payload: 1, ports: [80, 40000], ttl: 7 });
    assert.equal(observed.table.fromClient, true);
    const event = observed.only();
    assert.equal(event.conversation.client.ip, CLIENT);
    assert.equal(event.out.packets, 2);
    assert.equal(event.ttl, 7);
  });

  it('stay as a record has shown them', () => {
    const observed = new Observed({ activeTimeout: 10 });
    observed.out({ sequence: 9, payload: 1, ports: [80, 40000], time: 0 });
    observed.at(11);
    observed.in({ sequence: 5, ports: [80, 40000], time: 12, flags: SYN | ACK });
    const clients = observed.finish().map((event) => event.conversation.client.ip);
    assert.deepEqual(clients, [SERVER, SERVER]);
  });

  it('do not follow a second SYN-ACK from the other side', () => {
    const observed = connected();
    observed.out({ flags: SYN | ACK, sequence: 0, payload: 0 });
    observed.out({ flags: PSH | ACK, sequence: 1, payload: 1 });
    assert.equal(observed.only().conversation.client.ip, CLIENT);
  });
});

describe('the gaps of a sender', () => {
  it('are open until what is missing has come, whatever comes behind them', () => {
    const observed = connected();
    const past = (sequence: number, fromClient = true): number => observed.table.pastGap(0, fromClient, sequence);
    observed.out({ payload: 10, sequence: 1 });
    assert.equal(past(11), -1);
    observed.out({ payload: 10, sequence: 31 });
    observed.out({ payload: 10, sequence: 41 });
    assert.deepEqual([past(31), past(41)], [0, 10]);
    observed.out({ payload: 10, sequence: 21 });
    assert.deepEqual([past(21), past(11)], [0, -10]);
    observed.in({ payload: 10, sequence: 5001 });
    assert.equal(past(5001, false), -1);
    observed.out({ payload: 10, sequence: 11 });
    assert.equal(past(11), -1);
  });

  it('before the first byte can be told where the SYN was seen', () => {
    const begun = connected();
    begun.out({ payload: 10, sequence: 101 });
    assert.equal(begun.table.pastGap(0, true, 101), 0);
    assert.ok(begun.table.knowsStart(0, true) && begun.table.knowsStart(0, false));
    const midstream = new Observed();
    const slot = midstream.out({ payload: 10, sequence: 101 });
    assert.equal(midstream.table.pastGap(slot, true, 101), -1);
    assert.equal(midstream.table.knowsStart(slot, true), false);
  });
});
