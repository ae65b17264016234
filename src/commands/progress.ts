/** What a person at a terminal sees of a replay: one line that keeps itself current, and a few when it is done. */
import type { Counters } from '../counters.ts';
import { toStandardError } from '../standard-error.ts';

/** Often enough to look alive, seldom enough to cost nothing. */
const REFRESH_MS = 250;

const count = (value: number): string => value.toLocaleString('en-US');

function bytes(value: number): string {
  if (value < 1e6) return `${(value / 1e3).toFixed(0)} kB`;
  return value < 1e9 ? `${(value / 1e6).toFixed(0)} MB` : `${(value / 1e9).toFixed(2)} GB`;
}

export class Progress {
  /** Whether standard error is a terminal: nothing is written elsewhere. */
  readonly shown = process.stderr.isTTY === true;
  private readonly counters: Counters;
  private timer: NodeJS.Timeout | undefined;
  private started = 0;
  private read = 0;
  private total: number | undefined;

  constructor(counters: Counters) {
    this.counters = counters;
  }

  start(): void {
    this.started = performance.now();
    if (this.shown) this.timer = setInterval(() => this.draw(), REFRESH_MS).unref();
  }

  bytes(read: number, total: number | undefined): void {
    this.read = read;
    this.total = total;
  }

  stop(): void {
    clearInterval(this.timer);
    this.clear();
  }

  /** Takes the line away, before something else is written. */
  clear(): void {
    if (this.shown) toStandardError('\r\x1b[K');
  }

  summary(seconds: number): void {
    const { counters } = this;
    const packets = counters['frames.received'];
    const rate = count(Math.round(packets / Math.max(seconds, 0.001)));
    const lines = [
      `${count(packets)} packets in ${seconds.toFixed(2)} s (${rate}/s), ${count(counters['events.sent'])} events`,
      `${count(counters['flows.created'])} flows, ${count(counters['dns.messages'])} DNS messages, ` +
        `${count(counters['tls.handshakes'])} TLS handshakes, ${count(counters['policy.findings'])} findings`,
    ];
    for (const [name, value] of Object.entries(counters)) {
      if (value > 0 && /^(frames|events)\.(filtered|dropped|undecodable)\./.test(name)) {
        lines.push(`${name} ${count(value)}`);
      }
    }
    toStandardError(`${lines.join('\n')}\n`);
  }

  private draw(): void {
    const seconds = (performance.now() - this.started) / 1000;
    const packets = this.counters['frames.received'];
    const rate = `${count(Math.round(packets / seconds))} packets/s`;
    let left = '';
    let done = bytes(this.read);
    if (this.total !== undefined && this.read > 0) {
      done += ` of ${bytes(this.total)}`;
      left = `, ${Math.ceil((seconds * (this.total - this.read)) / this.read)} s left`;
    }
    toStandardError(`\r\x1b[K${done}, ${rate}${left}`);
  }
}
