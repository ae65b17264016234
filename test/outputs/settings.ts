/** Settings of outputs as a configuration gives them. */
import { parseOutputs } from '../../src/output-settings.ts';
import type { OutputSettings, OutputType } from '../../src/outputs/options.ts';

/** @param options by name, beside the target */
export function settingsOf<T extends OutputType>(
  type: T,
  target: string,
  options: Readonly<Record<string, unknown>> = {},
): Extract<OutputSettings, { type: T }> {
  const { outputs, complaints } = parseOutputs([{ target, ...options }], 'cim');
  if (complaints.length > 0) throw new Error(JSON.stringify(complaints));
  const [settings] = outputs;
  if (settings?.type !== type) throw new Error(`${target} is no ${type}`);
  return settings as Extract<OutputSettings, { type: T }>;
}
