/**
 * From frames to network events: decoder, flow table and protocol trackers wired together. Synchronous and on packet
 * time only, so that replaying a capture twice gives the same events.
 */
import type { Counters } from '../counters.ts';
import { type DnsOptions, DnsTracker } from './dns/tracker.ts';
import type { EventSink } from './event.ts';
import { TrafficFilter, type TrafficFilterOptions } from './filter.ts';
import { type FlowOptions, FlowTable } from './flow/table.ts';
import type { Frame } from './frame.ts';
import { Disposition, NetworkDecoder, type NetworkOptions } from './net/decoder.ts';
import { IpProtocol, type Packet } from './net/packet.ts';
import { type TlsOptions, TlsTracker } from './tls/tracker.ts';

export interface EngineOptions {
  /** Which events are wanted; what nobody wants is not decoded. */
  readonly flows: boolean;
  readonly dns: boolean;
  readonly tls: boolean;
  readonly network: NetworkOptions;
  readonly flow: FlowOptions;
  readonly dnsOptions: DnsOptions;
  readonly tlsOptions: TlsOptions;
  readonly filter: TrafficFilterOptions;
  readonly interfaceName: (index: number) => string | undefined;
}

/** What the dispatcher knows of a TCP flow, one byte in its record. */
const Stage = { undecided: 0, done: 1 } as const;

export class Engine {
  private readonly decoder: NetworkDecoder;
  private readonly flows: FlowTable;
  private readonly dns: DnsTracker;
  private readonly tls: TlsTracker;
  private readonly wantFlows: boolean;
  private readonly wantDns: boolean;
  private readonly wantTls: boolean;
  private tickedSecond = -1;

  constructor(options: EngineOptions, counters: Counters, sink: EventSink) {
    this.wantFlows = options.flows;
    this.wantDns = options.dns;
    this.wantTls = options.tls;
    const filter = new TrafficFilter(options.filter);
    this.flows = new FlowTable(options.flow, counters, {
      admit: (packet) => filter.admit(packet),
      end: (slot) => {
        this.dns.endFlow(slot);
        this.tls.endFlow(slot);
      },
      emit: options.flows ? sink : undefined,
      interfaceName: options.interfaceName,
    });
    this.dns = new DnsTracker(options.dnsOptions, counters, this.flows, sink);
    this.tls = new TlsTracker(options.tlsOptions, counters, this.flows, sink);
    this.decoder = new NetworkDecoder(options.network, counters, (packet) => this.packet(packet));
  }

  frame(frame: Frame): void {
    if (frame.seconds !== this.tickedSecond) {
      this.tickedSecond = frame.seconds;
      this.dns.tick(frame.seconds, frame.nanos);
    }
    this.decoder.decode(frame);
  }

  /** The end of the capture: everything still open is reported. */
  end(): void {
    this.decoder.end();
    this.flows.end();
    this.dns.end();
    this.tls.end();
  }

  private packet(packet: Packet): Disposition {
    if (!this.wantFlows && !this.isWanted(packet)) return Disposition.filteredKind;
    const slot = this.flows.observe(packet);
    if (slot < 0) return -slot as Disposition;
    if (packet.payloadLength > 0) {
      if (packet.protocol === IpProtocol.tcp) this.segment(packet, slot);
      else if (packet.protocol === IpProtocol.udp && this.wantDns && this.dns.isDnsPort(packet)) {
        this.dns.datagram(packet, slot, this.flows.fromClient);
      }
    }
    return Disposition.emitted;
  }

  private isWanted(packet: Packet): boolean {
    if (packet.protocol === IpProtocol.tcp) return this.wantTls || (this.wantDns && this.dns.isDnsPort(packet));
    return packet.protocol === IpProtocol.udp && this.wantDns && this.dns.isDnsPort(packet);
  }

  private segment(packet: Packet, slot: number): void {
    const stage = this.flows.stage(slot);
    if (stage === Stage.done) return;
    const { fromClient } = this.flows;
    let more: boolean;
    if (this.wantDns && this.dns.isDnsPort(packet)) more = this.dns.segment(packet, slot, fromClient);
    else more = this.wantTls && this.tls.segment(packet, slot, fromClient);
    if (!more) this.flows.setStage(slot, Stage.done);
  }
}
