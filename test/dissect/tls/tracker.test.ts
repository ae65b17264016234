import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MAX_CONNECTIONS } from '../../../src/dissect/connection-table.ts';
import type { TlsHandshakeEvent } from '../../../src/dissect/event.ts';
import { TcpFlag } from '../../../src/dissect/net/packet.ts';
import { MAX_FOLLOWED_BYTES, MAX_FOLLOWED_SEGMENTS } from '../../../src/dissect/tls/connection.ts';
import { MAX_EMPTY_RECORDS } from '../../../src/dissect/tls/signature.ts';
import { handshake, refragment, TlsTest, tlsRecord } from './connection.ts';
import {
  RETRY_CLIENT_HELLO_1,
  RETRY_CLIENT_HELLO_2,
  RETRY_REQUEST,
  RETRY_SERVER_HELLO,
  SIMPLE_CLIENT_HELLO,
  SIMPLE_SERVER_HELLO,
  TLS12_CLIENT_HELLO,
  TLS12_SERVER_HELLO,
} from './traces.ts';

const CHANGE_CIPHER_SPEC = tlsRecord(20, Buffer.from([1]));
const WARNING = tlsRecord(21, Buffer.from([1, 112]));
const FATAL_ALERT = tlsRecord(21, Buffer.from([2, 40]));
const APPLICATION_DATA = tlsRecord(23, Buffer.alloc(900, 0x5a));
const TEXT = Buffer.from('220 mail.example ready\r\n');

/** The handshake without what depends on when its segments came. */
function content(event: TlsHandshakeEvent | undefined) {
  return { client: event?.client, retry: event?.retry, server: event?.server };
}

function handshakeOf(run: (connection: TlsTest) => void) {
  const connection = new TlsTest();
  run(connection);
  connection.end();
  assert.equal(connection.handshakes.length, 1);
  return content(connection.handshakes[0]);
}

const SIMPLE = handshakeOf((connection) => {
  connection.send('client', SIMPLE_CLIENT_HELLO);
  connection.send('server', SIMPLE_SERVER_HELLO);
});

test('a handshake: two messages, one event, and the flow is done with the ServerHello', () => {
  const connection = new TlsTest();
  assert.equal(connection.send('client', SIMPLE_CLIENT_HELLO), true);
  assert.equal(connection.send('server', Buffer.concat([SIMPLE_SERVER_HELLO, APPLICATION_DATA])), false);
  assert.deepEqual(
    connection.events.map((event) => event.kind),
    ['client_hello', 'server_hello', 'tls_handshake'],
  );
  const event = connection.handshakes[0]!;
  assert.equal(event.client?.serverName, 'server');
  assert.equal(event.server?.cipherSuite, 0x1301);
  assert.equal(event.retry, undefined);
  assert.deepEqual(event.time, { seconds: 1_700_000_000, nanos: 0 });
  assert.equal(event.responseTime, 0.001);
  assert.equal(connection.flows.apps.get(0), 'tls');
  connection.end();
  assert.equal(connection.handshakes.length, 1);
});

test('what is not wanted is not produced', () => {
  for (const [messages, transactions, kinds] of [
    [true, false, ['client_hello', 'server_hello']],
    [false, true, ['tls_handshake']],
  ] as const) {
    const connection = new TlsTest({ messages, transactions });
    connection.send('client', TLS12_CLIENT_HELLO);
    connection.send('server', TLS12_SERVER_HELLO);
    assert.deepEqual(
      connection.events.map((event) => event.kind),
      kinds,
    );
  }
});

test('data that comes after the connection was closed and reported is not followed', () => {
  const connection = new TlsTest();
  connection.send('client', SIMPLE_CLIENT_HELLO);
  connection.end();
  connection.send('server', SIMPLE_SERVER_HELLO.subarray(60));
  connection.end();
  assert.equal(connection.handshakes.length, 1);
});

