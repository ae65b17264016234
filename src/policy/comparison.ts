/** `">= 2048"`, `"< 128"`, `256`: comparisons of whole numbers as policies write them, kept as an interval. */

export interface Interval {
  /** Both ends belong to it. */
  readonly least: number;
  readonly most: number;
}

/** One comparison, or several of which all have to hold. */
export type ComparisonSource = string | number | readonly (string | number)[];

const COMPARISON = /^(<=|<|>=|>|=)?\s*(\d{1,9})$/;

function parseOne(source: string | number): Interval | undefined {
  const [, operator = '=', digits] = COMPARISON.exec(String(source)) ?? [];
  if (digits === undefined) return undefined;
  const bound = Number(digits);
  const infinity = Number.POSITIVE_INFINITY;
  switch (operator) {
    case '<':
      return { least: 0, most: bound - 1 };
    case '<=':
      return { least: 0, most: bound };
    case '>':
      return { least: bound + 1, most: infinity };
    case '>=':
      return { least: bound, most: infinity };
    default:
      return { least: bound, most: bound };
  }
}

export function isComparison(text: string): boolean {
  return COMPARISON.test(text);
}

/** @throws RangeError for text that is no comparison: the schema lets none pass */
export function parseComparison(source: ComparisonSource): Interval {
  let least = 0;
  let most = Number.POSITIVE_INFINITY;
  for (const one of [source].flat()) {
    const interval = parseOne(one);
    if (interval === undefined) throw new RangeError(`no comparison: ${one}`);
    least = Math.max(least, interval.least);
    most = Math.min(most, interval.most);
  }
  return { least, most };
}

export function within(value: number, { least, most }: Interval): boolean {
  return value >= least && value <= most;
}

const WORDS: Readonly<Record<string, string>> = {
  '<': 'below ',
  '<=': 'at most ',
  '>': 'above ',
  '>=': 'at least ',
};

/** `at least 2048`, `below 128`, `256`, `at least 112 and below 128`. */
export function describeComparison(source: ComparisonSource): string {
  return [source]
    .flat()
    .map((one) => {
      const [, operator = '', digits] = COMPARISON.exec(String(one)) ?? [];
      return `${WORDS[operator] ?? ''}${digits}`;
    })
    .join(' and ');
}
