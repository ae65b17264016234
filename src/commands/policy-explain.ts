/** `vesper policy explain`: what policies say of a cipher suite, group, signature scheme or version. */
import { explain, findSubjects, type Statement, type Subject, suggestSubject } from '../policy/explain.ts';
import type { Policy } from '../policy/policy.ts';
import { UsageError } from '../usage-error.ts';
import { formatTable } from './table.ts';

const HEADER = ['policy', 'says', 'rule', 'level', 'severity', 'reference', 'applies to'];

function row(policy: Policy, { rule, where, says, scope }: Statement): string[] {
  return [policy.id, `${says}, ${where}`, rule.id, rule.level, rule.severity, rule.reference, scope];
}

function text(subject: Subject, policies: readonly Policy[]): string {
  const code = `0x${subject.code.toString(16).padStart(4, '0')}`;
  const rows = policies.flatMap((policy) => {
    const statements = explain(policy.resolved, subject);
    return statements.length > 0
      ? statements.map((statement) => row(policy, statement))
      : [[policy.id, 'nothing', '', '', '', '', '']];
  });
  return `${subject.kind} ${subject.name} (${code})\n\n${formatTable(HEADER, rows)}`;
}

function json({ kind, code, name }: Subject, policies: readonly Policy[]): object {
  const says = policies.map(({ id, version, resolved }) => ({
    policy: id,
    version,
    statements: explain(resolved, { kind, code, name }).map(({ rule, where, says, expected, scope }) => ({
      says,
      where,
      rule: rule.id,
      level: rule.level,
      severity: rule.severity,
      expected,
      reference: rule.reference,
      ...(scope !== '' && { applies_to: scope }),
    })),
  }));
  return { kind, code, name, policies: says };
}

/** @throws UsageError where nobody knows the name */
export function explainSubject(name: string, policies: readonly Policy[], asJson: boolean): string {
  const subjects = findSubjects(name);
  if (subjects.length === 0) {
    const near = suggestSubject(name);
    const remedy =
      near === undefined ? 'write the name that IANA, OpenSSL or GnuTLS gives it' : `did you mean ${near}?`;
    throw new UsageError(`no version, cipher suite, group or signature scheme is called ${name}; ${remedy}`);
  }
  if (asJson) {
    return JSON.stringify(
      subjects.map((subject) => json(subject, policies)),
      null,
      2,
    );
  }
  return subjects.map((subject) => text(subject, policies)).join('\n\n');
}
