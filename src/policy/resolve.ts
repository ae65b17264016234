/** A policy with everything that it inherits: other policies' rules, its changes to them, its own. */
import { isDeepStrictEqual } from 'node:util';
import { nearest } from '../suggest.ts';
import { ofWholeRule } from './contradictions.ts';
import { dayEnd } from './day.ts';
import { requirementOf, scopeOf } from './effect.ts';
import { type Path, PolicyError, type PolicyProblem } from './problem.ts';
import type { ExceptionSource, PolicySource, ResolvedPolicy, RuleSource } from './source.ts';

/** One policy's file, read and found to be in shape. */
export interface PolicyFile {
  /** Tells files apart: the absolute path, or what stands for one. */
  readonly file: string;
  readonly source: PolicySource;
  /** A problem at a value, or at a key of it. */
  readonly problem: (path: Path, what: string, remedy: string, key?: string) => PolicyProblem;
}

export interface LoadOptions {
  /** Seconds since 1970 by which exceptions have expired; where left out, they expire by packet time only. */
  readonly now?: number;
  /** Told what is not wrong, but surely not meant. */
  readonly onWarning?: (warning: PolicyProblem) => void;
  /** Told every file that a policy is read from, those that it extends too, before it is read. */
  readonly onFile?: (file: string) => void;
}

/** @throws PolicyError where the file cannot be read or is not in shape */
type Read = (nameOrFile: string, extendedBy: PolicyFile) => PolicyFile;

/** A rule and the place that had the last word on it. */
interface Inherited {
  readonly rule: RuleSource;
  readonly file: PolicyFile;
  readonly path: Path;
}

interface Resolution {
  readonly rules: Map<string, Inherited>;
  /** Ids of the rules that a policy on the way has taken out. */
  readonly disabled: Set<string>;
  readonly exceptions: ExceptionSource[];
  /** A policy on the way could not be read, so that nobody knows which rules are missing. */
  isPartial: boolean;
}

/** @throws PolicyError with every problem of the policy and of those that it extends */
export function resolvePolicy(file: PolicyFile, read: Read, options: LoadOptions): ResolvedPolicy {
  const problems: PolicyProblem[] = [];
  const warnings: PolicyProblem[] = [];
  const { rules, exceptions } = resolve(file, [], { read, options, problems, warnings });
  if (problems.length === 0 && rules.size === 0) {
    problems.push(file.problem([], 'the policy has no rules', 'add `rules`, or extend a policy that has some'));
  }
  if (problems.length > 0) throw new PolicyError(problems);
  warnings.push(...shadowed([...rules.values()]));
  for (const warning of warnings) options.onWarning?.(warning);
  const { id, title, version, source } = file.source;
  return { id, title, version, source, rules: [...rules.values()].map(({ rule }) => rule), exceptions };
}

interface Context {
  readonly read: Read;
  readonly options: LoadOptions;
  readonly problems: PolicyProblem[];
  readonly warnings: PolicyProblem[];
}

/** @param way the policies that extend this one, the outermost first */
function resolve(file: PolicyFile, way: readonly PolicyFile[], context: Context): Resolution {
  const resolution: Resolution = { rules: new Map(), disabled: new Set(), exceptions: [], isPartial: false };
  inherit(file, [...way, file], resolution, context);
  override(file, resolution, context);
  addRules(file, resolution, context);
  addExceptions(file, resolution, context);
  return resolution;
}

function inherit(file: PolicyFile, way: readonly PolicyFile[], into: Resolution, context: Context): void {
  const { problems } = context;
  const names = [file.source.extends ?? []].flat();
  names.forEach((name, i) => {
    const path = typeof file.source.extends === 'string' ? ['extends'] : ['extends', i];
    let parent: PolicyFile;
    try {
      parent = context.read(name, file);
    } catch (error) {
      if (!(error instanceof PolicyError)) throw error;
      into.isPartial = true;
      // A name that is none is this file's mistake; what is wrong inside the other file, that one's.
      for (const problem of error.problems) {
        problems.push(problem.position ? problem : file.problem(path, `\`${name}\` ${problem.what}`, problem.remedy));
      }
      return;
    }
    const start = way.findIndex((other) => other.file === parent.file);
    if (start >= 0) {
      const cycle = [...way.slice(start), parent].map((other) => other.source.id).join(' → ');
      problems.push(file.problem(path, `the policy extends itself: ${cycle}`, 'remove one of the links'));
      return;
    }
    const inherited = resolve(parent, way, context);
    for (const [id, rule] of inherited.rules) {
      const other = into.rules.get(id);
      if (other !== undefined && JSON.stringify(other.rule) !== JSON.stringify(rule.rule)) {
        const what = `rule \`${id}\` is in both \`${other.file.source.id}\` and \`${rule.file.source.id}\``;
        problems.push(file.problem(path, what, 'judge by both policies instead of extending both'));
      }
      into.rules.set(id, rule);
    }
    for (const id of inherited.disabled) into.disabled.add(id);
    into.isPartial ||= inherited.isPartial;
    for (const exception of inherited.exceptions.map((one) => ofRules(one, inherited.rules.keys()))) {
      if (!into.exceptions.some((known) => isDeepStrictEqual(known, exception))) into.exceptions.push(exception);
    }
  });
}

