/** Any number of events as the agent makes them, each with an id of its own. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CimEvent, type Kind } from '../../src/cim/event.ts';
import { PROJECT } from '../support/shared.ts';

const CASE = join(PROJECT, 'test/fixtures/cases/office-hour/expected.ndjson');
/** As many lines as the agent itself makes in one block of memory, about. */
const BLOCK_EVENTS = 400;
const lines = readFileSync(CASE, 'utf8').trimEnd().split('\n');

function kindOf(line: string): Kind {
  const event = JSON.parse(line) as Record<string, unknown>;
  if ('signature_id' in event) return 'finding';
  if ('message_type' in event) return 'dns';
  if ('ssl_hash' in event) return 'certificate';
  return 'bytes' in event ? 'flow' : 'tls';
}

const kinds = lines.map(kindOf);

/** @param first number of the first event: events of the same number are the same */
export function sampleEvents(count: number, first = 0): CimEvent[] {
  const events: CimEvent[] = [];
  for (let from = 0; from < count; from += BLOCK_EVENTS) {
    const size = Math.min(BLOCK_EVENTS, count - from);
    const parts = Array.from({ length: size }, (_, index) => {
      const number = first + from + index;
      return `${lines[number % lines.length]!.replace(/"event_id":"[^"]*"/, `"event_id":"sample-${number}"`)}\n`;
    });
    const block = Buffer.from(parts.join(''));
    let start = 0;
    for (const [index, line] of parts.entries()) {
      const end = start + Buffer.byteLength(line) - 1;
      const time = /^\{"time":(\d+)\.(\d{6})/.exec(line) as RegExpExecArray;
      const kind = kinds[(first + from + index) % lines.length]!;
      events.push(new CimEvent(kind, Number(time[1]), Number(time[2]) * 1000, block, start, end));
      start = end + 1;
    }
  }
  return events;
}

/** The numbers of sample events in lines, in their order. */
export function numbersOf(found: Iterable<string>): number[] {
  return Array.from(found, (line) => Number(/"event_id":"sample-(\d+)"/.exec(line)?.[1]));
}

/** What at-least-once allows: all there, how many twice. */
export function tally(found: Iterable<string>, expected: number): { missing: number; duplicates: number } {
  const numbers = numbersOf(found);
  const unique = new Set(numbers);
  let missing = 0;
  for (let number = 0; number < expected; number++) if (!unique.has(number)) missing++;
  return { missing, duplicates: numbers.length - unique.size };
}
