/**
 * Live capture through a packet socket with a TPACKET_V3 ring (packet(7), Documentation/networking/packet_mmap.rst):
 * one socket for all interfaces, so that one ring and one filter serve however many come and go.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Frame } from '../dissect/frame.ts';
import { lacking, PACKET_CAPABILITIES } from './capabilities.ts';
import { CaptureError, type LiveCapture, type LiveOptions, type LiveSink } from './capture.ts';
import { DNS_PORTS, type KernelFilters } from './ebpf-settings.ts';
import {
  AF_PACKET,
  attachFilter,
  bind,
  check,
  close,
  getsockopt,
  type Mapping,
  map,
  SOCK_CLOEXEC,
  SOCK_RAW,
  SystemCallError,
  setsockopt,
  socket,
  wallClock,
} from './ffi/libc.ts';
import { InterfaceWatch, linkTypeOf } from './interfaces.ts';
import { type Link, Links } from './links.ts';
import { MAX_LINKS, packetFilter } from './packet-filter.ts';
import { poll } from './poll.ts';

const SOL_PACKET = 263;
const PACKET_RX_RING = 5;
const PACKET_STATISTICS = 6;
const PACKET_VERSION = 10;
const PACKET_VNET_HDR = 15;
const TPACKET_V3 = 2;
const ETH_P_ALL = 3;

/**
 * A block is handed over when it is full or `RETIRE_MS` old, however little is in it: many small ones, so that an agent
 * that gets no processor for two seconds loses nothing of a slow traffic.
 */
const BLOCK_SIZE = 128 * 1024;
const BLOCKS = 128;
const RETIRE_MS = 20;
/** What the hellos and DNS messages of one frame need, also of one that offloading made of many segments. */
const SNAP_LENGTH = 16 * 1024;
/** Every packet is copied: a bulk transfer of 1 Gbit/s that begins on an idle host still fits the ring. */
const IDLE_MS = 100;
/** Blocks taken before others have their turn. */
const BLOCKS_AT_ONCE = 16;

/** `struct tpacket_block_desc`, `struct tpacket3_hdr` and the `struct sockaddr_ll` behind it. */
const Block = { status: 8, packets: 12, first: 16 } as const;
const Header = {
  next: 0,
  seconds: 4,
  nanos: 8,
  captured: 12,
  length: 16,
  status: 20,
  frame: 24,
  vlanTag: 32,
  vlanProtocol: 36,
  interfaceIndex: 52,
  hardware: 56,
} as const;
const TP_STATUS_USER = 1;
const TP_STATUS_VLAN_VALID = 1 << 4;
const TP_STATUS_VLAN_TPID_VALID = 1 << 6;
/** `struct virtio_net_hdr`, which lies just before the frame. */
const OFFLOAD_HEADER = 10;
const Offload = { type: 1, segmentSize: 4 } as const;
const ETHERTYPE_VLAN = 0x8100;

/** Reported before flows and queries are timed out: what is in a block that is not yet handed over. */
const LAG_NS = BigInt(2 * RETIRE_MS) * 1_000_000n;

export class AfPacketCapture implements LiveCapture {
  readonly backend = 'af_packet';
  private readonly options: LiveOptions;
  private readonly socket: number;
  private readonly ring: Mapping;
  private readonly links: Links;
  private readonly watch: InterfaceWatch;
  private readonly attached = new Map<number, Link>();
  private readonly bytes: Buffer;
  private readonly view: DataView;
  private readonly words: Int32Array;
  private readonly frame = new Frame();
  private readonly statistics = new Uint32Array(3);
  private block = 0;
  private dnsPorts: readonly number[];

