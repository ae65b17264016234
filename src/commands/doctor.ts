/** `vesper doctor`: what works on this host, what does not, and what to do about it. */
import { builtInPolicies, loadPolicies } from '../policy/load.ts';
import { type Finding, liveFindings } from './doctor-live.ts';
import { HELP_FLAG, parseFlags } from './flags.ts';
import { print } from './print.ts';

const HELP = `vesper doctor

  Says what works on this host, what does not, and what to do about it. Exit status 1 if captures cannot
  be replayed or nothing can be captured live.
`;

const OLDEST_NODE: readonly [number, number] = [20, 19];

function node(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const works = major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1]);
  const need = works ? '' : `; install Node.js ${OLDEST_NODE.join('.')} or later`;
  return { works, what: `Node.js ${process.versions.node}${need}` };
}

function policies(): Finding {
  const names = builtInPolicies();
  try {
    loadPolicies(names);
    return { works: true, what: `built-in policies: ${names.join(', ')}` };
  } catch (error) {
    return { works: false, what: `built-in policies are damaged, install vesper again: ${(error as Error).message}` };
  }
}

export async function doctor(args: string[]): Promise<number> {
  const { values } = parseFlags(args, HELP_FLAG, 'doctor', 'no arguments');
  if (values.help) {
    print(HELP);
    return 0;
  }
  const needed = [node(), policies(), { works: true, what: 'capture files: pcap, pcapng, gzip, standard input' }];
  const live = liveFindings();
  for (const { works, what } of [...needed, ...live.findings]) {
    print(`${works ? 'works  ' : 'missing'}  ${what}\n`);
  }
  return live.works && needed.every(({ works }) => works) ? 0 : 1;
}
