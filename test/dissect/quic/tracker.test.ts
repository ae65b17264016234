import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MAX_CONNECTIONS } from '../../../src/dissect/connection-table.ts';
import { MAX_CRYPTO_BYTES } from '../../../src/dissect/quic/crypto-stream.ts';
import { MAX_FAILURES, MAX_PARALLEL } from '../../../src/dissect/quic/flow.ts';
import { QUIC_VERSIONS, quicVersionName } from '../../../src/dissect/quic/version.ts';
import { known } from '../../support/known.ts';
import { content, DatagramTest } from '../datagram-harness.ts';
import { RETRY_CLIENT_HELLO_1, RETRY_CLIENT_HELLO_2, RETRY_REQUEST, RETRY_SERVER_HELLO } from '../tls/traces.ts';
import {
  cryptoFrame,
  DRAFT_29,
  opaquePacket,
  padded,
  retryPacket,
  sealInitial,
  V1,
  V2,
  varint,
  versionNegotiation,
} from './seal.ts';
import { CLIENT_CRYPTO_FRAME, CLIENT_ID, SERVER_ID, SERVER_PAYLOAD, VERSION_1 } from './vectors.ts';

const CLIENT_HELLO = CLIENT_CRYPTO_FRAME.subarray(4);
const SERVER_HELLO = SERVER_PAYLOAD.subarray(9);
const NEW_ID = Buffer.from('0102030405060708090a', 'hex');
const ACK = Buffer.from([2, 0, 0, 0, 0]);
const PING = Buffer.from([1]);

const fromClient = (payload: Buffer, more: Partial<Parameters<typeof sealInitial>[0]> = {}): Buffer =>
  sealInitial({ originalId: CLIENT_ID, from: 'client', payload, ...more });
const fromServer = (payload: Buffer, more: Partial<Parameters<typeof sealInitial>[0]> = {}): Buffer =>
  sealInitial({
    originalId: CLIENT_ID,
    destinationId: Buffer.alloc(0),
    sourceId: SERVER_ID,
    from: 'server',
    payload,
    ...more,
  });
const CLIENT_INITIAL = fromClient(padded(cryptoFrame(CLIENT_HELLO)));
const SERVER_INITIAL = fromServer(Buffer.concat([ACK, cryptoFrame(SERVER_HELLO)]));

function handshakeOf(run: (quic: DatagramTest) => void) {
  const quic = new DatagramTest();
  run(quic);
  quic.end();
  assert.equal(quic.handshakes.length, 1);
  return content(quic.handshakes[0]);
}

const SIMPLE = handshakeOf((quic) => {
  quic.send('client', VERSION_1.clientInitial);
  quic.send('server', VERSION_1.serverInitial);
});

test('a client hello cut at every place, in one packet and in two, either first', () => {
  for (let cut = 1; cut < CLIENT_HELLO.length; cut++) {
    const head = cryptoFrame(CLIENT_HELLO.subarray(0, cut));
    const tail = cryptoFrame(CLIENT_HELLO.subarray(cut), cut);
    for (const datagrams of [
      [padded(tail, PING, head)],
      [padded(head), padded(tail)],
      [padded(PING, tail), padded(Buffer.alloc(3), head)],
    ]) {
      const cutHandshake = handshakeOf((quic) => {
        for (const [index, frames] of datagrams.entries()) {
          quic.send('client', fromClient(frames, { packetNumber: index }));
        }
        quic.send('server', SERVER_INITIAL);
      });
      assert.deepEqual(cutHandshake, SIMPLE, `cut at ${cut}`);
    }
  }
});

test('pieces in any order, repeated and overlapping, over any number of packets', () => {
  const piece = fc.record({
    start: fc.nat(CLIENT_HELLO.length - 1),
    length: fc.integer({ min: 1, max: 90 }),
    newPacket: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 30 }),
      fc.array(fc.nat(), { minLength: 8, maxLength: 8 }),
      (extra, order) => {
        // Every byte is in one of eight pieces; the extra ones repeat parts of them.
        const size = Math.ceil(CLIENT_HELLO.length / 8);
        const sure = order.map((_, i) => ({ start: i * size, length: size, newPacket: i % 3 === 0 }));
        const pieces = [...sure, ...extra]
          .map((one, i) => ({ one, key: order[i % order.length]! * 31 + i * 7919 }))
          .sort((a, b) => (a.key % 101) - (b.key % 101))
          .map(({ one }) => one);
        const packets: Buffer[][] = [[]];
        for (const { start, length, newPacket } of pieces) {
          if (newPacket) packets.push([]);
          packets.at(-1)!.push(cryptoFrame(CLIENT_HELLO.subarray(start, start + length), start));
        }
        const handshake = handshakeOf((quic) => {
          packets.forEach((frames, i) => {
            quic.send('client', fromClient(padded(...frames), { packetNumber: i }));
          });
          quic.send('server', SERVER_INITIAL);
        });
        assert.deepEqual(handshake, SIMPLE);
      },
    ),
    { numRuns: 100, seed: 1 },
  );
});

