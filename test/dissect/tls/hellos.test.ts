import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Reader } from '../../../src/dissect/reader.ts';
import { readClientHello } from '../../../src/dissect/tls/client-hello.ts';
import { readDraftRetry, readServerHello } from '../../../src/dissect/tls/server-hello.ts';
import { highestVersion, isGrease, isTls13 } from '../../../src/dissect/tls/versions.ts';
import {
  RETRY_REQUEST,
  SIMPLE_CLIENT_HELLO,
  SIMPLE_SERVER_HELLO,
  TLS12_CLIENT_HELLO,
  TLS12_SERVER_HELLO,
} from './traces.ts';

const RECORD_AND_MESSAGE_HEADER = 9;

function over(bytes: Buffer): Reader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return new Reader().reset(bytes, view, 0, bytes.length);
}

const body = (record: Buffer): Buffer => record.subarray(RECORD_AND_MESSAGE_HEADER);

const u16 = (value: number): Buffer => Buffer.from([value >> 8, value & 0xff]);

/** A ClientHello with two suites, or its own list, and extensions. */
function clientHello(extensions: readonly Buffer[], suites = Buffer.from('13011302', 'hex')): Buffer {
  const block = Buffer.concat(extensions);
  return Buffer.concat([
    u16(0x0303),
    Buffer.alloc(32, 7),
    Buffer.from([0]),
    u16(suites.length),
    suites,
    Buffer.from([1, 0]),
    u16(block.length),
    block,
  ]);
}

const extension = (type: number, data: Buffer): Buffer => Buffer.concat([u16(type), u16(data.length), data]);

function serverName(...names: readonly (readonly [type: number, name: string])[]): Buffer {
  const list = Buffer.concat(
    names.map(([type, name]) => {
      const text = Buffer.from(name, 'latin1');
      return Buffer.concat([Buffer.from([type]), u16(text.length), text]);
    }),
  );
  return extension(0, Buffer.concat([u16(list.length), list]));
}

test('ClientHello of RFC 8448 §3', () => {
  assert.deepEqual(readClientHello(over(body(SIMPLE_CLIENT_HELLO)), 0x0301), {
    recordVersion: 0x0301,
    legacyVersion: 0x0303,
    version: 0x0304,
    random: 'cb34ecb1e78163ba1c38c6dacb196a6dffa21a8d9912ec18a2ef6283024dece7',
    sessionIdLength: 0,
    sessionId: '',
    cipherSuites: [0x1301, 0x1303, 0x1302],
    compressionMethods: [0],
    extensions: [0, 0xff01, 10, 35, 51, 43, 13, 45, 28],
    serverName: 'server',
    alpn: [],
    supportedVersions: [0x0304],
    groups: [0x1d, 0x17, 0x18, 0x19, 0x100, 0x101, 0x102, 0x103, 0x104],
    pointFormats: [],
    signatureAlgorithms: [
      0x0403, 0x0503, 0x0603, 0x0203, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0201, 0x0402, 0x0502, 0x0602,
      0x0202,
    ],
    keyShares: [0x1d],
    ticketLength: 0,
    encryptedClientHello: undefined,
    sslv2: false,
    sslv2CipherKinds: [],
    malformed: false,
  });
});

test('ClientHello of OpenSSL with TLS 1.2', () => {
  const hello = readClientHello(over(body(TLS12_CLIENT_HELLO)), 0x0301)!;
  assert.equal(hello.version, 0x0303);
  assert.equal(hello.serverName, 'www.example.org');
  assert.deepEqual(hello.alpn, ['h2', 'http/1.1']);
  assert.deepEqual(hello.cipherSuites, [0xc02f, 0x002f, 0x00ff]);
  assert.deepEqual(hello.extensions, [0, 11, 10, 35, 16, 22, 23, 13]);
  assert.deepEqual(hello.pointFormats, [0, 1, 2]);
  assert.deepEqual(hello.supportedVersions, []);
  assert.equal(hello.signatureAlgorithms.length, 20);
  assert.equal(hello.malformed, false);
});

