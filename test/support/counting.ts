/** The rule of counting over the counters that a run has logged. */

/** Zero at the end of every run: frames received less all that has been accounted for. Counters of 0 may be missing. */
export function unaccounted(counters: Readonly<Record<string, number>>): number {
  const parts = Object.keys(counters).filter((name) =>
    /^frames\.(emitted|held|(filtered|dropped|undecodable)\.)/.test(name),
  );
  return (counters['frames.received'] ?? 0) - parts.reduce((sum, name) => sum + (counters[name] as number), 0);
}
