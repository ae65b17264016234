/**
 * What a packet costs in the kernel program, by BPF_PROG_TEST_RUN, which repeats it over the same packet.
 *
 *     sudo node dist/bench/kernel.js
 */
import { EbpfObject } from '../src/capture/ebpf-object.ts';
import { applyFilters } from '../src/capture/ebpf-settings.ts';

const REPEAT = 1_000_000;
const ROUNDS = 5;

/** An IPv4 frame of 100 bytes of payload from 10.0.0.1 port 40000 to 10.0.0.2 port `port`. */
function frame(protocol: number, port: number): Buffer {
  const isTcp = protocol === 6;
  const bytes = Buffer.alloc(14 + 20 + (isTcp ? 20 : 8) + 100);
  bytes.writeUInt16BE(0x0800, 12);
  bytes[14] = 0x45;
  bytes.writeUInt16BE(bytes.length - 14, 16);
  bytes[23] = protocol;
  bytes.writeUInt32BE(0x0a000001, 26);
  bytes.writeUInt32BE(0x0a000002, 30);
  bytes.writeUInt16BE(40_000, 34);
  bytes.writeUInt16BE(port, 36);
  if (isTcp) {
    bytes[46] = 0x50;
    bytes[47] = 0x10;
    bytes.writeUInt16BE(512, 48);
  } else bytes.writeUInt16BE(108, 38);
  return bytes;
}

/** The same datagram over IPv6. */
function frame6(): Buffer {
  const bytes = Buffer.concat([Buffer.alloc(54), frame(17, 9999).subarray(34)]);
  bytes.writeUInt16BE(0x86dd, 12);
  bytes[14] = 0x60;
  bytes.writeUInt16BE(bytes.length - 54, 18);
  bytes[20] = 17;
  bytes[37] = 1;
  bytes[53] = 2;
  return bytes;
}

/** A bare acknowledgment. */
function acknowledgment(): Buffer {
  const bytes = Buffer.from(frame(6, 443).subarray(0, 54));
  bytes.writeUInt16BE(40, 16);
  return bytes;
}

const object = EbpfObject.load({ flows: 65_536, ringSize: 16 * 1024 * 1024 });
applyFilters(object, { ignoreNetworks: [], ignorePorts: [], dnsPorts: [], followTls: true });
const cases: readonly [string, Buffer][] = [
  ['UDP datagram of a known flow', frame(17, 9999)],
  ['the same over IPv6', frame6()],
  ['TCP acknowledgment of a known flow', acknowledgment()],
  ['not IP', Buffer.from('ffffffffffff0000000000010806'.padEnd(120, '0'), 'hex')],
];
for (const [name, bytes] of cases) {
  // The first runs make the flow known.
  object.testRun(bytes, 1000);
  const times = Array.from({ length: ROUNDS }, () => object.testRun(bytes, REPEAT));
  console.log(`${name}: ${Math.min(...times)} ns (${times.join(', ')})`);
}
object.close();