test('ServerHello of RFC 8448 §3, of OpenSSL, and the HelloRetryRequest of RFC 8448 §5', () => {
  assert.deepEqual(readServerHello(over(body(SIMPLE_SERVER_HELLO)), 0x0303), {
    recordVersion: 0x0303,
    legacyVersion: 0x0303,
    version: 0x0304,
    random: 'a6af06a4121860dc5e6e60249cd34c95930c8ac5cb1434dac155772ed3e26928',
    sessionIdLength: 0,
    sessionId: '',
    cipherSuite: 0x1301,
    compressionMethod: 0,
    extensions: [51, 43],
    alpn: undefined,
    keyShareGroup: 0x1d,
    helloRetryRequest: false,
    sslv2: false,
    malformed: false,
  });
  const tls12 = readServerHello(over(body(TLS12_SERVER_HELLO)), 0x0303)!;
  assert.deepEqual(
    [tls12.version, tls12.cipherSuite, tls12.alpn, tls12.keyShareGroup],
    [0x0303, 0xc02f, 'h2', undefined],
  );
  const retry = readServerHello(over(body(RETRY_REQUEST)), 0x0303)!;
  assert.deepEqual([retry.helloRetryRequest, retry.version, retry.keyShareGroup], [true, 0x0304, 0x17]);
  assert.equal(retry.malformed, false);
});

test('hellos without extensions, as SSL 3.0 sends them', () => {
  const client = Buffer.concat([u16(0x0300), Buffer.alloc(32, 1), Buffer.from('000002000a0100', 'hex')]);
  const hello = readClientHello(over(client), 0x0300)!;
  assert.deepEqual([hello.version, hello.cipherSuites, hello.malformed], [0x0300, [0x000a], false]);
  const server = Buffer.concat([u16(0x0300), Buffer.alloc(32, 1), Buffer.from('00000a00', 'hex')]);
  const answer = readServerHello(over(server), 0x0300)!;
  assert.deepEqual([answer.version, answer.cipherSuite, answer.malformed], [0x0300, 0x000a, false]);
});

test('drafts of TLS 1.3: their number is kept, their ServerHello has no session id', () => {
  const offer = clientHello([
    extension(43, Buffer.from('087a7a7f1c03030302', 'hex')),
    extension(40, Buffer.from('0006001d00021234', 'hex')),
  ]);
  const client = readClientHello(over(offer), 0x0301)!;
  assert.deepEqual([client.version, client.keyShares], [0x7f1c, [0x1d]]);
  assert.deepEqual(client.supportedVersions, [0x7a7a, 0x7f1c, 0x0303, 0x0302]);
  const answer = Buffer.concat([
    u16(0x7f12),
    Buffer.alloc(32, 2),
    u16(0x1301),
    u16(10),
    extension(40, Buffer.from('001d00021234', 'hex')),
  ]);
  const server = readServerHello(over(answer), 0x0301)!;
  assert.deepEqual(
    [server.version, server.cipherSuite, server.keyShareGroup, server.malformed],
    [0x7f12, 0x1301, 0x1d, false],
  );
  const retry = readDraftRetry(over(Buffer.concat([u16(0x7f12), u16(6), extension(40, u16(0x17))])), 0x0301)!;
  assert.deepEqual([retry.helloRetryRequest, retry.keyShareGroup, retry.cipherSuite], [true, 0x17, 0]);
  const retry19 = readDraftRetry(
    over(Buffer.concat([u16(0x7f13), u16(0x1302), u16(6), extension(40, u16(0x17))])),
    0x0301,
  )!;
  assert.deepEqual([retry19.keyShareGroup, retry19.cipherSuite], [0x17, 0x1302]);
  assert.equal(readDraftRetry(over(Buffer.from('03030000', 'hex')), 0x0301), undefined);
});