test('roles come from the messages', () => {
  const connection = new TlsTest();
  connection.send('server', SIMPLE_CLIENT_HELLO);
  connection.send('client', SIMPLE_SERVER_HELLO);
  for (const event of connection.events) {
    assert.ok('conversation' in event);
    assert.equal(event.conversation.client.port, 443);
    assert.equal(event.conversation.server.port, 50_000);
  }
  assert.equal(connection.events.length, 3);
});

test('hellos cut at every position, into segments of every size, are the same', () => {
  for (let size = 1; size < SIMPLE_CLIENT_HELLO.length; size++) {
    const cut = handshakeOf((connection) => {
      connection.sendCut('client', SIMPLE_CLIENT_HELLO, size);
      connection.sendCut('server', SIMPLE_SERVER_HELLO, size);
    });
    assert.deepEqual(cut, SIMPLE, `segments of ${size}`);
    const halves = handshakeOf((connection) => {
      connection.send('client', SIMPLE_CLIENT_HELLO.subarray(0, size));
      connection.send('client', SIMPLE_CLIENT_HELLO.subarray(size));
      connection.send('server', SIMPLE_SERVER_HELLO);
    });
    assert.deepEqual(halves, SIMPLE, `cut at ${size}`);
  }
});

test('hellos in records of every size are the same (RFC 8446 §5.1)', () => {
  for (let size = 1; size <= 60; size++) {
    for (const segment of [1, 7, 10_000]) {
      const cut = handshakeOf((connection) => {
        connection.sendCut('client', refragment(SIMPLE_CLIENT_HELLO, size), Math.max(segment, 10));
        connection.sendCut('server', refragment(SIMPLE_SERVER_HELLO, size), Math.max(segment, 10));
      });
      assert.deepEqual(cut, SIMPLE, `records of ${size}, segments of ${segment}`);
    }
  }
});

test('empty handshake records before a hello, which OpenSSL takes (RFC 8446 §5.1 forbids them)', () => {
  const empty = tlsRecord(22, Buffer.alloc(0), 0x0301);
  const read = (records: number): TlsTest => {
    const connection = new TlsTest();
    connection.send('client', Buffer.concat([...Array<Buffer>(records).fill(empty), SIMPLE_CLIENT_HELLO]));
    connection.send('server', Buffer.concat([empty, SIMPLE_SERVER_HELLO]));
    connection.end();
    return connection;
  };
  for (const records of [1, 2, MAX_EMPTY_RECORDS]) {
    assert.deepEqual(content(read(records).handshakes[0]), SIMPLE, `${records} empty records`);
  }
  assert.equal(read(MAX_EMPTY_RECORDS + 1).handshakes[0]?.client, undefined);
  const retry = new TlsTest();
  retry.send('client', RETRY_CLIENT_HELLO_1);
  retry.send('server', Buffer.concat([empty, RETRY_REQUEST]));
  retry.send('client', Buffer.concat([empty, RETRY_CLIENT_HELLO_2]));
  retry.send('server', RETRY_SERVER_HELLO);
  assert.deepEqual([retry.clientHellos.length, retry.serverHellos.length], [2, 2]);
  // What follows an empty record must be a hello, as what stands alone must.
  const other = new TlsTest();
  other.send('client', Buffer.concat([empty, handshake(11, Buffer.alloc(60))]));
  other.send('client', Buffer.concat([empty, tlsRecord(23, SIMPLE_CLIENT_HELLO.subarray(5))]));
  other.end();
  assert.deepEqual([other.events, other.counters['tls.incomplete']], [[], 0]);
});

test('segments out of order, retransmitted, overlapping', () => {
  const first = SIMPLE_CLIENT_HELLO.subarray(0, 80);
  const second = SIMPLE_CLIENT_HELLO.subarray(80, 150);
  const third = SIMPLE_CLIENT_HELLO.subarray(150);
  for (const order of ['123', '132', '213', '231', '312', '321', '1123', '1323', '12123']) {
    const read = handshakeOf((connection) => {
      for (const part of order) {
        if (part === '1') connection.send('client', first, { at: 0 });
        else if (part === '2') connection.send('client', second, { at: 80 });
        else connection.send('client', third, { at: 150 });
      }
      connection.send('server', SIMPLE_SERVER_HELLO.subarray(40), { at: 40 });
      connection.send('server', SIMPLE_SERVER_HELLO.subarray(0, 60), { at: 0 });
    });
    assert.deepEqual(read, SIMPLE, order);
  }
});

