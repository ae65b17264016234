/** What live capture can do on this host. */
import { release } from 'node:os';
import { type Capability, missingCapabilities } from '../capture/capabilities.ts';
import { cgroupRoot } from '../capture/cgroups.ts';
import { chooseLinks } from '../capture/interfaces.ts';
import { Links } from '../capture/links.ts';
import { openLive } from '../capture/live.ts';
import { createCounters } from '../counters.ts';

export interface Finding {
  readonly works: boolean;
  readonly what: string;
}

const NO_TRAFFIC = {
  interfaces: [],
  capacity: 16,
  ignoreNetworks: [],
  ignorePorts: [],
  dnsPorts: [],
  followTls: false,
};
/** Linux versions of docs/live.md. */
const TCX: readonly [number, number] = [6, 6];
/** To look into other users' processes. */
const OTHERS_PROCESSES: readonly Capability[] = ['CAP_SYS_PTRACE', 'CAP_DAC_READ_SEARCH'];

/** Opens a capture over no interface and closes it again. Returns what it warned of. */
function tryOut(backend: 'ebpf' | 'af_packet'): string[] {
  const warnings: string[] = [];
  const options = { ...NO_TRAFFIC, counters: createCounters(), onWarning: (text: string) => void warnings.push(text) };
  openLive(backend, options, () => {}).close();
  return warnings;
}

function ebpf(): readonly [Finding, ...Finding[]] {
  let warnings: string[];
  try {
    warnings = tryOut('ebpf');
  } catch (error) {
    return [{ works: false, what: `live capture by eBPF: ${(error as Error).message}` }];
  }
  const [major = 0, minor = 0] = release().split('.').map(Number);
  const hasTcx = major > TCX[0] || (major === TCX[0] && minor >= TCX[1]);
  const attached = hasTcx
    ? 'TCX, of which nothing outlives the agent'
    : 'clsact, whose filter a killed agent leaves until the next start';
  const findings: [Finding, ...Finding[]] = [
    { works: true, what: `live capture by eBPF, attached by ${attached} (Linux ${release()})` },
  ];
  for (const warning of warnings) findings.push({ works: false, what: `process of each flow: ${warning}` });
  if (warnings.length === 0)
    findings.push({ works: true, what: `process of each flow (cgroup v2 at ${cgroupRoot()})` });
  const missing = missingCapabilities(OTHERS_PROCESSES);
  if (missing.length > 0) {
    const need = missing.join(' and ');
    findings.push({ works: false, what: `process of sockets that are older than the agent: needs ${need}` });
  }
  return findings;
}

function afPacket(): Finding {
  try {
    tryOut('af_packet');
    return { works: true, what: 'live capture through a packet socket' };
  } catch (error) {
    return { works: false, what: `live capture through a packet socket: ${(error as Error).message}` };
  }
}

function interfaces(): Finding {
  const links = new Links();
  try {
    const names = chooseLinks(links.list(), ['auto']).map(({ name }) => name);
    const what = names.length > 0 ? names.join(', ') : 'none is up; bring one up, or name lo';
    return { works: names.length > 0, what: `interfaces that auto captures: ${what}` };
  } finally {
    links.close();
  }
}

/** `works`: there is a way to capture, and something to capture from. */
export function liveFindings(): { readonly works: boolean; readonly findings: readonly Finding[] } {
  const [kernel, ...processes] = ebpf();
  const socket = afPacket();
  const links = interfaces();
  return {
    works: (kernel.works || socket.works) && links.works,
    findings: [kernel, ...processes, socket, links],
  };
}