/** Who agreed on an exception from all rules knew those of that policy, not the ones that others add to it. */
function ofRules(exception: ExceptionSource, ids: Iterable<string>): ExceptionSource {
  return exception.rules === undefined ? { ...exception, rules: [...ids] } : exception;
}

function override(file: PolicyFile, { rules, disabled, isPartial }: Resolution, { problems }: Context): void {
  for (const [id, change] of Object.entries(file.source.overrides ?? {})) {
    const inherited = rules.get(id);
    if (inherited === undefined) {
      if (isPartial) continue;
      problems.push(
        file.problem(['overrides'], `no inherited rule has the id \`${id}\``, suggest(id, rules.keys()), id),
      );
      continue;
    }
    const { disable, ...fields } = change;
    if (disable) {
      rules.delete(id);
      disabled.add(id);
    } else {
      const rule = { ...inherited.rule, ...fields };
      const path = ['overrides', id];
      problems.push(
        ...ofWholeRule(path, rule).map((mistake) => file.problem(mistake.path, mistake.what, mistake.remedy)),
      );
      rules.set(id, { rule, file, path });
    }
  }
}

function addRules(file: PolicyFile, { rules, disabled }: Resolution, { problems }: Context): void {
  file.source.rules?.forEach((rule, i) => {
    const inherited = rules.get(rule.id);
    if (inherited !== undefined) {
      const what = `rule \`${rule.id}\` has the id of a rule of \`${inherited.file.source.id}\``;
      problems.push(
        file.problem(['rules', i, 'id'], what, 'change that one under `overrides`, or give this another id'),
      );
    }
    disabled.delete(rule.id);
    rules.set(rule.id, { rule, file, path: ['rules', i] });
  });
}

function addExceptions(
  file: PolicyFile,
  { rules, disabled, exceptions, isPartial }: Resolution,
  context: Context,
): void {
  const { now } = context.options;
  file.source.exceptions?.forEach((exception, i) => {
    exception.rules?.forEach((id, j) => {
      if (rules.has(id)) return;
      const path = ['exceptions', i, 'rules', j];
      if (disabled.has(id)) {
        context.warnings.push(
          file.problem(path, `rule \`${id}\` is disabled`, 'the exception does nothing: remove it'),
        );
      } else if (!isPartial) {
        context.problems.push(file.problem(path, `no rule has the id \`${id}\``, suggest(id, rules.keys())));
      }
    });
    const end = dayEnd(exception.until);
    if (now !== undefined && end !== undefined && end <= now) {
      const what = `the exception expired on ${exception.until} and does not apply`;
      context.warnings.push(file.problem(['exceptions', i, 'until'], what, 'remove it, or agree on a later end'));
    } else {
      exceptions.push(exception);
    }
  });
}

function suggest(id: string, known: Iterable<string>): string {
  const ids = [...known];
  const near = nearest(id, ids);
  if (near !== undefined) return `did you mean \`${near}\`?`;
  return ids.length === 0 ? 'there are none: add `extends`' : `known are ${ids.join(', ')}`;
}

/**
 * A rule that requires what another one requires of the same traffic and more tells every violation twice. One that judges
 * part of the traffic more severely, or less, is meant.
 */
function shadowed(rules: readonly Inherited[]): PolicyProblem[] {
  const byRequirement = new Map<string, Inherited[]>();
  const warnings: PolicyProblem[] = [];
  for (const inherited of rules) {
    const requirement = requirementOf(inherited.rule);
    const others = byRequirement.get(requirement) ?? [];
    byRequirement.set(requirement, [...others, inherited]);
    for (const other of others) {
      const [wide, narrow] = covers(other.rule, inherited.rule) ? [other, inherited] : [inherited, other];
      if (!covers(wide.rule, narrow.rule)) continue;
      const equal = covers(narrow.rule, wide.rule);
      if (!equal && !isAlike(wide.rule, narrow.rule)) continue;
      const of = equal ? '' : ', of less traffic';
      const what = `rule \`${narrow.rule.id}\` requires the same as rule \`${wide.rule.id}\`${of}`;
      warnings.push(narrow.file.problem(narrow.path, what, 'every violation is told twice: remove one of them'));
      break;
    }
  }
  return warnings;
}

function covers(wide: RuleSource, narrow: RuleSource): boolean {
  const conditions = scopeOf(narrow);
  return [...scopeOf(wide)].every((condition) => conditions.has(condition));
}

function isAlike(a: RuleSource, b: RuleSource): boolean {
  return a.level === b.level && a.severity === b.severity;
}
