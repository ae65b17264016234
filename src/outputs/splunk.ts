/** What Splunk keeps beside an event, and the HTTP Event Collector's envelope, which says it. */
import type { CimEvent, Kind } from '../cim/event.ts';
import type { Format, SplunkSettings } from './options.ts';

/** Only the events of the CIM format have the fields that the add-on's event types stand for. */
export function sourcetypeOf(kind: Kind, format: Format): string {
  return format === 'cim' ? `vesper:${kind}` : `vesper:native:${kind}`;
}

export interface Envelope {
  /** From the opening brace to the time. */
  readonly head: string;
  /** From after the time to the event. */
  readonly middle: string;
}

/** The constant parts of the envelopes of a kind (Splunk, "Format events for HTTP Event Collector"). */
export function envelopeOf(kind: Kind, format: Format, host: string, { index, source }: SplunkSettings): Envelope {
  const members = { host, source, sourcetype: sourcetypeOf(kind, format), index };
  // Members that are undefined are left out; what is left begins after the brace.
  return { head: '{"time":', middle: `,${JSON.stringify(members).slice(1, -1)},"event":` };
}

/** Event time in epoch seconds, to the microsecond as in the line itself. */
export function epochSeconds({ seconds, nanos }: CimEvent): string {
  return `${seconds}.${String(Math.floor(nanos / 1000)).padStart(6, '0')}`;
}

/** The event in its envelope, its line a text, so that Splunk indexes these very bytes. */
export function envelope(event: CimEvent, { head, middle }: Envelope): string {
  return `${head}${epochSeconds(event)}${middle}${JSON.stringify(event.line)}}`;
}