test('a capture that begins with the later parts of a hello', () => {
  const read = handshakeOf((connection) => {
    connection.flows.midstream = true;
    connection.send('client', SIMPLE_CLIENT_HELLO.subarray(150), { at: 150 });
    connection.send('client', SIMPLE_CLIENT_HELLO.subarray(80, 150), { at: 80 });
    connection.send('client', SIMPLE_CLIENT_HELLO.subarray(0, 80), { at: 0 });
    connection.send('server', SIMPLE_SERVER_HELLO, { at: 0 });
  });
  assert.deepEqual(read, SIMPLE);
});

const UPGRADE: readonly (readonly ['client' | 'server', string])[] = [
  ['server', '220 mail.example ESMTP ready\r\n'],
  ['client', 'EHLO a.example\r\n'],
  ['server', '250 STARTTLS\r\n'],
  ['client', 'STARTTLS\r\n'],
  ['server', '220 go\r\n'],
];

/** A connection of SMTP up to the answer to STARTTLS, and the position of the client's hello. */
function upgraded(): [TlsTest, number] {
  const connection = new TlsTest();
  let at = 0;
  for (const [from, line] of UPGRADE) {
    connection.send(from, Buffer.from(line));
    if (from === 'client') at += line.length;
  }
  return [connection, at];
}

test('a hello after plaintext, its segments out of order', () => {
  const cuts = [0, 80, 150, SIMPLE_CLIENT_HELLO.length];
  for (const order of ['132', '213', '231', '312', '321']) {
    const [connection, start] = upgraded();
    for (const part of order) {
      const [from, to] = [cuts[Number(part) - 1]!, cuts[Number(part)]!];
      connection.send('client', SIMPLE_CLIENT_HELLO.subarray(from, to), { at: start + from });
    }
    connection.send('server', SIMPLE_SERVER_HELLO);
    assert.deepEqual(content(connection.handshakes[0]), SIMPLE, order);
    assert.equal(connection.handshakes[0]?.details?.after, 'smtp');
  }
});

test('the parts of a hello find together over what other flows begin meanwhile', () => {
  const connection = new TlsTest();
  connection.send('client', SIMPLE_CLIENT_HELLO.subarray(80), { at: 80 });
  for (let slot = 1; slot <= 1_000; slot++) {
    connection.send('client', Buffer.from('GET / HTTP/1.1\r\n\r\n'), {}, slot);
    connection.send('server', Buffer.from('HTTP/1.1 200 OK\r\n\r\n'), {}, slot);
  }
  connection.send('client', SIMPLE_CLIENT_HELLO.subarray(0, 80), { at: 0 });
  connection.send('server', SIMPLE_SERVER_HELLO);
  assert.deepEqual(content(connection.handshakes[0]), SIMPLE);
});

test('a hello of which a part is missing after STARTTLS: counted, and the flow is no plaintext', () => {
  const [connection, start] = upgraded();
  assert.equal(connection.flows.apps.get(0), 'smtp');
  connection.send('client', SIMPLE_CLIENT_HELLO.subarray(0, 80), { at: start });
  connection.end();
  assert.deepEqual(connection.events, []);
  assert.equal(connection.counters['tls.incomplete'], 1);
  assert.equal(connection.flows.apps.get(0), 'tls');
});

