import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MAX_CONNECTIONS } from '../../../src/dissect/connection-table.ts';
import { content, DatagramTest } from '../datagram-harness.ts';

const DTLS10 = 0xfeff;
const DTLS12 = 0xfefd;
const DTLS_OPENSSL = 0x0100;

const uint = (value: number, length: number): Buffer => {
  const bytes = Buffer.alloc(length);
  bytes.writeUIntBE(value, 0, length);
  return bytes;
};

function record(fragment: Buffer, version = DTLS10, type = 22, epoch = 0): Buffer {
  return Buffer.concat([
    Buffer.from([type]),
    uint(version, 2),
    uint(epoch, 2),
    uint(0, 6),
    uint(fragment.length, 2),
    fragment,
  ]);
}

/** The part `[from, to)` of a message. */
function fragment(type: number, sequence: number, body: Buffer, from = 0, to = body.length): Buffer {
  const part = body.subarray(from, to);
  const lengths = [uint(body.length, 3), uint(sequence, 2), uint(from, 3), uint(part.length, 3)];
  return Buffer.concat([Buffer.from([type]), ...lengths, part]);
}

const extension = (type: number, data: Buffer): Buffer => Buffer.concat([uint(type, 2), uint(data.length, 2), data]);
const extensions = (...list: Buffer[]): Buffer => {
  const all = Buffer.concat(list);
  return Buffer.concat([uint(all.length, 2), all]);
};

interface HelloParts {
  readonly version?: number;
  readonly random?: number;
  readonly cookie?: Buffer;
  readonly supportedVersions?: readonly number[];
}

function clientHello({
  version = DTLS12,
  random = 0x11,
  cookie = Buffer.alloc(0),
  supportedVersions,
}: HelloParts = {}): Buffer {
  const versions = supportedVersions?.map((one) => uint(one, 2)) ?? [];
  return Buffer.concat([
    uint(version, 2),
    Buffer.alloc(32, random),
    Buffer.from([0]),
    uint(cookie.length, 1),
    cookie,
    Buffer.from([0, 4, 0xc0, 0x2b, 0xc0, 0x2f, 1, 0]),
    extensions(
      extension(10, Buffer.from([0, 2, 0, 0x1d])),
      extension(14, Buffer.from([0, 2, 0, 1, 0])),
      ...(versions.length === 0 ? [] : [extension(43, Buffer.concat([uint(2 * versions.length, 1), ...versions]))]),
    ),
  ]);
}

function serverHello(version = DTLS12, random = 0x22, selected?: number): Buffer {
  return Buffer.concat([
    uint(version, 2),
    Buffer.alloc(32, random),
    Buffer.from([0, 0xc0, 0x2b, 0]),
    extensions(...(selected === undefined ? [] : [extension(43, uint(selected, 2))])),
  ]);
}

const verifyRequest = (cookie: Buffer): Buffer => Buffer.concat([uint(DTLS10, 2), uint(cookie.length, 1), cookie]);
const COOKIE = Buffer.alloc(20, 0x5c);

function handshakeOf(run: (dtls: DatagramTest) => void) {
  const dtls = new DatagramTest();
  run(dtls);
  dtls.end();
  assert.equal(dtls.handshakes.length, 1);
  return content(dtls.handshakes[0]);
}

const SIMPLE = handshakeOf((dtls) => {
  dtls.send('client', record(fragment(1, 0, clientHello())));
  dtls.send('server', record(fragment(2, 0, serverHello())));
});

test('a handshake: two hellos, one event', () => {
  assert.equal(SIMPLE.client?.version, DTLS12);
  assert.equal(SIMPLE.client?.recordVersion, DTLS10);
  assert.deepEqual(SIMPLE.client?.cipherSuites, [0xc02b, 0xc02f]);
  assert.deepEqual(SIMPLE.client?.groups, [0x1d]);
  assert.equal(SIMPLE.server?.version, DTLS12);
  assert.equal(SIMPLE.server?.cipherSuite, 0xc02b);
});

