/** What a handshake shows besides its hellos: messages written by hand after RFC 5246 §7.4. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HandshakeDetails } from '../../../src/dissect/event.ts';
import { known } from '../../support/known.ts';
import { P256, selfSigned } from '../x509/certificates.ts';
import { EVERYTHING, handshake, refragment, TlsTest, tlsRecord } from './connection.ts';
import { SIMPLE_CLIENT_HELLO, SIMPLE_SERVER_HELLO, TLS12_CLIENT_HELLO, TLS12_SERVER_HELLO } from './traces.ts';

const CHANGE_CIPHER_SPEC = tlsRecord(20, Buffer.from([1]));
const SERVER_HELLO_DONE = handshake(14, Buffer.alloc(0));
const CERTIFICATE_REQUEST = handshake(13, Buffer.from('0101000200000000', 'hex'));
const CERTIFICATE_STATUS = handshake(22, Buffer.from('0100000100', 'hex'));
const TICKET = handshake(4, Buffer.from('00000e10000401020304', 'hex'));
const CLIENT_KEY_EXCHANGE = handshake(16, Buffer.from('2004040404', 'hex'));
const EMPTY_CHAIN = handshake(11, Buffer.alloc(3));
const NOISE = Buffer.from([0x30]);
/** secp384r1, a point of one byte, ecdsa_secp256r1_sha256. */
const ECDHE = handshake(12, Buffer.from('0300180104040300', 'hex'));
const u24 = (value: number): Buffer => Buffer.from([value >> 16, (value >> 8) & 255, value & 255]);
const alert = (level: number, description: number): Buffer => tlsRecord(21, Buffer.from([level, description]));

function detailsOf(run: (connection: TlsTest) => void): HandshakeDetails {
  const connection = new TlsTest(EVERYTHING);
  run(connection);
  connection.end();
  assert.equal(connection.handshakes.length, 1);
  return connection.handshakes[0]?.details ?? {};
}

/** `TLS12_SERVER_HELLO` with another cipher suite. */
function serverHello(suite: number): Buffer {
  const hello = Buffer.from(TLS12_SERVER_HELLO);
  hello.writeUInt16BE(suite, 5 + 4 + 2 + 32 + 1);
  return hello;
}

const SERVER_FLIGHT = Buffer.concat([
  TLS12_SERVER_HELLO,
  EMPTY_CHAIN,
  CERTIFICATE_STATUS,
  ECDHE,
  CERTIFICATE_REQUEST,
  SERVER_HELLO_DONE,
]);

const FULL: HandshakeDetails = {
  certificates: [],
  clientCertificateAsked: true,
  group: 24,
  signatureScheme: 0x0403,
  resumed: false,
  ocspStapled: true,
  extendedMasterSecret: true,
  secureRenegotiation: true,
};

test("a full handshake of TLS 1.2: the server's flight is read, and the client's next messages end it", () => {
  const flight = Buffer.from(SERVER_FLIGHT);
  const UNASSIGNED = 0x5555;
  flight.writeUInt16BE(UNASSIGNED, flight.indexOf('00230000', 0, 'hex'));
  const connection = new TlsTest(EVERYTHING);
  connection.send('client', TLS12_CLIENT_HELLO);
  assert.equal(connection.send('server', flight), true);
  assert.equal(connection.handshakes.length, 0);
  assert.equal(connection.send('client', Buffer.concat([CLIENT_KEY_EXCHANGE, CHANGE_CIPHER_SPEC])), false);
  assert.deepEqual(known(connection.handshakes[0]?.details), FULL);
  assert.equal(connection.counters['tls.details_cut'], 0);
});