test('a part of a hello that came before its beginning and looks like SOCKS tells no protocol', () => {
  const methods = Buffer.from([5, 1, 0]);
  const hello = Buffer.from(SIMPLE_CLIENT_HELLO);
  methods.copy(hello, 20);
  const connection = new TlsTest();
  connection.send('client', hello.subarray(20, 23), { at: 20 });
  assert.equal(connection.flows.apps.get(0), 'socks');
  connection.send('client', hello.subarray(23), { at: 23 });
  connection.send('client', hello.subarray(0, 20), { at: 0 });
  connection.send('server', SIMPLE_SERVER_HELLO);
  assert.equal(connection.handshakes[0]?.client?.serverName, 'server');
  assert.equal(connection.handshakes[0]?.details?.after, undefined);
  assert.equal(connection.flows.apps.get(0), 'tls');
  // What it is told by before the hello stays.
  const proxied = new TlsTest();
  proxied.send('client', methods);
  proxied.send('server', Buffer.from([5, 0]));
  proxied.send('client', hello.subarray(20, 23), { at: 23 });
  proxied.send('client', hello.subarray(23), { at: 26 });
  proxied.send('client', hello.subarray(0, 20), { at: 3 });
  proxied.send('server', SIMPLE_SERVER_HELLO);
  assert.equal(proxied.handshakes[0]?.client?.serverName, 'server');
  assert.equal(proxied.handshakes[0]?.details?.after, 'socks');
});

test('a contradicting retransmission does not change what came first', () => {
  const forged = Buffer.from(SIMPLE_CLIENT_HELLO);
  forged.fill(0x41, 60, 150);
  const read = handshakeOf((connection) => {
    connection.send('client', SIMPLE_CLIENT_HELLO.subarray(0, 150));
    connection.send('client', forged, { at: 0 });
    connection.send('server', SIMPLE_SERVER_HELLO);
  });
  assert.deepEqual(read, SIMPLE);
});

test('HelloRetryRequest: four messages, one handshake (RFC 8448 §5)', () => {
  const run = (size: number, earlyData: boolean): TlsTest => {
    const connection = new TlsTest();
    connection.sendCut('client', RETRY_CLIENT_HELLO_1, size);
    if (earlyData) connection.send('client', Buffer.concat([CHANGE_CIPHER_SPEC, APPLICATION_DATA]));
    connection.sendCut('server', Buffer.concat([RETRY_REQUEST, CHANGE_CIPHER_SPEC]), size);
    connection.sendCut('client', Buffer.concat([CHANGE_CIPHER_SPEC, RETRY_CLIENT_HELLO_2]), size);
    connection.sendCut('server', Buffer.concat([RETRY_SERVER_HELLO, APPLICATION_DATA]), size);
    return connection;
  };
  for (const connection of [run(2000, false), run(100, false), run(2000, true), run(13, false)]) {
    assert.deepEqual(
      connection.events.map((event) => event.kind),
      ['client_hello', 'server_hello', 'client_hello', 'server_hello', 'tls_handshake'],
    );
    const { client, firstClient, retry, server, responseTime } = connection.handshakes[0]!;
    assert.deepEqual([firstClient?.keyShares, client?.keyShares], [[0x1d], [0x17]]);
    assert.deepEqual([retry?.helloRetryRequest, retry?.keyShareGroup], [true, 0x17]);
    assert.deepEqual([server?.helloRetryRequest, server?.keyShareGroup], [false, 0x17]);
    assert.ok(responseTime! > 0);
  }
});

test('the hello that a HelloRetryRequest answered is the first one, as far as it was seen', () => {
  const hellos = (...messages: (readonly ['client' | 'server', Buffer])[]) => {
    const connection = new TlsTest();
    for (const [from, message] of messages) connection.send(from, message);
    connection.end();
    const { client, firstClient } = connection.handshakes[0]!;
    return [firstClient?.keyShares, client?.keyShares];
  };
  assert.deepEqual(hellos(['client', RETRY_CLIENT_HELLO_1]), [undefined, [0x1d]]);
  assert.deepEqual(hellos(['client', RETRY_CLIENT_HELLO_1], ['server', RETRY_REQUEST]), [[0x1d], [0x1d]]);
  assert.deepEqual(hellos(['server', RETRY_REQUEST], ['client', RETRY_CLIENT_HELLO_2]), [undefined, [0x17]]);
  assert.deepEqual(hellos(['client', RETRY_CLIENT_HELLO_1], ['client', RETRY_CLIENT_HELLO_2]), [[0x1d], [0x17]]);
});

