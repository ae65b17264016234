/** From a name or a file to a compiled policy, with the place of every mistake on the way. */
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, extname, join, resolve, sep } from 'node:path';
import type { Document, Node } from 'yaml';
import { nearest } from '../suggest.ts';
import { misencoded, misencodedText } from '../utf8.ts';
import { checkedPolicy } from './checked-policies.ts';
import { POLICY_DIRECTORY } from './config-directory.ts';
import { findContradictions } from './contradictions.ts';
import { Policy, PolicySet } from './policy.ts';
import { type Mistake, type Path, PolicyError, type PolicyProblem } from './problem.ts';
import { type LoadOptions, type PolicyFile, resolvePolicy } from './resolve.ts';
import { findMistakes } from './schema.ts';
import type { PolicySource, ResolvedPolicy, RuleSource } from './source.ts';

const require = createRequire(import.meta.url);
/** Loaded with the first text that has to be parsed: it takes 40 ms of a start. */
const yaml = (): typeof import('yaml') => require('yaml');

const EXTENSION = '.yaml';

/** Names of the policies that come with the package, sorted. */
export function builtInPolicies(): string[] {
  return readdirSync(POLICY_DIRECTORY)
    .filter((file) => extname(file) === EXTENSION)
    .map((file) => file.slice(0, -EXTENSION.length))
    .sort();
}

/**
 * The file of a policy by the name of a built-in one or by its own path: what has a separator or a YAML extension is a
 * path.
 * @throws PolicyError where no built-in policy has that name
 */
export function policyFile(nameOrFile: string): string {
  if (isPath(nameOrFile)) return nameOrFile;
  const known = builtInPolicies();
  if (known.includes(nameOrFile)) return join(POLICY_DIRECTORY, nameOrFile + EXTENSION);
  const near = nearest(nameOrFile, known);
  const remedy = near ? `did you mean ${near}?` : `known are ${known.join(', ')}; a file needs its path`;
  throw new PolicyError([{ file: nameOrFile, position: undefined, what: 'no built-in policy has this name', remedy }]);
}

function isPath(nameOrFile: string): boolean {
  return /\.(ya?ml|json)$/i.test(nameOrFile) || nameOrFile.includes('/') || nameOrFile.includes(sep);
}

/** @throws PolicyError with every problem of the policy and of those that it extends */
export function loadPolicy(nameOrFile: string, options: LoadOptions = {}): Policy {
  return new Policy(resolvePolicy(readPolicy(nameOrFile, options), readExtended(options), options));
}

/** @throws PolicyError with every problem of every policy */
export function loadPolicies(namesOrFiles: readonly string[], options: LoadOptions = {}): PolicySet {
  const policies = new Map<string, Policy>();
  const problems: PolicyProblem[] = [];
  for (const nameOrFile of new Set(namesOrFiles)) {
    try {
      const policy = loadPolicy(nameOrFile, options);
      if (policies.has(policy.id)) {
        const what = `another of the policies has the id \`${policy.id}\` too`;
        problems.push({ file: nameOrFile, position: undefined, what, remedy: 'give one of them another id' });
      }
      policies.set(policy.id, policy);
    } catch (error) {
      if (!(error instanceof PolicyError)) throw error;
      problems.push(...error.problems);
    }
  }
  if (problems.length > 0) throw new PolicyError(problems);
  return new PolicySet([...policies.values()]);
}

/**
 * A policy from the text of its file.
 * @param file what to call it in problems; the paths of what it extends start at its folder
 * @throws PolicyError with every problem of the text, in the order in which they stand there
 */
export function parsePolicy(text: string, file: string, options: LoadOptions = {}): ResolvedPolicy {
  return resolvePolicy(parseText(text, file), readExtended(options), options);
}

function readPolicy(nameOrFile: string, { onFile }: LoadOptions): PolicyFile {
  const file = policyFile(nameOrFile);
  onFile?.(resolve(file));
  const text = readText(file);
  const source = checkedPolicy(text);
  if (source === undefined) return parseText(text, file);
  return { file: resolve(file), source, problem: (...at) => parseText(text, file).problem(...at) };
}

function readText(file: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    const what = `cannot be read (${(error as NodeJS.ErrnoException).code})`;
    throw new PolicyError([{ file, position: undefined, what, remedy: 'check the path and its permissions' }]);
  }
  const wrong = misencoded(bytes);
  if (wrong === undefined) return bytes.toString('utf8');
  throw new PolicyError([{ file, position: wrong, what: misencodedText(wrong), remedy: 'save the file as UTF-8' }]);
}

