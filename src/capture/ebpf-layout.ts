/** Offsets in bytes of what `bpf/vesper.h` lays out; a test compares them with the object's own type information. */
import type { Tally } from '../dissect/tally.ts';

export const KEY_SIZE = 40;
export const KEY4_SIZE = 16;
export const FLOW_SIZE = 144;
export const OWNER_SIZE = 32;

export const TallyField = { sides: 0, lastNs: 48, expected: 64, id: 72, flags: 76 } as const;
export const FlowField = { tally: 0, seenNs: 80 } as const;
export const OwnerField = { cgroup: 0, pid: 8, uid: 12, comm: 16 } as const;
export const RecordField = {
  timeNs: 0,
  wireLength: 8,
  captured: 12,
  ifindex: 16,
  token: 20,
  segmentSize: 24,
  kind: 26,
  owner: 32,
  tally: 64,
  data: 144,
} as const;
export const SettingsField = { hasNetworks: 0, followTls: 4, ports: 8 } as const;
export const SETTINGS_SIZE = 65544;

/** `RECORD_…` */
export const RecordKind = { tracked: 1, followed: 2, ip: 4, owned: 8 } as const;
/** `PORT_…` */
export const PortUse = { ignored: 1, dns: 2, tunnel: 4 } as const;
/** `CELLS` */
export const CELLS = 65536;

/** `enum statistic` */
export const Statistic = {
  ringFull: 0,
  unseen: 1,
  mapFull: 2,
  network: 3,
  port: 4,
  protocol: 5,
  notIp: 6,
  duplicate: 7,
} as const;

/** `STATS` */
export const STATISTICS = Object.keys(Statistic).length;
/** `PROCESSORS` */
export const PROCESSORS = 64;
export const STATISTICS_SIZE = 8 * STATISTICS * PROCESSORS;

const HIGH = 2 ** 32;

/** Exact up to 2^53: nanoseconds of 104 days, above that to a few nanoseconds. */
export function readUint64(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * HIGH;
}

/** Kernel time (CLOCK_MONOTONIC) in wall time. */
export interface KernelClock {
  /** After `convert`. */
  readonly seconds: number;
  readonly nanos: number;
  convert(ns: number): void;
}

/** Reads `struct tally` at `at`; the key is not part of it. */
export function readTally(view: DataView, at: number, tally: Tally, clock: KernelClock): void {
  tally.id = view.getUint32(at + TallyField.id, true);
  for (let i = 0; i < 6; i++) tally.counts[i] = readUint64(view, at + TallyField.sides + 8 * i);
  for (let side = 0; side < 2; side++) {
    tally.flags[side] = view.getUint8(at + TallyField.flags + side);
    tally.expected[side] = view.getUint32(at + TallyField.expected + 4 * side, true);
    if (tally.counts[3 * side] === 0) continue;
    clock.convert(readUint64(view, at + TallyField.lastNs + 8 * side));
    tally.seconds[side] = clock.seconds;
    tally.nanos[side] = clock.nanos;
  }
}
