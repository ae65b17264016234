/** `vesper config`: the settings in force as YAML, or the reference of all of them. */
import { stringify } from 'yaml';
import { loadConfig, outputsReference, settingsReference } from '../config.ts';
import { shownOutput } from '../output-settings.ts';
import { configFile, PIPELINE_FLAGS, PIPELINE_HELP, parseFlags, settingsOfFlags } from './flags.ts';
import { print } from './print.ts';

const HELP = `vesper config [--docs] [OPTION…]

  Prints the settings in force: defaults, the YAML file, the environment (VESPER_…) and flags, later over earlier.

      --docs                   print the reference of all settings instead (Markdown)
${PIPELINE_HELP}`;

export async function config(args: string[]): Promise<number> {
  const { values } = parseFlags(args, { ...PIPELINE_FLAGS, docs: { type: 'boolean' } }, 'config', 'no arguments');
  if (values.help) print(HELP);
  else if (values.docs) print(`${settingsReference()}\n\n${outputsReference()}\n`);
  else {
    const settings = loadConfig(configFile(values), settingsOfFlags(values));
    print(stringify({ ...settings, outputs: settings.outputs.map(shownOutput) }));
  }
  return 0;
}