test('the first copy of a byte stays', () => {
  const forged = Buffer.from(CLIENT_HELLO);
  forged.fill(0x61, 6, 38);
  const handshake = handshakeOf((quic) => {
    quic.send('client', fromClient(padded(cryptoFrame(CLIENT_HELLO.subarray(0, 100)))));
    quic.send('client', fromClient(padded(cryptoFrame(forged))));
    quic.send('server', SERVER_INITIAL);
  });
  assert.deepEqual(handshake, SIMPLE);
});

test('packets that travel together: 0-RTT and Handshake are passed over, before and after', () => {
  const handshake = handshakeOf((quic) => {
    quic.send('client', Buffer.concat([opaquePacket(1, CLIENT_ID), opaquePacket(1, CLIENT_ID), CLIENT_INITIAL]));
    quic.send('server', Buffer.concat([SERVER_INITIAL, opaquePacket(2, Buffer.alloc(0)), Buffer.from([0x41, 2, 3])]));
  });
  assert.deepEqual(handshake, SIMPLE);
});

test('two Initials of one datagram, and packet numbers of every length', () => {
  for (const packetNumberLength of [1, 2, 3, 4]) {
    const handshake = handshakeOf((quic) => {
      const head = fromClient(cryptoFrame(CLIENT_HELLO.subarray(0, 60)), { packetNumberLength, packetNumber: 3 });
      const tail = fromClient(padded(cryptoFrame(CLIENT_HELLO.subarray(60), 60)), {
        packetNumberLength,
        packetNumber: 200,
      });
      quic.send('client', Buffer.concat([head, tail]));
      quic.send('server', fromServer(cryptoFrame(SERVER_HELLO), { packetNumberLength }));
    });
    assert.deepEqual(handshake, SIMPLE);
  }
});

test('the client goes over to the id that the server chose, with the keys of its own', () => {
  const handshake = handshakeOf((quic) => {
    quic.send('client', fromClient(padded(cryptoFrame(CLIENT_HELLO.subarray(0, 100)))));
    quic.send('server', fromServer(ACK));
    quic.send('client', fromClient(padded(cryptoFrame(CLIENT_HELLO.subarray(100), 100)), { destinationId: SERVER_ID }));
    quic.send('server', SERVER_INITIAL);
  });
  assert.deepEqual(handshake, SIMPLE);
});

test('a Retry: new id, new keys, the hello once', () => {
  const quic = new DatagramTest();
  quic.send('client', CLIENT_INITIAL);
  quic.send('server', retryPacket(Buffer.alloc(0), NEW_ID));
  const payload = padded(cryptoFrame(CLIENT_HELLO));
  quic.send('client', fromClient(payload, { originalId: NEW_ID, token: Buffer.from('token'), packetNumber: 1 }));
  quic.send('server', fromServer(cryptoFrame(SERVER_HELLO), { originalId: NEW_ID }));
  assert.deepEqual(quic.kinds, ['client_hello', 'server_hello', 'tls_handshake']);
  assert.deepEqual(content(quic.handshakes[0]), SIMPLE);
  assert.equal(quic.handshakes[0]?.responseTime, 0.003);
  assert.equal(quic.counters['quic.undecryptable'], 0);
});

