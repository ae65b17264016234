/** `stats`, `chart` and `timechart`, as far as the add-on's searches use them. */
import { parseExpression } from '../cim/oracle/expression.ts';
import { asNumber, type Fields } from '../cim/oracle/fields.ts';
import { tokensOf } from '../cim/oracle/tokens.ts';

export type Row = Fields;

/** One `function(argument) AS name`. */
export interface Aggregate {
  readonly name: string;
  /** Fields that the argument names. */
  readonly uses: readonly string[];
  readonly compute: (rows: readonly Row[]) => readonly string[] | undefined;
}

/** Fields that an `eval` expression names. */
export function fieldsOfExpression(source: string): string[] {
  const tokens = tokensOf(source);
  return tokens
    .filter(({ type, text }, i) => {
      if (type === 'field') return true;
      return type === 'word' && tokens[i + 1]?.text !== '(' && !/^(and|or|not)$/i.test(text);
    })
    .map(({ text }) => text);
}

/** Text that is not inside quotes or parentheses is split at each match. */
export function splitOutside(text: string, separator: RegExp): string[] {
  const parts: string[] = [];
  let [start, depth, quote] = [0, 0, ''];
  for (let at = 0; at < text.length; at++) {
    const sign = text[at]!;
    if (quote !== '') {
      if (sign === quote) quote = '';
    } else if (sign === '"' || sign === "'" || sign === '`') quote = sign;
    else if (sign === '(') depth++;
    else if (sign === ')') depth--;
    else if (depth === 0) {
      const sticky = new RegExp(separator.source, 'iy');
      sticky.lastIndex = at;
      const match = sticky.exec(text);
      if (match === null) continue;
      parts.push(text.slice(start, at));
      at += match[0].length - 1;
      start = at + 1;
    }
  }
  parts.push(text.slice(start));
  return parts.map((part) => part.trim());
}

const percentile = (share: number) => (values: readonly number[]) =>
  values.length === 0 ? undefined : [...values].sort((a, b) => a - b)[Math.ceil(share * values.length) - 1]!;

const NUMERIC: Readonly<Record<string, (values: readonly number[]) => number | undefined>> = {
  sum: (values) => (values.length === 0 ? undefined : values.reduce((total, value) => total + value, 0)),
  max: (values) => (values.length === 0 ? undefined : Math.max(...values)),
  min: (values) => (values.length === 0 ? undefined : Math.min(...values)),
  median: percentile(0.5),
  perc95: percentile(0.95),
};

const TEXTUAL: Readonly<Record<string, (values: readonly string[]) => readonly string[]>> = {
  dc: (values) => [String(new Set(values).size)],
  values: (values) => [...new Set(values)].sort(),
};

function argumentOf(argument: string): [read: (row: Row) => readonly string[], uses: string[]] {
  const inner = /^eval\((.*)\)$/s.exec(argument)?.[1];
  if (inner === undefined) return [(row) => row.get(argument) ?? [], [argument]];
  const expression = parseExpression(inner);
  const read = (row: Row): readonly string[] => {
    const value = expression(row);
    // A condition counts where it holds.
    return value === null || value === false ? [] : Array.isArray(value) ? value : [String(value)];
  };
  return [read, fieldsOfExpression(inner)];
}

/** Of the row of the greatest time among those that have a value. */
function latest(rows: readonly Row[], read: (row: Row) => readonly string[]): readonly string[] | undefined {
  const told = rows
    .filter((row) => read(row).length > 0)
    .sort((a, b) => Number(b.get('_time')) - Number(a.get('_time')));
  return told[0] && read(told[0]);
}

function aggregateOf(call: string, name: string): Aggregate {
  const match = /^(\w+)(?:\((.*)\))?$/s.exec(call);
  if (match === null) throw new Error(`unknown aggregate ${call}`);
  const [, made, argument] = match as unknown as [string, string, string | undefined];
  if (argument === undefined) {
    if (made !== 'count') throw new Error(`${made} of nothing`);
    return { name, uses: [], compute: (rows) => [String(rows.length)] };
  }
  const [read, uses] = argumentOf(argument);
  const all = (rows: readonly Row[]): string[] => rows.flatMap(read);
  if (made === 'count') return { name, uses, compute: (rows) => [String(all(rows).length)] };
  if (made === 'latest') return { name, uses, compute: (rows) => latest(rows, read) };
  const textual = TEXTUAL[made];
  if (textual !== undefined) return { name, uses, compute: (rows) => textual(all(rows)) };
  const numeric = NUMERIC[made];
  if (numeric === undefined) throw new Error(`unknown aggregate ${made}`);
  return {
    name,
    uses,
    compute: (rows) => {
      const value = numeric(all(rows).flatMap((text) => asNumber(text) ?? []));
      return value === undefined ? undefined : [String(value)];
    },
  };
}

/** `sum(a) AS b count dc(c)` */
export function aggregatesOf(source: string): Aggregate[] {
  const aggregates: Aggregate[] = [];
  const words = splitOutside(source.trim(), /\s+/);
  for (let i = 0; i < words.length; i++) {
    const call = words[i]!;
    const named = /^as$/i.test(words[i + 1] ?? '');
    aggregates.push(aggregateOf(call, named ? words[i + 2]! : call));
    if (named) i += 2;
  }
  return aggregates;
}

/** Rows by the values of some fields; a field of several values puts its row into several groups, a missing one into none. */
export function groupsOf(rows: readonly Row[], by: readonly string[]): [key: readonly string[], rows: Row[]][] {
  const groups = new Map<string, [string[], Row[]]>();
  for (const row of rows) {
    let keys: string[][] = [[]];
    for (const field of by) keys = keys.flatMap((key) => (row.get(field) ?? []).map((value) => [...key, value]));
    for (const key of keys) {
      const id = JSON.stringify(key);
      const group = groups.get(id) ?? [key, []];
      group[1].push(row);
      groups.set(id, group);
    }
  }
  return [...groups.values()];
}

export function rowOf(pairs: readonly (readonly [string, readonly string[] | undefined])[]): Row {
  return new Map(
    pairs.flatMap(([name, values]) => (values === undefined || values.length === 0 ? [] : [[name, values]])),
  );
}
