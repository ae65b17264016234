/** The shape of a policy file. The schema is the same file that editors use; here its errors become sentences. */
import { readFileSync } from 'node:fs';
import { Ajv, type ErrorObject } from 'ajv';
import { nearest } from '../suggest.ts';
import { POLICY_SCHEMA_FILE } from './config-directory.ts';
import { isSuiteName } from './matchers.ts';
import { SUITES_BY_NAME } from './suites.ts';

/** Keys and indexes that lead to a value. */
export type Path = readonly (string | number)[];

export interface Mistake {
  readonly path: Path;
  /** The mistake is this key of the mapping at `path`, not its value. */
  readonly key?: string;
  readonly what: string;
  readonly remedy: string;
}

const ajv = new Ajv({
  allErrors: true,
  verbose: true,
  allowUnionTypes: true,
  // The validator runs once or twice in the life of a process: compiled plainly it is ready in half of the time.
  code: { optimize: false },
  inlineRefs: false,
  validateSchema: false,
  meta: false,
});
ajv.addFormat('cipher-suite', { type: 'string', validate: isSuiteName });
const validate = ajv.compile(JSON.parse(readFileSync(POLICY_SCHEMA_FILE, 'utf8')));

/** Every mistake, in no particular order; a value without one is a `PolicySource`. */
export function findMistakes(value: unknown): Mistake[] {
  return validate(value) ? [] : (validate.errors ?? []).flatMap(explain);
}

function explain(error: ErrorObject): Mistake[] {
  const path = parsePointer(error.instancePath);
  const subject = path.length === 0 ? 'the policy' : `\`${describe(path)}\``;
  const mistake = (what: string, remedy: string): Mistake[] => [{ path, what, remedy }];
  const { params } = error;
  switch (error.keyword) {
    case 'additionalProperties': {
      const known = Object.keys(error.parentSchema?.properties ?? {});
      const key = String(params.additionalProperty);
      return [{ path, key, what: `unknown key \`${key}\``, remedy: didYouMean(key, known) }];
    }
    case 'required': {
      // The branches of an `anyOf` are one mistake, told below.
      if (error.schemaPath.includes('/anyOf/')) return [];
      const missing = String(params.missingProperty);
      const meaning: unknown = error.parentSchema?.properties?.[missing]?.description;
      return mistake(`${subject} lacks \`${missing}\``, `add \`${missing}\`: ${String(meaning)}`);
    }
    case 'anyOf': {
      const keys = (error.schema as { required: string[] }[]).flatMap((branch) => branch.required);
      return mistake(`${subject} requires nothing`, `add ${keys.map((key) => `\`${key}\``).join(' or ')}`);
    }
    case 'if':
      return [];
    case 'enum': {
      const known = (params.allowedValues as (string | null)[]).filter((name) => name !== null);
      return mistake(`${subject} cannot be ${show(error.data)}`, didYouMean(String(error.data), known));
    }
    case 'format':
      return mistake(
        `unknown cipher suite ${show(error.data)}`,
        didYouMean(String(error.data), [], SUITES_BY_NAME.keys()) ||
          'write its IANA name, its code such as 0xc02f, or properties',
      );
    case 'type':
      return mistake(
        `${subject} cannot be ${show(error.data)}`,
        params.type === 'string' && typeof error.data !== 'object'
          ? 'put it in quotes to make it text'
          : `write ${TYPES[String(params.type)] ?? String(params.type)}`,
      );
    case 'pattern':
      return mistake(`${subject} cannot be ${show(error.data)}`, 'use lower-case letters, digits, dots and hyphens');
    case 'uniqueItems':
      return mistake(`items ${params.j + 1} and ${params.i + 1} of ${subject} are the same`, 'remove one of them');
    case 'minItems':
    case 'minProperties':
    case 'minLength':
      return mistake(`${subject} is empty`, 'fill it or remove it');
    default:
      return mistake(`${subject} ${error.message}`, 'correct the value');
  }
}

const TYPES: Record<string, string> = {
  string: 'text',
  integer: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'keys and values',
  'string,integer,object': 'a name, a code or properties',
};

function show(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'a mapping';
  return value === null ? 'empty' : JSON.stringify(value);
}

/** The nearest of the known words, else the list of them, else nothing. */
function didYouMean(word: string, listed: readonly string[], searched: Iterable<string> = listed): string {
  const near = nearest(word, searched);
  if (near !== undefined) return `did you mean \`${near}\`?`;
  return listed.length === 0 ? '' : `known are ${listed.join(', ')}`;
}

function parsePointer(pointer: string): (string | number)[] {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part));
}

/** `rules[2].severity`. */
function describe(path: Path): string {
  return path.map((part, i) => (typeof part === 'number' ? `[${part}]` : i === 0 ? part : `.${part}`)).join('');
}
