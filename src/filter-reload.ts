/** What is left out, and which ports carry DNS: read anew while the agent runs, without a new program in the kernel. */
import type { LiveCapture } from './capture/capture.ts';
import type { KernelFilters } from './capture/ebpf-settings.ts';
import type { Kind } from './cim/event.ts';
import { type Config, changedSettings } from './config.ts';

/** Who takes other filters between two packets. */
export interface FilterUser {
  replaceFilters(config: Config): void;
}

/** Kinds that are made of handshakes. */
const TLS_KINDS: readonly Kind[] = ['tls', 'certificate', 'finding'];

/** Whether handshakes are to be followed for these kinds of events. */
export function needsTls(collect: readonly Kind[]): boolean {
  return TLS_KINDS.some((kind) => collect.includes(kind));
}

export function kernelFilters({ ignore, dns, collect }: Config): KernelFilters {
  return {
    ignoreNetworks: ignore.networks,
    ignorePorts: ignore.ports,
    dnsPorts: dns.ports,
    followTls: needsTls(collect),
  };
}

/** Settings that take over while the agent runs. */
const CHANGEABLE = /^(policies|collect|dns\.ports|ignore\..+)$/;

/** Settings that were changed and take over with the next start alone, by path. */
export function changesForLater(running: Config, wanted: Config): string[] {
  return changedSettings(running, wanted).filter((path) => !CHANGEABLE.test(path));
}

/**
 * Flows that are known already keep what was decided at their first packet, except that the kernel no longer hands over or
 * counts what is ignored now.
 * @param running the settings at the start
 * @param wanted the settings as they are now
 * @returns what to tell, and whether the new ones took over
 */
export function reloadFilters(
  running: Config,
  wanted: Config,
  capture: Pick<LiveCapture, 'filter'>,
  user: FilterUser,
  logger: Readonly<Record<'info' | 'error', (text: string) => void>>,
): boolean {
  let filters: Config;
  let later: readonly Kind[];
  try {
    // What nobody wanted at the start is not decoded: it cannot be had now.
    const kinds = wanted.collect.filter((kind) => running.collect.includes(kind));
    later = wanted.collect.filter((kind) => !kinds.includes(kind));
    filters = { ...wanted, collect: kinds };
    capture.filter(kernelFilters(filters));
  } catch (error) {
    // The kernel refuses them, such as more networks than its map holds.
    logger.error(`filters not changed:\n${(error as Error).message}`);
    return false;
  }
  user.replaceFilters(filters);
  logger.info(`filters read anew${later.length > 0 ? `; ${later.join(', ')} with the next start` : ''}`);
  return true;
}
