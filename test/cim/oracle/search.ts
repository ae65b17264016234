/** Terms of Splunk's `search`: `a=x b="y" OR NOT (c=*)`, and `| where EXPRESSION`. */
import { parseExpression } from './expression.ts';
import { asNumber, type Fields } from './fields.ts';
import { TokenStream } from './tokens.ts';

export type Predicate = (fields: Fields) => boolean;

const WHERE = /^\s*\|\s*where\s+(.*)$/s;

/** @throws where the search has grammar that is not known here */
export function parseSearch(source: string): Predicate {
  const where = WHERE.exec(source);
  if (where !== null) {
    const expression = parseExpression(where[1]!);
    return (fields) => expression(fields) === true;
  }
  const stream = new TokenStream(source, 'search');
  const predicate = anyOf(stream);
  if (!stream.done) throw new Error(`unknown grammar before "${stream.peek()?.text}" of ${source}`);
  return predicate;
}

function anyOf(stream: TokenStream): Predicate {
  const parts = [allOf(stream)];
  while (stream.take('or')) parts.push(allOf(stream));
  return (fields) => parts.some((part) => part(fields));
}

/** Terms that stand side by side must all hold, with or without AND. */
function allOf(stream: TokenStream): Predicate {
  const parts = [term(stream)];
  for (;;) {
    if (!stream.take('and') && (stream.done || stream.peek()?.text === ')' || isOr(stream))) break;
    parts.push(term(stream));
  }
  return (fields) => parts.every((part) => part(fields));
}

const isOr = (stream: TokenStream): boolean => stream.peek()?.type === 'word' && /^or$/i.test(stream.peek()!.text);

function term(stream: TokenStream): Predicate {
  if (stream.take('not')) {
    const inner = term(stream);
    return (fields) => !inner(fields);
  }
  if (stream.take('(')) {
    const inner = anyOf(stream);
    stream.expect(')');
    return inner;
  }
  const name = stream.next();
  if (name.type !== 'word' && name.type !== 'field' && name.type !== 'text')
    throw new Error(`"${name.text}" is no field`);
  const differs = stream.take('!=');
  if (!differs) stream.expect('=');
  const value = stream.next();
  if (value.type === 'sign' && value.text !== '*') throw new Error(`"${value.text}" is no value`);
  const matches = valueMatcher(value.text);
  // A field that is missing is neither equal nor different.
  if (differs) return (fields) => fields.get(name.text)?.every((one) => !matches(one)) ?? false;
  return (fields) => fields.get(name.text)?.some(matches) ?? false;
}

/** Without regard to case; `*` stands for anything; numbers equal numbers. */
export function valueMatcher(wanted: string): (value: string) => boolean {
  const pattern = new RegExp(`^${wanted.split('*').map(literal).join('.*')}$`, 'is');
  const number = asNumber(wanted);
  return (value) => pattern.test(value) || (number !== undefined && asNumber(value) === number);
}

const literal = (text: string): string => text.replaceAll(/[$()*+.?[\\\]^{|}/]/g, '\\$&');