test('a ticket that the ServerHello promises is waited for; without it the end of the connection is the end', () => {
  for (const [last, issued] of [
    [Buffer.concat([TICKET, CHANGE_CIPHER_SPEC]), true],
    [CHANGE_CIPHER_SPEC, false],
    [undefined, false],
  ] as const) {
    const connection = new TlsTest(EVERYTHING);
    connection.send('client', TLS12_CLIENT_HELLO);
    connection.send('server', SERVER_FLIGHT);
    assert.equal(connection.send('client', Buffer.concat([CLIENT_KEY_EXCHANGE, CHANGE_CIPHER_SPEC])), true);
    if (last === undefined) connection.end();
    else assert.equal(connection.send('server', last), false);
    assert.deepEqual(known(connection.handshakes[0]?.details), issued ? { ...FULL, ticketIssued: true } : FULL);
    assert.equal(connection.counters['tls.details_cut'], 0);
  }
});

test('the flight is the same cut into segments and records of any size', () => {
  for (const size of [1, 2, 3, 7, 40, 90]) {
    const cut = detailsOf((connection) => {
      connection.send('client', TLS12_CLIENT_HELLO);
      connection.sendCut('server', SERVER_FLIGHT, size);
    });
    assert.deepEqual(known(cut), FULL, `segments of ${size}`);
    const records = Buffer.concat(
      [EMPTY_CHAIN, CERTIFICATE_STATUS, ECDHE, CERTIFICATE_REQUEST, SERVER_HELLO_DONE].map((record) =>
        refragment(record, size),
      ),
    );
    const split = detailsOf((connection) => {
      connection.send('client', TLS12_CLIENT_HELLO);
      connection.send('server', TLS12_SERVER_HELLO);
      connection.send('server', records);
    });
    assert.deepEqual(known(split), FULL, `records of ${size}`);
  }
});

test('several messages in one record, and one that is passed over between them', () => {
  const bodies = [EMPTY_CHAIN, handshake(23, Buffer.alloc(300)), ECDHE, SERVER_HELLO_DONE].map((one) =>
    one.subarray(5),
  );
  const details = detailsOf((connection) => {
    connection.send('client', TLS12_CLIENT_HELLO);
    connection.send('server', TLS12_SERVER_HELLO);
    connection.sendCut('server', tlsRecord(22, Buffer.concat(bodies)), 50);
  });
  assert.equal(details.group, 24);
  assert.equal(details.clientCertificateAsked, false);
});

test('Diffie-Hellman shows the size of its prime; anonymous and PSK exchanges have no signature', () => {
  const prime = (bytes: number, first: number): Buffer =>
    Buffer.concat([Buffer.from([0, bytes]), Buffer.from([first]), Buffer.alloc(bytes - 1, 1)]);
  const small = Buffer.from('000105', 'hex');
  const dhe = Buffer.concat([prime(128, 0x80), small, small]);
  const rows: [suite: number, body: Buffer, expected: HandshakeDetails][] = [
    [0x0033, Buffer.concat([dhe, Buffer.from('0401', 'hex')]), { dhBits: 1024, signatureScheme: 0x0401 }],
    [0x0034, Buffer.concat([dhe, Buffer.from('0401', 'hex')]), { dhBits: 1024 }],
    [0x0033, Buffer.concat([prime(129, 0), small, small]), { dhBits: 1017 }],
    [0xc035, Buffer.from('000268690300170104', 'hex'), { group: 23 }],
    [0xc018, Buffer.from('03001d0104', 'hex'), { group: 29 }],
    // Curves that the handshake defines: of a prime field, of binary fields with a trinomial and with a pentanomial.
    [0xc02f, Buffer.from('010117010101020304aabb0107010101040403', 'hex'), { group: 0xff01, signatureScheme: 0x0403 }],
    [
      0xc02f,
      Buffer.from('0200a3010103010101020304aabb0107010101040403', 'hex'),
      { group: 0xff02, signatureScheme: 0x0403 },
    ],
    [0xc02f, Buffer.from('0200a30201030106010701010102020405010701010104', 'hex'), { group: 0xff02 }],
    // Their type alone tells; without the whole of it there is no place for a signature.
    [0xc02f, Buffer.from('010117010101020304aabb010701', 'hex'), { group: 0xff01 }],
    [0xc02f, Buffer.from('01001d01040403', 'hex'), { group: 0xff01 }],
    // What is cut shows nothing, nor does another type of curve; RSA's export key is no group.
    [0xc02f, Buffer.from('04001d0104', 'hex'), {}],
    [0xc02f, Buffer.from('0300', 'hex'), {}],
    [0x0033, Buffer.from('ffff', 'hex'), {}],
    [0x0003, dhe, {}],
  ];
  for (const [suite, body, expected] of rows) {
    assert.deepEqual(shown(suite, body), expected, `${suite.toString(16)} ${body.toString('hex')}`);
  }
});

