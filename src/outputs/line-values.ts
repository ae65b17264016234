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

/** The part of the event's block between the quotes, or undefined. The values looked for hold no escapes. */
function textOf({ block, start, end }: CimEvent, name: Buffer): Buffer | undefined {
  const line = block.subarray(start, end);
  const at = line.indexOf(name);
  if (at < 0) return undefined;
  const from = at + name.length;
  return line.subarray(from, line.indexOf(QUOTE, from));
}

/** The Community ID: the same for all events of a connection. */
export function flowKey(event: CimEvent): Buffer | undefined {
  return textOf(event, FLOW_ID) ?? textOf(event, COMMUNITY_ID);
}
