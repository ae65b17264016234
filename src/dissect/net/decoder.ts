/** From a frame to its IP packets: the order of the layers, and one counter for every frame. */
import type { Counters } from '../../counters.ts';
import type { Frame } from '../frame.ts';
import { ethernet, mpls, ppp } from './ethertype.ts';
import { FragmentTable } from './fragments.ts';
import { ipv4 } from './ipv4.ts';
import { extensionHeaders, ipv6, isExtensionHeader } from './ipv6.ts';
import { Cursor, type Disposition, FIRST_STEP, OUTCOME_COUNTERS, Outcome, Step } from './layer.ts';
import { linkLayer } from './link.ts';
import { IpProtocol, Packet } from './packet.ts';
import { icmp, tcp, udp } from './transport.ts';
import { addHop, gre, mayBeTunnel, NOT_A_TUNNEL, udpTunnel } from './tunnels.ts';

/** Called once for each IP packet layer that carries TCP, UDP, ICMP or ICMPv6; the packet is valid during the call. */
export type PacketSink = (packet: Packet) => Disposition;

export interface NetworkOptions {
  /** Memory for waiting fragments in bytes, for each IP version. */
  readonly fragmentBytes: number;
  /** Datagrams that may wait for fragments at a time, for each IP version. */
  readonly fragmentDatagrams: number;
  /** Tunnels (and Ethernet in MPLS) around a packet that are followed. */
  readonly tunnelDepth: number;
}

export const DEFAULT_NETWORK_OPTIONS: NetworkOptions = {
  // Linux's own net.ipv4.ipfrag_high_thresh.
  fragmentBytes: 4 * 1024 * 1024,
  fragmentDatagrams: 4096,
  // Overlays of overlays reach three or four; each hop costs two formatted addresses.
  tunnelDepth: 8,
};

/** How Linux (net.ipv4.ipfrag_time) and RFC 8200 §4.5 wait. */
const IPV4_TIMEOUT_SECONDS = 30;
const IPV6_TIMEOUT_SECONDS = 60;

export class NetworkDecoder {
  private readonly counters: Counters;
  private readonly sink: PacketSink;
  private readonly tunnelDepth: number;
  private readonly fragments4: FragmentTable;
  private readonly fragments6: FragmentTable;
  private readonly packet = new Packet();
  private readonly cursor = new Cursor();
  private depth = 0;
  /** What the sink said of the UDP packet that carries the tunnel under way; -1 outside one. */
  private outer = -1;
  /** Frames that share the fate of the packet under way: this one, and the earlier fragments of a reassembled one. */
  private frames = 1;

  constructor(options: NetworkOptions, counters: Counters, sink: PacketSink) {
    this.counters = counters;
    this.sink = sink;
    this.tunnelDepth = options.tunnelDepth;
    const limits = { maxBytes: options.fragmentBytes, maxDatagrams: options.fragmentDatagrams };
    this.fragments4 = new FragmentTable({ ...limits, timeoutSeconds: IPV4_TIMEOUT_SECONDS }, counters);
    this.fragments6 = new FragmentTable({ ...limits, timeoutSeconds: IPV6_TIMEOUT_SECONDS }, counters);
  }

  /**
   * Decodes one frame, calls the sink for its packets from the outermost to the innermost, and counts the frame once, by
   * what became of its innermost IP packet.
   */
  decode(frame: Frame): void {
    const { counters, packet, cursor } = this;
    counters['frames.received']++;
    if (frame.seconds >= this.fragments4.deadline) this.fragments4.expire(frame.seconds);
    if (frame.seconds >= this.fragments6.deadline) this.fragments6.expire(frame.seconds);
    const { start, end } = frame;
    cursor.bytes = frame.bytes;
    cursor.view = frame.view;
    cursor.position = start;
    cursor.end = end;
    cursor.wireEnd = Math.max(start + frame.originalLength, end);
    packet.frame = frame;
    packet.sinceSeconds = -1;
    packet.macOffset = -1;
    packet.vlan = -1;
    packet.innerVlan = -1;
    packet.tunnels = undefined;
    this.depth = 0;
    this.outer = -1;
    this.frames = 1;

    const outcome = this.follow(linkLayer(frame.linkType, cursor, packet));
    if (outcome === Outcome.emitted) counters['frames.emitted'] += this.frames;
    else counters[OUTCOME_COUNTERS[outcome] as 'frames.emitted'] += this.frames;
  }

  /** The end of the capture: gives up the fragments that wait. */
  end(): void {
    this.fragments4.end();
    this.fragments6.end();
  }

  /** Goes from layer to layer to an outcome. It ends because whatever leads back to an earlier layer counts as depth. */
  private follow(first: number): number {
    const { cursor, packet } = this;
    let step = first;
    while (step >= FIRST_STEP) {
      switch (step) {
        case Step.ipv4:
          step = ipv4(cursor, packet);
          break;
        case Step.upper:
          step = this.upper();
          break;
        case Step.ipv6:
          step = ipv6(cursor, packet);
          break;
        case Step.fragment4:
          step = this.fragment4();
          break;
        case Step.ethernet:
          // Not the frame's own (`linkLayer` read that): one in a tunnel, a pseudowire or FabricPath.
          step = ++this.depth > this.tunnelDepth ? Outcome.tunnelDepth : ethernet(cursor, packet);
          break;
        case Step.mpls:
          step = mpls(cursor);
          break;
        default:
          step = ppp(cursor);
      }
    }
    // A tunnel over UDP that carries ARP or the like: the innermost IP packet is the tunnel's own.
    return step === Outcome.notIp && this.outer >= 0 ? this.outer : step;
  }

