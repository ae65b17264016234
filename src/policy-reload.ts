/** The policies in force: read when the agent starts, and again while it runs. */
import type { Counters } from './counters.ts';
import type { Logger } from './log.ts';
import { loadPolicies } from './policy/load.ts';
import type { PolicySet } from './policy/policy.ts';
import { formatProblem, PolicyError } from './policy/problem.ts';

/**
 * Logs each warning once, such as that of an exception that has expired by now.
 * @param namesOrFiles the setting `policies`
 * @throws PolicyError with every problem of every policy
 */
export function openPolicies(namesOrFiles: readonly string[], logger: Pick<Logger, 'warn'>): PolicySet {
  const warnings = new Set<string>();
  const policies = loadPolicies(namesOrFiles, {
    now: Date.now() / 1000,
    onWarning: (warning) => warnings.add(formatProblem(warning)),
  });
  for (const warning of warnings) logger.warn(warning);
  return policies;
}

/** Who judges by policies, and can be given others between two events. */
export interface PolicyUser {
  replacePolicies(policies: PolicySet): void;
}

/**
 * Reads the policies anew. Either all of them take over at once, or, where one has a problem, none does and the old ones
 * stay.
 * @returns whether the new ones took over
 */
export function reloadPolicies(
  namesOrFiles: readonly string[],
  user: PolicyUser,
  counters: Counters,
  logger: Pick<Logger, 'warn' | 'error' | 'info'>,
): boolean {
  let policies: PolicySet;
  try {
    policies = openPolicies(namesOrFiles, logger);
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    counters['policy.reloads_refused']++;
    logger.error(`policies not changed:\n${error.message}`);
    return false;
  }
  user.replacePolicies(policies);
  counters['policy.reloads']++;
  logger.info(`policies read anew: ${policies.policies.map(({ id, version }) => `${id} ${version}`).join(', ')}`);
  return true;
}
