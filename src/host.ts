/** The host's own addresses, as they are when they are asked for. */
import { networkInterfaces } from 'node:os';
import type { DeviceAddresses } from './cim/line-parts.ts';

/** All of them as RFC 5952 text: they tell inbound from outbound. */
export function hostAddresses(): Set<string> {
  return new Set(Object.values(networkInterfaces()).flatMap((list) => list?.map(({ address }) => address) ?? []));
}

const LINK_LOCAL = /^fe80:/i;
const NO_MAC = '00:00:00:00:00:00';

/** The first address of an interface, one that reaches beyond its link first, and its MAC address. */
export function deviceAddresses(interfaceName: string): DeviceAddresses | undefined {
  const list = networkInterfaces()[interfaceName];
  if (list === undefined) return undefined;
  const best = list.find(({ address }) => !LINK_LOCAL.test(address)) ?? list[0];
  const mac = list[0]?.mac;
  return { ip: best?.address, mac: mac === NO_MAC ? undefined : mac };
}
