/**
 * Runs searches over events as a search head would: enough of SPL for the add-on's dashboard and the documentation. A command,
 * function or field that is not known is an error, so that a search cannot pass by finding nothing.
 */
import { parseExpression } from '../cim/oracle/expression.ts';
import { asNumber } from '../cim/oracle/fields.ts';
import { parseSearch } from '../cim/oracle/search.ts';
import { tokensOf } from '../cim/oracle/tokens.ts';
import { aggregatesOf, fieldsOfExpression, groupsOf, type Row, rowOf, splitOutside } from './aggregate.ts';

interface Command {
  readonly uses: readonly string[];
  /** Fields after it, given those before it; undefined where they depend on the values. */
  readonly gives: (before: ReadonlySet<string>) => ReadonlySet<string> | undefined;
  readonly run: (rows: readonly Row[]) => Row[];
}

const same = (before: ReadonlySet<string>): ReadonlySet<string> => before;
const only = (names: readonly string[]) => () => new Set(names);
const words = (source: string): string[] => source.split(/[\s,]+/).filter((word) => word !== '');

/** Names that stand before `=` or `!=`. */
function fieldsOfSearch(source: string): string[] {
  const tokens = tokensOf(source, 'search');
  return tokens.filter((_, i) => /^!?=$/.test(tokens[i + 1]?.text ?? '')).map(({ text }) => text);
}

function search(source: string): Command {
  const predicate = parseSearch(source);
  return { uses: fieldsOfSearch(source), gives: same, run: (rows) => rows.filter(predicate) };
}

function where(source: string): Command {
  const condition = parseExpression(source);
  return {
    uses: fieldsOfExpression(source),
    gives: same,
    run: (rows) => rows.filter((row) => condition(row) === true),
  };
}

/** `a=…, b=…`, each of which sees those before it. */
function evaluate(source: string): Command {
  const assignments = splitOutside(source, /,/).map((one) => {
    const [, name, text] = /^(\w+)\s*=(?!=)\s*(.*)$/s.exec(one) ?? [];
    if (name === undefined || text === undefined) throw new Error(`no assignment: ${one}`);
    return { name, uses: fieldsOfExpression(text), expression: parseExpression(text) };
  });
  const made = assignments.map(({ name }) => name);
  return {
    uses: assignments.flatMap(({ uses }, i) => uses.filter((field) => !made.slice(0, i).includes(field))),
    gives: (before) => new Set([...before, ...made]),
    run: (rows) =>
      rows.map((row) => {
        const fields = new Map(row);
        for (const { name, expression } of assignments) {
          const value = expression(fields);
          if (value === null) fields.delete(name);
          else fields.set(name, Array.isArray(value) ? value : [String(value)]);
        }
        return fields;
      }),
  };
}

function stats(source: string): Command {
  const [what, by] = splitOutside(source, /\sby\s/);
  const aggregates = aggregatesOf(what!);
  const keys = words(by ?? '');
  return {
    uses: [...aggregates.flatMap(({ uses }) => uses), ...keys],
    gives: only([...keys, ...aggregates.map(({ name }) => name)]),
    run: (rows) =>
      // Without BY there is one row even of nothing.
      (keys.length === 0 ? [[[], [...rows]] as const] : groupsOf(rows, keys)).map(([key, group]) =>
        rowOf([
          ...keys.map((name, i) => [name, [key[i]!]] as const),
          ...aggregates.map(({ name, compute }) => [name, compute(group)] as const),
        ]),
      ),
  };
}

/** A row for each value of `over`, a column for each value of `by`, or for each aggregate. */
function pivot(what: string, over: string, by: string | undefined): Command {
  const aggregates = aggregatesOf(what);
  if (by !== undefined && aggregates.length > 1) throw new Error(`several aggregates by ${by}`);
  return {
    uses: [...aggregates.flatMap(({ uses }) => uses), over, ...(by === undefined ? [] : [by])],
    gives: () => undefined,
    run: (rows) =>
      groupsOf(rows, [over]).map(([[key], group]) => {
        const columns =
          by === undefined
            ? aggregates.map(({ name, compute }) => [name, compute(group)] as const)
            : groupsOf(group, [by]).map(([[name], cell]) => [name!, aggregates[0]!.compute(cell)] as const);
        return rowOf([[over, [key!]], ...columns]);
      }),
  };
}

function chart(source: string): Command {
  const [what, rest] = splitOutside(source, /\sover\s/);
  const [over, by] = splitOutside(rest!, /\sby\s/);
  return pivot(what!, over!, by);
}

const SPAN_S = 60;

