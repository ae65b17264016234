/** The shape of a policy file. The schema is the same file that editors use; here its errors become sentences. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { ErrorObject, ValidateFunction } from 'ajv';
import { parseCidr } from '../dissect/net/address.ts';
import { signatureAlgorithmNames } from '../dissect/x509/algorithms.ts';
import { nearest } from '../suggest.ts';
import { type Codes, GROUP_CODES, SCHEME_CODES, SUITE_CODES } from './codes.ts';
import { isComparison } from './comparison.ts';
import { parsePorts } from './conditions.ts';
import { POLICY_SCHEMA_FILE } from './config-directory.ts';
import { dayStart } from './day.ts';
import { extensionNames, isExtension } from './extensions.ts';
import type { Mistake, Path } from './problem.ts';

interface Format {
  readonly validate: (text: string) => boolean;
  /** `unknown …`, or `… is no …`. */
  readonly noun: string;
  readonly unknown: boolean;
  readonly remedy: string;
  /** Names to find the nearest of. */
  readonly names?: () => Iterable<string>;
}

function named<P, S extends object>(codes: Codes<P, S>, noun: string, example: string): Format {
  return {
    validate: (text) => codes.find(text) !== undefined,
    noun,
    unknown: true,
    remedy: `write its IANA name, its code such as ${example}, or properties`,
    names: () => codes.names(),
  };
}

/** The texts that the schema cannot describe by a pattern. */
const FORMATS: Readonly<Record<string, Format>> = {
  'cipher-suite': named(SUITE_CODES, 'cipher suite', '0xc02f'),
  group: named(GROUP_CODES, 'group', '0x001d'),
  'signature-scheme': named(SCHEME_CODES, 'signature scheme', '0x0804'),
  extension: {
    validate: isExtension,
    noun: 'extension',
    unknown: true,
    remedy: 'write its IANA name, such as extended_master_secret',
    names: extensionNames,
  },
  'signature-algorithm': {
    validate: (text) => signatureAlgorithmNames().includes(text),
    noun: 'signature algorithm',
    unknown: true,
    remedy: 'write the name that events give it, such as sha256WithRSAEncryption',
    names: signatureAlgorithmNames,
  },
  comparison: {
    validate: isComparison,
    noun: 'comparison',
    unknown: false,
    remedy: 'write ">= 2048", "< 128" or a number',
  },
  network: {
    validate: (text) => parseCidr(text) !== undefined,
    noun: 'network',
    unknown: false,
    remedy: 'write an address or a prefix such as 10.0.0.0/8 or 2001:db8::/32',
  },
  day: {
    validate: (text) => dayStart(text) !== undefined,
    noun: 'day',
    unknown: false,
    remedy: 'write a day of the calendar such as 2026-12-31',
  },
  ports: {
    validate: (text) => parsePorts(text) !== undefined,
    noun: 'range of ports',
    unknown: false,
    remedy: 'write a number, or first and last such as "8000-8999"',
  },
  'name-pattern': {
    validate: (text) => /^(?:\*\.)?[^\s*]+$/.test(text),
    noun: 'host name',
    unknown: false,
    remedy: 'write a name such as example.com, or *.example.com for all names below it',
  },
};
const require = createRequire(import.meta.url);

let validator: ValidateFunction | undefined;

/** Compiled when a first policy has to be checked: ajv and the schema take 0.1 s of a start. */
function compiled(): ValidateFunction {
  const { Ajv }: typeof import('ajv') = require('ajv');
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
  for (const [name, { validate }] of Object.entries(FORMATS)) ajv.addFormat(name, { type: 'string', validate });
  return ajv.compile(JSON.parse(readFileSync(POLICY_SCHEMA_FILE, 'utf8')));
}

/** Every mistake, in no particular order; a value without one is a `PolicySource`. */
export function findMistakes(value: unknown): Mistake[] {
  validator ??= compiled();
  if (validator(value)) return [];
  return (validator.errors ?? []).flatMap(explain);
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
      const last = `\`${keys.pop()}\``;
      return mistake(`${subject} is about nothing`, `add ${keys.map((key) => `\`${key}\``).join(', ')} or ${last}`);
    }
    case 'if':
      return [];
    case 'enum': {
      const known = (params.allowedValues as (string | boolean | null)[]).filter((name) => name !== null).map(String);
      return mistake(`${subject} cannot be ${show(error.data)}`, didYouMean(String(error.data), known));
    }
    case 'format': {
      const format = FORMATS[String(params.format)];
      if (format === undefined) return mistake(`${subject} ${error.message}`, 'correct the value');
      const near = nearest(String(error.data), format.names?.() ?? []);
      const value = show(error.data);
      return mistake(
        format.unknown ? `unknown ${format.noun} ${value}` : `${value} is no ${format.noun}`,
        near === undefined ? format.remedy : `did you mean \`${near}\`?`,
      );
    }
    case 'type':
      return mistake(
        `${subject} cannot be ${show(error.data)}`,
        params.type === 'string' && typeof error.data !== 'object'
          ? quotesOrFormat(error)
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

/** Quotes help where the text in them is right. */
function quotesOrFormat({ data, parentSchema }: ErrorObject): string {
  const format = FORMATS[String(parentSchema?.format)];
  return format === undefined || format.validate(String(data)) ? 'put it in quotes to make it text' : format.remedy;
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

/** Words for what a list calls otherwise, though another of its words is written more alike: keys of ECDSA are EC keys. */
const SYNONYMS: Readonly<Record<string, string>> = { ECDSA: 'EC', ECDH: 'EC', ECC: 'EC' };

/** The nearest of the known words, else the list of them. */
function didYouMean(word: string, listed: readonly string[]): string {
  const synonym = SYNONYMS[word.toUpperCase()];
  const near = synonym !== undefined && listed.includes(synonym) ? synonym : nearest(word, listed);
  return near === undefined ? `known are ${listed.join(', ')}` : `did you mean \`${near}\`?`;
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