test('Version Negotiation: another version, another hello, one handshake', () => {
  const other = Buffer.from(CLIENT_HELLO);
  other.fill(0x62, 6, 38);
  const quic = new DatagramTest();
  quic.send('client', fromClient(padded(cryptoFrame(CLIENT_HELLO)), { version: DRAFT_29 }));
  quic.send('server', versionNegotiation(Buffer.alloc(0), CLIENT_ID, [0x1a2a3a4a, V1]));
  quic.send('client', fromClient(padded(cryptoFrame(other)), { originalId: NEW_ID }));
  quic.send('server', fromServer(cryptoFrame(SERVER_HELLO), { originalId: NEW_ID }));
  assert.deepEqual(quic.kinds, ['client_hello', 'client_hello', 'server_hello', 'tls_handshake']);
  assert.equal(quic.clientHellos[0]?.quicVersion, DRAFT_29);
  assert.equal(quic.handshakes[0]?.quicVersion, V1);
  assert.equal(quic.handshakes[0]?.client?.random, '62'.repeat(32));
});

test('the server changes to version 2 (RFC 9369 §4.1)', () => {
  const quic = new DatagramTest();
  quic.send('client', CLIENT_INITIAL);
  quic.send('server', fromServer(cryptoFrame(SERVER_HELLO), { version: V2 }));
  assert.deepEqual(content(quic.handshakes[0]), SIMPLE);
  assert.equal(quic.handshakes[0]?.quicVersion, V2);
  assert.equal(QUIC_VERSIONS[quic.flows.quicVersions.get(0)!]?.name, '2');
});

test('the server acknowledges in version 1 and answers in version 2 (RFC 9369 §4.1), or seems to go back', () => {
  const acknowledgment = fromServer(ACK);
  const answer = Buffer.concat([ACK, cryptoFrame(SERVER_HELLO)]);
  for (const before of [[acknowledgment], [fromServer(ACK, { version: V2 }), acknowledgment]]) {
    const quic = new DatagramTest();
    quic.send('client', CLIENT_INITIAL);
    for (const one of before) quic.send('server', one);
    quic.send('server', fromServer(answer, { version: V2, packetNumber: 1 }));
    assert.deepEqual(content(quic.handshakes[0]), SIMPLE);
    assert.deepEqual([quic.handshakes[0]?.quicVersion, quic.serverHellos[0]?.quicVersion], [V2, V2]);
    assert.equal(QUIC_VERSIONS[quic.flows.quicVersions.get(0)!]?.name, '2');
  }
});

test('a HelloRetryRequest: two client hellos in one stream', () => {
  const [first, request, second, answer] = [
    RETRY_CLIENT_HELLO_1,
    RETRY_REQUEST,
    RETRY_CLIENT_HELLO_2,
    RETRY_SERVER_HELLO,
  ].map((record) => record.subarray(5));
  const quic = new DatagramTest();
  quic.send('client', fromClient(padded(cryptoFrame(first!))));
  quic.send('server', fromServer(cryptoFrame(request!)));
  quic.send('client', fromClient(padded(cryptoFrame(second!, first!.length)), { destinationId: SERVER_ID }));
  quic.send('server', fromServer(cryptoFrame(answer!, request!.length)));
  assert.deepEqual(quic.kinds, ['client_hello', 'server_hello', 'client_hello', 'server_hello', 'tls_handshake']);
  assert.deepEqual(quic.handshakes[0]?.firstClient?.keyShares, [0x001d]);
  assert.deepEqual(quic.handshakes[0]?.client?.keyShares, [0x0017]);
  assert.equal(quic.handshakes[0]?.retry?.helloRetryRequest, true);
  assert.equal(quic.handshakes[0]?.server?.helloRetryRequest, false);
});

test('roles come from the keys', () => {
  const quic = new DatagramTest();
  quic.send('server', CLIENT_INITIAL);
  quic.send('client', SERVER_INITIAL);
  assert.equal(quic.events.length, 3);
  for (const event of quic.events) {
    assert.ok('conversation' in event);
    assert.equal(event.conversation.client.port, 443);
  }
});

test('a client hello without an answer is reported when its flow ends', () => {
  const quic = new DatagramTest();
  quic.send('client', CLIENT_INITIAL);
  quic.send('client', CLIENT_INITIAL);
  assert.deepEqual(quic.kinds, ['client_hello']);
  quic.end();
  assert.deepEqual(quic.kinds, ['client_hello', 'tls_handshake']);
  assert.equal(quic.handshakes[0]?.server, undefined);
  quic.tracker.end();
  assert.equal(quic.events.length, 2);
});

