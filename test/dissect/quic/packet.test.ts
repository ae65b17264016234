import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LongHeader } from '../../../src/dissect/quic/header.ts';
import { InitialKeys } from '../../../src/dissect/quic/keys.ts';
import { openInitial } from '../../../src/dissect/quic/packet.ts';
import { findQuicVersion } from '../../../src/dissect/quic/version.ts';
import { DatagramTest } from '../datagram-harness.ts';
import { CLIENT_CRYPTO_FRAME, CLIENT_ID, SERVER_ID, SERVER_PAYLOAD, VERSION_1, VERSION_2 } from './vectors.ts';

const view = (bytes: Buffer): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

for (const [name, number, vectors] of [
  ['RFC 9001 appendix A', 1, VERSION_1],
  ['RFC 9369 appendix A', 0x6b3343cf, VERSION_2],
] as const) {
  const keys = new InitialKeys(findQuicVersion(number)!.initial!, CLIENT_ID);

  test(`${name}: the client's Initial`, () => {
    const packet = vectors.clientInitial;
    const header = new LongHeader();
    assert.ok(header.read(packet, view(packet), 0, packet.length));
    assert.equal(header.type, header.version?.initial?.types.initial);
    assert.deepEqual(packet.subarray(header.destinationIdStart).subarray(0, header.destinationIdLength), CLIENT_ID);
    assert.equal(header.end, 1_200);
    const payload = openInitial(header, packet, keys.client);
    assert.deepEqual(payload, Buffer.concat([CLIENT_CRYPTO_FRAME, Buffer.alloc(917)]));
    assert.equal(openInitial(header, packet, keys.server), undefined);
  });

  test(`${name}: the server's Initial`, () => {
    const packet = vectors.serverInitial;
    const header = new LongHeader();
    assert.ok(header.read(packet, view(packet), 0, packet.length));
    assert.equal(header.destinationIdLength, 0);
    assert.deepEqual(packet.subarray(header.sourceIdStart).subarray(0, header.sourceIdLength), SERVER_ID);
    assert.deepEqual(openInitial(header, packet, keys.server), SERVER_PAYLOAD);
    assert.equal(openInitial(header, packet, keys.client), undefined);
  });

  test(`${name}: Retry is told from the other types`, () => {
    const packet = vectors.retry;
    const header = new LongHeader();
    assert.ok(header.read(packet, view(packet), 0, packet.length));
    assert.equal(header.type, header.version?.initial?.types.retry);
    assert.equal(header.end, packet.length);
  });

  test(`${name}: both Initials make a handshake`, () => {
    const quic = new DatagramTest();
    quic.send('client', vectors.clientInitial);
    quic.send('server', vectors.serverInitial);
    assert.deepEqual(quic.kinds, ['client_hello', 'server_hello', 'tls_handshake']);
    const [handshake] = quic.handshakes;
    assert.equal(handshake?.quicVersion, number);
    assert.equal(handshake?.client?.serverName, 'example.com');
    assert.deepEqual(handshake?.client?.alpn, ['alpn']);
    assert.equal(handshake?.client?.version, 0x0304);
    assert.equal(handshake?.client?.recordVersion, undefined);
    assert.equal(handshake?.server?.cipherSuite, 0x1301);
    assert.equal(handshake?.server?.keyShareGroup, 0x001d);
    assert.equal(handshake?.responseTime, 0.001);
    assert.equal(quic.flows.apps.get(0), 'quic');
  });

  test(`${name}: one bit changed anywhere gives no hello`, () => {
    for (let at = 0; at < vectors.clientInitial.length; at++) {
      const damaged = Buffer.from(vectors.clientInitial);
      damaged[at]! ^= 1 << (at % 8);
      const quic = new DatagramTest();
      quic.send('client', damaged);
      quic.end();
      assert.deepEqual(quic.events, [], `byte ${at}`);
    }
  });
}
