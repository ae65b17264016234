/**
 * Live capture by programs in the kernel (`bpf/vesper.bpf.c`): flows are counted there, and only what a dissector wants or
 * what tells something of a connection comes through the ring.
 */
import { closeSync, openSync } from 'node:fs';
import type { KernelFlows } from '../dissect/engine.ts';
import { Frame } from '../dissect/frame.ts';
import { Tally } from '../dissect/tally.ts';
import type { LiveCapture, LiveOptions, LiveSink } from './capture.ts';
import { cgroupRoot } from './cgroups.ts';
import { WallClock } from './clock.ts';
import { CELLS, RecordField, RecordKind, readTally, readUint64 } from './ebpf-layout.ts';
import { type Attachment, EbpfObject } from './ebpf-object.ts';
import { applyFilters } from './ebpf-settings.ts';
import { adoptSockets } from './existing-sockets.ts';
import { FlowMap } from './flow-map.ts';
import { InterfaceWatch, unmatched } from './interfaces.ts';
import { type Link, Links } from './links.ts';
import { Owners } from './owners.ts';
import { poll } from './poll.ts';
import { Ring } from './ring.ts';
import { Statistics } from './statistics.ts';

/** A tenth of a second of the worst: small packets of new flows at half a million a second. */
const RING_SIZE = 16 * 1024 * 1024;
/** Records taken before others have their turn: a few milliseconds. */
const RECORDS_AT_ONCE = 4096;
/** How often the kernel's flows are compared with the agent's, in ticks of a second. */
const SWEEP_TICKS = 60;
/** What is older than this and not in the ring will not come. */
const LAG_NS = 100_000_000;

const LINKTYPE_ETHERNET = 1;
const LINKTYPE_RAW = 101;

export class EbpfCapture implements LiveCapture {
  readonly backend = 'ebpf';
  readonly kernelFlows: KernelFlows;
  private readonly options: LiveOptions;
  private readonly object: EbpfObject;
  private readonly ring: Ring;
  private readonly flows: FlowMap;
  private readonly statistics: Statistics;
  private readonly owners: Owners;
  private readonly links = new Links();
  private readonly watch: InterfaceWatch;
  private readonly attachments = new Map<number, Attachment>();
  private readonly ownership: Attachment | undefined;
  private readonly clock = new WallClock();
  private readonly enough: Uint32Array;
  private readonly frame = new Frame();
  private readonly tally = new Tally();
  private sink: LiveSink | undefined;
  private ticks = 0;
  private isBehind = false;

  private constructor(options: LiveOptions, object: EbpfObject) {
    this.options = options;
    this.object = object;
    applyFilters(object, options);
    this.ring = new Ring(object.ring, RING_SIZE);
    this.flows = new FlowMap(object, this.clock);
    this.kernelFlows = this.flows;
    this.statistics = new Statistics(object, options.counters);
    this.enough = new Uint32Array(object.enough.memory, 0, CELLS);
    this.frame.bytes = this.ring.bytes;
    this.frame.view = this.ring.view;
    const root = cgroupRoot();
    this.owners = new Owners(root);
    this.ownership = this.attachOwners(root);
    this.watch = new InterfaceWatch(this.links, options.interfaces, {
      attach: (link) => this.attach(link),
      detach: (link) => this.detach(link),
    });
  }

  /** Loads the programs and attaches them. Throws `CaptureError` where something is missing. */
  static open(options: LiveOptions): EbpfCapture {
    const object = EbpfObject.load({ flows: options.capacity, ringSize: RING_SIZE });
    const capture = new EbpfCapture(options, object);
    const all = capture.watch.start();
    for (const pattern of unmatched(all, options.interfaces)) {
      options.onWarning(`no interface matches ${pattern} yet; it is captured when it appears`);
    }
    return capture;
  }

  interfaceName(index: number): string | undefined {
    return this.watch.name(index);
  }

  async run(sink: LiveSink, signal: AbortSignal): Promise<void> {
    this.sink = sink;
    await poll({ drain: () => this.drain(), tick: () => this.tick(sink) }, signal);
    for (const attachment of this.attachments.values()) attachment.detach();
    this.attachments.clear();
    while (this.drain() === 'more');
    this.statistics.count();
  }

  close(): void {
    for (const attachment of this.attachments.values()) attachment.detach();
    this.ownership?.detach();
    this.links.close();
    this.ring.unmap();
    this.object.close();
  }

  /** Takes one record of the ring. */
  record(start: number): void {
    const { frame, tally, clock } = this;
    const { view } = this.ring;
    const kind = view.getUint16(start + RecordField.kind, true);
    clock.convert(readUint64(view, start + RecordField.timeNs));
    frame.seconds = clock.seconds;
    frame.nanos = clock.nanos;
    frame.start = start + RecordField.data;
    frame.end = frame.start + view.getUint32(start + RecordField.captured, true);
    frame.originalLength = view.getUint32(start + RecordField.wireLength, true);
    frame.segmentSize = view.getUint16(start + RecordField.segmentSize, true);
    frame.interfaceIndex = view.getUint32(start + RecordField.ifindex, true);
    frame.linkType = (kind & RecordKind.ip) === 0 ? LINKTYPE_ETHERNET : LINKTYPE_RAW;
    frame.owner =
      (kind & RecordKind.owned) === 0 ? undefined : this.owners.find(this.ring.bytes, view, start + RecordField.owner);
    if ((kind & RecordKind.tracked) === 0) {
      this.sink?.frame(frame);
      return;
    }
    readTally(view, start + RecordField.tally, tally, clock);
    const wantsMore = this.sink?.tracked(frame, tally);
    if (wantsMore || (kind & RecordKind.followed) === 0) return;
    const token = view.getUint32(start + RecordField.token, true);
    this.enough[token & (CELLS - 1)] = token;
  }

  private drain(): 'more' | 'some' | 'none' {
    const taken = this.ring.drain(this, RECORDS_AT_ONCE);
    this.isBehind = taken === RECORDS_AT_ONCE;
    if (this.isBehind) return 'more';
    return taken > 0 ? 'some' : 'none';
  }

  private tick(sink: LiveSink): void {
    this.watch.poll();
    this.clock.adjust();
    this.statistics.count();
    if (++this.ticks % SWEEP_TICKS === 0) this.flows.sweep(sink);
    // With records waiting, the time is theirs.
    if (this.isBehind) return;
    this.clock.convert(Number(process.hrtime.bigint()) - LAG_NS);
    sink.tick(this.clock.seconds, this.clock.nanos);
  }

  private attach(link: Link): void {
    try {
      this.attachments.set(link.index, this.object.attach(link));
    } catch (error) {
      this.options.onWarning(`${link.name} is not captured: ${(error as Error).message}`);
    }
  }

  private detach(link: Link): void {
    this.attachments.get(link.index)?.detach();
    this.attachments.delete(link.index);
  }

  private attachOwners(root: string | undefined): Attachment | undefined {
    if (root === undefined) {
      this.options.onWarning(
        'flows have no process: there is no cgroup v2 hierarchy (mount -t cgroup2 none /sys/fs/cgroup)',
      );
      return undefined;
    }
    if (!this.object.hasOwners) {
      this.options.onWarning('this kernel does not tell which process a socket belongs to (it needs Linux 5.12)');
      return undefined;
    }
    const directory = openSync(root, 'r');
    try {
      const attachment = this.object.attachOwners(directory);
      adoptSockets(this.object, root);
      return attachment;
    } catch (error) {
      this.options.onWarning(`flows have no process: ${(error as Error).message}`);
      return undefined;
    } finally {
      closeSync(directory);
    }
  }
}
