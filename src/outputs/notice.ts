/** What the delivery layer tells of an output. Each is said once, not for every batch. */
import type { Ledger, Loss } from './ledger.ts';
import type { DeliveryError } from './output.ts';

export type DeliveryNotice = { readonly output: string } & (
  | { readonly what: 'failing'; readonly error: DeliveryError }
  | { readonly what: 'recovered'; readonly seconds: number }
  | { readonly what: 'lost'; readonly loss: Loss; readonly events: number; readonly reason: string }
  /** Nothing more is sent to the output. */
  | { readonly what: 'failed'; readonly error: DeliveryError }
  | { readonly what: 'warning'; readonly text: string }
);

export type NoticeSink = (notice: DeliveryNotice) => void;

/** An output that loses says so at once, then at most so often with the sum since. */
export const LOSS_NOTICE_INTERVAL_MS = 60_000;

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
    this.flush();
    this.timer = setTimeout(() => this.flush(), LOSS_NOTICE_INTERVAL_MS).unref();
  }

  flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    for (const [loss, { events, reason }] of this.untold)
      this.tell({ output: this.output, what: 'lost', loss, events, reason });
    this.untold.clear();
  }
}
