/** What is wrong with a policy file, told so that its author can mend it without looking anything up. */
import { UsageError } from '../usage-error.ts';

/** Keys and indexes that lead to a value. */
export type Path = readonly (string | number)[];

/** A problem that knows its value but not its line. */
export interface Mistake {
  readonly path: Path;
  /** The mistake is this key of the mapping at `path`, not its value. */
  readonly key?: string;
  readonly what: string;
  readonly remedy: string;
}

export interface PolicyProblem {
  /** The file, or what was asked for where no file was found. */
  readonly file: string;
  /** Both count from 1; undefined where the problem is not in the text. */
  readonly position: { readonly line: number; readonly column: number } | undefined;
  readonly what: string;
  readonly remedy: string;
}

/** `file:line:column: what; remedy`. */
export function formatProblem({ file, position, what, remedy }: PolicyProblem): string {
  const place = position ? `${file}:${position.line}:${position.column}` : file;
  return `${place}: ${what}; ${remedy}`;
}

/** Every problem of the policies that were asked for, one a line. */
export class PolicyError extends UsageError {
  override name = 'PolicyError';
  readonly problems: readonly PolicyProblem[];

  constructor(problems: readonly PolicyProblem[]) {
    super(problems.map(formatProblem).join('\n'));
    this.problems = problems;
  }
}
