/** `vesper replay`: capture files become events. */
import { Agent } from '../agent.ts';
import { CaptureError } from '../capture/capture.ts';
import { PcapFile } from '../capture/pcap-file.ts';
import { type Config, loadConfig } from '../config.ts';
import { createCounters } from '../counters.ts';
import type { DeliveryNotice } from '../outputs/notice.ts';
import { openDelivery } from '../outputs/open.ts';
import { PolicyFiles } from '../policy-reload.ts';
import { UsageError } from '../usage-error.ts';
import { configFile, PIPELINE_FLAGS, PIPELINE_HELP, parseFlags, settingsOfFlags } from './flags.ts';
import { openLogger, summary } from './logging.ts';
import { endInTime, noticeText, spoolDirectory } from './outputs.ts';
import { print } from './print.ts';
import { Progress } from './progress.ts';

const HELP = `vesper replay FILE… [OPTION…]

  Turns capture files (pcap, pcapng, either of them gzipped; - is standard input) into events. Several files are one
  stretch of traffic, in the order given.

${PIPELINE_HELP}`;

/** Opens all files before any output is made: a wrong one leaves nothing behind. */
async function openCaptures(
  files: readonly string[],
  onWarning: (text: string) => void,
  progress: Progress,
): Promise<PcapFile[]> {
  const captures: PcapFile[] = [];
  for (const file of files) {
    try {
      captures.push(await PcapFile.open(file, { onWarning, onProgress: (read, total) => progress.bytes(read, total) }));
    } catch (error) {
      if (error instanceof CaptureError) throw new UsageError(error.message);
      throw error;
    }
  }
  return captures;
}

interface Replay {
  readonly config: Config;
  readonly files: readonly string[];
}

async function run({ config, files }: Replay): Promise<number> {
  let failed = false;
  const abort = new AbortController();
  const stop = (): void => abort.abort();
  const counters = createCounters();
  const logger = openLogger(config, counters);
  const progress = new Progress(counters);
  const policies = new PolicyFiles(config.policies, counters, logger).open();
  const onWarning = (text: string): void => {
    failed = true;
    progress.clear();
    logger.warn(text);
  };
  const captures = await openCaptures(files, onWarning, progress);

  let readersLeft = config.outputs.length;
  const tell = (notice: DeliveryNotice): void => {
    const said = noticeText(notice);
    if (said !== undefined) {
      progress.clear();
      logger[said.level](said.text);
    }
    if (notice.what === 'lost') failed = true;
    if (notice.what !== 'failed') return;
    readersLeft--;
    if (said !== undefined) failed = true;
    if (said !== undefined || readersLeft === 0) stop();
  };
  const options = { live: false, spoolDirectory: () => spoolDirectory(config), sensor: config.sensor.name };
  const delivery = await openDelivery(config.outputs, options, counters, tell);
  let running = captures[0];
  const interfaceName = (index: number): string | undefined => running?.interfaceName(index);
  const agent = new Agent({ config, counters, policies, delivery, interfaceName });
  const interrupt = (): void => {
    failed = true;
    stop();
  };
  process.once('SIGINT', interrupt);
  process.once('SIGTERM', interrupt);
  const started = performance.now();
  progress.start();
  try {
    for (const capture of captures) {
      running = capture;
      await capture.run(agent, abort.signal);
    }
    await endInTime(abort.signal, config.shutdown_timeout_s, async (deadline) => {
      await agent.end(deadline);
      await delivery.close(deadline);
    });
  } finally {
    progress.stop();
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
  }
  const seconds = Math.round(performance.now() - started) / 1000;
  if (progress.shown) progress.summary(seconds);
  else logger.info({ seconds, counters: summary(counters) }, 'replay done');
  return failed ? 1 : 0;
}

export async function replay(args: string[]): Promise<number> {
  const { values, positionals: files } = parseFlags(args, PIPELINE_FLAGS, 'replay');
  if (values.help) {
    print(HELP);
    return 0;
  }
  if (files.length === 0)
    throw new UsageError('name a capture file, or - for standard input; see vesper replay --help');
  const config = loadConfig(configFile(values), settingsOfFlags(values));
  return run({ config, files });
}
