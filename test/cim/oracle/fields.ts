/** An event as a search head sees it: every field's values as text, none of them empty lists. */
export type Fields = ReadonlyMap<string, readonly string[]>;

/** Decimal numbers, as `isnum` takes the text of a field. */
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

export const asNumber = (text: string): number | undefined => (NUMBER.test(text) ? Number(text) : undefined);
