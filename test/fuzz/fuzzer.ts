/**
 * Runs of mutated captures. A run is named by a number: seed and number give the same frames on every machine, so that
 * what a run found can be looked at again.
 */
import { Random } from '../../bench/captures/random.ts';
import type { Counters } from '../../src/counters.ts';
import type { FuzzFrame } from './frame.ts';
import type { Material } from './material.ts';
import { Draft, mutate } from './mutations.ts';
import { Pipeline } from './pipeline.ts';

export interface FuzzRun {
  readonly capture: string;
  /** Frames that were changed, left out, doubled or put in another place. */
  readonly mutated: number;
  readonly frames: number;
  readonly lineCount: number;
  readonly counters: Counters;
  readonly lines: readonly string[] | undefined;
  /** The frame that took longest. */
  readonly worst: FrameTime;
  readonly failure: FuzzFailure | undefined;
}

export interface FrameTime {
  /** Ordinal within the run. */
  readonly frame: number;
  /** Of processor time. */
  readonly milliseconds: number;
  readonly length: number;
  /** What was done to the frame; empty where it is as it was captured. */
  readonly done: string;
}

export interface FuzzFailure extends FrameTime {
  readonly error: unknown;
  readonly bytes: string;
}

export interface RunOptions {
  /** Keeps the lines. */
  readonly lines?: boolean;
  /** The byte around every frame in memory. */
  readonly around?: number;
  /** Times this frame instead of all. */
  readonly timed?: number;
}

/** Frames of a run: enough for state to build up, few enough to find the one that matters. */
const RUN_FRAMES = 600;
/** Frames of a capture taken in a row. */
const WINDOW = 200;
/** Golden ratio: neighboring numbers give unlike generators. */
const SPREAD = 0x9e3779b1;

const draft = new Draft();

export class Fuzzer {
  private readonly material: readonly Material[];
  private readonly talking: readonly Material[];
  private readonly payloads: readonly FuzzFrame[];
  private readonly linkTypes: readonly number[];
  private readonly seed: number;

  constructor(material: readonly Material[], seed: number) {
    this.material = material;
    this.talking = material.filter(({ talks }) => talks);
    this.seed = seed;
    const frames = material.flatMap((one) => one.frames);
    this.payloads = frames.filter(({ bytes, payload }) => payload < bytes.length);
    this.linkTypes = [...new Set(frames.map(({ linkType }) => linkType))];
  }

  run(number: number, options: RunOptions = {}): FuzzRun {
    const random = new Random((this.seed ^ Math.imul(number + 1, SPREAD)) >>> 0 || 1);
    const choice = random.below(4) === 0 ? this.material : this.talking;
    const { name, frames } = choice[random.below(choice.length)]!;
    const pipeline = new Pipeline(options.lines ?? false);
    const one = new Run(pipeline, random, options);
    try {
      for (let pass = 0; one.frames < RUN_FRAMES; pass++) {
        const first = random.below(3) === 0 ? random.below(frames.length) : 0;
        one.pass(frames.slice(first, first + WINDOW), pass, this.payloads, this.linkTypes);
      }
      one.frames = -1;
      pipeline.end();
    } catch (error) {
      one.failure = { ...one.time(0), error, bytes: draft.bytes.hexSlice(0, draft.end) };
    }
    const { mutated, worst, failure } = one;
    const { counters, lines, lineCount } = pipeline;
    return { capture: name, mutated, frames: one.sent, lineCount, counters, lines, worst, failure };
  }
}

class Run {
  /** Ordinal of the frame in hand; -1 at the end of the run. */
  frames = 0;
  sent = 0;
  mutated = 0;
  worst: FrameTime = { frame: -1, milliseconds: 0, length: 0, done: '' };
  failure: FuzzFailure | undefined = undefined;
  private seconds = 0;

  private readonly pipeline: Pipeline;
  private readonly random: Random;
  private readonly around: number;
  private readonly timed: number | undefined;

  constructor(pipeline: Pipeline, random: Random, { around = 0, timed }: RunOptions) {
    this.pipeline = pipeline;
    this.random = random;
    this.around = around;
    this.timed = timed;
  }

  /** The frames once, some of them changed, in an order that may not be theirs. */
  pass(frames: readonly FuzzFrame[], pass: number, payloads: readonly FuzzFrame[], linkTypes: readonly number[]): void {
    const { random } = this;
    // From one frame in sixteen, so that states are reached, to every frame.
    const rate = 2 ** -random.below(5);
    const shift = pass === 0 ? 0 : random.below(200);
    let late: FuzzFrame | undefined;
    for (const frame of frames) {
      const next = late ?? frame;
      late = late === undefined ? undefined : frame;
      const isMutated = random.fraction() < rate;
      if (isMutated) this.mutated++;
      const kind = isMutated ? random.below(20) : 20;
      draft.begin(next);
      if (kind === 0) continue;
      if (kind === 1) {
        late ??= next;
        if (late === next) continue;
      }
      if (kind === 2) draft.linkType = linkTypes[random.below(linkTypes.length)]!;
      if (kind > 3 && kind < 20) mutate(draft, random, payloads, pass);
      if (kind === 4) this.seconds += random.below(400) - 100;
      const seconds = Math.max(0, next.seconds + this.seconds + shift);
      this.send(seconds, next.nanos);
      if (kind === 3) this.send(seconds, next.nanos);
    }
  }

  time(milliseconds: number): FrameTime {
    return { frame: this.frames, milliseconds, length: draft.end, done: draft.done.join(' ') };
  }

  private send(seconds: number, nanos: number): void {
    this.pipeline.tick(seconds, nanos);
    const isTimed = this.timed === undefined || this.timed === this.frames;
    const started = isTimed ? processorTime() : 0;
    this.pipeline.send(draft, seconds, nanos, this.around);
    if (isTimed) {
      const milliseconds = processorTime() - started;
      if (milliseconds > this.worst.milliseconds) this.worst = this.time(milliseconds);
    }
    this.frames++;
    this.sent++;
  }
}

/** Milliseconds of this process: what others do on the machine does not count. */
function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
