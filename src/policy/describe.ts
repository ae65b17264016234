/** What a rule requires and of which traffic, in words. */
import { dnsRequirements, encryptedDnsRequirements } from './dns.ts';
import { negotiatedRequirements } from './negotiated.ts';
import { offeredRequirements } from './offered.ts';
import type { ConditionsSource, RuleSource, VersionsSource } from './source.ts';

const words = (key: string): string => key.replaceAll('_', ' ');

/** `negotiated versions: TLSv1_2 or later`, one for each kind of thing that the rule is about. */
export function describeRequirements({ negotiated = {}, offered = {}, dns = {} }: RuleSource): string[] {
  const of = (part: string, source: object, compile: (one: object) => readonly { expected: string }[]): string[] =>
    Object.entries(source).map(([key, value]) => {
      const expected = compile({ [key]: value }).map((requirement) => requirement.expected);
      return `${part} ${words(key)}: ${expected.join('; ')}`;
    });
  return [
    ...of('negotiated', negotiated, negotiatedRequirements),
    ...of('offered', offered, offeredRequirements),
    ...of('DNS', dns, (one) => [...dnsRequirements(one), ...encryptedDnsRequirements(one)]),
  ];
}

/** `servers 10.0.0.0/8; direction outbound; from 2027-01-01`; empty where it is all traffic at all times. */
export function describeScope({ applies_to = {}, from, until }: Partial<RuleSource>): string {
  return [...describeConditions(applies_to), from && `from ${from}`, until && `until ${until}`]
    .filter((part) => part !== undefined)
    .join('; ');
}

function describeConditions({ versions, ...others }: ConditionsSource): string[] {
  const parts = Object.entries(others).map(([key, value]) => `${words(key)} ${[value].flat().join(', ')}`);
  return versions === undefined ? parts : [...parts, `versions ${describeVersions(versions)}`];
}

function describeVersions(versions: VersionsSource): string {
  return negotiatedRequirements({ versions })
    .map(({ expected }) => expected)
    .join(', ');
}
