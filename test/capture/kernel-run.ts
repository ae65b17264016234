/** The kernel program over captured packets, without an interface, and the engine that listens to it. */
import type { FrameSink } from '../../src/capture/capture.ts';
import type { KernelClock } from '../../src/capture/ebpf-layout.ts';
import { EbpfObject } from '../../src/capture/ebpf-object.ts';
import { applyFilters } from '../../src/capture/ebpf-settings.ts';
import { FlowMap } from '../../src/capture/flow-map.ts';
import { Owners } from '../../src/capture/owners.ts';
import { PcapFile } from '../../src/capture/pcap-file.ts';
import { Records } from '../../src/capture/records.ts';
import { type Counters, createCounters } from '../../src/counters.ts';
import { Engine, type KernelFlows } from '../../src/dissect/engine.ts';
import type { NetworkEvent } from '../../src/dissect/event.ts';
import { FLOW_DEFAULTS } from '../../src/dissect/flow/options.ts';
import { Frame } from '../../src/dissect/frame.ts';
import { everyEvent } from '../support/engine-options.ts';
import { LIVE_OPTIONS } from '../support/privilege.ts';

const RING_SIZE = 1024 * 1024;
const ETHERNET = 1;
/** Both raw types and the two of one IP version each. */
const RAW = new Set([12, 101, 228, 229]);
/** Enough for every protocol of a capture to have begun. */
const MAX_FRAMES = 20_000;
/** From more packets in a tick the program does not read the clock for each: TIMED_IN_TICK in bpf/vesper.bpf.c. */
const FRAMES_A_TICK = 60;
/** The longest tick that Linux has. */
const TICK_MS = 10;
/** The kernel builds the packet of a test run in a page, with its own headers around. */
const MAX_LENGTH = 3_600;

const NEVER = new Int32Array(new SharedArrayBuffer(4));

/** Kernel time as the time of the packet that the program ran over. */
class ReplayClock implements KernelClock {
  seconds = 0;
  nanos = 0;
  private readonly until: number[] = [];
  private readonly times: [seconds: number, nanos: number][] = [];

  add(seconds: number, nanos: number): void {
    this.until.push(Number(process.hrtime.bigint()));
    this.times.push([seconds, nanos]);
  }

  convert(ns: number): void {
    let low = 0;
    let high = this.until.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.until[middle] as number) < ns) low = middle + 1;
      else high = middle;
    }
    [this.seconds, this.nanos] = this.times[low] ?? [0, 0];
  }
}

function makeEngine(events: NetworkEvent[], counters: Counters, kernelFlows?: KernelFlows): Engine {
  return new Engine(
    {
      ...everyEvent({ ...FLOW_DEFAULTS, capacity: 65_536 }, [], () => undefined),
      ...(kernelFlows && { kernelFlows }),
    },
    counters,
    (event) => events.push(event),
  );
}

export interface Comparison {
  readonly frames: number;
  readonly replayed: readonly NetworkEvent[];
  readonly captured: readonly NetworkEvent[];
}

export class KernelRun {
  readonly object = EbpfObject.load({ flows: 65_536, ringSize: RING_SIZE });

  constructor() {
    applyFilters(this.object, LIVE_OPTIONS);
  }

  /**
   * Both ways over the same frames: those that are Ethernet or can be made so and fit the kernel's test run. A cut frame
   * is filled up with zeros, for the kernel knows no cut ones.
   */
  async compare(file: string): Promise<Comparison> {
    const clock = new ReplayClock();
    const records = new Records(this.object, RING_SIZE, clock, new Owners(undefined));
    const replayed: NetworkEvent[] = [];
    const captured: NetworkEvent[] = [];
    const counters = createCounters();
    const replay = makeEngine(replayed, counters);
    const live = makeEngine(captured, createCounters(), new FlowMap(this.object, clock));
    const sink = Object.assign(live, { ready: () => undefined });
    let frames = 0;
    const take = (frame: Frame): void => {
      const whole = frames < MAX_FRAMES ? ethernetFrame(frame) : undefined;
      if (whole === undefined) return;
      frames++;
      const emitted = counters['frames.emitted'];
      replay.frame(whole);
      // Packets move the clock of replay; a live capture has ticks, for it does not see every packet.
      if (counters['frames.emitted'] > emitted) live.tick(frame.seconds, frame.nanos);
      if (frames % FRAMES_A_TICK === 0) Atomics.wait(NEVER, 0, 0, TICK_MS);
      this.object.testRun(whole.bytes);
      clock.add(frame.seconds, frame.nanos);
      records.drain(sink, Number.POSITIVE_INFINITY);
    };
    try {
      const capture = await PcapFile.open(file, { onWarning: () => {} });
      const frameSink: FrameSink = { frame: take, ready: () => undefined };
      await capture.run(frameSink, new AbortController().signal);
      replay.end();
      live.end();
    } finally {
      records.unmap();
    }
    return { frames, replayed, captured };
  }

  close(): void {
    this.object.close();
  }
}

function ethernetFrame(frame: Frame): Frame | undefined {
  const length = Math.max(frame.originalLength, frame.end - frame.start);
  if (length > MAX_LENGTH || length < 14) return undefined;
  let header = Buffer.alloc(0);
  if (RAW.has(frame.linkType)) {
    header = Buffer.alloc(14);
    header.writeUInt16BE(frame.start < frame.end && frame.view.getUint8(frame.start) >> 4 === 6 ? 0x86dd : 0x0800, 12);
  } else if (frame.linkType !== ETHERNET) return undefined;
  const whole = new Frame();
  whole.bytes = Buffer.alloc(header.length + length);
  header.copy(whole.bytes);
  frame.bytes.copy(whole.bytes, header.length, frame.start, frame.end);
  whole.view = new DataView(whole.bytes.buffer, whole.bytes.byteOffset, whole.bytes.length);
  whole.end = whole.bytes.length;
  whole.originalLength = whole.end;
  whole.linkType = ETHERNET;
  whole.seconds = frame.seconds;
  whole.nanos = frame.nanos;
  return whole;
}
