/** `vesper policy show`: a policy with everything that it inherits, for reading. */
import { describeRequirements, describeScope } from '../policy/describe.ts';
import type { ExceptionSource, ResolvedPolicy, RuleSource } from '../policy/source.ts';

function ruleText(rule: RuleSource): string {
  const { id, level, severity, reference, message, remediation } = rule;
  const scope = describeScope(rule);
  const lines = [
    `${id}  (${level}, ${severity})  ${reference}`,
    `  ${message}`,
    ...describeRequirements(rule).map((requirement) => `  - ${requirement}`),
    ...(scope === '' ? [] : [`  applies to: ${scope}`]),
    `  remedy: ${remediation}`,
  ];
  return lines.join('\n');
}

function exceptionText({ rules, applies_to, reason, until }: ExceptionSource): string {
  const scope = describeScope(applies_to ? { applies_to } : {});
  return `${rules?.join(', ') ?? 'all rules'}  until ${until}${scope === '' ? '' : `  for ${scope}`}\n  ${reason}`;
}

export function policyText({ id, title, version, source, rules, exceptions }: ResolvedPolicy): string {
  const head = `${id} ${version}: ${title}\n${source}`;
  const excepted = exceptions.length === 0 ? [] : ['Exceptions', ...exceptions.map(exceptionText)];
  return [head, ...rules.map(ruleText), ...excepted].join('\n\n');
}
