/** What this process may do (capabilities(7)). */
import { readFileSync } from 'node:fs';

/** Bits of `CapEff` in /proc/self/status (linux/capability.h). */
const BITS = {
  CAP_DAC_READ_SEARCH: 2n,
  CAP_NET_ADMIN: 12n,
  CAP_NET_RAW: 13n,
  CAP_SYS_PTRACE: 19n,
  CAP_SYS_ADMIN: 21n,
  CAP_PERFMON: 38n,
  CAP_BPF: 39n,
} as const;

export type Capability = keyof typeof BITS;

/** What CAP_SYS_ADMIN covers: before Linux 5.8 it was the only one. */
const OF_ADMIN: ReadonlySet<Capability> = new Set(['CAP_BPF', 'CAP_PERFMON']);

/** For the programs in the kernel, and for a packet socket. */
export const EBPF_CAPABILITIES: readonly Capability[] = ['CAP_BPF', 'CAP_NET_ADMIN', 'CAP_PERFMON'];
export const PACKET_CAPABILITIES: readonly Capability[] = ['CAP_NET_RAW'];

/** Those of `wanted` that this process is known not to have: none where there is no /proc that tells. */
export function missingCapabilities(wanted: readonly Capability[]): Capability[] {
  let status: string;
  try {
    status = readFileSync('/proc/self/status', 'utf8');
  } catch {
    return [];
  }
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
  const has = (name: Capability): boolean => (effective & (1n << BITS[name])) !== 0n;
  return wanted.filter((name) => !has(name) && !(OF_ADMIN.has(name) && has('CAP_SYS_ADMIN')));
}

/**
 * The sentence for a user whose process lacks capabilities.
 * @param what wants them, such as `eBPF`
 */
export function lacking(what: string, wanted: readonly Capability[]): string {
  const missing = missingCapabilities(wanted);
  const named = missing.length > 0 ? list(missing) : `${list(wanted)} in the host's own user namespace`;
  const systemd = `AmbientCapabilities=${wanted.join(' ')}`;
  return `${what} needs ${named}, which this process does not have: run it with sudo, or give it that (systemd: ${systemd})`;
}

function list(names: readonly string[]): string {
  return names.length < 2 ? names.join() : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}