test('a warning before the ServerHello, and other messages in its record', () => {
  const certificate = Buffer.concat([Buffer.from([11, 0, 0x0f, 0xa0]), Buffer.alloc(4000)]);
  const flight = tlsRecord(22, Buffer.concat([TLS12_SERVER_HELLO.subarray(5), certificate]));
  const connection = new TlsTest();
  connection.send('client', TLS12_CLIENT_HELLO);
  assert.equal(connection.send('server', WARNING), true);
  const helloRequest = handshake(0, Buffer.alloc(0));
  assert.equal(connection.send('server', helloRequest), true);
  assert.equal(connection.send('server', flight.subarray(0, 1000)), false);
  assert.equal(connection.handshakes[0]?.server?.alpn, 'h2');
});

test('no ServerHello: the client alone is reported as soon as that is certain', () => {
  const certificate = handshake(11, Buffer.alloc(100));
  for (const answer of [FATAL_ALERT, APPLICATION_DATA, certificate]) {
    const connection = new TlsTest();
    connection.send('client', TLS12_CLIENT_HELLO);
    assert.equal(connection.send('server', answer), false);
    assert.equal(connection.handshakes[0]?.client?.serverName, 'www.example.org');
    assert.equal(connection.handshakes[0]?.server, undefined);
    assert.equal(connection.handshakes[0]?.responseTime, undefined);
  }
  const silent = new TlsTest();
  silent.send('client', TLS12_CLIENT_HELLO);
  assert.equal(silent.handshakes.length, 0);
  silent.end();
  assert.equal(silent.handshakes.length, 1);
  assert.equal(silent.counters['tls.incomplete'], 0);
});

test('captures of one direction, and of the answer before the question', () => {
  const server = new TlsTest();
  server.send('server', TLS12_SERVER_HELLO);
  server.end();
  assert.deepEqual([server.handshakes.length, server.handshakes[0]?.client], [1, undefined]);
  assert.equal(server.handshakes[0]?.conversation.server.port, 443);
  const swapped = handshakeOf((connection) => {
    connection.send('server', SIMPLE_SERVER_HELLO);
    connection.send('client', SIMPLE_CLIENT_HELLO);
  });
  assert.deepEqual(swapped, SIMPLE);
});

test('plaintext before the hello: STARTTLS, CONNECT, and data that crosses it', () => {
  const startTls = handshakeOf((connection) => {
    for (let i = 0; i < 20; i++) {
      connection.send('server', TEXT);
      connection.send('client', Buffer.from('EHLO a.example\r\n'));
    }
    connection.send('client', SIMPLE_CLIENT_HELLO);
    connection.send('server', SIMPLE_SERVER_HELLO);
  });
  assert.deepEqual(startTls, SIMPLE);
  const crossing = handshakeOf((connection) => {
    connection.send('client', SIMPLE_CLIENT_HELLO);
    connection.send('server', TEXT);
    connection.send('server', SIMPLE_SERVER_HELLO);
  });
  assert.deepEqual(crossing, SIMPLE);
});

test('bytes that only look like a hello leave the flow undecided', () => {
  const lookalikes = [
    Buffer.from([0x16]),
    Buffer.from([0x16, 3, 1]),
    Buffer.from('1603010002', 'hex'),
    Buffer.from('160301000201', 'hex'),
    Buffer.from([0x80]),
    Buffer.from('802b0100', 'hex'),
  ];
  for (const start of lookalikes) {
    const connection = new TlsTest();
    assert.equal(connection.send('client', start), true);
    assert.equal(connection.send('client', Buffer.from('plain text that is no record')), true);
    connection.send('client', SIMPLE_CLIENT_HELLO);
    connection.send('server', SIMPLE_SERVER_HELLO);
    assert.deepEqual(content(connection.handshakes[0]), SIMPLE, start.toString('hex'));
    assert.equal(connection.counters['tls.incomplete'], 0);
  }
});

test('an encrypted Finished after a lost handshake is no ServerHello', () => {
  // AES-GCM's explicit nonce makes its first bytes look like an empty message of type 2 or 1.
  const finished = tlsRecord(22, Buffer.concat([Buffer.from([2, 0, 0, 0, 0, 0, 0, 0]), Buffer.alloc(32, 0x7c)]));
  const connection = new TlsTest();
  connection.send('server', finished);
  connection.end();
  assert.deepEqual(connection.events, []);
});

