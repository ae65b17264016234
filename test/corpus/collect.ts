/** Replays one capture through the engine and keeps every event with the number of the frame that gave it. */
import type { Capture } from '../../src/capture/capture.ts';
import { type Counters, createCounters, unaccountedFrames } from '../../src/counters.ts';
import { Engine } from '../../src/dissect/engine.ts';
import type { NetworkEvent } from '../../src/dissect/event.ts';
import { corpusEngineOptions, openCapture } from './setup.ts';

export interface Seen<T extends NetworkEvent = NetworkEvent> {
  /** 1 for the first frame of the file; the number of frames + 1 for what the end of the capture brought. */
  readonly frame: number;
  readonly event: T;
}

export interface Collected {
  readonly events: readonly Seen[];
  readonly counters: Counters;
  /** Frames at which received differed from what was accounted for. */
  readonly unaccounted: number;
  readonly warnings: readonly string[];
}

export async function collect(path: string): Promise<Collected> {
  const warnings: string[] = [];
  const capture: Capture = await openCapture(path, (text) => warnings.push(text));
  const counters = createCounters();
  const events: Seen[] = [];
  let frame = 0;
  let unaccounted = 0;
  const engine = new Engine(
    corpusEngineOptions((index) => capture.interfaceName(index)),
    counters,
    (event) => events.push({ frame, event }),
  );
  const sink = {
    frame(one: Parameters<Engine['frame']>[0]): void {
      frame++;
      engine.frame(one);
      if (unaccountedFrames(counters) !== 0) unaccounted++;
    },
    ready: () => undefined,
  };
  await capture.run(sink, new AbortController().signal);
  frame++;
  engine.end();
  if (unaccountedFrames(counters) !== 0) unaccounted++;
  return { events, counters, unaccounted, warnings };
}
