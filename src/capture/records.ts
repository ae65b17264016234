/** From the records of the kernel's ring to frames. */
import { Frame } from '../dissect/frame.ts';
import { Tally } from '../dissect/tally.ts';
import type { LiveSink } from './capture.ts';
import { CELLS, type KernelClock, RecordField, RecordKind, readTally, readUint64 } from './ebpf-layout.ts';
import type { EbpfObject } from './ebpf-object.ts';
import type { Owners } from './owners.ts';
import { Ring } from './ring.ts';

const LINKTYPE_ETHERNET = 1;
const LINKTYPE_RAW = 101;

export class Records {
  private readonly ring: Ring;
  private readonly clock: KernelClock;
  private readonly owners: Owners;
  private readonly enough: Uint32Array;
  private readonly frame = new Frame();
  private readonly tally = new Tally();
  private sink: LiveSink | undefined;

  /** @param ringSize in bytes, what the object was loaded with */
  constructor(object: EbpfObject, ringSize: number, clock: KernelClock, owners: Owners) {
    this.ring = new Ring(object.ring, ringSize);
    this.clock = clock;
    this.owners = owners;
    this.enough = new Uint32Array(object.enough.memory, 0, CELLS);
    this.frame.bytes = this.ring.bytes;
    this.frame.view = this.ring.view;
  }

  /** Hands at most `limit` records to the sink; returns how many. */
  drain(sink: LiveSink, limit: number): number {
    this.sink = sink;
    return this.ring.drain(this, limit);
  }

  /** Bytes that the kernel has written and nobody has read. */
  waiting(): number {
    return this.ring.waiting();
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

  unmap(): void {
    this.ring.unmap();
  }
}
