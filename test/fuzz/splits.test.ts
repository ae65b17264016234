/** The same stream gives the same events however it is cut into segments, with segments doubled and out of order. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { PcapFile } from '../../src/capture/pcap-file.ts';
import { createCounters } from '../../src/counters.ts';
import { Engine } from '../../src/dissect/engine.ts';
import type { NetworkEvent } from '../../src/dissect/event.ts';
import type { Frame } from '../../src/dissect/frame.ts';
import { DEFAULT_NETWORK_OPTIONS, NetworkDecoder } from '../../src/dissect/net/decoder.ts';
import { Disposition } from '../../src/dissect/net/layer.ts';
import { IpProtocol, TcpFlag } from '../../src/dissect/net/packet.ts';
import { corpusEngineOptions } from '../corpus/setup.ts';
import { address, ethernet, ipv4, u16, u32 } from '../dissect/net/packets.ts';
import { frameOf } from '../support/frames.ts';
import { PROJECT } from '../support/shared.ts';

const CASES = [
  'tls10',
  'tls12-ecdhe',
  'tls12-rsa',
  'tls13',
  'tls13-hrr',
  'tls13-resumption',
  'tls-weak-suites',
  'dns-tcp',
];
const CLIENT = { ip: '192.0.2.1', port: 40_000, start: 0xffff_ff00 };
const SERVER = { ip: '192.0.2.2', start: 7_000 };

/** What one end says before the other one answers. */
interface Turn {
  readonly fromClient: boolean;
  readonly bytes: Buffer;
}

interface Stream {
  readonly serverPort: number;
  readonly turns: Turn[];
}

/** The streams of a capture without loss, each as its turns. */
async function streamsOf(name: string): Promise<Stream[]> {
  const streams = new Map<string, Stream & { readonly seen: Set<string> }>();
  const decoder = new NetworkDecoder(DEFAULT_NETWORK_OPTIONS, createCounters(), (packet) => {
    const { sourcePort, destinationPort, payloadStart, payloadEnd } = packet;
    if (packet.protocol !== IpProtocol.tcp || payloadStart === payloadEnd) return Disposition.emitted;
    const fromClient = sourcePort > destinationPort;
    const serverPort = Math.min(sourcePort, destinationPort);
    const key = `${serverPort} ${Math.max(sourcePort, destinationPort)} ${fromClient ? packet.source0 : packet.destination0}`;
    const stream = streams.get(key) ?? { serverPort, turns: [], seen: new Set() };
    streams.set(key, stream);
    const segment = `${fromClient} ${packet.tcpSequence}`;
    if (stream.seen.has(segment)) return Disposition.emitted;
    stream.seen.add(segment);
    const bytes = Buffer.from(packet.bytes.subarray(payloadStart, payloadEnd));
    const last = stream.turns.at(-1);
    if (last?.fromClient !== fromClient) stream.turns.push({ fromClient, bytes });
    else stream.turns.splice(-1, 1, { fromClient, bytes: Buffer.concat([last.bytes, bytes]) });
    return Disposition.emitted;
  });
  const capture = await PcapFile.open(join(PROJECT, 'test/fixtures/cases', name, 'input.pcap'), {
    onWarning: () => {},
  });
  const sink = { frame: (frame: Frame) => decoder.decode(frame), ready: () => undefined };
  await capture.run(sink, new AbortController().signal);
  return [...streams.values()];
}

/** One end's sequence number, the other's that it acknowledges, and the payload. */
function segment(stream: Stream, fromClient: boolean, at: number, acknowledged: number, payload: Buffer): Buffer {
  const [from, to] = fromClient ? [CLIENT, SERVER] : [SERVER, CLIENT];
  const ports = fromClient ? [CLIENT.port, stream.serverPort] : [stream.serverPort, CLIENT.port];
  const header = [u16(ports[0]!), u16(ports[1]!), u32((from.start + at) >>> 0), u32((to.start + acknowledged) >>> 0)];
  const rest = [Buffer.from([5 << 4, TcpFlag.ack | TcpFlag.psh]), u16(0xffff), u32(0)];
  assert.equal(address(from.ip).length, 4);
  const tcp = Buffer.concat([...header, ...rest, payload]);
  return ethernet(0x0800, ipv4(IpProtocol.tcp, tcp, { source: from.ip, destination: to.ip }));
}

interface Cut {
  /** Bytes of the segment. */
  readonly size: number;
  /** It comes again. */
  readonly again: boolean;
  /** It changes places with the one before it in its turn. */
  readonly early: boolean;
}

/** Events of the stream but for when they happened. */
function eventsOf(stream: Stream, cuts: readonly Cut[]): unknown[] {
  const events: NetworkEvent[] = [];
  const engine = new Engine(
    corpusEngineOptions(() => undefined),
    createCounters(),
    (event) => events.push(event),
  );
  let clock = 0;
  let cut = 0;
  const sent = { client: 0, server: 0 };
  for (const { fromClient, bytes } of stream.turns) {
    const [own, other] = fromClient ? (['client', 'server'] as const) : (['server', 'client'] as const);
    const frames: Buffer[] = [];
    for (let at = 0; at < bytes.length; ) {
      const { size, again, early } = cuts[cut++ % cuts.length] ?? { size: bytes.length, again: false, early: false };
      const made = segment(stream, fromClient, sent[own] + at, sent[other], bytes.subarray(at, at + size));
      // The first of a stream shows where it starts.
      if (early && frames.length > 1) frames.splice(-1, 0, made);
      else frames.push(made);
      if (again) frames.push(made);
      at += size;
    }
    sent[own] += bytes.length;
    for (const frame of frames) engine.frame(frameOf(frame, { nanos: 1_000_000 * clock++ }));
  }
  engine.end();
  return events
    .filter(({ kind }) => kind !== 'flow')
    .map((event) => ({ ...event, time: 0, responseTime: 0, conversation: 0 }));
}

describe('a stream cut in any way', () => {
  const cut = fc.record({
    size: fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 1_460 })),
    again: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
    early: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
  });
  for (const name of CASES) {
    it(name, async () => {
      const streams = await streamsOf(name);
      const whole = streams.map((stream) => eventsOf(stream, []));
      assert.ok(whole.every((events) => events.length > 0));
      fc.assert(
        fc.property(fc.nat(streams.length - 1), fc.array(cut, { minLength: 1, maxLength: 12 }), (which, cuts) => {
          assert.deepEqual(eventsOf(streams[which]!, cuts), whole[which]);
        }),
        { seed: 0x5eed, numRuns: 25 },
      );
    });
  }
});
