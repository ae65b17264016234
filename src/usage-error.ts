/** Wrong use, configuration, policy or capture file: the whole text is for the user, and the process ends with 2. */
export class UsageError extends Error {
  override name = 'UsageError';
}
