/**
 * Makes docs/policy-table.md: what every built-in policy says of every version, suite, group and signature scheme.
 *
 *     node dist/scripts/policy-table.js > docs/policy-table.md
 */
import { fileURLToPath } from 'node:url';
import { tlsVersionName } from '../src/dissect/iana.ts';
import { CIPHER_SUITES, GROUPS, SIGNATURE_SCHEMES } from '../src/dissect/iana-tables.ts';
import { builtInPolicies, loadPolicy } from '../src/policy/load.ts';
import type { ResolvedPolicy } from '../src/policy/source.ts';
import { type Kind, type Stance, stances } from '../src/policy/stance.ts';
import { SUITES } from '../src/policy/suites.ts';

/** The day on which the tables hold. A day of the run would change the file without a change of a policy. */
const AS_OF = '2026-12-01';

interface Column {
  readonly heading: string;
  readonly policy: ResolvedPolicy;
  readonly day: string;
}

/** Policies whose future differs so much that it has a column of its own. */
const LATER: Readonly<Record<string, string>> = { 'cnsa-2.0': '2032-01-01' };

const MARKS: Readonly<Record<Stance['mark'], string>> = {
  allowed: '✓',
  unmentioned: '–',
  should_not: 'should',
  must_not: '✗',
};

const VERSIONS = [0x0002, 0x0300, 0x0301, 0x0302, 0x0303, 0x0304, 0xfeff, 0xfefd, 0xfefc];

function columns(): Column[] {
  return builtInPolicies().flatMap((name) => {
    const policy = loadPolicy(name).resolved;
    const later = LATER[name];
    return [
      { heading: name, policy, day: AS_OF },
      ...(later === undefined ? [] : [{ heading: `${name} from ${later}`, policy, day: later }]),
    ];
  });
}

/** A line for each set of marks, with all that has it, in the order of the first code. */
function table(kind: Kind, title: string, names: readonly (readonly [number, string])[], all: Column[]): string {
  const asked = all.map(({ policy, day }) => stances(policy, kind, day));
  const rows = new Map<string, string[]>();
  for (const [code, name] of names) {
    const marks = asked.map((stance) => MARKS[stance(code).mark]).join(' | ');
    const row = rows.get(marks);
    if (row === undefined) rows.set(marks, [name]);
    else row.push(name);
  }
  const head = all.map(({ heading }) => heading).join(' | ');
  return [
    `## ${title}`,
    '',
    `| ${head} | of |`,
    `|${':-:|'.repeat(all.length)}---|`,
    ...[...rows].map(([marks, group]) => `| ${marks} | ${group.join(', ')} |`),
    '',
  ].join('\n');
}

function datedRules(all: Column[]): string {
  const policies = [...new Set(all.map(({ policy }) => policy))];
  const dated = policies.flatMap(({ id, rules }) =>
    rules
      .filter(({ from, until }) => from !== undefined || until !== undefined)
      .map(({ id: rule, from = '', until = '', message }) => `| ${id} | ${rule} | ${from} | ${until} | ${message} |`),
  );
  return ['## Rules with dates', '', '| policy | rule | from | until | |', '|---|---|---|---|---|', ...dated, ''].join(
    '\n',
  );
}

/** The text of docs/policy-table.md. */
export function policyTable(): string {
  const all = columns();
  const suites = CIPHER_SUITES.filter(([code]) => SUITES.get(code)?.properties !== undefined);
  const versions = VERSIONS.map((code): [number, string] => [code, tlsVersionName(code)]);
  return [
    '# What the built-in policies say',
    '',
    'Made by `node dist/scripts/policy-table.js > docs/policy-table.md`; a test holds it to the policies. It tells what each',
    `says on ${AS_OF} of what is negotiated, each thing by itself; rules with conditions, on offers, on certificates, on`,
    'extensions and on compression are not in it. Things on which all agree share a line.',
    '',
    '| mark | meaning |',
    '|---|---|',
    '| ✓ | it is among what the policy allows |',
    '| should | a rule of level should is against it |',
    '| ✗ | a rule of level must is against it |',
    '| – | no rule is about it |',
    '',
    'Where this differs from other readings of the same standards: [Sources and differences](policies.md#sources-and-differences).',
    '',
    table('versions', 'Versions', versions, all),
    table('cipher_suites', 'Cipher suites', suites, all),
    table('groups', 'Groups', GROUPS, all),
    table('signature_schemes', 'Signature schemes', SIGNATURE_SCHEMES, all),
    datedRules(all),
  ].join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.stdout.write(policyTable());
