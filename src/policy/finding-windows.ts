/**
 * Keeps one mistake that is made all day from becoming a finding a second. The first finding of a rule, client, server
 * and name opens a window; those that follow within it are held back and counted, and the next one tells how many. What
 * no next one tells is told a window later by the last of them, so that findings and what they tell add up to all
 * violations. By packet time alone.
 */
import type { Counters } from '../counters.ts';
import type { Finding } from './finding.ts';

/** Windows open at once; one more, and the oldest closes early. About 1 KB each with the finding that it holds. */
export const MAX_WINDOWS = 8192;

interface Window {
  /** The event that opened it may have more violations of the rule, which belong to it. */
  readonly opener: Finding;
  held: number;
  last: Finding | undefined;
}

/** @param suppressed findings of the same rule, client, server and name that were held back before this one */
export type FindingSink = (finding: Finding, suppressed: number) => void;

export class FindingWindows {
  readonly #seconds: number;
  readonly #counters: Counters;
  readonly #sink: FindingSink;
  /** In the order in which they were opened. */
  readonly #windows = new Map<string, Window>();
  /** No window is to be looked at before. */
  #due = Number.POSITIVE_INFINITY;

  /** @param seconds length of a window; 0: none, every finding is told */
  constructor(seconds: number, counters: Counters, sink: FindingSink) {
    this.#seconds = seconds;
    this.#counters = counters;
    this.#sink = sink;
  }

  add(finding: Finding): void {
    if (this.#seconds === 0) {
      this.#tell(finding, 0);
      return;
    }
    const key = keyOf(finding);
    const window = this.#windows.get(key);
    const now = finding.time.seconds;
    if (window === undefined) {
      if (this.#windows.size >= MAX_WINDOWS) this.#evict();
      this.#open(key, finding);
      this.#tell(finding, 0);
    } else if (now >= window.opener.time.seconds + this.#seconds) {
      this.#windows.delete(key);
      this.#open(key, finding);
      this.#tell(finding, window.held);
    } else if (isSameEvent(window.opener, finding)) {
      this.#tell(finding, 0);
    } else {
      window.held++;
      window.last = finding;
      this.#counters['policy.suppressed']++;
    }
  }

  /** Closes what has been quiet for a window's length; at the time of every event. */
  tick(seconds: number): void {
    if (seconds < this.#due) return;
    for (const [key, window] of this.#windows) {
      const age = seconds - window.opener.time.seconds;
      const due = window.held === 0 ? this.#seconds : 2 * this.#seconds;
      if (age < due) {
        this.#due = window.opener.time.seconds + due;
        return;
      }
      this.#windows.delete(key);
      this.#close(window);
    }
    this.#due = Number.POSITIVE_INFINITY;
  }

  /** Tells what is still held back. */
  end(): void {
    for (const window of this.#windows.values()) this.#close(window);
    this.#windows.clear();
    this.#due = Number.POSITIVE_INFINITY;
  }

  #open(key: string, opener: Finding): void {
    this.#windows.set(key, { opener, held: 0, last: undefined });
    this.#due = Math.min(this.#due, opener.time.seconds + this.#seconds);
  }

  #evict(): void {
    for (const [key, window] of this.#windows) {
      this.#windows.delete(key);
      this.#counters['policy.windows_evicted']++;
      this.#close(window);
      return;
    }
  }

  #close({ held, last }: Window): void {
    if (last === undefined) return;
    this.#counters['policy.suppressed']--;
    this.#tell(last, held - 1);
  }

  #tell(finding: Finding, suppressed: number): void {
    this.#counters['policy.findings']++;
    this.#sink(finding, suppressed);
  }
}

/** DNS findings of one kind are alike whatever was asked; `observed` has the name where the rule is about names. */
function keyOf({ app, name, conversation: { client, server }, violation }: Finding): string {
  const { policy, rule, observed } = violation;
  return `${policy} ${rule} ${client.ip} ${server.ip} ${app === 'dns' ? observed : (name ?? '')}`;
}

function isSameEvent(a: Finding, b: Finding): boolean {
  return (
    a.conversation.session === b.conversation.session &&
    a.time.seconds === b.time.seconds &&
    a.time.nanos === b.time.nanos
  );
}
