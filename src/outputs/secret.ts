/** Secrets, which live in a file or in the environment and nowhere else: no setting, flag, log line or error holds one. */
import { readFileSync } from 'node:fs';
import { UsageError } from '../usage-error.ts';

export interface SecretPlace {
  readonly file: string | undefined;
  /** Name of an environment variable. */
  readonly env: string | undefined;
}

/**
 * @param what what the secret is, for errors, such as `token of output splunk`
 * @returns the text without the line end that editors leave, or undefined where no place is given
 * @throws UsageError where the place holds nothing
 */
export function readSecret(what: string, { file, env }: SecretPlace): string | undefined {
  if (file !== undefined && env !== undefined)
    throw new UsageError(`the ${what} is given twice: by a file and by the environment`);
  if (file !== undefined) return nonEmpty(what, `the file ${file}`, readFile(what, file));
  if (env !== undefined) return nonEmpty(what, `the environment variable ${env}`, process.env[env] ?? '');
  return undefined;
}

/** Shorter texts are no secrets, and would hide parts of words. */
const MIN_SECRET_CHARACTERS = 8;

/** A text that came from outside, without the secrets that it repeats. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  return secrets.reduce(
    (shown, secret) => (secret.length < MIN_SECRET_CHARACTERS ? shown : shown.replaceAll(secret, '(hidden)')),
    text,
  );
}

function readFile(what: string, file: string): string {
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    throw new UsageError(`cannot read the ${what}: ${(error as Error).message}`);
  }
}

function nonEmpty(what: string, place: string, text: string): string {
  if (text === '') throw new UsageError(`there is no ${what} in ${place}`);
  return text;
}