  private constructor(options: LiveOptions, fd: number, ring: Mapping) {
    this.options = options;
    this.dnsPorts = options.dnsPorts;
    this.socket = fd;
    this.ring = ring;
    this.bytes = Buffer.from(ring.memory);
    this.view = new DataView(ring.memory);
    this.words = new Int32Array(ring.memory);
    this.frame.bytes = this.bytes;
    this.frame.view = this.view;
    this.links = new Links();
    this.watch = new InterfaceWatch(this.links, options.interfaces, {
      attach: (link) => {
        this.attached.set(link.index, link);
        if (this.attached.size > MAX_LINKS)
          options.onWarning(
            `${link.name} is not captured: a packet socket has room for ${MAX_LINKS} interfaces; name those that matter with -i`,
          );
        this.installFilter();
        options.onInterface?.('attached', link.name);
      },
      detach: (link) => {
        this.attached.delete(link.index);
        this.installFilter();
        options.onInterface?.('detached', link.name);
      },
    });
  }

  /** Opens the socket and its ring. Throws `CaptureError` where the privilege or the kernel's support is missing. */
  static open(options: LiveOptions): AfPacketCapture {
    let fd = -1;
    let capture: AfPacketCapture | undefined;
    try {
      // Protocol 0: nothing is received before the ring and the filter are there.
      fd = check(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), 'packet socket');
      capture = new AfPacketCapture(options, fd, openRing(fd));
      capture.start();
      return capture;
    } catch (error) {
      if (capture !== undefined) capture.close();
      else if (fd >= 0) close(fd);
      throw error instanceof SystemCallError ? refusal(error) : error;
    }
  }

  interfaceName(index: number): string | undefined {
    return this.watch.name(index);
  }

  interfaces(): readonly string[] {
    return [...this.attached.keys()].slice(0, MAX_LINKS).map((index) => this.watch.name(index) ?? String(index));
  }

  private start(): void {
    this.installFilter();
    this.watch.start((text) => this.options.onWarning(text));
    const address = Buffer.alloc(20);
    address.writeUInt16LE(AF_PACKET, 0);
    address.writeUInt16BE(ETH_P_ALL, 2);
    check(bind(this.socket, address, address.length), 'bind of the packet socket');
  }

  async run(sink: LiveSink, signal: AbortSignal): Promise<void> {
    await poll({ drain: () => this.drain(sink), tick: () => this.tick(sink), idleMs: IDLE_MS }, signal);
    // What passed until now is in a block that the kernel still fills.
    await sleep(2 * RETIRE_MS);
    for (let round = 0; round < BLOCKS && this.drain(sink) === 'more'; round++);
    this.countLosses();
  }

  close(): void {
    this.links.close();
    this.ring.unmap();
    close(this.socket);
  }

  filter({ dnsPorts }: KernelFilters): void {
    this.dnsPorts = dnsPorts;
    this.installFilter();
  }

  private installFilter(): void {
    const links = this.attached.values();
    const filter = packetFilter({ links, snapLength: SNAP_LENGTH, dnsPorts: [...DNS_PORTS, ...this.dnsPorts] });
    check(attachFilter(this.socket, filter), 'SO_ATTACH_FILTER');
  }

  private tick(sink: LiveSink): void {
    if (this.watch.poll()) this.options.onChange?.();
    this.countLosses();
    const now = wallClock() - LAG_NS;
    sink.tick(Number(now / 1_000_000_000n), Number(now % 1_000_000_000n));
  }

  /** The kernel's count of packets that found the ring full; reading sets it to 0. */
  private countLosses(): void {
    const { statistics } = this;
    getsockopt(this.socket, SOL_PACKET, PACKET_STATISTICS, statistics, new Uint32Array([12]));
    const { counters } = this.options;
    counters['frames.received'] += statistics[1] as number;
    counters['frames.dropped.ring'] += statistics[1] as number;
  }

  private drain(sink: LiveSink): 'more' | 'some' | 'none' {
    if (this.isWaiting((this.block + BLOCKS / 2) % BLOCKS)) this.options.counters['capture.behind']++;
    for (let taken = 0; taken < BLOCKS_AT_ONCE; taken++) {
      const { block } = this;
      if (!this.isWaiting(block)) return taken === 0 ? 'none' : 'some';
      this.takeBlock(block * BLOCK_SIZE, sink);
      Atomics.store(this.words, statusOf(block), 0);
      this.block = (block + 1) % BLOCKS;
    }
    return 'more';
  }

  /** Whether the kernel has handed the block over. */
  private isWaiting(block: number): boolean {
    return (Atomics.load(this.words, statusOf(block)) & TP_STATUS_USER) !== 0;
  }

  private takeBlock(base: number, sink: LiveSink): void {
    const { view, frame } = this;
    let at = base + view.getUint32(base + Block.first, true);
    for (let left = view.getUint32(base + Block.packets, true); left > 0; left--) {
      const linkType = linkTypeOf(view.getUint16(at + Header.hardware, true));
      if (linkType !== undefined) {
        frame.start = at + view.getUint16(at + Header.frame, true);
        frame.end = frame.start + view.getUint32(at + Header.captured, true);
        frame.originalLength = view.getUint32(at + Header.length, true);
        frame.linkType = linkType;
        frame.seconds = view.getUint32(at + Header.seconds, true);
        frame.nanos = view.getUint32(at + Header.nanos, true);
        frame.interfaceIndex = view.getUint32(at + Header.interfaceIndex, true);
        const offload = frame.start - OFFLOAD_HEADER;
        frame.segmentSize =
          view.getUint8(offload + Offload.type) === 0 ? 0 : view.getUint16(offload + Offload.segmentSize, true);
        if ((view.getUint32(at + Header.status, true) & TP_STATUS_VLAN_VALID) !== 0) this.restoreTag(at);
        sink.frame(frame);
      }
      at += view.getUint32(at + Header.next, true);
    }
  }

  /** Puts the VLAN tag that the network card or the kernel took out back to its place, as libpcap does. */
  private restoreTag(at: number): void {
    const { view, frame, bytes } = this;
    const hasProtocol = (view.getUint32(at + Header.status, true) & TP_STATUS_VLAN_TPID_VALID) !== 0;
    const protocol = hasProtocol ? view.getUint16(at + Header.vlanProtocol, true) : ETHERTYPE_VLAN;
    bytes.copyWithin(frame.start - 4, frame.start, frame.start + 12);
    frame.start -= 4;
    frame.originalLength += 4;
    view.setUint16(frame.start + 12, protocol);
    view.setUint16(frame.start + 14, view.getUint32(at + Header.vlanTag, true));
  }
}

