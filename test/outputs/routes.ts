/** Outputs with all that stands before them, for tests: settings as the configuration would give them. */
import { parseOutputs } from '../../src/output-settings.ts';
import { MemoryStore } from '../../src/outputs/batch.ts';
import type { Route } from '../../src/outputs/delivery.ts';
import type { FileSettings, Format, OutputSettings } from '../../src/outputs/options.ts';
import type { Output } from '../../src/outputs/output.ts';
import type { QueueOptions } from '../../src/outputs/queue.ts';

/** @param target a target, or a map of `target` and options */
export function settingsOf(target: unknown, format: Format = 'cim'): OutputSettings {
  const { outputs, complaints } = parseOutputs([target], format);
  if (outputs[0] === undefined || complaints.length > 0) throw new Error(JSON.stringify(complaints));
  return outputs[0];
}

export function fileSettings(path: string, options: object = {}): FileSettings {
  return settingsOf({ target: path, ...options }) as FileSettings;
}

/** Without a spool; gives up at the first error. */
export function route(output: Output, changes: Partial<QueueOptions> = {}): Route {
  const options: QueueOptions = {
    settings: settingsOf('-'),
    openStore: () => new MemoryStore(),
    direct: output.sendNow !== undefined,
    giveUpAfterMs: 0,
    inFlight: 1,
    timeoutMs: 10_000,
    ...changes,
  };
  return { output, options };
}
