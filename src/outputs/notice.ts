/** What the delivery layer tells of an output. Each is said once, not for every batch. */
import type { Ledger, Loss } from './ledger.ts';
import type { DeliveryError } from './output.ts';

export type DeliveryNotice = { readonly output: string } & (
  | { readonly what: 'failing'; readonly error: DeliveryError; readonly since?: FailingSince }
  | { readonly what: 'recovered'; readonly seconds: number }
  | { readonly what: 'lost'; readonly loss: Loss; readonly events: number; readonly reason: string }
  /** Nothing more is sent to the output. */
  | { readonly what: 'failed'; readonly error: DeliveryError }
  /** `isOver`: what was warned of is no more. */
  | { readonly what: 'warning'; readonly text: string; readonly isOver?: true }
);

/** Of an output that was told to fail before and fails still: for another reason, or for long. */
export interface FailingSince {
  readonly seconds: number;
  /** Events that wait for the output. */
  readonly waiting: number;
}

export type NoticeSink = (notice: DeliveryNotice) => void;

/** What comes and goes is told of once in so long, not each time; losses at once, then with the sum since. */
export const NOTICE_INTERVAL_MS = 60_000;

/** Counts the events that an output loses, and tells of them: the sum of the notices is the sum of the counts. */
export class Losses {
  private readonly output: string;
  private readonly ledger: Ledger;
  private readonly tell: NoticeSink;
  private readonly untold = new Map<Loss, { events: number; reason: string }>();
  private timer: NodeJS.Timeout | undefined;

  constructor(output: string, ledger: Ledger, tell: NoticeSink) {
    this.output = output;
    this.ledger = ledger;
    this.tell = tell;
  }

  add(loss: Loss, events: number, reason: string): void {
    if (events === 0) return;
    this.ledger.settle(loss, events);
    const before = this.untold.get(loss)?.events ?? 0;
    this.untold.set(loss, { events: before + events, reason });
    if (this.timer !== undefined) return;
    // Before it is told: the notice may become an event that the same output loses.
    this.timer = setTimeout(() => this.flush(), NOTICE_INTERVAL_MS).unref();
    this.tellAll();
  }

  flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.tellAll();
  }

  /** Something that costs no event yet, or no longer. */
  warn(text: string, isOver = false): void {
    this.tell({ output: this.output, what: 'warning', text, ...(isOver && { isOver }) });
  }

  private tellAll(): void {
    const untold = [...this.untold];
    this.untold.clear();
    for (const [loss, { events, reason }] of untold)
      this.tell({ output: this.output, what: 'lost', loss, events, reason });
  }
}

/** Something that stays wrong until somebody mends it: told when it begins, and when it is over. */
export class Trouble {
  private readonly losses: Losses;
  private isTold = false;
  private lastTold = Number.NEGATIVE_INFINITY;

  constructor(losses: Losses) {
    this.losses = losses;
  }

  /** To be called each time that it is met. */
  met(text: string): void {
    const now = performance.now();
    if (this.isTold || now - this.lastTold < NOTICE_INTERVAL_MS) return;
    this.isTold = true;
    this.lastTold = now;
    this.losses.warn(text);
  }

  /** To be called each time that it is not. */
  over(text: string): void {
    if (!this.isTold) return;
    this.isTold = false;
    this.losses.warn(text, true);
  }
}