test('CONNECTION_CLOSE in place of the server hello: the alert', () => {
  const quic = new DatagramTest();
  quic.send('client', CLIENT_INITIAL);
  quic.send('server', fromServer(Buffer.concat([ACK, Buffer.from([0x1c, 0x41, 0x28, 6, 0]), Buffer.alloc(20)])));
  assert.deepEqual(known(quic.handshakes[0]?.details), { alert: { from: 'server', level: 2, description: 40 } });
});

test('the next connection between the same ports', () => {
  const next = Buffer.from(CLIENT_HELLO);
  next.fill(0x63, 6, 38);
  const quic = new DatagramTest();
  quic.send('client', CLIENT_INITIAL);
  quic.send('server', SERVER_INITIAL);
  quic.send('client', fromClient(padded(ACK), { destinationId: SERVER_ID }));
  quic.send('server', SERVER_INITIAL);
  assert.equal(quic.events.length, 3);
  quic.send('client', fromClient(padded(cryptoFrame(next)), { originalId: NEW_ID }));
  quic.send('server', fromServer(cryptoFrame(SERVER_HELLO), { originalId: NEW_ID }));
  assert.deepEqual(
    quic.handshakes.map(({ client }) => client?.random.slice(0, 2)),
    ['eb', '63'],
  );
  assert.equal(quic.counters['quic.undecryptable'], 0);
});

/** Client and server of a connection with ids of their own, whose hello has randoms of one byte. */
function connectionOf(mark: number) {
  const ids = { originalId: Buffer.alloc(8, mark), clientId: Buffer.alloc(4, mark), serverId: Buffer.alloc(4, ~mark) };
  const hello = Buffer.from(CLIENT_HELLO);
  hello.fill(mark, 6, 38);
  const head = padded(cryptoFrame(hello.subarray(0, 100)));
  const tail = padded(cryptoFrame(hello.subarray(100), 100));
  const client = (payload: Buffer, originalId = ids.originalId) =>
    fromClient(payload, { originalId, sourceId: ids.clientId });
  const server = (payload: Buffer, originalId = ids.originalId) =>
    fromServer(payload, { originalId, destinationId: ids.clientId, sourceId: ids.serverId });
  return { ...ids, random: hello.toString('hex', 6, 38), head, tail, client, server };
}

const answer = Buffer.concat([ACK, cryptoFrame(SERVER_HELLO)]);

test('connections at the same time between the same ports, whatever the order of their packets', () => {
  const connections = [0x11, 0x22, 0x33].map(connectionOf);
  const expected = connections.map(({ random }) => random);
  const quic = new DatagramTest();
  for (const { client, head } of connections) quic.send('client', client(head));
  for (const { client, tail } of connections.toReversed()) quic.send('client', client(tail));
  for (const { server } of connections) quic.send('server', server(answer));
  for (const { serverId, originalId } of connections) {
    quic.send('client', fromClient(padded(ACK), { originalId, destinationId: serverId }));
  }
  assert.deepEqual(
    quic.handshakes.map(({ client, server }) => [client?.random, server !== undefined]),
    expected.map((random) => [random, true]),
  );
  assert.equal(quic.counters['quic.undecryptable'], 0);
});

test('connections at the same time, each sent a Retry, and one of them twice', () => {
  const connections = [0x11, 0x22].map(connectionOf);
  const quic = new DatagramTest();
  const [first, second] = connections;
  for (const { client, head } of connections) quic.send('client', client(head));
  for (const { clientId } of connections) quic.send('server', retryPacket(clientId, NEW_ID));
  for (const { client, head, tail } of connections) {
    quic.send('client', client(head, NEW_ID));
    quic.send('client', client(tail, NEW_ID));
  }
  quic.send('server', retryPacket(second!.clientId, CLIENT_ID));
  const third = connectionOf(0x33);
  quic.send('client', third.client(third.head));
  for (const { server } of connections) quic.send('server', server(answer, NEW_ID));
  quic.send('client', third.client(third.tail));
  quic.send('server', third.server(answer));
  assert.deepEqual(
    quic.handshakes.map(({ client, server }) => [client?.random, server !== undefined]),
    [first!, second!, third].map(({ random }) => [random, true]),
  );
  assert.equal(quic.counters['quic.undecryptable'], 0);
});

