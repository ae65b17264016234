/**
 * From frames to network events: decoder, flow table and protocol trackers wired together. Synchronous and on packet
 * time only, so that replaying a capture twice gives the same events.
 */
import type { Counters } from '../counters.ts';
import { HandshakeDatagrams } from './datagrams.ts';
import { type DnsOptions, DnsTracker } from './dns/tracker.ts';
import type { EventSink } from './event.ts';
import { TrafficFilter, type TrafficFilterOptions } from './filter.ts';
import { type FlowOptions, FlowTable } from './flow/table.ts';
import type { Frame } from './frame.ts';
import { NetworkDecoder, type NetworkOptions } from './net/decoder.ts';
import { Disposition } from './net/layer.ts';
import { IpProtocol, type Packet } from './net/packet.ts';
import type { Tally } from './tally.ts';
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
  /** The flows that the kernel counts, where the capture has it do so. */
  readonly kernelFlows?: KernelFlows;
  /** Called after the last event of a connection: what is kept of it can be given up. */
  readonly sessionEnd?: (session: number) => void;
}

/** What the engine asks of a capture whose kernel program counts flows. Keys are ten words from `at`, as `FlowKey` has them. */
export interface KernelFlows {
  /** What has been counted of a flow until now; undefined where the kernel has no record of it. Reused by the next call. */
  read(words: Uint32Array, at: number): Tally | undefined;
  /** The flow has ended: a packet that comes after all begins another record. */
  forget(words: Uint32Array, at: number): void;
}

/** What the dispatcher knows of a TCP flow, one byte in its record. */
const Stage = { undecided: 0, done: 1 } as const;

export class Engine {
  private readonly decoder: NetworkDecoder;
  private readonly flows: FlowTable;
  private readonly dns: DnsTracker;
  private readonly tls: TlsTracker;
  private readonly datagrams: HandshakeDatagrams;
  private readonly wantFlows: boolean;
  private readonly wantDns: boolean;
  private readonly wantTls: boolean;
  private filter: TrafficFilter;
  private tickedSecond = -1;
  /** Of the frame under way, where the kernel counts its flow. */
  private tally: Tally | undefined;
  private wantsMore = false;

  constructor(options: EngineOptions, counters: Counters, sink: EventSink) {
    this.wantFlows = options.flows;
    this.wantDns = options.dns;
    this.wantTls = options.tls;
    this.filter = new TrafficFilter(options.filter);
    this.flows = new FlowTable(options.flow, counters, {
      admit: (packet) => this.filter.admit(packet),
      end: (slot) => {
        this.dns.endFlow(slot);
        this.tls.endFlow(slot);
        this.datagrams.endFlow(slot);
      },
      emit: options.flows ? sink : undefined,
      ...(options.sessionEnd && { close: options.sessionEnd }),
      interfaceName: options.interfaceName,
      ...kernelHooks(options.kernelFlows, (tally) => this.flows.settle(tally)),
    });
    this.dns = new DnsTracker(options.dnsOptions, counters, this.flows, sink);
    this.tls = new TlsTracker(options.tlsOptions, counters, this.flows, sink);
    this.datagrams = new HandshakeDatagrams(options.tlsOptions, this.tls.certificates, counters, this.flows, sink);
    this.decoder = new NetworkDecoder(options.network, counters, (packet) => this.packet(packet));
  }

  frame(frame: Frame): void {
    if (frame.seconds !== this.tickedSecond) {
      this.tickedSecond = frame.seconds;
      this.dns.tick(frame.seconds, frame.nanos);
    }
    this.decoder.decode(frame);
  }

  /** See `LiveSink.tracked`. */
  tracked(frame: Frame, tally: Tally): boolean {
    this.wantsMore = false;
    this.tally = tally;
    this.frame(frame);
    this.tally = undefined;
    return this.wantsMore;
  }

  /** See `LiveSink.settle`. */
  settle(tally: Tally): boolean {
    return this.flows.settle(tally);
  }

  /** From the next new flow on, and from the next packet on for DNS ports. */
  replaceFilters(filter: TrafficFilterOptions, dnsPorts: readonly number[]): void {
    this.filter = new TrafficFilter(filter);
    this.dns.replacePorts(dnsPorts);
  }

  /** See `LiveSink.tick`. */
  tick(seconds: number, nanos: number): void {
    this.dns.tick(seconds, nanos);
    this.flows.tick(seconds);
  }

  /** The end of the capture: everything still open is reported. */
  end(): void {
    for (const _ of this.ending());
  }

  /** The same in parts: yields from time to time, for the events to be taken away. */
  *ending(): Generator<void> {
    this.decoder.end();
    yield* this.flows.end();
    this.dns.end();
    this.tls.end();
    this.datagrams.end();
  }

  private packet(packet: Packet): Disposition {
    if (!this.wantFlows && !this.isWanted(packet)) return Disposition.filteredKind;
    const slot = this.flows.observe(packet, this.tally);
    if (slot < 0) return -slot as Disposition;
    if (packet.payloadLength > 0) {
      if (packet.protocol === IpProtocol.tcp) this.segment(packet, slot);
      else if (packet.protocol === IpProtocol.udp) this.datagram(packet, slot);
    }
    return Disposition.emitted;
  }

  private isWanted(packet: Packet): boolean {
    if (packet.protocol !== IpProtocol.tcp && packet.protocol !== IpProtocol.udp) return false;
    return this.wantTls || (this.wantDns && this.dns.isDnsPort(packet));
  }

  private datagram(packet: Packet, slot: number): void {
    const { fromClient } = this.flows;
    const isDns = this.wantDns && this.dns.isDnsPort(packet) && !(this.wantTls && this.datagrams.claims(packet, slot));
    if (isDns) this.dns.datagram(packet, slot, fromClient);
    else if (this.wantTls) this.datagrams.datagram(packet, slot, fromClient);
  }

  private segment(packet: Packet, slot: number): void {
    const stage = this.flows.stage(slot);
    if (stage === Stage.done) return;
    this.wantsMore = true;
    const { fromClient } = this.flows;
    let more: boolean;
    const isDns = this.wantDns && this.dns.isDnsPort(packet) && !(this.wantTls && this.tls.claims(packet, slot));
    if (isDns) more = this.dns.segment(packet, slot, fromClient);
    else more = this.wantTls && this.tls.segment(packet, slot, fromClient);
    if (more) return;
    this.wantsMore = false;
    this.flows.setStage(slot, Stage.done);
  }
}

function kernelHooks(kernel: KernelFlows | undefined, settle: (tally: Tally) => void) {
  if (kernel === undefined) return {};
  return {
    refresh: (words: Uint32Array, at: number): void => {
      const tally = kernel.read(words, at);
      if (tally !== undefined) settle(tally);
    },
    forget: (words: Uint32Array, at: number): void => kernel.forget(words, at),
  };
}
