/** Expressions of Splunk's `eval`, as far as the models and the add-on use them; any other grammar is an error. */
import { isIP } from 'node:net';
import { FUNCTIONS } from './functions.ts';
import { TokenStream } from './tokens.ts';
import { compare, type Expression, numeric, truth } from './values.ts';

const COMPARISONS: Readonly<Record<string, (order: number) => boolean>> = {
  '==': (order) => order === 0,
  '=': (order) => order === 0,
  '!=': (order) => order !== 0,
  '<': (order) => order < 0,
  '>': (order) => order > 0,
  '<=': (order) => order <= 0,
  '>=': (order) => order >= 0,
};

/**
 * The models look for an address by a PCRE with recursion, which JavaScript has not. node:net stands for it. It is the
 * stricter: the original is not anchored, so that it takes a dotted quad anywhere in a name; our `src` and `dest` are
 * addresses and nothing else.
 */
const ADDRESS = '(?:(?:::ffff:)|(?:[0-9a-fA-F]{1,4}:){6}ffff:)';
const MAC = '^([0-9A-F]{2}[:-]){5}([0-9A-F]{2})$';

function patternOf(pattern: string): (text: string) => boolean {
  if (pattern.startsWith(ADDRESS) && pattern.includes('(?1)')) return (text) => isIP(text) !== 0;
  if (pattern === MAC) return (text) => /^([0-9A-F]{2}[:-]){5}([0-9A-F]{2})$/.test(text);
  throw new Error(`unknown pattern ${pattern}`);
}

function field(name: string): Expression {
  return (fields) => {
    const values = fields.get(name);
    return values === undefined ? null : values.length === 1 ? values[0]! : values;
  };
}

/** @throws where the expression has a word, sign or function that is not known here */
export function parseExpression(source: string): Expression {
  const stream = new TokenStream(source);
  const expression = disjunction(stream);
  if (!stream.done) throw new Error(`unknown grammar before "${stream.peek()?.text}" of ${source}`);
  return expression;
}

/** `a OR b AND NOT c`: AND binds more than OR, NOT more than both. */
export function disjunction(stream: TokenStream): Expression {
  let left = conjunction(stream);
  while (stream.take('or')) {
    const [a, b] = [left, conjunction(stream)];
    left = (fields) => truth(a(fields)) || truth(b(fields));
  }
  return left;
}

function conjunction(stream: TokenStream): Expression {
  let left = negation(stream);
  while (stream.take('and')) {
    const [a, b] = [left, negation(stream)];
    left = (fields) => truth(a(fields)) && truth(b(fields));
  }
  return left;
}

function negation(stream: TokenStream): Expression {
  const negated = stream.take('not') || stream.take('!');
  const inner = negated ? negation(stream) : comparison(stream);
  return negated ? (fields) => !truth(inner(fields)) : inner;
}

function comparison(stream: TokenStream): Expression {
  const left = sum(stream);
  const sign = stream.peek();
  const holds = sign?.type === 'sign' ? COMPARISONS[sign.text] : undefined;
  if (holds === undefined) return left;
  stream.next();
  const right = sum(stream);
  return (fields) => {
    const order = compare(left(fields), right(fields));
    return order !== undefined && holds(order);
  };
}

const ARITHMETIC: Readonly<Record<string, (x: number, y: number) => number | null>> = {
  '+': (x, y) => x + y,
  '-': (x, y) => x - y,
  '*': (x, y) => x * y,
  '/': (x, y) => (y === 0 ? null : x / y),
};

/** Operators of one rank, from left to right; null where a side is no number. */
function arithmetic(stream: TokenStream, signs: readonly string[], operand: (stream: TokenStream) => Expression) {
  let left = operand(stream);
  for (;;) {
    const sign = signs.find((one) => stream.take(one));
    if (sign === undefined) return left;
    const [a, b, compute] = [left, operand(stream), ARITHMETIC[sign]!];
    left = (fields) => {
      const [x, y] = [numeric(a(fields)), numeric(b(fields))];
      return x === undefined || y === undefined ? null : compute(x, y);
    };
  }
}

const product = (stream: TokenStream): Expression => arithmetic(stream, ['*', '/'], primary);
const sum = (stream: TokenStream): Expression => arithmetic(stream, ['+', '-'], product);

function primary(stream: TokenStream): Expression {
  if (stream.take('(')) {
    const inner = disjunction(stream);
    stream.expect(')');
    return inner;
  }
  const token = stream.next();
  if (token.type === 'number') {
    const value = Number(token.text);
    return () => value;
  }
  if (token.type === 'text') return () => token.text;
  if (token.type === 'field') return field(token.text);
  if (token.type !== 'word') throw new Error(`"${token.text}" where a value is expected`);
  if (stream.peek()?.text !== '(') return field(token.text);
  return call(token.text.toLowerCase(), stream);
}

function call(name: string, stream: TokenStream): Expression {
  stream.expect('(');
  if (name === 'match') return matchCall(stream);
  const make = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined;
  if (make === undefined) throw new Error(`unknown function ${name}`);
  const args: Expression[] = [];
  while (!stream.take(')')) {
    if (args.length > 0) stream.expect(',');
    args.push(disjunction(stream));
  }
  return make(args);
}

/** `match(FIELD, "PATTERN")`: the pattern is known before any event is. */
function matchCall(stream: TokenStream): Expression {
  const subject = primary(stream);
  stream.expect(',');
  const pattern = stream.next();
  if (pattern.type !== 'text') throw new Error('a pattern that is no text');
  stream.expect(')');
  const matches = patternOf(pattern.text);
  return (fields) => {
    const value = subject(fields);
    return typeof value === 'string' && matches(value);
  };
}