test('more connections of a flow than are kept: first those yield whose handshake is reported, then the oldest', () => {
  const quic = new DatagramTest();
  const connections = Array.from({ length: MAX_PARALLEL + 2 }, (_, i) => connectionOf(0x11 + i));
  connections.forEach(({ client, head, tail, server }, i) => {
    quic.send('client', client(head));
    quic.send('client', client(tail));
    if (i === 1) quic.send('server', server(answer));
  });
  assert.deepEqual(
    quic.handshakes.map(({ client, server }) => [client?.random, server !== undefined]),
    [
      [connections[1]!.random, true],
      [connections[0]!.random, false],
    ],
  );
  quic.end();
  assert.equal(quic.handshakes.length, connections.length);
  assert.equal(new Set(quic.handshakes.map(({ client }) => client?.random)).size, connections.length);
});

test('a Version Negotiation that offers the version of the client is none of the server', () => {
  const other = Buffer.from(CLIENT_HELLO);
  other.fill(0x62, 6, 38);
  const quic = new DatagramTest();
  quic.send('client', CLIENT_INITIAL);
  quic.send('server', versionNegotiation(Buffer.alloc(0), CLIENT_ID, [V2, V1]));
  quic.send('client', fromClient(padded(cryptoFrame(other)), { originalId: NEW_ID }));
  assert.deepEqual(quic.kinds, ['client_hello', 'tls_handshake', 'client_hello']);
});

test('a Version Negotiation with other ids is of another connection, or forged', () => {
  const [first, second] = [0x11, 0x22].map(connectionOf);
  const wrong = Buffer.from('0a0b0c0d', 'hex');
  for (const [to, from] of [
    [wrong, first!.originalId],
    [first!.clientId, wrong],
  ] as const) {
    const quic = new DatagramTest();
    quic.send('client', first!.client(first!.head));
    quic.send('server', versionNegotiation(to, from, [V2, DRAFT_29]));
    for (const { client, head, tail } of [second!, first!]) {
      if (client === second!.client) quic.send('client', client(head));
      quic.send('client', client(tail));
    }
    for (const { server } of [first!, second!]) quic.send('server', server(answer));
    assert.deepEqual(
      quic.handshakes.map(({ client, server }) => [client?.random, server !== undefined]),
      [first!, second!].map(({ random }) => [random, true]),
    );
  }
});

test('a connection that reaches a limit ends alone', () => {
  const [first, second] = [0x11, 0x22].map(connectionOf);
  const quic = new DatagramTest();
  quic.send('client', first!.client(first!.head));
  quic.send('client', second!.client(padded(cryptoFrame(Buffer.from([1]), MAX_CRYPTO_BYTES))));
  quic.send('client', second!.client(second!.head));
  quic.send('client', first!.client(first!.tail));
  quic.send('server', first!.server(answer));
  quic.end();
  assert.deepEqual(
    quic.handshakes.map(({ client, server }) => [client?.random, server !== undefined]),
    [[first!.random, true]],
  );
  assert.equal(quic.counters['tls.stream_limit'], 1);
});

test('packets that no key opens are counted from the last connection on that began', () => {
  const unknown = fromClient(padded(cryptoFrame(CLIENT_HELLO)), { destinationId: NEW_ID });
  const quic = new DatagramTest();
  for (const mark of [0x11, 0x22]) {
    const { client, head, tail, server } = connectionOf(mark);
    quic.send('client', client(head));
    quic.send('client', client(tail));
    quic.send('server', server(answer));
    for (let i = 0; i < MAX_FAILURES - 1; i++) quic.send('client', unknown);
  }
  assert.equal(quic.handshakes.length, 2);
  assert.equal(quic.counters['quic.undecryptable'], 2 * (MAX_FAILURES - 1));
});

test('HTTP/3 is told by the protocols that the client offers', () => {
  const alpn = Buffer.from(CLIENT_HELLO.toString('latin1').replace('\x05\x04alpn', '\x03\x02h3\x00\x00'), 'latin1');
  // The extension keeps its length: the list is shorter, and what is left over belongs to no protocol.
  const quic = new DatagramTest();
  quic.send('client', fromClient(padded(cryptoFrame(alpn))));
  assert.deepEqual(quic.clientHellos[0]?.hello.alpn, ['h3']);
  assert.equal(quic.flows.apps.get(0), 'http3');
});

