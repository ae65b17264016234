/** Flags that several commands share, and how they become settings. */
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { nearest } from '../suggest.ts';
import { UsageError } from '../usage-error.ts';

export type FlagSpec = NonNullable<ParseArgsConfig['options']>;

export const HELP_FLAG = { help: { type: 'boolean', short: 'h' } } as const satisfies FlagSpec;

/** Flags of the commands that run the pipeline. */
export const PIPELINE_FLAGS = {
  ...HELP_FLAG,
  config: { type: 'string', short: 'c' },
  output: { type: 'string', short: 'o', multiple: true },
  format: { type: 'string' },
  policy: { type: 'string', multiple: true },
  collect: { type: 'string' },
  'ignore-network': { type: 'string', multiple: true },
  'ignore-port': { type: 'string', multiple: true },
  'ignore-domain': { type: 'string', multiple: true },
  set: { type: 'string', multiple: true },
} as const satisfies FlagSpec;

export const PIPELINE_HELP = `  -c, --config FILE            settings in YAML (see vesper config --docs)
  -o, --output TARGET          where events go: - is standard output, else a path, or kafka://HOST:PORT,…/TOPIC,
                               otlp+http(s)://HOST:4318, hec://HOST:8088; {kind} in a path or topic stands
                               for the kind of event. May be given several times.
      --format cim|native      one Splunk CIM event per transaction (default), or one event per message
      --policy NAME|FILE       TLS policy to judge by (default baseline). May be given several times.
      --collect KINDS          kinds of events to make: flow,dns,tls,certificate,finding,agent
      --ignore-network CIDR    leave out this network; also --ignore-port PORT and --ignore-domain NAME
                               (*.example.com: all names below). Several: with commas, or the flag again.
      --set SETTING=VALUE      any other setting, such as --set dns.query_timeout_s=5
  -h, --help
`;

type Values = { readonly [name: string]: string | boolean | (string | boolean)[] | undefined };

/**
 * `parseArgs`, its errors turned into ours with a suggestion.
 * @param bare whether the command takes nothing but options
 */
export function parseFlags(
  args: string[],
  options: FlagSpec,
  command: string,
  bare?: 'no arguments',
): { values: Values; positionals: string[] } {
  // `-o=FILE` would be a file called `=FILE`.
  const joined = args.slice(0, args.includes('--') ? args.indexOf('--') : args.length).find((arg) => /^-\w=/.test(arg));
  if (joined !== undefined) throw new UsageError(`${joined}: write it as ${joined.slice(0, 2)} ${joined.slice(3)}`);
  try {
    const parsed = parseArgs({ args, options, allowPositionals: true, strict: true });
    const [first] = parsed.positionals;
    if (bare === undefined || first === undefined) return parsed;
    throw new UsageError(`vesper ${command} takes no arguments: ${first}?`);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const { code, message } = error as Error & { code?: string };
    const flag = /'(--?[^' =]+)/.exec(message)?.[1];
    if (code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION' && flag !== undefined) {
      const near = nearest(
        flag,
        Object.keys(options).map((name) => `--${name}`),
      );
      const hint = near ? ` (did you mean ${near}?)` : '';
      throw new UsageError(`unknown option ${flag}${hint}; see vesper ${command} --help`);
    }
    throw new UsageError(`${message}; see vesper ${command} --help`);
  }
}

const SETTING_OF_FLAG: Readonly<Record<string, string>> = {
  output: 'outputs',
  format: 'format',
  policy: 'policies',
  collect: 'collect',
  'ignore-network': 'ignore.networks',
  'ignore-port': 'ignore.ports',
  'ignore-domain': 'ignore.domains',
};

/** The settings that flags give, by dotted path. */
export function settingsOfFlags(values: Values): Map<string, unknown> {
  const settings = new Map<string, unknown>();
  for (const [flag, path] of Object.entries(SETTING_OF_FLAG)) {
    const value = values[flag];
    // One flag may hold several, as --collect does: no network, port or domain has a comma.
    const isList = flag.startsWith('ignore-') && Array.isArray(value);
    if (value !== undefined) settings.set(path, isList ? value.join() : value);
  }
  for (const assignment of (values.set as string[] | undefined) ?? []) {
    const equals = assignment.indexOf('=');
    if (equals < 1) throw new UsageError(`--set ${assignment}: write it as SETTING=VALUE`);
    settings.set(assignment.slice(0, equals), assignment.slice(equals + 1));
  }
  return settings;
}

/** The YAML file named by `--config`, or undefined. */
export function configFile(values: Values): string | undefined {
  return values.config as string | undefined;
}
