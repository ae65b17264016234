/**
 * Live capture by programs in the kernel (`bpf/vesper.bpf.c`): flows are counted there, and only what a dissector wants or
 * what tells something of a connection comes through the ring.
 */
import { closeSync, openSync } from 'node:fs';
import type { KernelFlows } from '../dissect/engine.ts';
import { CaptureError, type LiveCapture, type LiveOptions, type LiveSink } from './capture.ts';
import { cgroupRoot } from './cgroups.ts';
import { WallClock } from './clock.ts';
import { type Attachment, EbpfObject } from './ebpf-object.ts';
import { applyFilters, type KernelFilters } from './ebpf-settings.ts';
import { adoptSockets } from './existing-sockets.ts';
import { SystemCallError } from './ffi/libc.ts';
import { FlowMap } from './flow-map.ts';
import { InterfaceWatch } from './interfaces.ts';
import { type Link, Links } from './links.ts';
import { Owners } from './owners.ts';
import { poll } from './poll.ts';
import { Records } from './records.ts';
import { Statistics } from './statistics.ts';

/** A tenth of a second of the worst: small packets of new flows at half a million a second. */
const RING_SIZE = 16 * 1024 * 1024;
/** Records taken before others have their turn: a few milliseconds. */
const RECORDS_AT_ONCE = 4096;
/** How often the kernel's flows are compared with the agent's, in ticks of a second. */
const SWEEP_TICKS = 60;
/**
 * Three looks a second cost an idle host less than a thousandth of a core. What an agent that looks again then may find, the
 * ring holds: more than 150,000 packets a second that a dissector wants.
 */
const IDLE_MS = 340;
/** What is older than this and not in the ring will not come. */
const LAG_NS = 100_000_000;

export class EbpfCapture implements LiveCapture {
  readonly backend = 'ebpf';
  readonly kernelFlows: KernelFlows;
  private readonly options: LiveOptions;
  private readonly object: EbpfObject;
  private readonly records: Records;
  private readonly flows: FlowMap;
  private readonly statistics: Statistics;
  private readonly links = new Links();
  private readonly watch: InterfaceWatch;
  private readonly attachments = new Map<number, Attachment>();
  private readonly cgroups: string | undefined;
  private ownership: Attachment | undefined;
  private readonly clock = new WallClock();
  private ticks = 0;
  private isBehind = false;
  /** Whether the kernel may have flows: it had some at the last sweep, or told of packets since then. */
  private mayHaveFlows = false;

  private constructor(options: LiveOptions, object: EbpfObject) {
    this.options = options;
    this.object = object;
    this.flows = new FlowMap(object, this.clock);
    this.kernelFlows = this.flows;
    this.statistics = new Statistics(object, options.counters);
    this.cgroups = cgroupRoot();
    this.records = new Records(object, RING_SIZE, this.clock, new Owners(this.cgroups));
    this.watch = new InterfaceWatch(this.links, options.interfaces, {
      attach: (link) => this.attach(link),
      detach: (link) => this.detach(link),
    });
  }

  /** Loads the programs and attaches them. Throws `CaptureError` where something is missing. */
  static open(options: LiveOptions): EbpfCapture {
    const object = EbpfObject.load({ flows: options.capacity, ringSize: RING_SIZE });
    let capture: EbpfCapture | undefined;
    try {
      applyFilters(object, options);
      capture = new EbpfCapture(options, object);
      capture.start();
      return capture;
    } catch (error) {
      (capture ?? object).close();
      if (!(error instanceof SystemCallError)) throw error;
      throw new CaptureError(`the capture by eBPF cannot start: ${error.message}`, { cause: error });
    }
  }

  private start(): void {
    this.ownership = this.attachOwners();
    this.watch.start((text) => this.options.onWarning(text));
  }

  interfaceName(index: number): string | undefined {
    return this.watch.name(index);
  }

  interfaces(): readonly string[] {
    return [...this.attachments.keys()].map((index) => this.watch.name(index) ?? String(index));
  }

  async run(sink: LiveSink, signal: AbortSignal): Promise<void> {
    await poll({ drain: () => this.drain(sink), tick: () => this.tick(sink), idleMs: IDLE_MS }, signal);
    for (const attachment of this.attachments.values()) attachment.detach();
    this.attachments.clear();
    while (this.drain(sink) === 'more');
    this.statistics.count();
  }

  close(): void {
    for (const attachment of this.attachments.values()) attachment.detach();
    this.ownership?.detach();
    this.links.close();
    this.records.unmap();
    this.object.close();
  }

  filter(filters: KernelFilters): void {
    applyFilters(this.object, filters);
  }

  private drain(sink: LiveSink): 'more' | 'some' | 'none' {
    if (this.records.waiting() > RING_SIZE / 2) this.options.counters['capture.behind']++;
    const taken = this.records.drain(sink, RECORDS_AT_ONCE);
    this.isBehind = taken === RECORDS_AT_ONCE;
    if (taken === 0) return 'none';
    this.mayHaveFlows = true;
    return this.isBehind ? 'more' : 'some';
  }

  private tick(sink: LiveSink): void {
    if (this.watch.poll()) this.options.onChange?.();
    this.clock.adjust();
    this.statistics.count();
    if (++this.ticks % SWEEP_TICKS === 0 && this.mayHaveFlows) this.mayHaveFlows = this.flows.sweep(sink) > 0;
    // With records waiting, the time is theirs.
    if (this.isBehind) return;
    this.clock.convert(Number(process.hrtime.bigint()) - LAG_NS);
    sink.tick(this.clock.seconds, this.clock.nanos);
  }

  private attach(link: Link): void {
    try {
      this.attachments.set(link.index, this.object.attach(link, this.options.clsact));
      this.options.onInterface?.('attached', link.name);
    } catch (error) {
      this.options.onWarning(`${link.name} is not captured: ${(error as Error).message}`);
    }
  }

  private detach(link: Link): void {
    const attachment = this.attachments.get(link.index);
    if (attachment === undefined) return;
    attachment.detach();
    this.attachments.delete(link.index);
    this.options.onInterface?.('detached', link.name);
  }

  private attachOwners(): Attachment | undefined {
    const { cgroups } = this;
    if (cgroups === undefined) {
      this.options.onWarning(
        'flows have no process: /proc shows no cgroup v2 hierarchy (mount -t cgroup2 none /sys/fs/cgroup)',
      );
      return undefined;
    }
    if (!this.object.hasOwners) {
      this.options.onWarning('this kernel does not tell which process a socket belongs to (it needs Linux 5.12)');
      return undefined;
    }
    let directory = -1;
    let attachment: Attachment | undefined;
    try {
      directory = openSync(cgroups, 'r');
      attachment = this.object.attachOwners(directory);
      adoptSockets(this.object, cgroups);
      return attachment;
    } catch (error) {
      attachment?.detach();
      this.options.onWarning(`flows have no process: ${(error as Error).message}`);
      return undefined;
    } finally {
      if (directory >= 0) closeSync(directory);
    }
  }
}