test('versions: GREASE is no version, a final version is above its drafts', () => {
  assert.equal(isGrease(0x0a0a) && isGrease(0xfafa), true);
  assert.equal(isGrease(0x0a1a) || isGrease(0x0a0b) || isGrease(0x0304), false);
  assert.equal(highestVersion([0xfafa, 0x0303, 0x0304], 0x0303), 0x0304);
  assert.equal(highestVersion([0x7f17, 0x0304], 0x0303), 0x0304);
  assert.equal(highestVersion([0x0303, 0xfb1a], 0x0303), 0xfb1a);
  assert.equal(highestVersion([0x1a1a, 0x1234], 0x0303), 0x0303);
  assert.equal(highestVersion([0xfeff, 0xfefc, 0xfefd], 0xfefd), 0xfefc);
  assert.equal(isTls13(0x0304) && isTls13(0x7e02) && !isTls13(0x0303), true);
});

test('server names: the first host_name, escaped like a DNS name', () => {
  const nameOf = (one: Buffer): string | undefined => readClientHello(over(clientHello([one])), 0x0301)!.serverName;
  assert.equal(nameOf(serverName([1, 'other'], [0, 'a.example'], [0, 'b.example'])), 'a.example');
  assert.equal(nameOf(serverName([0, 'a\\b\n\u00e9 c'])), 'a\\\\b\\010\\233\\032c');
  assert.equal(nameOf(serverName([0, ''])), undefined);
  assert.equal(nameOf(extension(0, Buffer.alloc(0))), undefined);
});

test('a list that overruns its place is left out, what came before stays, and the hello is marked', () => {
  const read = (bytes: Buffer) => readClientHello(over(bytes), 0x0301)!;
  // The list of groups claims 32 bytes, its extension has two: what follows is still read.
  const groups = read(clientHello([extension(10, Buffer.from('0020001d', 'hex')), serverName([0, 'a.example'])]));
  assert.deepEqual([groups.groups, groups.serverName, groups.malformed], [[], 'a.example', true]);
  // The second extension claims more than there is.
  const last = read(clientHello([serverName([0, 'a.example']), Buffer.from('00100fff0003026832', 'hex')]));
  assert.deepEqual([last.extensions, last.alpn, last.malformed], [[0], [], true]);
  // The suites overrun the message by one byte: extensions are not taken for suites.
  const suites = clientHello([serverName([0, 'a.example'])]);
  suites.writeUInt16BE(suites.length - 36, 35);
  assert.deepEqual([read(suites).cipherSuites, read(suites).malformed], [[], true]);
  assert.equal(read(suites).random, '07'.repeat(32));
  // An odd length, a name cut short, a key share cut short.
  assert.equal(read(clientHello([], Buffer.from('130113', 'hex'))).malformed, true);
  assert.equal(read(clientHello([extension(0, Buffer.from('000500000961', 'hex'))])).malformed, true);
  assert.deepEqual(read(clientHello([extension(51, Buffer.from('0006001d00201234', 'hex'))])).keyShares, [0x1d]);
});

test('what cannot be a hello is none', () => {
  assert.equal(readClientHello(over(Buffer.alloc(20)), 0x0301), undefined);
  const longSessionId = Buffer.from(body(SIMPLE_CLIENT_HELLO));
  longSessionId[34] = 33;
  assert.equal(readClientHello(over(longSessionId), 0x0301), undefined);
  assert.equal(readServerHello(over(Buffer.alloc(20)), 0x0301), undefined);
});

test('every cut of a hello is read without a throw and marked', () => {
  const whole = body(SIMPLE_CLIENT_HELLO);
  for (let length = 38; length < whole.length; length++) {
    const hello = readClientHello(over(whole.subarray(0, length)), 0x0301)!;
    // Before the extensions' length the hello is one of those without extensions.
    assert.equal(hello.malformed, length !== 2 + 32 + 1 + 2 + 6 + 2, `cut at ${length}`);
  }
});
