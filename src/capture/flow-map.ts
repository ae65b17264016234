/** The kernel's maps of flows, one for each IP version. */
import type { KernelFlows } from '../dissect/engine.ts';
import { Tally } from '../dissect/tally.ts';
import type { LiveSink } from './capture.ts';
import { FLOW_SIZE, FlowField, KEY_SIZE, KEY4_SIZE, type KernelClock, readTally, readUint64 } from './ebpf-layout.ts';
import type { EbpfObject } from './ebpf-object.ts';

const WORDS = { 4: KEY4_SIZE / 4, 6: KEY_SIZE / 4 } as const;
type Version = keyof typeof WORDS;
/** Of a key: the IP version is in its upper half. */
const PROTOCOL_WORD = 3;
/** Flows read by one system call. */
const BATCH = 1024;
/** A flow that the agent does not know although it was not seen for so long: its first packet was lost on the way. */
const FORGOTTEN_NS = 10e9;

export class FlowMap implements KernelFlows {
  private readonly object: EbpfObject;
  private readonly clock: KernelClock;
  private readonly tally = new Tally();
  private readonly value = Buffer.alloc(FLOW_SIZE);
  private readonly valueView = new DataView(this.value.buffer, this.value.byteOffset, FLOW_SIZE);

  constructor(object: EbpfObject, clock: KernelClock) {
    this.object = object;
    this.clock = clock;
  }

  read(words: Uint32Array, at: number): Tally | undefined {
    const { tally, object } = this;
    const version = versionOf(words, at);
    tally.key.set(words.subarray(at, at + WORDS[version]));
    if (object.library.mapLookup(object.flows[version], tally.key, this.value) !== 0) return undefined;
    readTally(this.valueView, FlowField.tally, tally, this.clock);
    return tally;
  }

  forget(words: Uint32Array, at: number): void {
    const version = versionOf(words, at);
    this.object.library.mapDelete(this.object.flows[version], words.subarray(at, at + WORDS[version]));
  }

  /**
   * Brings all flows of the agent up to date, and deletes those that only the kernel knows. Returns how many it has.
   */
  sweep(sink: LiveSink): number {
    return this.sweepMap(4, sink) + this.sweepMap(6, sink);
  }

  private sweepMap(version: Version, sink: LiveSink): number {
    const { library } = this.object;
    const flows = this.object.flows[version];
    const length = WORDS[version];
    const keys = new Uint32Array(BATCH * length);
    const values = Buffer.alloc(BATCH * FLOW_SIZE);
    const view = new DataView(values.buffer, values.byteOffset, values.length);
    const now = Number(process.hrtime.bigint());
    const position = new Uint32Array(1);
    const forgotten: Uint32Array[] = [];
    let total = 0;
    for (let first = true, more = true; more; first = false) {
      const count = Uint32Array.of(BATCH);
      more = library.mapLookupBatch(flows, first ? null : position, position, keys, values, count, null) === 0;
      const found = count[0] as number;
      total += found;
      for (let i = 0; i < found; i++) {
        this.tally.key.set(keys.subarray(i * length, (i + 1) * length));
        readTally(view, i * FLOW_SIZE + FlowField.tally, this.tally, this.clock);
        if (sink.settle(this.tally)) continue;
        const seen = i * FLOW_SIZE + FlowField.seenNs;
        const latest = Math.max(readUint64(view, seen), readUint64(view, seen + 8));
        if (now - latest > FORGOTTEN_NS) forgotten.push(this.tally.key.slice(0, length));
      }
      if (found === 0) break;
    }
    for (const key of forgotten) library.mapDelete(flows, key);
    return total;
  }
}

function versionOf(words: Uint32Array, at: number): Version {
  return (words[at + PROTOCOL_WORD] as number) >>> 16 === 4 ? 4 : 6;
}
