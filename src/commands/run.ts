/** `vesper run`: the traffic of this host becomes events, until a signal ends it. */
import type { Server } from 'node:http';
import { Agent } from '../agent.ts';
import { CaptureError } from '../capture/capture.ts';
import { exitNow } from '../capture/ffi/libc.ts';
import { openLive } from '../capture/live.ts';
import { type Config, loadConfig } from '../config.ts';
import { createCounters } from '../counters.ts';
import { changesForLater, kernelFilters, reloadFilters } from '../filter-reload.ts';
import { Health } from '../health.ts';
import { metricsText, serveMetrics } from '../metrics.ts';
import { Delivery } from '../outputs/delivery.ts';
import type { DeliveryNotice } from '../outputs/notice.ts';
import { openRoutes } from '../outputs/open.ts';
import { PolicyFiles } from '../policy-reload.ts';
import { UsageError } from '../usage-error.ts';
import { configFile, PIPELINE_FLAGS, PIPELINE_HELP, parseFlags, settingsOfFlags } from './flags.ts';
import { openLogger, summary } from './logging.ts';
import { endInTime, noticeText, spoolDirectory } from './outputs.ts';
import { print } from './print.ts';
import { losses, StatusLine } from './status.ts';

const HELP = `vesper run [OPTION…]

  Watches this host's interfaces until SIGINT or SIGTERM. It only listens: traffic is never held up or changed.

  -i, --interface NAMES        interfaces to watch: names and globs, separated by commas; auto (default) is all but
                               loopback. They may come and go.
      --capture BACKEND        ebpf, af_packet, or auto (default): ebpf where it works
${PIPELINE_HELP}`;

const FLAGS = {
  ...PIPELINE_FLAGS,
  interface: { type: 'string', short: 'i' },
  capture: { type: 'string' },
} as const;

/** So long the process may take to end by itself. */
const LAST_GRACE_MS = 1_000;

/**
 * A write that hangs in a thread (standard output whose reader stands still, a network file system that is away) holds the
 * process, even in `process.exit`: libuv waits for its threads. Nothing is left to lose then.
 */
function endInAnyCase(status: number): void {
  setTimeout(() => exitNow(status), LAST_GRACE_MS).unref();
}