  private upper(): number {
    const { cursor, packet } = this;
    switch (packet.protocol) {
      case IpProtocol.tcp:
        return tcp(cursor, packet) ? this.segment() : Outcome.transport;
      case IpProtocol.udp:
        return udp(cursor, packet) ? this.datagram() : Outcome.transport;
      case IpProtocol.icmp:
      case IpProtocol.icmpv6:
        return icmp(cursor, packet) ? this.sink(packet) : Outcome.transport;
      case IpProtocol.ipv4:
        addHop(packet, 'ipip', -1);
        return this.nested(Step.ipv4);
      case IpProtocol.ipv6:
        addHop(packet, 'ipip', -1);
        return this.nested(Step.ipv6);
      case IpProtocol.gre:
        return this.nested(gre(cursor, packet));
      case IpProtocol.mpls:
        return this.nested(Step.mpls);
      case IpProtocol.fragment:
        return packet.ipVersion === 6 ? this.fragment6() : Outcome.filteredProtocol;
      default:
        return isExtensionHeader(packet) ? extensionHeaders(cursor, packet) : Outcome.filteredProtocol;
    }
  }

  private segment(): number {
    if (this.packet.frame.segmentSize !== 0) countSegments(this.packet, this.cursor.header);
    return this.sink(this.packet);
  }

  /** A UDP packet, and what is in it where it is a tunnel's. */
  private datagram(): number {
    const { cursor, packet } = this;
    if (packet.frame.segmentSize !== 0) countSegments(packet, cursor.header);
    const outcome = this.sink(packet);
    if (!mayBeTunnel(packet.sourcePort, packet.destinationPort)) return outcome;
    cursor.position = packet.payloadStart;
    cursor.end = packet.payloadEnd;
    cursor.wireEnd = packet.payloadStart + packet.payloadLength;
    const step = udpTunnel(cursor, packet);
    if (step === NOT_A_TUNNEL) return outcome;
    this.outer = outcome;
    return this.nested(step);
  }

  /** The first step inside a tunnel. An inner Ethernet frame is counted where it is read. */
  private nested(step: number): number {
    if (step < FIRST_STEP || step === Step.ethernet) return step;
    return ++this.depth > this.tunnelDepth ? Outcome.tunnelDepth : step;
  }

  private fragment4(): number {
    const { cursor, packet } = this;
    const { view, header } = cursor;
    const field = view.getUint16(header + 6);
    const offset = (field & 0x1fff) << 3;
    if (cursor.end < header + view.getUint16(header + 2)) return cutFragment(cursor, offset);
    const key = `${datagramKey(packet)} ${view.getUint16(header + 4)} ${packet.protocol}`;
    return this.reassemble(this.fragments4, key, cursor.position - header, offset, (field & 0x2000) !== 0);
  }

  /** The fragment header at the cursor (RFC 8200 §4.5). */
  private fragment6(): number {
    const { cursor, packet } = this;
    const { view, header, position: at } = cursor;
    if (at + 8 > cursor.end) return Outcome.network;
    packet.protocol = view.getUint8(at);
    const field = view.getUint16(at + 2);
    const offset = field & 0xfff8;
    const more = (field & 1) === 1;
    cursor.position = at + 8;
    let step: number = Step.upper;
    // RFC 6946: a packet that is its own only fragment has nothing to wait for.
    if (offset !== 0 || more) {
      const key = `${datagramKey(packet)} ${view.getUint32(at + 4)}`;
      if (cursor.end < header + 40 + view.getUint16(header + 4)) step = cutFragment(cursor, offset);
      else step = this.reassemble(this.fragments6, key, at - header - 40, offset, more);
    }
    if (step === Step.upper && isExtensionHeader(packet)) step = extensionHeaders(cursor, packet);
    // There is one fragment header in a packet; more could go on forever.
    return step === Step.upper && packet.protocol === IpProtocol.fragment ? Outcome.network : step;
  }

  private reassemble(table: FragmentTable, key: string, headerLength: number, offset: number, more: boolean): number {
    const step = table.add(key, this.packet, this.cursor, headerLength, offset, more, this.frames);
    if (step === Step.upper) this.frames += table.releasedFrames;
    return step;
  }
}

/** Counts what a segmentation offload put into one frame as the packets that it is on the wire: each has the headers again. */
function countSegments(packet: Packet, header: number): void {
  const { segmentSize } = packet.frame;
  // Fragments that were put together lie elsewhere, and no offload makes them.
  if (packet.payloadLength <= segmentSize || packet.bytes !== packet.frame.bytes) return;
  const segments = Math.ceil(packet.payloadLength / segmentSize);
  packet.wirePackets = segments;
  packet.ipLength += (segments - 1) * (packet.payloadStart - header);
}

/** Reassembly needs whole fragments. Where the capture or the wire cut them, the first one still tells the ports. */
function cutFragment(cursor: Cursor, offset: number): number {
  cursor.partial = true;
  return offset === 0 ? Step.upper : Outcome.network;
}

/**
 * What tells the datagrams of two hosts from those of others; the id comes on top. Private addresses repeat in VLANs and
 * tunnels, and a capture of several interfaces or of both sides of a router sees the same fragment twice.
 */
function datagramKey(packet: Packet): string {
  const tunnel = packet.tunnels?.at(-1);
  const { source0, source1, source2, source3, destination0, destination1, destination2, destination3 } = packet;
  const { interfaceIndex } = packet.frame;
  const ends = `${source0} ${source1} ${source2} ${source3} ${destination0} ${destination1} ${destination2} ${destination3}`;
  return `${ends} ${interfaceIndex} ${packet.vlan} ${tunnel?.type ?? ''} ${tunnel?.id ?? ''}`;
}
