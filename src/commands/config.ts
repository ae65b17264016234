/** `vesper config`: the settings in force as YAML, whether all that they name is right, or the reference of all of them. */
import { stringify } from 'yaml';
import { type Config, loadConfig, outputsReference, settingsReference } from '../config.ts';
import { shownOutput } from '../output-settings.ts';
import { openRoutes } from '../outputs/open.ts';
import { loadPolicies } from '../policy/load.ts';
import { UsageError } from '../usage-error.ts';
import { configFile, PIPELINE_FLAGS, PIPELINE_HELP, parseFlags, settingsOfFlags } from './flags.ts';
import { spoolDirectory } from './outputs.ts';
import { warningOptions } from './policy-warnings.ts';
import { print } from './print.ts';

const HELP = `vesper config [--check | --docs] [OPTION…]

  Prints the settings in force: defaults, the YAML file, the environment (VESPER_…) and flags, later over earlier.

      --check                  print nothing but whether vesper run would take them: read the policies, and the files of
                               certificates and secrets; connect to nobody. Exit status 2 with what is wrong: of
                               the settings first; where these are right, of policies and outputs
      --docs                   print the reference of all settings instead (Markdown)
${PIPELINE_HELP}`;

const FLAGS = { ...PIPELINE_FLAGS, check: { type: 'boolean' }, docs: { type: 'boolean' } } as const;

/**
 * Does what `vesper run` does with the settings before it captures.
 * @throws UsageError with what is wrong with policies and with each output: of one output, the first thing
 */
async function check(settings: Config): Promise<void> {
  const mistakes: string[] = [];
  const attempt = async (work: () => unknown): Promise<void> => {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      mistakes.push(error.message);
    }
  };
  await attempt(() => loadPolicies(settings.policies, warningOptions()));
  await attempt(async () => {
    const options = { live: true, spoolDirectory: () => spoolDirectory(settings), sensor: settings.sensor.name };
    const routes = await openRoutes(settings.outputs, options, () => {});
    await Promise.all(routes.map(({ output }) => output.close()));
  });
  if (mistakes.length > 0) throw new UsageError(mistakes.join('\n'));
}

export async function config(args: string[]): Promise<number> {
  const { values } = parseFlags(args, FLAGS, 'config', 'no arguments');
  if (values.help) {
    print(HELP);
    return 0;
  }
  if (values.check && values.docs) throw new UsageError('vesper config: give --check or --docs, not both');
  if (values.docs) {
    print(`${settingsReference()}\n\n${outputsReference()}\n`);
    return 0;
  }
  const file = configFile(values);
  const settings = loadConfig(file, settingsOfFlags(values));
  if (values.check) {
    await check(settings);
    print(`${file === undefined ? '' : `${file}: `}the settings are right\n`);
  } else {
    print(stringify({ ...settings, outputs: settings.outputs.map(shownOutput) }));
  }
  return 0;
}