/** @param read the settings as they are now; throws `UsageError` */
async function watch(read: () => Config, config: Config): Promise<number> {
  let failed = false;
  const abort = new AbortController();
  const counters = createCounters();
  const logger = openLogger(config, counters);
  let agent: Agent | undefined;
  let status: StatusLine | undefined;
  let health: Health | undefined;
  const tell = (level: 'info' | 'warn' | 'error', text: string): void => {
    status?.clear();
    logger[level](text);
  };
  const log = {
    info: (text: string): void => tell('info', text),
    warn: (text: string): void => tell('warn', text),
    error: (text: string): void => tell('error', text),
  };
  /** Called at SIGHUP, in this order. Signals are listened to from the start: else one would end the process at once. */
  const reopeners: (() => void)[] = [];
  const hangup = (): void => {
    for (const reopen of reopeners) reopen();
  };
  process.on('SIGHUP', hangup);
  const stop = (): void => abort.abort();
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  const policyFiles = new PolicyFiles(config.policies, counters, log);
  const policies = policyFiles.open();
  let outputsLeft = config.outputs.length;
  const onNotice = (notice: DeliveryNotice): void => {
    const said = noticeText(notice);
    if (said !== undefined) tell(said.level, said.text);
    if (said !== undefined && notice.what !== 'warning') {
      const what = notice.what === 'failed' ? 'failing' : notice.what;
      const outcome = what === 'recovered' ? 'success' : what === 'lost' ? 'warning' : 'failure';
      health?.output(`output_${what}`, outcome, said.text);
    }
    if (notice.what !== 'failed') return;
    if (said !== undefined) failed = true;
    outputsLeft--;
    if (outputsLeft === 0) abort.abort();
  };
  const options = { live: true, spoolDirectory: () => spoolDirectory(config), sensor: config.sensor.name };
  // Before anything of ours is in the kernel: a mistake there ends the start.
  const routes = await openRoutes(config.outputs, options, onNotice);
  const live = openLive(
    config.capture,
    {
      interfaces: config.interfaces,
      counters,
      capacity: config.flows.capacity,
      ...kernelFilters(config),
      onWarning: log.warn,
      onInterface: (change, name) => {
        // Those that are there at the start are told together.
        if (health === undefined) return;
        const { length } = live.interfaces();
        tell(length === 0 ? 'warn' : 'info', `${name} ${change}${length === 0 ? ': nothing is captured now' : ''}`);
        health.interface(change, name);
      },
      onChange: () => agent?.addressesChanged(),
    },
    log.info,
  );
  let opened: Delivery | undefined;
  let metrics: Server | undefined;
  try {
    const delivery = new Delivery(routes, counters, onNotice);
    opened = delivery;
    const watcher = new Agent({
      config,
      counters,
      policies,
      delivery,
      interfaceName: (index) => live.interfaceName(index),
      live: true,
      ...(live.kernelFlows && { kernelFlows: live.kernelFlows }),
    });
    agent = watcher;
    status = new StatusLine(counters, live.backend);
    status.start();
    const watched = new Health({
      config,
      counters,
      backend: live.backend,
      interfaces: () => live.interfaces(),
      formats: delivery.formats,
      push: (event, format) => delivery.push(event, format),
    });
    health = watched;
    reopeners.push(
      () => delivery.reopen(),
      () => {
        let wanted: Config;
        try {
          wanted = read();
        } catch (error) {
          log.error(`policies and filters not changed:\n${(error as Error).message}`);
          watched.reload(false, 'policies and filters not changed: see the log');
          return;
        }
        const judging = policyFiles.reload(watcher, wanted.policies);
        watched.reload(judging, judging ? 'policies read anew' : 'policies not changed: see the log');
        const filtering = reloadFilters(config, wanted, live, watcher, log);
        watched.reload(filtering, filtering ? 'filters read anew' : 'filters not changed: see the log');
        const later = changesForLater(config, wanted);
        if (later.length > 0) log.warn(`changed, but only with the next start: ${later.join(', ')}`);
      },
    );
    policyFiles.watch(watcher);
    if (config.metrics.port !== 0)
      metrics = await serveMetrics(config.metrics, () => metricsText(counters, live.backend, delivery.outputs));
    watched.start();
    await live.run(watcher, abort.signal);
    await endInTime(abort.signal, config.shutdown_timeout_s, async (deadline) => {
      await watcher.end(deadline);
      watched.stop();
      await delivery.close(deadline);
    });
  } finally {
    metrics?.close();
    policyFiles.close();
    live.close();
    stop();
    // Closed already, unless something has failed: then what waits is still sent, kept or counted.
    await endInTime(abort.signal, config.shutdown_timeout_s, async (deadline) => opened?.close(deadline));
    status?.stop();
    process.off('SIGHUP', hangup);
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
  logger.info({ counters: summary(counters) }, 'run done');
  const exitStatus = failed || losses(counters) > 0 ? 1 : 0;
  endInAnyCase(exitStatus);
  return exitStatus;
}

export async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseFlags(args, FLAGS, 'run');
  if (values.help) {
    print(HELP);
    return 0;
  }
  if (positionals.length > 0) throw new UsageError(`vesper run takes no arguments: -i ${positionals.join(',')}?`);
  const settings = settingsOfFlags(values);
  if (values.interface !== undefined) settings.set('interfaces', values.interface);
  if (values.capture !== undefined) settings.set('capture', values.capture);
  const read = (): Config => loadConfig(configFile(values), settings);
  const config = read();
  try {
    return await watch(read, config);
  } catch (error) {
    if (error instanceof CaptureError) throw new UsageError(error.message);
    throw error;
  }
}
