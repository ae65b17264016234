/** When a live capture looks into its ring: often while packets come, seldom on an idle host. */
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';

/** After a look that found something. The rings hold this much traffic many times over. */
const BUSY_MS = 4;
/** An idle host is looked at this often: 20 times a second cost about 0.05 % of a core. */
const IDLE_MS = 50;

export interface Polled {
  /** Takes a bounded share of what is there; returns whether more is waiting. */
  drain(): 'more' | 'some' | 'none';
  /** Called once a second after a drain that left nothing waiting, and at least every few seconds. */
  tick(): void;
}

const TICK_MS = 1000;
/** Under pressure the ring is never empty: the clock goes on nevertheless. */
const LATEST_TICK_MS = 5000;

/** Polls until the signal aborts. What is in the ring then is left there. */
export async function poll(source: Polled, signal: AbortSignal): Promise<void> {
  let delay = BUSY_MS;
  let ticked = performance.now();
  while (!signal.aborted) {
    const found = source.drain();
    const sinceTick = performance.now() - ticked;
    if (sinceTick >= LATEST_TICK_MS || (sinceTick >= TICK_MS && found !== 'more')) {
      ticked += sinceTick;
      source.tick();
    }
    if (found === 'more') {
      // Outputs and signals have their turn.
      await turn();
      continue;
    }
    delay = found === 'some' ? BUSY_MS : Math.min(2 * delay, IDLE_MS);
    await sleep(delay, undefined, { signal }).catch(() => {});
  }
}
