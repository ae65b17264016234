/** Types of settings: how a text becomes a value, and what values are right. */
import { nearest } from './suggest.ts';

/** A type of setting: how its text (environment, flag) becomes a value, and what values are right. */
export interface SettingFormat {
  readonly coerce: (value: unknown) => unknown;
  /** What is wrong with the value, or undefined. */
  readonly complaint: (value: unknown) => string | undefined;
}

/** A single item stands for a list of one. */
const asList = (value: unknown): unknown => {
  if (typeof value === 'number') return [value];
  if (typeof value !== 'string') return value;
  const parts = value.split(',').map((part) => part.trim());
  return parts.filter((part) => part !== '');
};

export const asNumber = (value: unknown): unknown =>
  typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value.trim()) ? Number(value) : value;

export function list(item: (value: unknown) => string | undefined, each: (value: unknown) => unknown = (v) => v) {
  return {
    coerce: (value: unknown) => {
      const values = asList(value);
      return Array.isArray(values) ? values.map(each) : values;
    },
    complaint: (value: unknown) => {
      if (!Array.isArray(value)) return 'must be a list';
      for (const one of value) {
        const complaint = item(one);
        if (complaint) return `${JSON.stringify(one)} ${complaint}`;
      }
      return undefined;
    },
  } satisfies SettingFormat;
}

/** A list without which nothing would be done, and nobody told. */
export function atLeastOne({ coerce, complaint }: SettingFormat): SettingFormat {
  return {
    coerce,
    complaint: (value) => (Array.isArray(value) && value.length === 0 ? 'must not be empty' : complaint(value)),
  };
}

export function oneOf(names: readonly string[]): (value: unknown) => string | undefined {
  return (value) => {
    if (typeof value === 'string' && names.includes(value)) return undefined;
    const near = typeof value === 'string' ? nearest(value, names) : undefined;
    return `must be one of ${names.join(', ')}${near ? ` (did you mean ${near}?)` : ''}`;
  };
}

export function whole(least: number, most: number): SettingFormat {
  return {
    coerce: asNumber,
    complaint: (value) =>
      typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most
        ? undefined
        : `must be a whole number from ${least} to ${most}`,
  };
}

export const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? undefined : 'must be a text that is not empty';

export const port = (value: unknown): string | undefined =>
  typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 65535
    ? undefined
    : 'must be a port from 1 to 65535';

export const yesOrNo: SettingFormat = {
  coerce: (value) => (value === 'true' ? true : value === 'false' ? false : value),
  complaint: (value) => (typeof value === 'boolean' ? undefined : 'must be true or false'),
};
