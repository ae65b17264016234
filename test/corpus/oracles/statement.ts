/** A row of another tool, taken apart into values that can be asked of a witness. */
import type { Witness } from './witness.ts';

export interface Statement {
  readonly field: string;
  /** The row's value, in the form of `claims`. */
  readonly value: string;
  /** What the witness says of the same thing: several where several connections have the same ends. */
  readonly claims: (witness: Witness) => readonly string[];
  /** Where tshark's table has no such value: whether it agrees with the row on what the value belongs to. */
  readonly vouched?: (tshark: Witness) => boolean;
}

/** One row: where it is (the ends, or the filter) and what it states, or why nothing of it is compared. */
export interface Reading {
  readonly where: string;
  readonly statements: readonly Statement[];
  readonly skipped?: string;
}

export const skip = (where: string, skipped: string): Reading => ({ where, statements: [], skipped });

/** No statement where the row has no value. */
export function state(
  field: string,
  value: string | undefined,
  claims: (witness: Witness) => readonly (string | undefined)[],
): Statement[] {
  if (value === undefined) return [];
  return [{ field, value, claims: (witness) => claims(witness).filter((one) => one !== undefined) }];
}