/** Group, size of the prime and scheme that a ServerKeyExchange of TLS 1.2 shows under this suite. */
function shown(suite: number, body: Buffer): object {
  const { group, dhBits, signatureScheme } = detailsOf((connection) => {
    connection.send('client', TLS12_CLIENT_HELLO);
    connection.send('server', Buffer.concat([serverHello(suite), handshake(12, body), SERVER_HELLO_DONE]));
  });
  return JSON.parse(JSON.stringify({ group, dhBits, signatureScheme }));
}

/** As `openssl s_server` sends it: an empty hint, the 1024 bits of RFC 2409 §6.2, generator 2, a public value. */
const PSK_DHE = Buffer.from(`00000080ffffffffffffffffc90fdaa2${'21'.repeat(116)}0001020080${'2a'.repeat(128)}`, 'hex');

test('what ServerKeyExchange holds goes by the suite, however its name is spelled', () => {
  // RFC 6655 §4 has TLS_PSK_DHE_WITH_AES_128_CCM_8 and _256_ with PSK before DHE.
  for (const suite of [0xc0aa, 0xc0ab, 0xc0a6, 0x00aa]) assert.deepEqual(shown(suite, PSK_DHE), { dhBits: 1024 });
  // Never registered: ChaCha20 of the drafts, and its DHE.
  for (const suite of [0xcc13, 0xcc14]) {
    assert.deepEqual(shown(suite, Buffer.from('03001d01040804', 'hex')), { group: 29, signatureScheme: 0x0804 });
  }
  const dhe = Buffer.concat([PSK_DHE.subarray(2), Buffer.from('0804', 'hex')]);
  assert.deepEqual(shown(0xcc15, dhe), { dhBits: 1024, signatureScheme: 0x0804 });
  assert.deepEqual(shown(0x1234, dhe), {});
});

test('SRP with a certificate is signed, and plain SRP is not', () => {
  /** As GnuTLS sends it: a prime of 2048 bits, generator 2, a salt, a public value, a signature with rsa_pkcs1_sha1. */
  const body = Buffer.from(
    `0100ac6bdb41324a9a9b${'f1'.repeat(248)}00010210c6d76131e22eceb76535b3454d971e020100${'5b'.repeat(256)}0201010009ad`,
    'hex',
  );
  // RSA, DSS, and neither.
  assert.deepEqual(shown(0xc021, body), { signatureScheme: 0x0201 });
  assert.deepEqual(shown(0xc01f, body), { signatureScheme: 0x0201 });
  assert.deepEqual(shown(0xc020, body.subarray(0, -6)), {});
  assert.deepEqual(shown(0xc020, body), {});
  // What is cut, or has no salt, shows nothing.
  assert.deepEqual(shown(0xc021, body.subarray(0, 400)), {});
  assert.deepEqual(shown(0xc021, Buffer.from('0001020001020000010402010000', 'hex')), {});
});

