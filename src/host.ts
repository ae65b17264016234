/** The host's own addresses. */
import { networkInterfaces } from 'node:os';
import type { DeviceAddresses } from './cim/line-parts.ts';

const LINK_LOCAL = /^fe80:/i;
const NO_MAC = '00:00:00:00:00:00';

/** As they were when they were read last; none before. */
export class Host {
  /** All of them as RFC 5952 text: they tell inbound from outbound. */
  readonly addresses = new Set<string>();
  private devices = new Map<string, DeviceAddresses>();

  read(): void {
    this.addresses.clear();
    this.devices = new Map();
    for (const [name, list = []] of Object.entries(networkInterfaces())) {
      for (const { address } of list) this.addresses.add(address);
      // One that reaches beyond its link first.
      const best = list.find(({ address }) => !LINK_LOCAL.test(address)) ?? list[0];
      const mac = list[0]?.mac;
      this.devices.set(name, { ip: best?.address, mac: mac === NO_MAC ? undefined : mac });
    }
  }

  /** Of the interface of that name; the same object until they are read again. */
  device(interfaceName: string): DeviceAddresses | undefined {
    return this.devices.get(interfaceName);
  }
}
