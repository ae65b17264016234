/** Types of settings: how a text becomes a value, and what values are right. */
import { nearest } from './suggest.ts';
import { isTree } from './tree.ts';

/** A type of setting: how its text (environment, flag) becomes a value, and what values are right. */
export interface SettingFormat {
  readonly coerce: (value: unknown) => unknown;
  /** What is wrong with the value, or undefined. */
  readonly complaint: (value: unknown) => string | undefined;
  /** The same of one item, where the value is a list. */
  readonly itemComplaint?: (item: unknown) => string | undefined;
}

export interface Complaint {
  readonly text: string;
  /** Index of the item that is wrong, where it is one of a list. */
  readonly item: number | undefined;
}

/** All that is wrong with a value: of a list, each item that is. */
export function complaintsOf({ complaint, itemComplaint }: SettingFormat, value: unknown): Complaint[] {
  const items = Array.isArray(value) && itemComplaint !== undefined ? value.map(itemComplaint) : [];
  const wrong = items.flatMap((text, item) => (text === undefined ? [] : [{ text, item }]));
  if (wrong.length > 0) return wrong;
  const text = complaint(value);
  return text === undefined ? [] : [{ text, item: undefined }];
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

/** What is wrong with a value that is no list. */
export const noList = (value: unknown): string =>
  isTree(value) ? 'must be a list: begin each item with a dash, `- `' : 'must be a list';

export function list(item: (value: unknown) => string | undefined, each: (value: unknown) => unknown = (v) => v) {
  const itemComplaint = (value: unknown): string | undefined => {
    const complaint = item(value);
    return complaint && `${JSON.stringify(value)} ${complaint}`;
  };
  return {
    coerce: (value: unknown) => {
      const values = asList(value);
      return Array.isArray(values) ? values.map(each) : values;
    },
    complaint: (value: unknown) =>
      Array.isArray(value) ? value.map(itemComplaint).find((text) => text !== undefined) : noList(value),
    itemComplaint,
  } satisfies SettingFormat;
}

/** A list without which nothing would be done, and nobody told. */
export function atLeastOne(format: SettingFormat): SettingFormat {
  return {
    ...format,
    complaint: (value) => (Array.isArray(value) && value.length === 0 ? 'must not be empty' : format.complaint(value)),
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

/** Line ends, NUL, escapes of terminals: no name has one, and it would go into events and logs. */
export const hasControls = (value: string): boolean => /\p{Cc}/u.test(value);

export const text = (value: unknown): string | undefined => {
  if (typeof value !== 'string' || value === '') return 'must be a text that is not empty';
  return hasControls(value) ? 'must have no control characters, such as line ends' : undefined;
};

export const port = (value: unknown): string | undefined =>
  typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 65535
    ? undefined
    : 'must be a port from 1 to 65535';

export const yesOrNo: SettingFormat = {
  coerce: (value) => (value === 'true' ? true : value === 'false' ? false : value),
  complaint: (value) => (typeof value === 'boolean' ? undefined : 'must be true or false'),
};