test("Google's versions are named, nothing more", () => {
  const publicHeader = Buffer.concat([Buffer.from('0d1122334455667788', 'hex'), Buffer.from('Q043'), Buffer.alloc(60)]);
  const longHeader = Buffer.concat([
    Buffer.from('c3', 'hex'),
    Buffer.from('Q046'),
    Buffer.from('50'),
    Buffer.alloc(60),
  ]);
  for (const [name, datagram] of [
    ['Q043', publicHeader],
    ['Q046', longHeader],
  ] as const) {
    const quic = new DatagramTest();
    quic.send('client', datagram);
    quic.end();
    assert.equal(quic.flows.apps.get(0), 'quic');
    assert.equal(QUIC_VERSIONS[quic.flows.quicVersions.get(0)!]?.name, name);
    assert.deepEqual(quic.events, []);
  }
});

test('names of versions', () => {
  assert.equal(quicVersionName(1), '1');
  assert.equal(quicVersionName(0xff00001d), 'draft-29');
  assert.equal(quicVersionName(0x0a1a2a3a), '0x0a1a2a3a');
  assert.ok(QUIC_VERSIONS.length < 255, 'an index plus one fits a byte');
  assert.equal(new Set(QUIC_VERSIONS.map(({ number }) => number)).size, QUIC_VERSIONS.length);
});

test('a packet that was not captured whole is not opened', () => {
  const quic = new DatagramTest();
  quic.send('client', CLIENT_INITIAL, 0, CLIENT_INITIAL.length - 1);
  quic.end();
  assert.deepEqual(quic.events, []);
});

test('packets that no key opens: given up after a few, and the flow costs nothing more', () => {
  const quic = new DatagramTest();
  const unknown = fromClient(padded(cryptoFrame(CLIENT_HELLO)), { destinationId: NEW_ID });
  for (let i = 0; i < MAX_FAILURES + 5; i++) quic.send('client', unknown);
  assert.equal(quic.counters['quic.undecryptable'], MAX_FAILURES);
  quic.send('client', CLIENT_INITIAL);
  quic.end();
  assert.deepEqual(quic.events, []);
});

test('CRYPTO data beyond the limits ends the connection', () => {
  const quic = new DatagramTest();
  quic.send('client', fromClient(padded(cryptoFrame(Buffer.from([1]), MAX_CRYPTO_BYTES))));
  quic.send('client', CLIENT_INITIAL);
  quic.end();
  assert.deepEqual(quic.events, []);
  assert.equal(quic.counters['tls.stream_limit'], 1);
});

test('what is in CRYPTO frames and no hello ends the reading', () => {
  const finished = Buffer.concat([Buffer.from([20, 0, 0, 32]), Buffer.alloc(32)]);
  const quic = new DatagramTest();
  quic.send('client', fromClient(padded(cryptoFrame(finished))));
  quic.send('client', CLIENT_INITIAL);
  quic.end();
  assert.deepEqual(quic.events, []);
});

test('more connections than are kept: the oldest yields and is reported', () => {
  const quic = new DatagramTest({ messages: false, transactions: true, fingerprints: [] });
  quic.send('client', CLIENT_INITIAL, 0);
  const short = opaquePacket(2, CLIENT_ID, 40);
  for (let slot = 1; slot <= MAX_CONNECTIONS; slot++) quic.send('client', short, slot);
  assert.equal(quic.handshakes.length, 1);
});

test('any bytes: no event, no throw, and frames of any kind end', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 1_400 }), (bytes) => {
      const quic = new DatagramTest();
      quic.send('client', bytes);
      quic.send('server', bytes);
      quic.end();
      assert.deepEqual(quic.events, []);
    }),
    { numRuns: 500, seed: 2 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 30, maxLength: 600 }), fc.boolean(), (bytes, sealed) => {
      const quic = new DatagramTest();
      const payload = Buffer.from(bytes);
      const header = Buffer.concat([Buffer.from([0xc0, 0, 0, 0, 1]), payload]);
      quic.send('client', sealed ? fromClient(payload) : header);
      quic.send('client', CLIENT_INITIAL);
      quic.end();
      assert.ok(quic.events.length <= 2);
    }),
    { numRuns: 500, seed: 3 },
  );
});

test('an acknowledgment that claims 2^62 ranges ends with its packet', () => {
  const claims = Buffer.concat([Buffer.from([2, 0, 0]), Buffer.alloc(8, 0xff), Buffer.alloc(200)]);
  const quic = new DatagramTest();
  quic.send('client', fromClient(Buffer.concat([claims, varint(0)])));
  quic.send('client', CLIENT_INITIAL);
  assert.deepEqual(quic.kinds, ['client_hello']);
});
