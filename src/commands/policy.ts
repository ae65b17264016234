/** `vesper policy`: list, show, check, test and explain policies. */
import { builtInPolicies, loadPolicies, loadPolicy } from '../policy/load.ts';
import { UsageError } from '../usage-error.ts';
import { type FlagSpec, HELP_FLAG, parseFlags } from './flags.ts';
import { explainSubject } from './policy-explain.ts';
import { policyText } from './policy-show.ts';
import { testPolicies } from './policy-test.ts';
import { warningOptions } from './policy-warnings.ts';
import { print } from './print.ts';

const HELP = `vesper policy list
  The built-in policies.

vesper policy show NAME|FILE [--json]
  One policy with everything that it inherits.

vesper policy check FILE…
  Every mistake and every warning with its place. Exit status 2 if there is a mistake.

vesper policy test NAME|FILE… --capture PCAP [--capture PCAP…] [--json]
  The verdicts of these policies on every TLS handshake of a capture, and the DNS that violates them. Exit status 1 if
  something is not compliant.

vesper policy explain SUITE|GROUP|SCHEME|VERSION [--policy NAME|FILE…] [--json]
  What every built-in policy, or those named, says of it, with the clause. Names are IANA's, OpenSSL's or GnuTLS's;
  codes are written as 0xc02f.
`;

const FLAGS = {
  ...HELP_FLAG,
  capture: { type: 'string', multiple: true },
  policy: { type: 'string', multiple: true },
  json: { type: 'boolean' },
} as const satisfies FlagSpec;

const ACTIONS = 'list | show NAME|FILE | check FILE… | test NAME|FILE… --capture PCAP | explain NAME';

function list(): string {
  return builtInPolicies()
    .map((name) => {
      const { version, title } = loadPolicy(name);
      return `${name.padEnd(24)} ${version.padEnd(12)} ${title}`;
    })
    .join('\n');
}

function check(files: readonly string[]): string {
  const right: string[] = [];
  const complaints: string[] = [];
  const options = warningOptions();
  for (const file of files) {
    try {
      const { id, version } = loadPolicy(file, options);
      right.push(`${file}: policy ${id} ${version} is right`);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      complaints.push(error.message);
    }
  }
  if (complaints.length > 0) throw new UsageError(complaints.join('\n'));
  return right.join('\n');
}

function show(name: string, json: boolean): string {
  const { resolved } = loadPolicy(name, warningOptions());
  return json ? JSON.stringify(resolved, null, 2) : policyText(resolved);
}

function one(names: readonly string[], use: string): string {
  const [name, ...more] = names;
  if (name === undefined || more.length > 0) throw new UsageError(`use: vesper policy ${use}`);
  return name;
}

export async function policy(args: string[]): Promise<number> {
  const { values, positionals } = parseFlags(args, FLAGS, 'policy');
  const [action, ...names] = positionals;
  const json = values.json === true;
  const say = (text: string): number => {
    print(`${text}\n`);
    return 0;
  };
  if (values.help) {
    print(HELP);
    return 0;
  }
  switch (action) {
    case 'list':
      return say(list());
    case 'show':
      return say(show(one(names, 'show NAME|FILE'), json));
    case 'check':
      if (names.length === 0) throw new UsageError('use: vesper policy check FILE…');
      return say(check(names));
    case 'test': {
      if (names.length === 0) throw new UsageError('use: vesper policy test NAME|FILE… --capture PCAP');
      const captures = values.capture as string[] | undefined;
      if (captures === undefined) throw new UsageError('name the capture: --capture PCAP');
      return testPolicies(loadPolicies(names, warningOptions()), captures, json);
    }
    case 'explain': {
      const subject = one(names, 'explain SUITE|GROUP|SCHEME|VERSION');
      const policies = loadPolicies((values.policy as string[] | undefined) ?? builtInPolicies(), warningOptions());
      return say(explainSubject(subject, policies.policies, json));
    }
    default:
      throw new UsageError(`use: vesper policy ${ACTIONS}`);
  }
}