test('resumption: an echoed session id, a ticket, a short handshake; TLS 1.3 by its PSK', () => {
  const sessionId = '11'.repeat(32);
  const withSession = (record: Buffer): Buffer => {
    const body = Buffer.from(record.subarray(9));
    const at = 2 + 32;
    return handshake(
      record[5] ?? 0,
      Buffer.concat([body.subarray(0, at), Buffer.from(`20${sessionId}`, 'hex'), body.subarray(at + 1)]),
    );
  };
  const echoed = detailsOf((connection) => {
    connection.send('client', withSession(TLS12_CLIENT_HELLO));
    connection.send('server', Buffer.concat([withSession(TLS12_SERVER_HELLO), CHANGE_CIPHER_SPEC]));
  });
  assert.equal(echoed.resumed, true);
  assert.equal(echoed.resumedBy, 'session_id');
  const short = detailsOf((connection) => {
    connection.send('client', TLS12_CLIENT_HELLO);
    connection.send('server', Buffer.concat([TLS12_SERVER_HELLO, TICKET, CHANGE_CIPHER_SPEC]));
  });
  assert.equal(short.resumed, true);
  assert.equal(short.ticketIssued, true);
  const tls13 = detailsOf((connection) => {
    connection.send('client', SIMPLE_CLIENT_HELLO);
    connection.send('server', SIMPLE_SERVER_HELLO);
  });
  assert.deepEqual(known(tls13), { group: 29, resumed: false });
});

test('a fatal alert ends the handshake, from either side; a warning does not; an encrypted one is none', () => {
  const failed = new TlsTest(EVERYTHING);
  failed.send('client', TLS12_CLIENT_HELLO);
  assert.equal(failed.send('server', alert(2, 40)), false);
  assert.deepEqual(failed.handshakes[0]?.details?.alert, { from: 'server', level: 2, description: 40 });

  const refused = new TlsTest(EVERYTHING);
  refused.send('client', TLS12_CLIENT_HELLO);
  refused.send('server', SERVER_FLIGHT);
  const bytes = alert(2, 48);
  refused.send('client', bytes.subarray(0, 6));
  assert.equal(refused.send('client', bytes.subarray(6)), false);
  assert.deepEqual(known(refused.handshakes[0]?.details), {
    ...FULL,
    alert: { from: 'client', level: 2, description: 48 },
  });

  const warned = detailsOf((connection) => {
    connection.send('client', TLS12_CLIENT_HELLO);
    connection.send('server', Buffer.concat([alert(1, 112), SERVER_FLIGHT]));
    connection.send('client', Buffer.concat([CLIENT_KEY_EXCHANGE, CHANGE_CIPHER_SPEC, alert(2, 40)]));
  });
  assert.deepEqual(known(warned), FULL);
});

test('alerts over two records, several in one, and records with the lengths of encrypted ones', () => {
  const level = tlsRecord(21, Buffer.from([2]));
  const description = tlsRecord(21, Buffer.from([40]));
  const rows: [records: Buffer[], alert: HandshakeDetails['alert']][] = [
    [[level, description], { from: 'server', level: 2, description: 40 }],
    [[tlsRecord(21, Buffer.from([1, 112, 2])), description], { from: 'server', level: 2, description: 40 }],
    [[tlsRecord(21, Buffer.from([1, 112, 2, 80]))], { from: 'server', level: 2, description: 80 }],
    [[level], undefined],
    [[tlsRecord(21, Buffer.alloc(12, 2))], undefined],
    [[tlsRecord(21, Buffer.alloc(26, 2))], undefined],
  ];
  for (const [records, expected] of rows) {
    for (const size of [1, 1_000]) {
      const details = detailsOf((connection) => {
        connection.send('client', TLS12_CLIENT_HELLO);
        connection.sendCut('server', Buffer.concat(records), size);
      });
      assert.deepEqual(details.alert, expected);
    }
  }
});

