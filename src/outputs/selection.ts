/** Which events an output wants. */
import { type CimEvent, KINDS } from '../cim/event.ts';
import { type DeliverySettings, SEVERITIES, type SeverityName } from './options.ts';

/** Only a key of the line itself reads so: inside a string the quotes would be escaped. */
const SEVERITY_KEY = Buffer.from('"severity":"');
const QUOTE = 0x22;

/** The severity of a finding, from its line; undefined where it has none that is known. */
export function severityOf({ block, start, end }: CimEvent): SeverityName | undefined {
  const key = block.indexOf(SEVERITY_KEY, start);
  if (key < 0 || key >= end) return undefined;
  const value = key + SEVERITY_KEY.length;
  const text = block.toString('latin1', value, block.indexOf(QUOTE, value));
  return SEVERITIES.find((severity) => severity === text);
}

/** Undefined where the output wants every event. */
export function wants({
  kinds,
  min_severity,
}: Pick<DeliverySettings, 'kinds' | 'min_severity'>): ((event: CimEvent) => boolean) | undefined {
  const wanted = new Set(kinds);
  const least = SEVERITIES.indexOf(min_severity);
  if (least === 0) return KINDS.every((kind) => wanted.has(kind)) ? undefined : ({ kind }) => wanted.has(kind);
  return (event) => {
    if (!wanted.has(event.kind)) return false;
    if (event.kind !== 'finding') return true;
    const severity = severityOf(event);
    // What cannot be judged is told.
    return severity === undefined || SEVERITIES.indexOf(severity) >= least;
  };
}
