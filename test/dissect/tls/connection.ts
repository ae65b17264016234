/** A TCP connection written by hand: what its ends send becomes packets for a tracker. */
import { type Counters, createCounters } from '../../../src/counters.ts';
import type {
  ClientHelloEvent,
  Conversation,
  NetworkEvent,
  ServerHelloEvent,
  TlsHandshakeEvent,
} from '../../../src/dissect/event.ts';
import type { FlowTable } from '../../../src/dissect/flow/table.ts';
import { Packet, TcpFlag } from '../../../src/dissect/net/packet.ts';
import { type TlsOptions, TlsTracker } from '../../../src/dissect/tls/tracker.ts';
import { conversationOf } from '../../conversation.ts';

export interface SegmentOptions {
  /** Position in the sender's stream; where it would go on without. */
  readonly at?: number;
  readonly flags?: number;
  /** Bytes captured of it, all without. */
  readonly captured?: number;
}

const CONVERSATION = conversationOf({
  client: { ip: '192.0.2.1', port: 50_000 },
  server: { ip: '198.51.100.2', port: 443 },
  transport: 'tcp',
});

/** Initial sequence numbers, near the wrap so that every test crosses it. */
const CLIENT_START = 0xffff_fff0;
const SERVER_START = 0xffff_ff80;

/** The part of the flow table that a tracker uses, for flows that are all alike. */
class Flows {
  readonly stages = new Map<number, number>();
  readonly apps = new Map<number, string | undefined>();
  /** The flows began before the capture. */
  midstream = false;
  /** By flow and sender: the sequence number expected next, and what is missing before it. */
  private readonly streams = new Map<string, { expected: number; gapStart: number; gapEnd: number }>();

  /** As the table does: counts the segment before a tracker gets it. */
  observe(slot: number, fromClient: boolean, sequence: number, length: number): void {
    const key = `${slot} ${fromClient}`;
    const first = this.midstream ? sequence : fromClient ? CLIENT_START : SERVER_START;
    const stream = this.streams.get(key) ?? { expected: first, gapStart: 0, gapEnd: 0 };
    this.streams.set(key, stream);
    const end = (sequence + length) >>> 0;
    const ahead = (sequence - stream.expected) | 0;
    if (ahead > 0) {
      if (stream.gapStart === stream.gapEnd) stream.gapStart = stream.expected;
      stream.gapEnd = sequence;
    } else if (sequence === stream.gapStart) stream.gapStart = end;
    else if (end === stream.gapEnd) stream.gapEnd = sequence;
    if (ahead + length > 0) stream.expected = end;
  }
  knowsStart(): boolean {
    return !this.midstream;
  }
  pastGap(slot: number, fromClient: boolean, sequence: number): number {
    const stream = this.streams.get(`${slot} ${fromClient}`);
    return stream === undefined || stream.gapStart === stream.gapEnd ? -1 : (sequence - stream.gapEnd) | 0;
  }
  conversation(slot: number): Conversation {
    return conversationOf({ session: slot }, CONVERSATION);
  }
  session(slot: number): number {
    return slot;
  }
  stage(slot: number): number {
    return this.stages.get(slot) ?? 0;
  }
  setStage(slot: number, stage: number): void {
    this.stages.set(slot, stage);
  }
  app(slot: number): string | undefined {
    return this.apps.get(slot);
  }
  setApp(slot: number, app: string | undefined): void {
    this.apps.set(slot, app);
  }
}

/** Handshakes end with their ServerHello. */
const HELLOS_ONLY: TlsOptions = {
  messages: true,
  transactions: true,
  certificates: false,
  certificateEvents: false,
  fingerprints: [],
};

/** Everything that is in the clear. */
export const EVERYTHING: Partial<TlsOptions> = {
  certificates: true,
  certificateEvents: true,
  fingerprints: ['ja3', 'ja3s', 'ja4'],
};

