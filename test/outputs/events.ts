/** Events with lines of a wished length, for the outputs. */
import { CimEvent, type Kind } from '../../src/cim/event.ts';

/** One event, in a block of its own. */
export function eventOf(line: string, kind: Kind = 'flow'): CimEvent {
  const block = Buffer.from(`${line}\n`);
  return new CimEvent(kind, 0, 0, block, 0, block.length - 1);
}

/** Events that lie one after another in one block, as the writer of lines makes them. */
export function eventsOf(lines: readonly string[], kinds: readonly Kind[] = ['flow']): CimEvent[] {
  const block = Buffer.from(lines.map((line) => `${line}\n`).join(''));
  let at = 0;
  return lines.map((line, i) => {
    const start = at;
    at += Buffer.byteLength(line) + 1;
    return new CimEvent(kinds[i % kinds.length] as Kind, 0, 0, block, start, at - 1);
  });
}
