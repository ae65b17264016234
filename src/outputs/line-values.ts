/** Values that outputs need, found in the bytes of an event's line: no line is parsed for them. */
import type { CimEvent } from '../cim/event.ts';

/**
 * A member with its value's opening quote. No text inside a value can look like it: a quote inside a text is written after a
 * backslash (RFC 8259 §7), and after an element of a list comes no colon.
 */
const member = (name: string): Buffer => Buffer.from(`"${name}":"`);
const FLOW_ID = member('flow_id');
/** The same in the native format, of flows alone. */
const COMMUNITY_ID = member('community_id');
const QUOTE = 0x22;

/** The Community ID, the same for all events of a connection, as a part of the event's block; or undefined. */
export function flowKey({ block, start, end }: CimEvent): { block: Buffer; start: number; end: number } | undefined {
  const line = block.subarray(start, end);
  for (const name of [FLOW_ID, COMMUNITY_ID]) {
    const at = line.indexOf(name);
    if (at < 0) continue;
    const from = at + name.length;
    return { block, start: start + from, end: start + line.indexOf(QUOTE, from) };
  }
  return undefined;
}
