/** Wrong use, configuration, policy or capture file: the whole text is for the user, and the process ends with 2. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/** What may be over at the next try: the process ends with 1, after which a service manager tries again. */
export class ObstacleError extends UsageError {
  override name = 'ObstacleError';
}

/**
 * An address that the host does not have yet, a port of the agent that still ends, a file system that is full. Not one that is
 * read-only: to a service it is each place that its unit does not let it write to.
 */
const OBSTACLES: ReadonlySet<string | undefined> = new Set(
  'EADDRINUSE EADDRNOTAVAIL ENOSPC EDQUOT EIO ESTALE EBUSY EMFILE ENFILE'.split(' '),
);

/** @param error of the system, which keeps something from being opened at the start */
export function startError(text: string, error: NodeJS.ErrnoException): UsageError {
  return OBSTACLES.has(error.code) ? new ObstacleError(text) : new UsageError(text);
}
