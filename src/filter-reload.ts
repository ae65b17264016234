/** What is left out, and which ports carry DNS: read anew while the agent runs, without a new program in the kernel. */
import type { LiveCapture } from './capture/capture.ts';
import type { KernelFilters } from './capture/ebpf-settings.ts';
import type { Kind } from './cim/event.ts';
import type { Config } from './config.ts';

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

/**
 * Flows that are known already keep what was decided at their first packet, except that the kernel no longer hands over or
 * counts what is ignored now.
 * @param read the settings as they are now; throws `UsageError`
 * @returns what to tell, and whether the new ones took over
 */
export function reloadFilters(
  read: () => Config,
  running: Config,
  capture: Pick<LiveCapture, 'filter'>,
  user: FilterUser,
  logger: Readonly<Record<'info' | 'error', (text: string) => void>>,
): boolean {
  let filters: Config;
  let later: readonly Kind[];
  try {
    const config = read();
    // What nobody wanted at the start is not decoded: it cannot be had now.
    const kinds = config.collect.filter((kind) => running.collect.includes(kind));
    later = config.collect.filter((kind) => !kinds.includes(kind));
    filters = { ...config, collect: kinds };
    capture.filter(kernelFilters(filters));
  } catch (error) {
    // A setting that is wrong, or one that the kernel refuses, such as more networks than its map holds.
    logger.error(`filters not changed:\n${(error as Error).message}`);
    return false;
  }
  user.replaceFilters(filters);
  logger.info(`filters read anew${later.length > 0 ? `; ${later.join(', ')} with the next start` : ''}`);
  return true;
}
