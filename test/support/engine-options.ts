/** An engine that leaves nothing out: every event of every layer. */
import type { EngineOptions } from '../../src/dissect/engine.ts';
import { DEFAULT_NETWORK_OPTIONS } from '../../src/dissect/net/decoder.ts';

/** @param dnsPorts besides the well-known ones */
export function everyEvent(
  flow: EngineOptions['flow'],
  dnsPorts: readonly number[],
  interfaceName: EngineOptions['interfaceName'],
): EngineOptions {
  return {
    flows: true,
    dns: true,
    tls: true,
    network: DEFAULT_NETWORK_OPTIONS,
    flow,
    dnsOptions: { messages: true, transactions: true, ports: dnsPorts, queryTimeout: 10 },
    tlsOptions: {
      messages: true,
      transactions: true,
      certificates: true,
      certificateEvents: true,
      fingerprints: ['ja3', 'ja3s', 'ja4'],
    },
    filter: { ignoreSources: [], ignoreDestinations: [], ignoreNetworks: [], ignorePorts: [] },
    interfaceName,
  };
}