test('HelloVerifyRequest is no server hello; the hello with the cookie takes the place of the first', () => {
  for (const version of [DTLS10, DTLS12, DTLS_OPENSSL]) {
    const dtls = new DatagramTest();
    dtls.send('client', record(fragment(1, 0, clientHello({ version })), version));
    dtls.send('server', record(fragment(3, 0, verifyRequest(COOKIE)), version));
    dtls.send('client', record(fragment(1, 1, clientHello({ version, cookie: COOKIE })), version));
    dtls.send('server', record(fragment(2, 1, serverHello(version)), version));
    dtls.end();
    assert.deepEqual(dtls.kinds, ['client_hello', 'client_hello', 'server_hello', 'tls_handshake']);
    const [handshake] = dtls.handshakes;
    assert.deepEqual(handshake?.client?.cipherSuites, [0xc02b, 0xc02f]);
    assert.equal(handshake?.client?.version, version);
    assert.equal(handshake?.server?.version, version);
    assert.equal(handshake?.responseTime, 0.003);
    assert.equal(handshake?.quicVersion, undefined);
    assert.equal(dtls.flows.apps.get(0), 'dtls');
  }
});

test('DTLS 1.3 counts downwards: the lowest number is the highest version', () => {
  const handshake = handshakeOf((dtls) => {
    dtls.send('client', record(fragment(1, 0, clientHello({ supportedVersions: [0xfefd, 0xfefc] })), DTLS12));
    dtls.send('server', record(fragment(2, 0, serverHello(DTLS12, 0x22, 0xfefc)), DTLS12));
  });
  assert.equal(handshake.client?.version, 0xfefc);
  assert.equal(handshake.server?.version, 0xfefc);
});

test('fragments: every cut, in either order, in one datagram or two, and overlapping', () => {
  const body = clientHello();
  for (let cut = 1; cut < body.length; cut++) {
    const head = record(fragment(1, 0, body, 0, cut));
    const tail = record(fragment(1, 0, body, cut));
    const wide = record(fragment(1, 0, body, Math.max(0, cut - 9)));
    for (const datagrams of [
      [head, tail],
      [tail, head],
      [Buffer.concat([head, tail])],
      [head, wide],
      [wide, tail, head],
    ]) {
      const handshake = handshakeOf((dtls) => {
        for (const datagram of datagrams) dtls.send('client', datagram);
        dtls.send('server', record(fragment(2, 0, serverHello())));
      });
      assert.deepEqual(handshake, SIMPLE, `cut at ${cut}`);
    }
  }
});

test('several messages in one record, and several records in one datagram', () => {
  const certificate = fragment(11, 1, Buffer.alloc(300));
  const handshake = handshakeOf((dtls) => {
    dtls.send('client', record(fragment(1, 0, clientHello())));
    dtls.send(
      'server',
      Buffer.concat([record(Buffer.concat([fragment(2, 0, serverHello()), certificate])), record(certificate)]),
    );
  });
  assert.deepEqual(handshake, SIMPLE);
});

test('retransmissions are no further hellos', () => {
  const dtls = new DatagramTest();
  for (let i = 0; i < 3; i++) dtls.send('client', record(fragment(1, 0, clientHello())));
  for (let i = 0; i < 3; i++) dtls.send('server', record(fragment(2, 0, serverHello())));
  dtls.send('client', record(fragment(1, 0, clientHello())));
  dtls.end();
  assert.deepEqual(dtls.kinds, ['client_hello', 'server_hello', 'tls_handshake']);
});

test('the next association between the same ports', () => {
  const dtls = new DatagramTest();
  for (const random of [1, 2]) {
    dtls.send('client', record(fragment(1, 0, clientHello({ random }))));
    dtls.send('server', record(fragment(2, 0, serverHello(DTLS12, random + 64))));
  }
  dtls.end();
  assert.deepEqual(
    dtls.handshakes.map(({ client, server }) => [client?.random.slice(0, 2), server?.random.slice(0, 2)]),
    [
      ['01', '41'],
      ['02', '42'],
    ],
  );
});

