/** When a live capture looks into its ring: often while packets come, seldom on an idle host. */

/** After a look that found something. The rings hold this much traffic many times over. */
const BUSY_MS = 10;

export interface Polled {
  /** Takes a bounded share of what is there; returns whether more is waiting. */
  drain(): 'more' | 'some' | 'none';
  /** Called once a second after a drain that left nothing waiting, and at least every few seconds. */
  tick(): void;
  /** While nothing comes, looks are so far apart: what comes meanwhile has to fit the ring. */
  readonly idleMs: number;
}

const TICK_MS = 1000;
/** Under pressure the ring is never empty: the clock goes on nevertheless. */
const LATEST_TICK_MS = 5000;

/**
 * Polls until the signal aborts. What is in the ring then is left there. Bare timers, started again while the delay stays:
 * a promise, a listener or a new timer for each look would be most of what an idle agent costs.
 */
export function poll(source: Polled, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    let delay = BUSY_MS;
    let ticked = performance.now();
    let timer: NodeJS.Timeout | undefined;
    let timerDelay = 0;
    let hasEnded = false;
    const end = (): void => {
      hasEnded = true;
      clearTimeout(timer);
      signal.removeEventListener('abort', finish);
    };
    const finish = (): void => {
      end();
      resolve();
    };
    const look = (): void => {
      if (hasEnded) return;
      try {
        const found = source.drain();
        const sinceTick = performance.now() - ticked;
        if (sinceTick >= LATEST_TICK_MS || (sinceTick >= TICK_MS && found !== 'more')) {
          ticked += sinceTick;
          source.tick();
        }
        delay = found === 'none' ? Math.min(2 * delay, source.idleMs) : BUSY_MS;
        // Outputs and signals have their turn.
        if (found === 'more') setImmediate(look);
        else if (timer !== undefined && delay === timerDelay) timer.refresh();
        else {
          timer = setTimeout(look, delay);
          timerDelay = delay;
        }
      } catch (error) {
        end();
        reject(error);
      }
    };
    if (signal.aborted) return resolve();
    signal.addEventListener('abort', finish);
    look();
  });
}
