/** From the settings of outputs to outputs. Nothing is connected or created yet: that happens with the first batch. */

import { FileOutput } from './file.ts';
import type { OutputSettings } from './options.ts';
import type { Output } from './output.ts';
import { StdoutOutput } from './stdout.ts';

/**
 * Libraries are loaded where an output needs them: a command does not pay for those of others.
 * @param sensor name of this sensor, which network outputs tell beside the events
 * @throws UsageError where a file that the settings name (certificate, secret) cannot be used
 */
export async function openOutput(settings: OutputSettings, sensor: string): Promise<Output> {
  switch (settings.type) {
    case 'stdout':
      return new StdoutOutput();
    case 'file':
      return new FileOutput(settings.path);
    case 'kafka': {
      const { KafkaOutput } = await import('./kafka.ts');
      return new KafkaOutput(settings, sensor);
    }
    case 'otlp': {
      const { OtlpOutput } = await import('./otlp.ts');
      return new OtlpOutput(settings, sensor);
    }
    case 'hec': {
      const { HecOutput } = await import('./hec.ts');
      return new HecOutput(settings, sensor);
    }
  }
}