const done = (sequence: number): Buffer => fragment(14, sequence, Buffer.alloc(0));
/** A certificate message with one entry that is no certificate. */
const CERTIFICATE = Buffer.concat([uint(303, 3), uint(300, 3), Buffer.alloc(300, 0x30)]);
const secret = (epoch: number): Buffer => record(Buffer.alloc(40, 0x99), DTLS12, 22, epoch);

test("up to DTLS 1.2 the server's flight is read, in any order, until encryption begins", () => {
  const flight = [
    record(fragment(11, 1, CERTIFICATE, 0, 100), DTLS12),
    record(fragment(11, 1, CERTIFICATE, 100), DTLS12),
    record(fragment(13, 2, Buffer.from([1, 1, 0, 0, 0, 0])), DTLS12),
    record(done(3), DTLS12),
  ];
  const hello = record(fragment(2, 0, serverHello()));
  for (const datagrams of [
    [hello, ...flight],
    [hello, ...flight.toReversed()],
    [hello, ...flight, ...flight],
    [hello, Buffer.concat(flight)],
    // Receivers keep what comes before its turn (RFC 6347 §4.2.2).
    [...flight, hello],
    [...flight.toReversed(), hello, ...flight],
    [flight[1]!, hello, flight[0]!, flight[3]!, flight[2]!],
    [Buffer.concat([...flight, hello])],
  ]) {
    const dtls = new DatagramTest({ messages: false });
    dtls.send('client', record(fragment(1, 0, clientHello())));
    for (const datagram of datagrams) dtls.send('server', datagram);
    assert.equal(dtls.handshakes.length, 0);
    dtls.send('client', secret(1));
    dtls.send('server', secret(1));
    assert.equal(dtls.handshakes.length, 1);
    const details = dtls.handshakes[0]?.details;
    assert.deepEqual([details?.clientCertificateAsked, details?.resumed], [true, false]);
    assert.deepEqual(details?.certificates, [undefined]);
    assert.equal(dtls.counters['tls.certificates_unreadable'], 1);
    assert.equal(dtls.counters['tls.details_cut'], 0);
  }
});

test('a short handshake is a resumed one; a flight that is not in the capture is no sign of it, and counted', () => {
  for (const [from, resumed, cut] of [
    ['server', true, 0],
    ['client', undefined, 1],
  ] as const) {
    const dtls = new DatagramTest({ messages: false });
    dtls.send('client', record(fragment(1, 0, clientHello())));
    dtls.send('server', record(fragment(2, 0, serverHello())));
    dtls.send(from, secret(1));
    assert.equal(dtls.handshakes.length, 1);
    assert.equal(dtls.handshakes[0]?.details?.resumed, resumed);
    assert.equal(dtls.counters['tls.details_cut'], cut);
  }
});

test('a fatal alert in the clear ends it; a warning and an encrypted one do not', () => {
  const alert = (level: number, epoch: number): Buffer => record(Buffer.from([level, 40]), DTLS12, 21, epoch);
  const dtls = new DatagramTest({ messages: false });
  dtls.send('client', record(fragment(1, 0, clientHello())));
  dtls.send('server', alert(1, 0));
  dtls.send('server', alert(2, 1));
  assert.equal(dtls.handshakes.length, 0);
  dtls.send('server', alert(2, 0));
  assert.deepEqual(dtls.handshakes[0]?.details?.alert, { from: 'server', level: 2, description: 40 });
});

