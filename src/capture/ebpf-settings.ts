/** What the kernel drops before anything else, and which ports it hands over whole. May change while it runs. */
import { parseCidr } from '../dissect/net/address.ts';
import { TUNNEL_PORTS } from '../dissect/net/tunnels.ts';
import { PortUse, SettingsField } from './ebpf-layout.ts';
import type { EbpfObject } from './ebpf-object.ts';
import { checked, type Libbpf } from './ffi/libbpf.ts';

export interface KernelFilters {
  /** CIDR; whichever end of a packet is in one of them. */
  readonly ignoreNetworks: readonly string[];
  /** TCP and UDP, either end. */
  readonly ignorePorts: readonly number[];
  /** Besides 53, 5353 and 5355. */
  readonly dnsPorts: readonly number[];
  /** Whether anybody wants hellos. */
  readonly followTls: boolean;
}

/** Of DNS, mDNS and LLMNR. */
export const DNS_PORTS: readonly number[] = [53, 5353, 5355];
const IPV4_PREFIX = 96;
const ANY = 0n;
/** `sizeof(struct network)` */
const NETWORK_SIZE = 20;

/**
 * Also while the programs run: what is to be ignored is never let through in between.
 * @throws SystemCallError where the kernel does not take a network; then nothing has changed
 */
export function applyFilters(object: EbpfObject, filters: KernelFilters): void {
  replaceNetworks(object, filters.ignoreNetworks);
  const view = new DataView(object.settings.memory);
  const ports = new Uint8Array(65536);
  for (const port of [...DNS_PORTS, ...filters.dnsPorts]) ports[port] = PortUse.dns;
  for (const port of TUNNEL_PORTS) ports[port] = (ports[port] as number) | PortUse.tunnel;
  for (const port of filters.ignorePorts) ports[port] = (ports[port] as number) | PortUse.ignored;
  new Uint8Array(object.settings.memory, SettingsField.ports, ports.length).set(ports);
  view.setUint32(SettingsField.hasNetworks, filters.ignoreNetworks.length > 0 ? 1 : 0, true);
  view.setUint32(SettingsField.followTls, filters.followTls ? 1 : 0, true);
}

function replaceNetworks({ library, networks }: EbpfObject, cidrs: readonly string[]): void {
  const former = networksIn(library, networks);
  const wanted = new Map<string, string>();
  for (const cidr of cidrs) {
    const key = networkKey(cidr);
    if (key !== undefined) wanted.set(key, cidr);
  }
  const added: string[] = [];
  try {
    for (const [key, cidr] of wanted) {
      if (former.has(key)) continue;
      const result = library.mapUpdate(networks, Buffer.from(key, 'hex'), Uint8Array.of(1), ANY);
      checked(result, `ignoring ${cidr} in the kernel`);
      added.push(key);
    }
  } catch (error) {
    for (const key of added) library.mapDelete(networks, Buffer.from(key, 'hex'));
    throw error;
  }
  for (const key of former) if (!wanted.has(key)) library.mapDelete(networks, Buffer.from(key, 'hex'));
}

/** The keys of the map, in hexadecimal. */
function networksIn(library: Libbpf, networks: number): Set<string> {
  const keys = new Set<string>();
  const key = Buffer.alloc(NETWORK_SIZE);
  for (let from: Buffer | null = null; library.mapNextKey(networks, from, key) === 0; from = key) {
    keys.add(key.toString('hex'));
  }
  return keys;
}

/** `struct network`, in hexadecimal. */
function networkKey(cidr: string): string | undefined {
  const network = parseCidr(cidr);
  if (network === undefined) return undefined;
  const key = Buffer.alloc(NETWORK_SIZE);
  const isIpv4 = network.version === 4;
  key.writeUInt32LE(network.prefix + (isIpv4 ? IPV4_PREFIX : 0), 0);
  const words = isIpv4 ? [0, 0, 0xffff, network.words[0]] : network.words;
  words.forEach((word, i) => {
    key.writeUInt32BE(word, 4 + 4 * i);
  });
  return key.toString('hex');
}
