/** From the kernel's monotonic clock to wall time. */
import type { KernelClock } from './ebpf-layout.ts';
import { wallClock } from './ffi/libc.ts';

const SAMPLES = 5;
const SECOND = 1_000_000_000;

/** The wall clock between two readings of the monotonic one, in nanoseconds. */
export interface Reading {
  readonly before: bigint;
  readonly wall: bigint;
  readonly after: bigint;
}

function readClocks(): Reading {
  const before = process.hrtime.bigint();
  const wall = wallClock();
  return { before, wall, after: process.hrtime.bigint() };
}

/**
 * The distance of the two clocks is measured when the capture starts and once a second after that, so that it follows
 * NTP's corrections. It is never part of a packet's path.
 */
export class WallClock implements KernelClock {
  seconds = 0;
  nanos = 0;
  private offsetSeconds = 0;
  private offsetNanos = 0;

  private readonly read: () => Reading;

  constructor(read: () => Reading = readClocks) {
    this.read = read;
    this.adjust();
  }

  /** Measures the distance anew: the tightest of a few readings, which is right to less than a microsecond. */
  adjust(): void {
    let tightest = -1n;
    for (let i = 0; i < SAMPLES; i++) {
      const { before, wall, after } = this.read();
      if (tightest >= 0n && after - before >= tightest) continue;
      tightest = after - before;
      const offset = wall - (before + after) / 2n;
      this.offsetSeconds = Number(offset / BigInt(SECOND));
      this.offsetNanos = Number(offset % BigInt(SECOND));
    }
  }

  convert(ns: number): void {
    const whole = Math.floor(ns / SECOND);
    let seconds = whole + this.offsetSeconds;
    let nanos = ns - whole * SECOND + this.offsetNanos;
    if (nanos >= SECOND) {
      nanos -= SECOND;
      seconds++;
    }
    this.seconds = seconds;
    this.nanos = nanos;
  }
}
