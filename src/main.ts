#!/usr/bin/env node
/** The command line. Exit status: 0 done; 1 something was lost or failed on the way, or may pass; 2 wrong use or wrong input. */
import { createRequire } from 'node:module';
import { toStandardError } from './standard-error.ts';
import { nearest } from './suggest.ts';
import { ObstacleError, UsageError } from './usage-error.ts';
import { boundYoungGeneration } from './young-generation.ts';

const HELP = `vesper sees what a host says on the network and proves it to a SIEM.

  vesper replay FILE…          turn capture files (pcap, pcapng, gzip, - for standard input) into events
  vesper run                   watch this host's interfaces
  vesper policy list           the built-in TLS policies
  vesper policy show NAME      one policy, resolved
  vesper policy check FILE…    is this policy file right?
  vesper policy test NAME|FILE… --capture PCAP
                               the handshakes of a capture and what the policies say of them
  vesper policy explain NAME   what every built-in policy says of a cipher suite, group, signature scheme or version
  vesper inventory FILE…       the TLS that servers and clients really used, from captures or recorded events
  vesper config [--check|--docs]
                               the settings in force, whether vesper run would take them, or the reference of all
  vesper doctor                what works on this host
  vesper COMMAND --help        the options of a command
  vesper --version

Exit status: 0 done, 1 something was lost or failed on the way or what may pass keeps it from starting, 2 wrong use,
configuration, policy or capture file.
`;

type Command = (args: string[]) => Promise<number>;

const require = createRequire(import.meta.url);

/**
 * `require` of 150 modules takes 40 ms of processor time less than `import`, whose files go through the thread pool one
 * by one. Node 22 before 22.12 cannot do it.
 */
async function load<Module>(name: string): Promise<Module> {
  const file = `./commands/${name}.js`;
  return process.features.require_module ? require(file) : import(file);
}

/** Loaded when asked for: a command does not pay for the libraries of another. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  replay: async () => (await load<typeof import('./commands/replay.ts')>('replay')).replay,
  run: async () => (await load<typeof import('./commands/run.ts')>('run')).run,
  policy: async () => (await load<typeof import('./commands/policy.ts')>('policy')).policy,
  inventory: async () => (await load<typeof import('./commands/inventory.ts')>('inventory')).inventory,
  config: async () => (await load<typeof import('./commands/config.ts')>('config')).config,
  doctor: async () => (await load<typeof import('./commands/doctor.ts')>('doctor')).doctor,
};

async function main(argv: string[]): Promise<number> {
  const [name, ...rest] = argv;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    if (name === undefined) toStandardError(HELP);
    else (await import('./commands/print.ts')).print(HELP);
    return name === undefined ? 2 : 0;
  }
  if (name === '--version' || name === '-V') {
    const [{ print }, { packageVersion }] = await Promise.all([import('./commands/print.ts'), import('./version.ts')]);
    print(`vesper ${packageVersion()}\n`);
    return 0;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!command) {
    const near = nearest(name, Object.keys(COMMANDS));
    throw new UsageError(`unknown command ${name}${near ? ` (did you mean ${near}?)` : ''}; see vesper --help`);
  }
  return (await command())(rest);
}

// `run` reads its settings anew at this signal. One that comes before it can is not to end it: it reads them later anyway.
if (process.argv[2] === 'run') process.on('SIGHUP', () => {});

// Node's own answers: a debugger that whoever is on this host may talk to, and the end. Other programs reopen their logs.
for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) process.on(signal, () => {});

boundYoungGeneration();

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  toStandardError(`vesper: ${error.message.replaceAll('\n', '\nvesper: ')}\n`);
  process.exitCode = error instanceof ObstacleError ? 1 : 2;
}