test('bulk data ends the search', () => {
  const connection = new TlsTest();
  let segments = 1;
  while (connection.send('client', APPLICATION_DATA)) segments++;
  assert.ok(segments > 100 && segments < 256);
  assert.deepEqual(connection.events, []);
});

test('a version that nobody defined is reported as it is', () => {
  const odd = Buffer.from(TLS12_CLIENT_HELLO);
  odd.writeUInt16BE(0, 9);
  const connection = new TlsTest();
  connection.send('client', odd);
  assert.equal(connection.clientHellos[0]?.hello.legacyVersion, 0);
  assert.equal(connection.clientHellos[0]?.hello.serverName, 'www.example.org');
});

test('a hello in the SYN (RFC 7413)', () => {
  const connection = new TlsTest();
  connection.send('client', SIMPLE_CLIENT_HELLO.subarray(0, 100), { at: 0, flags: TcpFlag.syn });
  connection.send('client', SIMPLE_CLIENT_HELLO.subarray(100), { at: 101 });
  connection.send('server', SIMPLE_SERVER_HELLO);
  assert.deepEqual(content(connection.handshakes[0]), SIMPLE);
});

test('SSLv2: a TLS hello in its framing, and its own two hellos', () => {
  const challenge = Buffer.alloc(16, 9);
  const framed = (version: string, specs: string): Buffer => {
    const kinds = Buffer.from(specs, 'hex');
    const length = 9 + kinds.length + 16;
    const header = Buffer.from([0x80, length, 1, ...Buffer.from(version, 'hex'), 0, kinds.length, 0, 0, 0, 16]);
    return Buffer.concat([header, kinds, challenge]);
  };
  for (const size of [1, 5, 1000]) {
    const tls = new TlsTest();
    tls.sendCut('client', framed('0301', '00002f0100800000ff'), size);
    tls.send('server', TLS12_SERVER_HELLO);
    const { client, server } = tls.handshakes[0]!;
    assert.deepEqual([client?.sslv2, client?.version, client?.recordVersion], [true, 0x0301, undefined]);
    assert.deepEqual([client?.cipherSuites, client?.sslv2CipherKinds], [[0x2f, 0xff], [0x010080]]);
    assert.equal(client?.random, '00'.repeat(16) + '09'.repeat(16));
    assert.equal(server?.version, 0x0303);

    const ssl2 = new TlsTest();
    ssl2.sendCut('client', framed('0002', '0700c0010080'), size);
    const certificate = Buffer.alloc(300, 0x30);
    const header = Buffer.from('80000400010002000000000010', 'hex');
    header.writeUInt16BE(0x8000 | (11 + 300 + 3 + 16), 0);
    header.writeUInt16BE(300, 7);
    header.writeUInt16BE(3, 9);
    header.writeUInt16BE(16, 11);
    ssl2.sendCut(
      'server',
      Buffer.concat([header, certificate, Buffer.from('0700c0', 'hex'), challenge]),
      Math.max(size, 20),
    );
    assert.deepEqual([ssl2.handshakes[0]?.server?.version, ssl2.handshakes[0]?.server?.cipherSuite], [2, 0x0700c0]);
    assert.equal(ssl2.handshakes[0]?.client?.version, 2);
  }
  // Lengths that disagree by one: nothing is invented.
  const wrong = framed('0301', '00002f');
  wrong[1] = wrong[1]! + 1;
  const none = new TlsTest();
  none.send('client', wrong);
  none.end();
  assert.deepEqual(none.events, []);
});

test('a connection is followed for a bounded number of bytes when the other hello does not come', () => {
  const connection = new TlsTest();
  connection.send('server', TLS12_SERVER_HELLO);
  let bytes = 0;
  while (connection.send('server', APPLICATION_DATA)) bytes += APPLICATION_DATA.length;
  assert.ok(bytes > MAX_FOLLOWED_BYTES / 2 && bytes < MAX_FOLLOWED_BYTES);
  assert.equal(connection.handshakes.length, 1);
  assert.equal(connection.counters['tls.stream_limit'], 0);
});

