/** How the corpus is replayed: nothing ignored, every event wanted, no connection cut by a time-out. */
import type { Capture } from '../../src/capture/capture.ts';
import { PcapFile } from '../../src/capture/pcap-file.ts';
import type { EngineOptions } from '../../src/dissect/engine.ts';
import { FLOW_DEFAULTS } from '../../src/dissect/flow/options.ts';
import { everyEvent } from '../support/engine-options.ts';

export function openCapture(path: string, onWarning: (text: string) => void): Promise<Capture> {
  return PcapFile.open(path, { onWarning });
}

/** tshark's conversations never time out: longer than any capture of the corpus. */
const NEVER = 4_000_000_000;

export function corpusEngineOptions(interfaceName: EngineOptions['interfaceName']): EngineOptions {
  const flow = {
    ...FLOW_DEFAULTS,
    capacity: 131_072,
    activeTimeout: NEVER,
    tcpIdleTimeout: NEVER,
    udpIdleTimeout: NEVER,
    icmpIdleTimeout: NEVER,
  };
  return everyEvent(flow, [8053], interfaceName);
}
