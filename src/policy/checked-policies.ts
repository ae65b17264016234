/**
 * Built-in policies that the build has parsed and checked: doing it again would take 0.15 s of every start, most of it
 * to load the YAML parser and to compile the schema.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { PolicySource } from './source.ts';

/** Beside the compiled module. Without it every policy is parsed and checked when it is asked for. */
export const CHECKED_POLICIES_FILE: URL = new URL('./checked-policies.json', import.meta.url);

/** Policies by the hash of their text: a file that was changed since the build is not in it. */
export type CheckedPolicies = Readonly<Record<string, PolicySource>>;

export function hashOfText(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

let checked: CheckedPolicies | undefined;

/** What the text of a policy says, where the build has found it right. */
export function checkedPolicy(text: string): PolicySource | undefined {
  checked ??= read();
  const hash = hashOfText(text);
  return Object.hasOwn(checked, hash) ? checked[hash] : undefined;
}

function read(): CheckedPolicies {
  try {
    return JSON.parse(readFileSync(CHECKED_POLICIES_FILE, 'utf8')) as CheckedPolicies;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return {};
  }
}