/** Of a block, in words of the ring. */
function statusOf(block: number): number {
  return (block * BLOCK_SIZE + Block.status) / 4;
}

function openRing(fd: number): Mapping {
  const set = (name: number, what: string, value: Buffer): void => {
    check(setsockopt(fd, SOL_PACKET, name, value, value.length), what);
  };
  set(PACKET_VERSION, 'TPACKET_V3', integers(TPACKET_V3));
  set(PACKET_VNET_HDR, 'PACKET_VNET_HDR', integers(1));
  const frameSize = 2048;
  const frames = (BLOCK_SIZE / frameSize) * BLOCKS;
  set(PACKET_RX_RING, 'packet ring', integers(BLOCK_SIZE, BLOCKS, frameSize, frames, RETIRE_MS, 0, 0));
  return map(fd, BLOCK_SIZE * BLOCKS, 0, true);
}

function integers(...values: number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, i) => {
    bytes.writeUInt32LE(value, 4 * i);
  });
  return bytes;
}

function refusal(error: SystemCallError): CaptureError {
  if (error.code === 'EPERM' || error.code === 'EACCES') {
    return new CaptureError(lacking('a packet socket', PACKET_CAPABILITIES), { cause: error });
  }
  return new CaptureError(`this kernel refuses a packet socket: ${error.message}`, { cause: error });
}
