/** Policies for tests: rules of which only what matters is written. */
import { parsePolicy } from '../../src/policy/load.ts';
import { Policy } from '../../src/policy/policy.ts';
import type { LoadOptions } from '../../src/policy/resolve.ts';
import type { Verdict } from '../../src/policy/verdict.ts';

export const HEAD = 'id: test\ntitle: t\nversion: "1"\nsource: s\n';

/** One line of a rule of this id, with these fields in YAML. */
export function ruleText(id: string, fields: string): string {
  return `  - { id: ${id}, level: should, severity: low, reference: c, message: m, remediation: d, ${fields} }\n`;
}

/** A policy of rules with these fields: `r`, or `r0`, `r1` … where there are several. */
export function policy(...rules: string[]): Policy {
  const texts = rules.map((fields, i) => ruleText(rules.length === 1 ? 'r' : `r${i}`, fields));
  return policyOf(`rules:\n${texts.join('')}`);
}

/** A policy with this after its head. */
export function policyOf(body: string, options: LoadOptions = {}): Policy {
  return new Policy(parsePolicy(HEAD + body, 'test.yaml', options));
}

/** Outcome; `rule: observed, not expected` of violations; `rule (reason)` of excepted ones; `rule?` of what was not seen. */
export function summary({ outcome, violations, excepted = [], notObserved = [] }: Verdict): string[] {
  return [
    outcome,
    ...violations.map(({ rule, observed, expected }) => `${rule}: ${observed}, not ${expected}`),
    ...excepted.map(({ rule, reason, exceptedUntil }) => `${rule} (${reason}, ${exceptedUntil})`),
    ...notObserved.map((rule) => `${rule}?`),
  ];
}