export class TlsTest {
  readonly counters: Counters = createCounters();
  readonly events: NetworkEvent[] = [];
  readonly flows = new Flows();
  readonly tracker: TlsTracker;
  private readonly next = new Map<string, number>();
  private clock = 0;

  constructor(options: Partial<TlsOptions> = {}) {
    const flows = this.flows as unknown as FlowTable;
    this.tracker = new TlsTracker({ ...HELLOS_ONLY, ...options }, this.counters, flows, (event) =>
      this.events.push(event),
    );
  }

  /** Sends one segment, 1 ms after the one before; returns whether more is wanted of the flow. */
  send(from: 'client' | 'server', payload: Uint8Array, options: SegmentOptions = {}, slot = 0): boolean {
    const key = `${slot} ${from}`;
    const other = from === 'client' ? 'server' : 'client';
    const start = (side: string): number => (side === 'client' ? CLIENT_START : SERVER_START);
    const at = options.at ?? this.next.get(key) ?? 0;
    this.next.set(key, Math.max(this.next.get(key) ?? 0, at + payload.length));
    const packet = new Packet();
    // Bytes before and after must not matter.
    packet.bytes = Buffer.concat([Buffer.from([0x16, 3]), payload, Buffer.from([0x16, 3, 1])]);
    packet.view = new DataView(packet.bytes.buffer, packet.bytes.byteOffset, packet.bytes.length);
    packet.payloadStart = 2;
    packet.payloadLength = payload.length;
    packet.payloadEnd = 2 + (options.captured ?? payload.length);
    packet.tcpFlags = options.flags ?? TcpFlag.ack;
    packet.tcpSequence = (start(from) + at) >>> 0;
    packet.tcpAcknowledgment = (start(other) + (this.next.get(`${slot} ${other}`) ?? 0)) >>> 0;
    packet.frame.seconds = 1_700_000_000;
    packet.frame.nanos = 1_000_000 * this.clock++;
    this.flows.observe(slot, from === 'client', packet.tcpSequence, payload.length);
    if (this.flows.stage(slot) === 1) return false;
    const more = this.tracker.segment(packet, slot, from === 'client');
    if (!more) this.flows.setStage(slot, 1);
    return more;
  }

  /** The same, cut into segments of `size` bytes. */
  sendCut(from: 'client' | 'server', payload: Uint8Array, size: number): boolean {
    let more = true;
    for (let at = 0; at < payload.length; at += size) more = this.send(from, payload.subarray(at, at + size));
    return more;
  }

  end(slot = 0): void {
    this.tracker.endFlow(slot);
  }

  get clientHellos(): ClientHelloEvent[] {
    return this.events.filter((event) => event.kind === 'client_hello');
  }
  get serverHellos(): ServerHelloEvent[] {
    return this.events.filter((event) => event.kind === 'server_hello');
  }
  get handshakes(): TlsHandshakeEvent[] {
    return this.events.filter((event) => event.kind === 'tls_handshake');
  }
}

/** The fragment of records cut into records of `size` bytes. */
export function refragment(record: Buffer, size: number): Buffer {
  const fragment = record.subarray(5);
  const records: Buffer[] = [];
  for (let at = 0; at < fragment.length; at += size) {
    const part = fragment.subarray(at, at + size);
    records.push(tlsRecord(record[0]!, part, record.readUInt16BE(1)));
  }
  return Buffer.concat(records);
}

export function tlsRecord(type: number, fragment: Uint8Array, version = 0x0303): Buffer {
  const header = Buffer.alloc(5);
  header[0] = type;
  header.writeUInt16BE(version, 1);
  header.writeUInt16BE(fragment.length, 3);
  return Buffer.concat([header, fragment]);
}

/** A handshake message in a record of its own. */
export function handshake(type: number, body: Uint8Array, recordVersion = 0x0301): Buffer {
  const header = Buffer.from([type, 0, body.length >> 8, body.length & 0xff]);
  return tlsRecord(22, Buffer.concat([header, body]), recordVersion);
}
