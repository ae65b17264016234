/** UDP flows written by hand: what their ends send becomes packets for the trackers of QUIC and DTLS. */
import { type Counters, createCounters } from '../../src/counters.ts';
import type { Conversation } from '../../src/dissect/conversation.ts';
import { HandshakeDatagrams } from '../../src/dissect/datagrams.ts';
import type { ClientHelloEvent, NetworkEvent, ServerHelloEvent, TlsHandshakeEvent } from '../../src/dissect/event.ts';
import type { FlowTable } from '../../src/dissect/flow/table.ts';
import { Packet } from '../../src/dissect/net/packet.ts';
import type { TlsOptions } from '../../src/dissect/tls/tracker.ts';
import { CertificateStore } from '../../src/dissect/x509/store.ts';
import { conversationOf } from '../conversation.ts';

const CONVERSATION = conversationOf({
  client: { ip: '192.0.2.1', port: 50_000 },
  server: { ip: '198.51.100.2', port: 443 },
  transport: 'udp',
  session: 0,
});

/** The part of the flow table that the trackers use, for flows that are all alike. */
class Flows {
  readonly stages = new Map<number, number>();
  readonly apps = new Map<number, string | undefined>();
  readonly quicVersions = new Map<number, number>();

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
    if (stage < 0 || stage > 255) throw new RangeError(`stage ${stage} is no byte`);
    this.stages.set(slot, stage);
  }
  setApp(slot: number, app: string | undefined): void {
    this.apps.set(slot, app);
  }
  setQuicVersion(slot: number, index: number): void {
    this.quicVersions.set(slot, index);
  }
}

export class DatagramTest {
  readonly counters: Counters = createCounters();
  readonly events: NetworkEvent[] = [];
  readonly flows = new Flows();
  readonly tracker: HandshakeDatagrams;
  private clock = 0;

  constructor(options: Partial<TlsOptions> = {}) {
    const flows = this.flows as unknown as FlowTable;
    const whole: TlsOptions = {
      messages: true,
      transactions: true,
      fingerprints: [],
      certificates: true,
      certificateEvents: true,
      ...options,
    };
    const certificates = whole.certificates ? new CertificateStore(this.counters) : undefined;
    this.tracker = new HandshakeDatagrams(whole, certificates, this.counters, flows, (event) =>
      this.events.push(event),
    );
  }

  /** Sends one datagram, 1 ms after the one before. */
  send(from: 'client' | 'server', payload: Uint8Array, slot = 0, captured = payload.length): void {
    const packet = new Packet();
    // Bytes before and after must not matter.
    packet.bytes = Buffer.concat([Buffer.from([0xc0, 0]), payload, Buffer.from([0xc0, 0, 0, 0, 1])]);
    packet.view = new DataView(packet.bytes.buffer, packet.bytes.byteOffset, packet.bytes.length);
    packet.payloadStart = 2;
    packet.payloadLength = payload.length;
    packet.payloadEnd = 2 + captured;
    packet.frame.seconds = 1_700_000_000;
    packet.frame.nanos = 1_000_000 * this.clock++;
    this.tracker.datagram(packet, slot, from === 'client');
  }

  end(slot = 0): void {
    this.tracker.endFlow(slot);
  }

  get kinds(): string[] {
    return this.events.map((event) => event.kind);
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

/** The handshake without what depends on when its packets came. */
export function content(event: TlsHandshakeEvent | undefined) {
  return { client: event?.client, retry: event?.retry, server: event?.server };
}
