/** The DNS transactions and TLS handshakes of capture files, for commands that look at them without making events. */
import { CaptureError, type FrameSink } from '../capture/capture.ts';
import { PcapFile } from '../capture/pcap-file.ts';
import { createCounters } from '../counters.ts';
import { Engine } from '../dissect/engine.ts';
import type { EventSink } from '../dissect/event.ts';
import { FLOW_DEFAULTS } from '../dissect/flow/options.ts';
import { DEFAULT_NETWORK_OPTIONS } from '../dissect/net/decoder.ts';
import { UsageError } from '../usage-error.ts';

const QUERY_TIMEOUT_S = 10;

export interface ReadOptions {
  readonly dns: boolean;
  readonly onWarning: (text: string) => void;
}

/**
 * Several files are one stretch of traffic, in the order given.
 * @throws UsageError where one of them is no capture
 */
export async function readCaptures(
  files: readonly string[],
  { dns, onWarning }: ReadOptions,
  sink: EventSink,
): Promise<void> {
  try {
    let running: PcapFile | undefined;
    const engine = new Engine(
      {
        flows: false,
        dns,
        tls: true,
        network: DEFAULT_NETWORK_OPTIONS,
        flow: FLOW_DEFAULTS,
        dnsOptions: { messages: false, transactions: true, ports: [], queryTimeout: QUERY_TIMEOUT_S },
        tlsOptions: {
          messages: false,
          transactions: true,
          certificates: true,
          certificateEvents: false,
          fingerprints: [],
        },
        filter: { ignoreSources: [], ignoreDestinations: [], ignoreNetworks: [], ignorePorts: [] },
        interfaceName: (index) => running?.interfaceName(index),
      },
      createCounters(),
      sink,
    );
    const frames: FrameSink = { frame: (frame) => engine.frame(frame), ready: () => undefined };
    for (const file of files) {
      running = await PcapFile.open(file, { onWarning });
      await running.run(frames, new AbortController().signal);
    }
    engine.end();
  } catch (error) {
    if (error instanceof CaptureError) throw new UsageError(error.message);
    throw error;
  }
}
