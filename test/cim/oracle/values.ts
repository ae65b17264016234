/** Values of Splunk's `eval`, and how they compare. */
import { asNumber, type Fields } from './fields.ts';

/** Null where a field is missing or an expression has no value; an array is a field of several values. */
export type Value = string | number | boolean | null | readonly string[];
export type Expression = (fields: Fields) => Value;

export const truth = (value: Value): boolean => value === true;

export function numeric(value: Value): number | undefined {
  if (typeof value === 'number') return value;
  return typeof value === 'string' ? asNumber(value) : undefined;
}

/** Numbers compare as numbers, texts as texts with their case; null and several values equal nothing. */
export function compare(left: Value, right: Value): number | undefined {
  const [a, b] = [numeric(left), numeric(right)];
  if (a !== undefined && b !== undefined) return a - b;
  if (typeof left !== 'string' || typeof right !== 'string') return undefined;
  return left === right ? 0 : left < right ? -1 : 1;
}
