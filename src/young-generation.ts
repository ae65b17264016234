/** The part of the heap where objects begin. */
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

/**
 * V8 would let it grow to 33 MB under load and keep them. What a packet makes dies within the packet: beyond 8 MB more room saves
 * no time, and below 4 MB a fifth is lost (the DNS capture of bench/replay.ts). V8 takes its limit at start only, as an
 * option of the command line; growing, however, can be switched off at any time.
 */
const ENOUGH_BYTES = 8 * 1024 * 1024;
const LOOK_INTERVAL_MS = 50;

/** Lets the young generation grow until it is large enough. */
export function boundYoungGeneration(): void {
  const timer = setInterval(() => {
    const young = getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space');
    if (young !== undefined && young.space_size < ENOUGH_BYTES) return;
    setFlagsFromString('--semi-space-growth-factor=1');
    clearInterval(timer);
  }, LOOK_INTERVAL_MS);
  timer.unref();
}
