/** What a person at a terminal sees of a live capture: one line that keeps itself current. */
import { type CounterName, type Counters, LOSSES } from '../counters.ts';
import { toStandardError } from '../standard-error.ts';

const REFRESH_MS = 1000;

const count = (value: number): string => value.toLocaleString('en-US');

/** What was lost on the way: frames and events. */
export function losses(counters: Counters): number {
  const lost = (Object.keys(counters) as CounterName[]).filter((name) => LOSSES.has(name));
  return lost.reduce((sum, name) => sum + counters[name], 0);
}

export class StatusLine {
  /** Whether standard error is a terminal: nothing is written elsewhere. */
  private readonly shown = process.stderr.isTTY === true;
  private readonly counters: Counters;
  private readonly backend: string;
  private timer: NodeJS.Timeout | undefined;
  private packets = 0;

  constructor(counters: Counters, backend: string) {
    this.counters = counters;
    this.backend = backend;
  }

  start(): void {
    if (this.shown) this.timer = setInterval(() => this.draw(), REFRESH_MS).unref();
  }

  stop(): void {
    clearInterval(this.timer);
    this.clear();
  }

  /** Takes the line away, before something else is written. */
  clear(): void {
    if (this.shown) toStandardError('\r\x1b[K');
  }

  private draw(): void {
    const { counters } = this;
    const packets = counters['frames.received'];
    const line = [
      `${this.backend}: ${count(packets - this.packets)} packets/s`,
      `${count(counters['flows.active'])} flows`,
      `${count(counters['dns.messages'])} DNS messages`,
      `${count(counters['tls.handshakes'])} handshakes`,
      `${count(counters['policy.findings'])} findings`,
      `${count(counters['events.sent'])} events`,
      `${count(losses(counters))} lost`,
    ];
    this.packets = packets;
    toStandardError(`\r\x1b[K${line.join(', ')}`);
  }
}