test('the server alone, and a flight that is cut', () => {
  const alone = new TlsTest(EVERYTHING);
  alone.send('server', SERVER_FLIGHT);
  assert.equal(alone.send('server', CHANGE_CIPHER_SPEC), false);
  assert.equal(alone.handshakes[0]?.details?.group, 24);
  assert.equal(alone.handshakes[0]?.client, undefined);

  const cut = new TlsTest(EVERYTHING);
  cut.send('client', TLS12_CLIENT_HELLO);
  cut.send('server', SERVER_FLIGHT, { captured: TLS12_SERVER_HELLO.length + 4 });
  assert.equal(cut.handshakes.length, 1);
  assert.equal(cut.handshakes[0]?.details?.certificates, undefined);
  assert.equal(cut.counters['tls.details_cut'], 1);
});

test('a TLS server that opened the connection, hellos with a SYN, and a keep-alive in the flight', () => {
  const reversed = new TlsTest(EVERYTHING);
  reversed.send('server', TLS12_CLIENT_HELLO);
  reversed.send('client', SERVER_FLIGHT);
  reversed.send('server', alert(2, 42));
  const event = reversed.handshakes[0];
  assert.equal(event?.conversation.server.port, 50_000);
  assert.equal(event?.details?.alert?.from, 'client');

  const keptAlive = detailsOf((connection) => {
    connection.send('client', TLS12_CLIENT_HELLO);
    connection.send('client', TLS12_CLIENT_HELLO.subarray(-1), { at: TLS12_CLIENT_HELLO.length - 1 });
    connection.send('server', SERVER_FLIGHT.subarray(0, 100));
    connection.send('server', SERVER_FLIGHT.subarray(99, 100), { at: 99 });
    connection.send('server', SERVER_FLIGHT.subarray(100));
  });
  assert.deepEqual(known(keptAlive), FULL);
});

test('certificates that cannot be read keep their places, in the chains of both sides and in their events', () => {
  const certificate = selfSigned(P256, '/CN=issuer');
  const message = handshake(
    11,
    Buffer.concat([u24(7 + certificate.length), u24(1), NOISE, u24(certificate.length), certificate]),
  );
  const connection = new TlsTest(EVERYTHING);
  connection.send('client', TLS12_CLIENT_HELLO);
  connection.send(
    'server',
    Buffer.concat([TLS12_SERVER_HELLO, message, ECDHE, CERTIFICATE_REQUEST, SERVER_HELLO_DONE]),
  );
  connection.send('client', Buffer.concat([message, CLIENT_KEY_EXCHANGE]));
  connection.end();
  const details = connection.handshakes[0]?.details;
  for (const chain of [details?.certificates, details?.clientCertificates]) {
    assert.deepEqual(
      chain?.map((one) => one?.subject),
      [undefined, 'CN=issuer'],
    );
  }
  const events = connection.events.filter((event) => event.kind === 'certificate');
  assert.deepEqual(
    events.map(({ from, index, chain, certificate: { subject } }) => [from, index, chain.length, subject]),
    [
      ['server', 1, 2, 'CN=issuer'],
      ['client', 1, 2, 'CN=issuer'],
    ],
  );
});

test('the certificate message of a hostile server: lists that overrun, noise, no end', () => {
  for (const [body, chain] of [
    ['ffffff', []],
    ['000004000001', [undefined]],
    ['00000600000330820101', [undefined]],
    ['0000040000ff30', [undefined]],
  ] as const) {
    const details = detailsOf((connection) => {
      connection.send('client', TLS12_CLIENT_HELLO);
      const message = handshake(11, Buffer.from(body, 'hex'));
      connection.send('server', Buffer.concat([TLS12_SERVER_HELLO, message, SERVER_HELLO_DONE]));
    });
    assert.deepEqual(details.certificates, chain, body);
  }
  const endless = new TlsTest(EVERYTHING);
  endless.send('client', TLS12_CLIENT_HELLO);
  endless.send('server', TLS12_SERVER_HELLO);
  endless.send('server', tlsRecord(22, Buffer.from('0bffffff', 'hex')));
  endless.end();
  assert.equal(endless.counters['tls.details_cut'], 1);
});
