/** Functions of Splunk's `eval` that the models, the add-on and its searches use. */
import { type Expression, numeric, truth, type Value } from './values.ts';

type Maker = (args: readonly Expression[]) => Expression;

function withArguments(count: number, make: (args: readonly Expression[]) => Expression): Maker {
  return (args) => {
    if (args.length !== count) throw new Error(`${args.length} arguments instead of ${count}`);
    return make(args);
  };
}

const valuesOf = (value: Value): readonly string[] =>
  value === null ? [] : Array.isArray(value) ? value : [String(value)];
const oneOrMore = (values: readonly string[]): Value =>
  values.length === 0 ? null : values.length === 1 ? values[0]! : values;

/** Of a number; null of anything else. */
const ofNumber =
  (compute: (x: number) => Value) =>
  (value: Value): Value => {
    const x = numeric(value);
    return x === undefined ? null : compute(x);
  };

/** Functions that the searches of the add-on and of the documentation use besides those of the models. */
const SEARCH_FUNCTIONS: Readonly<Record<string, Maker>> = {
  now: withArguments(0, () => () => Math.floor(Date.now() / 1000)),
  abs: withArguments(
    1,
    ([value]) =>
      (fields) =>
        ofNumber(Math.abs)(value!(fields)),
  ),
  floor: withArguments(
    1,
    ([value]) =>
      (fields) =>
        ofNumber(Math.floor)(value!(fields)),
  ),
  round: ([value, decimals = () => 0]) => {
    if (value === undefined) throw new Error('round of nothing');
    return (fields) => {
      const scale = 10 ** (numeric(decimals(fields)) ?? 0);
      return ofNumber((x) => Math.round(x * scale) / scale)(value(fields));
    };
  },
  /** Only formats of whole dates and times are used. */
  strftime: withArguments(2, ([time, format]) => (fields) => {
    const pattern = format!(fields);
    if (typeof pattern !== 'string' || /%[^YmdHMS]/.test(pattern)) throw new Error(`unknown format ${pattern}`);
    return ofNumber((seconds) => {
      const text = new Date(seconds * 1000).toISOString();
      const at: Record<string, [number, number]> = {
        Y: [0, 4],
        m: [5, 7],
        d: [8, 10],
        H: [11, 13],
        M: [14, 16],
        S: [17, 19],
      };
      return pattern.replaceAll(/%([YmdHMS])/g, (_, letter: string) => text.slice(...at[letter]!));
    })(time!(fields));
  }),
  split: withArguments(2, ([text, separator]) => (fields) => {
    const [value, by] = [text!(fields), separator!(fields)];
    return value === null ? null : oneOrMore(String(value).split(String(by)));
  }),
  mvindex: withArguments(
    2,
    ([values, index]) =>
      (fields) =>
        valuesOf(values!(fields)).at(Number(index!(fields))) ?? null,
  ),
  mvzip: withArguments(3, ([left, right, separator]) => (fields) => {
    const [a, b, between] = [valuesOf(left!(fields)), valuesOf(right!(fields)), String(separator!(fields))];
    return oneOrMore(a.slice(0, b.length).map((value, i) => `${value}${between}${b[i]}`));
  }),
  mvsort: withArguments(
    1,
    ([values]) =>
      (fields) =>
        oneOrMore([...valuesOf(values!(fields))].sort()),
  ),
  mvjoin: withArguments(2, ([values, separator]) => (fields) => {
    const list = valuesOf(values!(fields));
    return list.length === 0 ? null : list.join(String(separator!(fields)));
  }),
};

export const FUNCTIONS: Readonly<Record<string, Maker>> = {
  ...SEARCH_FUNCTIONS,
  null: withArguments(0, () => () => null),
  true: withArguments(0, () => () => true),
  isnull: withArguments(
    1,
    ([value]) =>
      (fields) =>
        value!(fields) === null,
  ),
  isnotnull: withArguments(
    1,
    ([value]) =>
      (fields) =>
        value!(fields) !== null,
  ),
  isnum: withArguments(
    1,
    ([value]) =>
      (fields) =>
        numeric(value!(fields)) !== undefined,
  ),
  mvcount: withArguments(1, ([value]) => (fields) => {
    const values = value!(fields);
    return values === null ? null : Array.isArray(values) ? values.length : 1;
  }),
  if: withArguments(
    3,
    ([when, then, otherwise]) =>
      (fields) =>
        (truth(when!(fields)) ? then! : otherwise!)(fields),
  ),
  case: (args) => {
    if (args.length % 2 !== 0) throw new Error('case with a condition without a value');
    return (fields) => {
      for (let i = 0; i < args.length; i += 2) if (truth(args[i]!(fields))) return args[i + 1]!(fields);
      return null;
    };
  },
  coalesce: (args) => (fields) => {
    for (const arg of args) {
      const value = arg(fields);
      if (value !== null) return value;
    }
    return null;
  },
};