test('limits: a hello that never ends, a frame that was cut, a gap that never fills', () => {
  const cut = new TlsTest();
  assert.equal(cut.send('client', SIMPLE_CLIENT_HELLO, { captured: 96 }), false);
  cut.end();
  assert.deepEqual(cut.events, []);
  assert.deepEqual([cut.counters['tls.incomplete'], cut.counters['tls.stream_limit']], [1, 1]);

  const endless = new TlsTest();
  const claim = Buffer.concat([
    Buffer.from('010000ffff0303', 'hex').subarray(0, 0),
    Buffer.from('0100ffff0303', 'hex'),
  ]);
  endless.send('client', tlsRecord(22, claim));
  let segments = 1;
  while (endless.send('client', tlsRecord(22, Buffer.from([1])))) segments++;
  assert.equal(segments, MAX_FOLLOWED_SEGMENTS - 1);
  assert.deepEqual(endless.events, []);
  assert.equal(endless.counters['tls.incomplete'], 1);

  const huge = new TlsTest();
  huge.send('client', tlsRecord(22, Buffer.concat([Buffer.from('01ffffff0303', 'hex'), Buffer.alloc(1000)])));
  huge.end();
  assert.deepEqual([huge.events.length, huge.counters['tls.incomplete']], [0, 0]);

  const gap = new TlsTest();
  gap.send('client', SIMPLE_CLIENT_HELLO.subarray(0, 50));
  let at = 100;
  for (; gap.send('client', Buffer.alloc(1400, 0x41), { at }); at += 1400) assert.ok(at < 1_000_000);
  assert.deepEqual(gap.events, []);
});

test('a hello whose beginning the capture lost is counted where the other one was seen', () => {
  const losses = ({ counters }: TlsTest): [number, number] => [
    counters['tls.incomplete'],
    counters['tls.stream_limit'],
  ];
  const client = (): TlsTest => {
    const connection = new TlsTest();
    connection.send('client', SIMPLE_CLIENT_HELLO);
    return connection;
  };
  const short = client();
  short.send('server', SIMPLE_SERVER_HELLO.subarray(20), { at: 20 });
  short.end();
  assert.equal(short.handshakes.length, 1);
  assert.deepEqual(losses(short), [1, 0]);

  // So much waits for it that the stream is given up.
  const long = client();
  const rest = Buffer.concat(new Array<Buffer>(10).fill(APPLICATION_DATA));
  for (let at = 20; at < rest.length && long.send('server', rest.subarray(at, at + 20), { at }); at += 20);
  assert.equal(long.handshakes.length, 1);
  long.end();
  assert.deepEqual(losses(long), [1, 1]);

  const snapped = client();
  snapped.send('server', SIMPLE_SERVER_HELLO, { captured: 0 });
  snapped.end();
  assert.deepEqual(losses(snapped), [1, 1]);

  const retried = new TlsTest();
  retried.send('client', RETRY_CLIENT_HELLO_1);
  retried.send('server', RETRY_REQUEST);
  const second = RETRY_CLIENT_HELLO_1.length;
  retried.send('client', RETRY_CLIENT_HELLO_2.subarray(10), { at: second + 10 });
  retried.end();
  assert.deepEqual(losses(retried), [1, 0]);

  const answer = new TlsTest();
  answer.send('server', SIMPLE_SERVER_HELLO.subarray(0, 80));
  answer.send('client', SIMPLE_CLIENT_HELLO.subarray(0, 1));
  answer.send('server', SIMPLE_SERVER_HELLO.subarray(80));
  answer.send('client', SIMPLE_CLIENT_HELLO.subarray(20), { at: 20 });
  answer.end();
  assert.equal(answer.handshakes.length, 1);
  assert.deepEqual(losses(answer), [1, 0]);
});