test('what comes after the hellos is not waited for where it is not wanted, and under DTLS 1.3', () => {
  const unwanted = new DatagramTest({ messages: false, certificates: false });
  unwanted.send('client', record(fragment(1, 0, clientHello())));
  unwanted.send('server', record(fragment(2, 0, serverHello())));
  assert.equal(unwanted.handshakes.length, 1);
  const dtls13 = new DatagramTest({ messages: false });
  dtls13.send('client', record(fragment(1, 0, clientHello({ supportedVersions: [0xfefc] }))));
  dtls13.send('server', record(fragment(11, 1, CERTIFICATE)));
  dtls13.send('server', record(fragment(2, 0, serverHello(DTLS12, 0x22, 0xfefc))));
  assert.equal(dtls13.handshakes.length, 1);
  assert.equal(dtls13.handshakes[0]?.details?.resumed, false);
});

test('one side alone, and roles from the messages', () => {
  const client = handshakeOf((dtls) => dtls.send('client', record(fragment(1, 0, clientHello()))));
  assert.deepEqual(client, { ...SIMPLE, server: undefined });
  const dtls = new DatagramTest();
  dtls.send('client', record(fragment(2, 0, serverHello())));
  dtls.end();
  assert.equal(dtls.handshakes[0]?.conversation.client.port, 443);
  assert.deepEqual(content(dtls.handshakes[0]), { ...SIMPLE, client: undefined });
});

test('after STUN on the same flow', () => {
  const stun = Buffer.concat([Buffer.from('000100002112a442', 'hex'), Buffer.alloc(12)]);
  const handshake = handshakeOf((dtls) => {
    for (let i = 0; i < 200; i++) dtls.send(i % 2 === 0 ? 'client' : 'server', stun);
    dtls.send('client', record(fragment(1, 0, clientHello())));
    dtls.send('server', record(fragment(2, 0, serverHello())));
  });
  assert.deepEqual(handshake, SIMPLE);
});

test('what is not a hello in the clear begins nothing', () => {
  const body = clientHello();
  for (const datagram of [
    record(fragment(1, 0, body), DTLS12, 22, 1),
    record(fragment(1, 0, body), 0x0303),
    record(fragment(1, 0, body), DTLS12, 23),
    record(fragment(1, 0, body)).subarray(0, 60),
    record(fragment(1, 0, body.subarray(0, 20))),
    record(fragment(20, 0, body)),
    record(Buffer.concat([fragment(1, 0, body).subarray(0, 9), uint(body.length + 1, 3), body])),
  ]) {
    const dtls = new DatagramTest();
    dtls.send('client', datagram);
    dtls.end();
    assert.deepEqual(dtls.events, []);
    assert.equal(dtls.flows.stages.get(0), 2);
  }
});

test('a hello of which a part is missing is counted', () => {
  const dtls = new DatagramTest();
  dtls.send('client', record(fragment(1, 0, clientHello(), 0, 30)));
  dtls.end();
  assert.deepEqual(dtls.events, []);
  assert.equal(dtls.counters['tls.incomplete'], 1);
});

test('more associations than are kept: the oldest yields and is reported', () => {
  const dtls = new DatagramTest({ messages: false, transactions: true, fingerprints: [] });
  const datagram = record(fragment(1, 0, clientHello()));
  for (let slot = 0; slot <= MAX_CONNECTIONS; slot++) dtls.send('client', datagram, slot);
  assert.equal(dtls.handshakes.length, 1);
  assert.equal(dtls.handshakes[0]?.conversation.session, 0);
});

test('mutated hellos: never throws, always ends', () => {
  const valid = Buffer.concat([
    record(fragment(1, 0, clientHello(), 0, 40)),
    record(fragment(1, 0, clientHello(), 40)),
  ]);
  const change = fc.record({ at: fc.nat(valid.length - 1), value: fc.nat(255) });
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 8 }), fc.nat(valid.length), (changes, length) => {
      const datagram = Buffer.from(valid);
      for (const { at, value } of changes) datagram[at] = value;
      const dtls = new DatagramTest();
      dtls.send('client', datagram.subarray(0, length));
      dtls.send('server', datagram);
      dtls.send('client', valid);
      dtls.end();
      assert.ok(dtls.events.length <= 8);
    }),
    { numRuns: 1_000, seed: 4 },
  );
});
