/** What commands that read policies say of those that are right but for something. */
import { formatProblem, type PolicyProblem } from '../policy/problem.ts';
import type { LoadOptions } from '../policy/resolve.ts';
import { toStandardError } from '../standard-error.ts';

/** Warnings go to standard error, each once. */
export function warningOptions(): LoadOptions {
  const told = new Set<string>();
  const onWarning = (warning: PolicyProblem): void => {
    const text = formatProblem(warning);
    if (!told.has(text)) toStandardError(`vesper: warning: ${text}\n`);
    told.add(text);
  };
  return { now: Date.now() / 1000, onWarning };
}
