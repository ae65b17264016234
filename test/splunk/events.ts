/** The events of the golden cases as a search head with the add-on sees them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ADD_ON_FOLDER } from '../../scripts/splunk/package.ts';
import { healthEvent } from '../../src/cim/agent-health.ts';
import { KINDS, type Kind } from '../../src/cim/event.ts';
import { AddOn } from '../cim/oracle/add-on.ts';
import { HEALTH } from '../cim/samples.ts';
import { PROJECT } from '../support/shared.ts';
import type { Row } from './aggregate.ts';
import { schemaFields } from './event-fields.ts';

const CASES = join(PROJECT, 'test/fixtures/cases');

/** What Splunk itself gives every event. */
const BUILT_IN = ['_time', '_indextime', '_raw', 'host', 'source', 'sourcetype', 'index', 'eventtype', 'tag'];

const addOn = new AddOn(join(ADD_ON_FOLDER, 'default'));

/** Each kind has an object of its own name in `vesper`. */
function kindOf(line: string): Kind {
  const { vesper } = JSON.parse(line) as { vesper: Record<string, unknown> };
  const kind = KINDS.find((one) => Object.hasOwn(vesper, one));
  if (kind === undefined) throw new Error(`no kind: ${line}`);
  return kind;
}

export function eventOf(line: string): Row {
  const sourceType = `vesper:${kindOf(line)}`;
  const { fields, eventTypes, tags } = addOn.see(sourceType, line);
  const time = fields.get('time')!;
  return new Map([
    ...fields,
    ['_time', time],
    ['_indextime', time],
    ['_raw', [line]],
    ['host', ['web-01']],
    ['index', ['vesper']],
    ['sourcetype', [sourceType]],
    ['eventtype', eventTypes],
    ...(tags.size === 0 ? [] : [['tag', [...tags]] as const]),
  ]);
}

/** Lines of all golden cases. */
export function goldenLines(): string[] {
  return readdirSync(CASES).flatMap((name) =>
    readFileSync(join(CASES, name, 'expected.ndjson'), 'utf8')
      .split('\n')
      .filter((line) => line !== ''),
  );
}

/** What an agent that runs live tells of itself; replays have none. */
export function healthLine(): string {
  return healthEvent({ ...HEALTH, status: 'warning', losses: { 'frames.dropped.ring': 3 } }, 0, {
    format: 'cim',
    dvc: 'web-01',
    runId: 'agent-1',
  }).line;
}

/** Fields that every one of these kinds of event may have: of their schemas, the add-on and Splunk. */
export function fieldsOfKinds(kinds: readonly string[]): ReadonlySet<string> {
  const [first, ...others] = kinds.map((kind) => new Set([...schemaFields(kind), ...addOn.names(`vesper:${kind}`)]));
  return new Set([...BUILT_IN, ...[...first!].filter((name) => others.every((other) => other.has(name)))]);
}

/** Kinds that a search looks at, by its `eventtype=` or `sourcetype=`. */
export function kindsOfSearch(source: string): readonly string[] {
  const eventType = /\beventtype=(\w+)/.exec(source)?.[1];
  if (eventType !== undefined) {
    const kind = KINDS.find((one) => eventType.startsWith(`vesper_${one}`));
    if (kind === undefined || !addOn.hasEventType(eventType)) throw new Error(`unknown event type ${eventType}`);
    return [kind];
  }
  const sourceType = /\bsourcetype="vesper:([\w*]+)"/.exec(source)?.[1];
  if (sourceType === undefined) throw new Error(`neither eventtype nor sourcetype: ${source}`);
  return sourceType === '*' ? KINDS : [sourceType];
}