test('gaps are no lost hellos where no hello is due', () => {
  const lossless = (run: (connection: TlsTest) => void): void => {
    const connection = new TlsTest({ certificates: true });
    run(connection);
    connection.end();
    assert.deepEqual([connection.counters['tls.incomplete'], connection.counters['tls.stream_limit']], [0, 0]);
  };
  const gapAfter = (connection: TlsTest, from: 'client' | 'server', start: number): void => {
    for (let i = 0; i < 60; i++) connection.send(from, APPLICATION_DATA, { at: start + 1000 * (i + 1) });
  };
  // Something else, from a byte on that a record could begin with, and a connection in its middle.
  lossless((connection) => {
    connection.send('client', Buffer.from([0x16]));
    gapAfter(connection, 'client', 1);
    gapAfter(connection, 'server', 0);
  });
  lossless((connection) => {
    connection.flows.midstream = true;
    gapAfter(connection, 'server', 5_000);
    gapAfter(connection, 'client', 3_000);
  });
  // After both hellos, and after an answer that is no hello.
  for (const answer of [SIMPLE_SERVER_HELLO, FATAL_ALERT, TEXT]) {
    lossless((connection) => {
      connection.send('client', SIMPLE_CLIENT_HELLO);
      connection.send('server', answer);
      gapAfter(connection, 'server', answer.length);
      gapAfter(connection, 'client', SIMPLE_CLIENT_HELLO.length);
    });
  }
  // No answer at all.
  lossless((connection) => {
    connection.send('client', SIMPLE_CLIENT_HELLO);
    gapAfter(connection, 'client', SIMPLE_CLIENT_HELLO.length);
  });
});

test('too many handshakes at once: the oldest is reported as far as it is known', () => {
  const connections = new TlsTest({ messages: false, transactions: true });
  for (let slot = 0; slot <= MAX_CONNECTIONS; slot++) connections.send('client', TLS12_CLIENT_HELLO, { at: 0 }, slot);
  assert.deepEqual(
    connections.handshakes.map((event) => event.conversation.session),
    [0],
  );
  assert.equal(connections.counters['tls.stream_limit'], 1);
  assert.equal(connections.send('server', TLS12_SERVER_HELLO, {}, MAX_CONNECTIONS), false);
  connections.tracker.end();
  assert.equal(connections.handshakes.length, MAX_CONNECTIONS + 1);
});

test('whatever is sent, nothing throws and no hello is invented', () => {
  const segment = fc.record({
    from: fc.constantFrom('client' as const, 'server' as const),
    payload: fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 60 }),
      fc.uint8Array({ maxLength: 60 }).map((bytes) => Uint8Array.from([0x16, 3, 1, 0, bytes.length, ...bytes])),
      fc.uint8Array({ maxLength: 30 }).map((bytes) => Uint8Array.from([0x80, bytes.length, 1, 3, 1, ...bytes])),
    ),
    at: fc.option(fc.nat(100), { nil: undefined }),
  });
  fc.assert(
    fc.property(fc.array(segment, { maxLength: 20 }), (segments) => {
      const connection = new TlsTest();
      for (const { from, payload, at } of segments) connection.send(from, payload, at === undefined ? {} : { at });
      connection.end();
      assert.deepEqual(connection.events, []);
    }),
  );
});

test('a hello with any bytes changed never throws, and ends in at most one handshake', () => {
  const flight = Buffer.concat([RETRY_CLIENT_HELLO_1, CHANGE_CIPHER_SPEC, RETRY_CLIENT_HELLO_2]);
  const change = fc.tuple(fc.nat(flight.length - 1), fc.nat(255));
  fc.assert(
    fc.property(fc.array(change, { maxLength: 6 }), fc.integer({ min: 1, max: 400 }), (changes, size) => {
      const bytes = Buffer.from(flight);
      for (const [at, value] of changes) bytes[at] = value;
      const connection = new TlsTest();
      connection.sendCut('client', bytes, size);
      connection.send('server', RETRY_SERVER_HELLO);
      connection.end();
      assert.ok(connection.handshakes.length <= 1);
      assert.ok(connection.clientHellos.length <= 2);
    }),
  );
});