function timechart(source: string): Command {
  const [what, by] = splitOutside(source.replace(/^limit=\d+\s+/, ''), /\sby\s/);
  const command = pivot(what!, '_time', by);
  const bucket = (row: Row): Row =>
    new Map([...row, ['_time', [String(Math.floor(Number(row.get('_time')) / SPAN_S) * SPAN_S)]]]);
  return { ...command, run: (rows) => command.run(rows.map(bucket)) };
}

/** `sort LIMIT [-]FIELD…`; 0: no limit. */
function sort(source: string): Command {
  const [limit, ...keys] = words(source);
  if (!/^\d+$/.test(limit ?? '')) throw new Error('sort without a limit keeps 10,000 rows');
  const orders = keys.map((key) => ({ field: key.replace(/^-/, ''), sign: key.startsWith('-') ? -1 : 1 }));
  return {
    uses: orders.map(({ field }) => field),
    gives: same,
    run: (rows) => {
      const sorted = [...rows].sort((a, b) => {
        for (const { field, sign } of orders) {
          const [x, y] = [a.get(field)?.[0] ?? '', b.get(field)?.[0] ?? ''];
          const [m, n] = [asNumber(x), asNumber(y)];
          const order = m !== undefined && n !== undefined ? m - n : x < y ? -1 : x > y ? 1 : 0;
          if (order !== 0) return sign * order;
        }
        return 0;
      });
      return limit === '0' ? sorted : sorted.slice(0, Number(limit));
    },
  };
}

function table(source: string): Command {
  const names = words(source);
  return {
    uses: names,
    gives: only(names),
    run: (rows) => rows.map((row) => rowOf(names.map((name) => [name, row.get(name)]))),
  };
}

/** `rename A AS B` */
function rename(source: string): Command {
  const [, from, to] = /^(\S+)\s+as\s+(\S+)$/i.exec(source.trim()) ?? [];
  if (from === undefined || to === undefined) throw new Error(`no renaming: ${source}`);
  return {
    uses: [from],
    gives: (before) => new Set([...before].map((name) => (name === from ? to : name))),
    run: (rows) => rows.map((row) => new Map([...row].map(([name, values]) => [name === from ? to : name, values]))),
  };
}

/** `fillnull value="TEXT" FIELD` */
function fillnull(source: string): Command {
  const [, value, field] = /^value="([^"]*)"\s+(\S+)$/.exec(source.trim()) ?? [];
  if (value === undefined || field === undefined) throw new Error(`no filling: ${source}`);
  return { uses: [field], gives: same, run: (rows) => rows.map((row) => new Map([[field, [value]], ...row])) };
}

const COMMANDS: Readonly<Record<string, (source: string) => Command>> = {
  search,
  where,
  eval: evaluate,
  stats,
  chart,
  timechart,
  sort,
  table,
  fields: table,
  rename,
  fillnull,
};

/** `search … | command … | …`; a search that begins with a pipe goes on from another's rows. */
function commandsOf(source: string): Command[] {
  const [first, ...rest] = splitOutside(source, /\|/);
  const commands = rest.map((text) => {
    const [, name, args] = /^(\w+)\s*(.*)$/s.exec(text) ?? [];
    const make = Object.hasOwn(COMMANDS, name ?? '') ? COMMANDS[name!] : undefined;
    if (make === undefined) throw new Error(`unknown command: ${text}`);
    return make(args!);
  });
  return first === '' ? commands : [search(first!), ...commands];
}

/**
 * @param known the fields that the events, or the rows gone on from, may have
 * @throws for a field that is not among them, or that an earlier command of the search has not kept
 */
export function runSearch(source: string, rows: readonly Row[], known: ReadonlySet<string>): Row[] {
  let [fields, result]: [ReadonlySet<string> | undefined, readonly Row[]] = [known, rows];
  for (const command of commandsOf(source)) {
    if (fields === undefined) throw new Error('a command after one whose fields depend on values');
    const missing = command.uses.filter((name) => !fields!.has(name));
    if (missing.length > 0) throw new Error(`no field ${missing.join(', ')} in: ${source}`);
    fields = command.gives(fields);
    result = command.run(result);
  }
  return [...result];
}

/** The fields of a search's result, where they do not depend on values. */
export function fieldsAfter(source: string, known: ReadonlySet<string>): ReadonlySet<string> {
  return commandsOf(source).reduce<ReadonlySet<string>>((fields, command) => {
    const after = command.gives(fields);
    if (after === undefined) throw new Error(`fields depend on values: ${source}`);
    return after;
  }, known);
}
