/** What every requirement of a rule compiles to. */

/**
 * What a requirement found. `lost`: the handshake carried it in the clear, or would have, and the capture does not have it.
 * `hidden`: the protocol does not show it, whoever captures (docs/adr/0003-what-cannot-be-observed.md). Text: what was
 * observed instead of what is expected.
 */
export type Finding = typeof KEPT | typeof LOST | typeof HIDDEN | { readonly observed: string };

export const KEPT = 'kept';
export const LOST = 'lost';
export const HIDDEN = 'hidden';

export interface Requirement<Event> {
  /** Completes "expected: …". */
  readonly expected: string;
  readonly judge: (event: Event) => Finding;
}

/** Names in one `observed`: enough to act on, and an event stays under 5 KB. */
const MAX_OBSERVED_NAMES = 16;

/** The names once each, cut and counted. */
export function list(all: readonly string[]): string {
  const names = [...new Set(all)];
  const shown = names.slice(0, MAX_OBSERVED_NAMES).join(', ');
  const more = names.length - MAX_OBSERVED_NAMES;
  return more > 0 ? `${shown} and ${more} more` : shown;
}
