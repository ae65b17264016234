/** The fields of an object that are known: events have all of theirs, known or not. */
export const known = (fields: object = {}): object =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
