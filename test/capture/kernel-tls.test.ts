/** Hellos of which the kernel program has to hand over more than the segment in which they begin, or what it alone would pass by. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import type { NetworkEvent } from '../../src/dissect/event.ts';
import { opaquePacket } from '../dissect/quic/seal.ts';
import { CLIENT_ID, VERSION_1 } from '../dissect/quic/vectors.ts';
import { SIMPLE_CLIENT_HELLO, SIMPLE_SERVER_HELLO } from '../dissect/tls/traces.ts';
import { Connection, datagram } from '../support/connection.ts';
import { skipWithoutCapture } from '../support/privilege.ts';
import { LITTLE, pcapHeader, pcapRecord } from './capture-bytes.ts';
import { KernelRun } from './kernel-run.ts';

const skip = skipWithoutCapture('ebpf');

const HELLO_PARTS = [
  SIMPLE_CLIENT_HELLO.subarray(0, 80),
  SIMPLE_CLIENT_HELLO.subarray(80, 150),
  SIMPLE_CLIENT_HELLO.subarray(150),
];
const EMPTY_RECORD = Buffer.from('1603010000', 'hex');
const PROXY = Buffer.from('PROXY TCP4 192.0.2.7 198.51.100.2 1234 443\r\n');
const GREETING = Buffer.from('0c0000000a382e302e30000102030405', 'hex');
const SSL_REQUEST = Buffer.concat([Buffer.from('200000018daeff1900000001ff', 'hex'), Buffer.alloc(23)]);
const PROXY2 = Buffer.from('0d0a0d0a000d0a515549540a20000000', 'hex');

function upgraded(port: number): Connection {
  return new Connection(port, 587)
    .send('server', '220 mail.example ESMTP ready\r\n')
    .send('client', 'EHLO a.example\r\n')
    .send('server', '250 STARTTLS\r\n')
    .send('client', 'STARTTLS\r\n')
    .send('server', '220 go\r\n');
}

const CASES: Readonly<Record<string, Connection>> = {
  'an empty record before the hello': new Connection(40_001, 443).send(
    'client',
    Buffer.concat([EMPTY_RECORD, SIMPLE_CLIENT_HELLO]),
  ),
  'a PROXY header before the hello': new Connection(40_002, 443).send(
    'client',
    Buffer.concat([PROXY, SIMPLE_CLIENT_HELLO]),
  ),
  'a PROXY header before a hello in many segments': new Connection(40_003, 443).parts(
    'client',
    [Buffer.concat([PROXY2, SIMPLE_CLIENT_HELLO.subarray(0, 20)]), ...cut(SIMPLE_CLIENT_HELLO.subarray(20), 30)],
    [0, 1, 2, 3, 4, 5, 6, 7],
  ),
  "MySQL's SSLRequest before a hello in many segments": new Connection(40_008, 3306)
    .send('server', GREETING)
    .parts(
      'client',
      [Buffer.concat([SSL_REQUEST, SIMPLE_CLIENT_HELLO.subarray(0, 20)]), ...cut(SIMPLE_CLIENT_HELLO.subarray(20), 30)],
      [0, 1, 2, 3, 4, 5, 6, 7],
    ),
  'a hello on the port of DNS': new Connection(40_007, 53).send('client', SIMPLE_CLIENT_HELLO),
  'a hello from the port of mDNS': new Connection(5353, 8443).send('client', SIMPLE_CLIENT_HELLO),
  'two segments out of order after STARTTLS': upgraded(40_004).parts(
    'client',
    [SIMPLE_CLIENT_HELLO.subarray(0, 80), SIMPLE_CLIENT_HELLO.subarray(80)],
    [1, 0],
  ),
  'three segments out of order after STARTTLS': upgraded(40_005).parts('client', HELLO_PARTS, [1, 2, 0]),
  'three segments backwards after STARTTLS': upgraded(40_006).parts('client', HELLO_PARTS, [2, 1, 0]),
};

function cut(bytes: Buffer, size: number): Buffer[] {
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) parts.push(bytes.subarray(at, at + size));
  return parts;
}

const hasHandshake = (events: readonly NetworkEvent[]): boolean =>
  events.some((event) => event.kind === 'tls_handshake' && event.client !== undefined && event.server !== undefined);

describe('hellos that come through the kernel program as they do in replay', { skip }, () => {
  const run = skip === false ? new KernelRun() : undefined;
  const folder = mkdtempSync(join(tmpdir(), 'vesper-kernel-'));
  after(() => {
    run?.close();
    rmSync(folder, { recursive: true });
  });

  const compare = async (frames: readonly Buffer[]): Promise<void> => {
    const file = join(folder, 'in.pcap');
    const records = frames.map((frame, i) => pcapRecord(LITTLE, 1_700_000_000, 1_000 * i, frame));
    writeFileSync(file, Buffer.concat([pcapHeader(LITTLE), ...records]));
    const { replayed, captured } = await (run as KernelRun).compare(file);
    assert.ok(hasHandshake(replayed), 'replay');
    assert.deepEqual(captured, replayed);
  };

  for (const [name, connection] of Object.entries(CASES)) {
    it(name, () => compare(connection.send('server', SIMPLE_SERVER_HELLO).frames));
  }

  it('a QUIC connection after a hundred packets with long headers between the same ports', () => {
    const handshakePacket = datagram('client', 50_000, 443, opaquePacket(2, CLIENT_ID, 40));
    return compare([
      ...Array.from({ length: 100 }, () => handshakePacket),
      datagram('client', 50_000, 443, VERSION_1.clientInitial),
      datagram('server', 443, 50_000, VERSION_1.serverInitial),
    ]);
  });
});
