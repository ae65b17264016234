import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TlsTest } from './connection.ts';
import { SIMPLE_CLIENT_HELLO, SIMPLE_SERVER_HELLO } from './traces.ts';

const text = (line: string): Buffer => Buffer.from(line, 'latin1');

const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');
const PROXY2 = Buffer.concat([
  SIGNATURE,
  Buffer.from('2111000c c0000201 c6336402 04d2 01bb'.replaceAll(' ', ''), 'hex'),
]);
/** A family that the receiver does not know, without addresses. */
const PROXY2_LOCAL = Buffer.concat([SIGNATURE, Buffer.from('20000000', 'hex')]);
const PROXY1 = text('PROXY TCP4 192.0.2.1 198.51.100.2 1234 443\r\n');
const PROXY1_LONGEST = text(`PROXY UNKNOWN ${'ffff:'.repeat(7)}ffff ${'ffff:'.repeat(7)}ffff 65535 65535\r\n`);
const GREETING = Buffer.from('0c0000000a382e302e30000102030405', 'hex');
const SSL_REQUEST = Buffer.concat([
  Buffer.from('200000018daeff19000000 01ff'.replaceAll(' ', ''), 'hex'),
  Buffer.alloc(23),
]);

/** The connection in which `before` shares the hello's first segment, cut after `size` bytes. */
function connectionOf(before: Buffer, size = Number.POSITIVE_INFINITY, greeting?: Buffer): TlsTest {
  const connection = new TlsTest();
  if (greeting !== undefined) connection.send('server', greeting);
  const sent = Buffer.concat([before, SIMPLE_CLIENT_HELLO]);
  connection.send('client', sent.subarray(0, size));
  if (size < sent.length) connection.send('client', sent.subarray(size));
  connection.send('server', SIMPLE_SERVER_HELLO);
  connection.end();
  return connection;
}

test('a hello behind a PROXY header in the same segment, whole or split', () => {
  assert.equal(PROXY1_LONGEST.length, 107);
  for (const header of [PROXY1, PROXY1_LONGEST, PROXY2, PROXY2_LOCAL]) {
    for (const size of [undefined, header.length + 12, header.length + 100]) {
      const { handshakes } = connectionOf(header, size);
      assert.equal(handshakes.length, 1, header.toString('latin1'));
      assert.equal(handshakes[0]?.client?.serverName, 'server');
      assert.equal(handshakes[0]?.server?.cipherSuite, 0x1301);
      assert.equal(handshakes[0]?.details?.after, 'plaintext');
    }
  }
});

test("a hello behind MySQL's SSLRequest in the same segment", () => {
  assert.equal(SSL_REQUEST.length, 36);
  const { handshakes } = connectionOf(SSL_REQUEST, undefined, GREETING);
  assert.equal(handshakes[0]?.client?.serverName, 'server');
  assert.equal(handshakes[0]?.details?.after, 'mysql');
});

test('what is no such header hides a hello as before', () => {
  const noRequest = Buffer.from(SSL_REQUEST);
  noRequest[5] = 0;
  const longer = Buffer.from(PROXY2);
  longer.writeUInt16BE(0xffff, 14);
  const others = [
    text('PROXY TCP4 192.0.2.1 198.51.100.2 1234 443\n'),
    text(`PROXY ${'x'.repeat(100)}\r\n`),
    text('PROPFIND / HTTP/1.1\r\n'),
    Buffer.concat([SIGNATURE.subarray(0, 11), Buffer.from('0b2111000c', 'hex'), Buffer.alloc(12)]),
    longer,
    noRequest,
  ];
  for (const before of others) {
    const { events } = connectionOf(before);
    assert.ok(!events.some((event) => event.kind === 'client_hello'), before.toString('latin1'));
  }
  // A server does not announce its client.
  const connection = new TlsTest();
  connection.send('server', Buffer.concat([PROXY1, SIMPLE_SERVER_HELLO]));
  connection.end();
  assert.deepEqual(connection.events, []);
});