/** Paths start at the folder of the file that has them. */
function readExtended(options: LoadOptions) {
  return (nameOrFile: string, extendedBy: PolicyFile): PolicyFile =>
    readPolicy(isPath(nameOrFile) ? resolve(dirname(extendedBy.file), nameOrFile) : nameOrFile, options);
}

/**
 * The text's own shape and sense; what it extends is read later.
 * @throws PolicyError with every problem of them
 */
export function parseText(text: string, file: string): PolicyFile {
  const { LineCounter, parseDocument } = yaml();
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, version: '1.2' });
  const place = (offset: number, what: string, remedy: string): PolicyProblem => {
    const { line, col } = lines.linePos(offset);
    return { file, position: { line, column: col }, what, remedy };
  };

  const syntax = [...document.errors, ...document.warnings];
  if (syntax.length > 0) {
    throw new PolicyError(
      syntax.map(({ code, pos, message }) =>
        code === 'MULTIPLE_DOCS'
          ? place(
              pos[0],
              'a second document begins here',
              'one file is one policy: remove the `---`, or make two files',
            )
          : place(pos[0], message, 'correct the YAML'),
      ),
    );
  }
  let value: unknown;
  try {
    value = document.toJS();
  } catch (error) {
    // An alias without its anchor, or aliases multiplied beyond the parser's limit.
    throw new PolicyError([place(0, (error as Error).message, 'write the values out')]);
  }

  const misshapen = findMistakes(value);
  const mistakes = [...misshapen, ...findDuplicateRules(value), ...contradictions(value, misshapen)];
  if (mistakes.length > 0) {
    const located = mistakes.map((mistake) => ({ mistake, offset: offsetOf(document, mistake.path, mistake.key) }));
    located.sort((a, b) => a.offset - b.offset);
    throw new PolicyError(located.map(({ mistake, offset }) => place(offset, mistake.what, mistake.remedy)));
  }
  return {
    file: resolve(file),
    source: value as PolicySource,
    problem: (path, what, remedy, key) => place(offsetOf(document, path, key), what, remedy),
  };
}

/** Of the rules and exceptions that are in shape, so that one mistake does not hide the others. */
function contradictions(value: unknown, misshapen: readonly Mistake[]): Mistake[] {
  const isWrong = (path: Path) => misshapen.some((mistake) => path.every((step, i) => mistake.path[i] === step));
  // Where a list is none there is nothing to go through.
  if (misshapen.some(({ path }) => path.length < 2 && path[0] !== undefined)) return [];
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  return findContradictions(value as PolicySource, (path) => !isWrong(path));
}

/** JSON Schema cannot say that ids are unique. The value may be no policy at all. */
function findDuplicateRules(value: unknown): Mistake[] {
  const rules = (value as Partial<PolicySource> | null)?.rules;
  if (!Array.isArray(rules)) return [];
  const first = new Map<unknown, number>();
  const mistakes: Mistake[] = [];
  rules.forEach((rule: Partial<RuleSource> | null, i) => {
    const id = rule?.id;
    if (typeof id !== 'string') return;
    if (first.has(id)) {
      const what = `rule \`${id}\` has the id of rule ${(first.get(id) ?? 0) + 1} of the list`;
      mistakes.push({ path: ['rules', i, 'id'], what, remedy: 'give it another id' });
    } else {
      first.set(id, i);
    }
  });
  return mistakes;
}

type MaybeNode = Node | null | undefined;

/**
 * Offset of the value at `path`, or of its key `key` where one is given; of the nearest value above where that one has
 * no text of its own.
 */
function offsetOf(document: Document.Parsed, path: readonly (string | number)[], key?: string): number {
  let node: MaybeNode = document.contents;
  let offset = node?.range?.[0] ?? 0;
  for (const step of path) {
    node = child(document, node, step);
    offset = node?.range?.[0] ?? offset;
  }
  return key === undefined ? offset : (pair(document, node, key)?.key.range?.[0] ?? offset);
}

function child(document: Document.Parsed, node: MaybeNode, step: string | number): MaybeNode {
  const { isSeq } = yaml();
  const parent = followAlias(document, node);
  return isSeq<Node>(parent) ? parent.items[Number(step)] : pair(document, parent, String(step))?.value;
}

function pair(document: Document.Parsed, node: MaybeNode, key: string) {
  const { isMap, isScalar } = yaml();
  const map = followAlias(document, node);
  if (!isMap<Node, Node | null>(map)) return undefined;
  return map.items.find((item) => isScalar(item.key) && String(item.key.value) === key);
}

function followAlias(document: Document.Parsed, node: MaybeNode): MaybeNode {
  return yaml().isAlias(node) ? node.resolve(document) : node;
}
