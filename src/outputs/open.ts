/** From the settings of outputs to outputs and all that stands before them. Nothing is connected or created before the first batch. */
import type { Counters } from '../counters.ts';
import { UsageError } from '../usage-error.ts';
import { MemoryStore } from './batch.ts';
import { Delivery, type Route } from './delivery.ts';
import { FileOutput } from './file/file.ts';
import type { NoticeSink } from './notice.ts';
import type { OutputSettings } from './options.ts';
import type { Output } from './output.ts';
import type { QueueOptions } from './queue.ts';
import { StdoutOutput } from './stdout.ts';

/** How long a replay tries to reach a peer: somebody waits for it. */
const REPLAY_PATIENCE_S = 60;
/** Writes to files end on their own; a device that hangs is no reason to write again. */
const NO_TIMEOUT_MS = 2 ** 31 - 1;

export interface DeliveryOptions {
  /** The traffic does not wait: outputs are waited for in the background, and kept alive through every error. */
  readonly live: boolean;
  /** Asked where an output has a spool. Throws `UsageError` where there is no place for one. */
  readonly spoolDirectory: () => string;
  /** Name of this sensor, which network outputs tell beside the events. */
  readonly sensor: string;
}

/**
 * Libraries are loaded where an output needs them: a command does not pay for those of others.
 * @throws UsageError where a file that the settings name (certificate, secret) cannot be used
 */
async function openOutput(
  settings: OutputSettings,
  { live, sensor }: DeliveryOptions,
  warn: (text: string) => void,
): Promise<Output> {
  switch (settings.type) {
    case 'stdout':
      return new StdoutOutput();
    case 'file':
      // Who replays a capture can do it again, and the disk takes longer than the replay.
      return new FileOutput(settings, warn, live ? 'interval' : 'never');
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

async function storeOpener(
  settings: OutputSettings,
  { live, spoolDirectory }: DeliveryOptions,
): Promise<QueueOptions['openStore']> {
  if (settings.type === 'stdout' || settings.type === 'file') return () => new MemoryStore();
  if (!(settings.spool === 'auto' ? live : settings.spool)) return () => new MemoryStore();
  const { openSpool } = await import('./spool/spool.ts');
  const { name, spool_max_bytes: maxBytes } = settings;
  const directory = spoolDirectory();
  return (ledger, losses) => openSpool({ directory, name, maxBytes, ledger, losses });
}

async function queueOptions(settings: OutputSettings, options: DeliveryOptions): Promise<QueueOptions> {
  const { live } = options;
  const isLocal = settings.type === 'stdout' || settings.type === 'file';
  const { give_up_s } = settings.retry;
  const patience = give_up_s === 'auto' ? (live ? 0 : isLocal ? undefined : REPLAY_PATIENCE_S) : give_up_s;
  return {
    settings,
    openStore: await storeOpener(settings, options),
    direct: isLocal && !live && patience === undefined,
    giveUpAfterMs: patience === undefined ? 0 : patience === 0 ? Number.POSITIVE_INFINITY : patience * 1000,
    inFlight: isLocal ? 1 : settings.in_flight,
    timeoutMs: isLocal ? NO_TIMEOUT_MS : settings.timeout_ms,
  };
}

/**
 * The outputs with what is known of each beforehand: nothing is connected, no spool opened.
 * @throws UsageError with the mistake of every output that `openOutput` refuses or whose spool has no place
 */
export async function openRoutes(
  outputs: readonly OutputSettings[],
  options: DeliveryOptions,
  tell: NoticeSink,
): Promise<readonly Route[]> {
  const results = await Promise.allSettled(
    outputs.map(async (settings): Promise<Route> => {
      const output = await openOutput(settings, options, (text) =>
        tell({ output: settings.name, what: 'warning', text }),
      );
      return { output, options: await queueOptions(settings, options) };
    }),
  );
  const routes = results.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
  const reasons = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
  if (reasons.length === 0) return routes;
  await Promise.all(routes.map(({ output }) => output.close()));
  const mistakes = reasons.map((reason) => {
    if (!(reason instanceof UsageError)) throw reason;
    return reason.message;
  });
  throw new UsageError(mistakes.join('\n'));
}

/** @throws UsageError as `openRoutes`, or where a spool cannot be used */
export async function openDelivery(
  outputs: readonly OutputSettings[],
  options: DeliveryOptions,
  counters: Counters,
  tell: NoticeSink,
): Promise<Delivery> {
  return new Delivery(await openRoutes(outputs, options, tell), counters, tell);
}
