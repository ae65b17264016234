/** What a comparison gives: how many rows agree, and each that does not. */

export type Table = 'dns' | 'client_hello' | 'server_hello' | 'quic_hello' | 'dtls_hello' | 'conversation';

export interface Difference {
  readonly table: Table;
  /** missing: a row that we do not have. invented: an event without a row. value: a row whose fields differ. */
  readonly sort: 'missing' | 'invented' | 'value';
  /** What and where, in one line. */
  readonly what: string;
}

export interface Comparison {
  readonly table: Table;
  readonly rows: number;
  readonly differences: readonly Difference[];
}

/** Pairs rows and events of equal key, in order; what is left over on either side is missing or invented. */
export function match<Row, Event>(
  table: Table,
  rows: readonly Row[],
  events: readonly Event[],
  keyOfRow: (row: Row) => string,
  keyOfEvent: (event: Event) => string,
  describe: (row: Row, event: Event) => string[],
): Comparison {
  const waiting = new Map<string, Event[]>();
  for (const event of events) {
    const key = keyOfEvent(event);
    const list = waiting.get(key);
    if (list) list.push(event);
    else waiting.set(key, [event]);
  }
  const differences: Difference[] = [];
  for (const row of rows) {
    const key = keyOfRow(row);
    const candidates = waiting.get(key) ?? [];
    // Among several of one key (retransmissions), the one that agrees best.
    let best = -1;
    let complaints: string[] = [];
    candidates.forEach((event, index) => {
      const said = describe(row, event);
      if (best === -1 || said.length < complaints.length) {
        best = index;
        complaints = said;
      }
    });
    if (best === -1) differences.push({ table, sort: 'missing', what: key });
    else {
      candidates.splice(best, 1);
      if (complaints.length > 0) differences.push({ table, sort: 'value', what: `${key}: ${complaints.join('; ')}` });
    }
  }
  for (const [key, left] of waiting) {
    for (const _ of left) differences.push({ table, sort: 'invented', what: key });
  }
  return { table, rows: rows.length, differences };
}

/** `name: theirs ≠ ours` unless the two are equal as JSON. */
export function unequal(name: string, theirs: unknown, ours: unknown): string[] {
  const a = JSON.stringify(theirs);
  const b = JSON.stringify(ours);
  return a === b ? [] : [`${name}: tshark ${a}, vesper ${b}`];
}
