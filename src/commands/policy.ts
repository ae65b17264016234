/** `vesper policy`: list, show, check and test TLS policies. */
import { readFileSync } from 'node:fs';
import { builtInPolicies, loadPolicy, policyFile } from '../policy/load.ts';
import { UsageError } from '../usage-error.ts';
import { HELP_FLAG, parseFlags } from './flags.ts';
import { testPolicy } from './policy-test.ts';

const HELP = `vesper policy list                          the built-in policies
vesper policy show NAME|FILE                the text of one
vesper policy check FILE…                   every mistake with its place; exit status 2 if there is one
vesper policy test NAME|FILE --capture PCAP every handshake of a capture with its verdict; exit status 1 if one is not
                                            compliant
`;

function list(): number {
  for (const name of builtInPolicies()) {
    const { version, title } = loadPolicy(name);
    process.stdout.write(`${name.padEnd(24)} ${version.padEnd(12)} ${title}\n`);
  }
  return 0;
}

function check(files: readonly string[]): number {
  const complaints: string[] = [];
  for (const file of files) {
    try {
      const { id, version } = loadPolicy(file);
      process.stdout.write(`${file}: policy ${id} ${version} is right\n`);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      complaints.push(error.message);
    }
  }
  if (complaints.length > 0) throw new UsageError(complaints.join('\n'));
  return 0;
}

function one(names: readonly string[], use: string): string {
  const [name, ...more] = names;
  if (name === undefined || more.length > 0) throw new UsageError(`use: vesper policy ${use}`);
  return name;
}

export async function policy(args: string[]): Promise<number> {
  const { values, positionals } = parseFlags(args, { ...HELP_FLAG, capture: { type: 'string' } }, 'policy');
  const [action, ...names] = positionals;
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  switch (action) {
    case 'list':
      return list();
    case 'show':
      process.stdout.write(readFileSync(policyFile(one(names, 'show NAME|FILE'))));
      return 0;
    case 'check':
      if (names.length === 0) throw new UsageError('use: vesper policy check FILE…');
      return check(names);
    case 'test': {
      const name = one(names, 'test NAME|FILE --capture PCAP');
      if (typeof values.capture !== 'string') throw new UsageError('name the capture: --capture PCAP');
      return testPolicy(loadPolicy(name), values.capture);
    }
    default:
      throw new UsageError(`use: vesper policy list | show NAME | check FILE | test NAME --capture PCAP`);
  }
}
