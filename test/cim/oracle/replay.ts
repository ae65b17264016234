/** Replays captures through the agent and hands over every line. */
import { Agent } from '../../../src/agent.ts';
import { PcapFile } from '../../../src/capture/pcap-file.ts';
import type { Kind } from '../../../src/cim/event.ts';
import { loadConfig } from '../../../src/config.ts';
import { createCounters } from '../../../src/counters.ts';
import { createLogger } from '../../../src/log.ts';
import { Delivery } from '../../../src/outputs/delivery.ts';
import type { Output } from '../../../src/outputs/output.ts';
import { PolicyFiles } from '../../../src/policy-reload.ts';
import { route } from '../../outputs/routes.ts';

export type LineSink = (kind: Kind, line: string) => void;

const POLICIES = new PolicyFiles(
  ['baseline'],
  createCounters(),
  createLogger('silent', 'json', () => {}),
).open();

/** Captures are many and small: room for a million flows each time took most of the time. */
const FLOWS = '16384';

/** @param settings as flags give them, such as `collect` */
export async function replayLines(
  file: string,
  onLine: LineSink,
  settings: Readonly<Record<string, string>> = {},
): Promise<void> {
  const given = new Map(Object.entries({ 'sensor.name': 'sensor', 'flows.capacity': FLOWS, ...settings }));
  const config = loadConfig(undefined, given, {});
  const counters = createCounters();
  const output: Output = {
    name: 'test',
    send: async () => {},
    sendNow: (events) => {
      for (const event of events) onLine(event.kind, event.line);
    },
    close: async () => {},
  };
  const routes = config.outputs.map((settings) => route(output, { settings }));
  const delivery = new Delivery(routes, counters, (notice) => {
    throw new Error(JSON.stringify(notice));
  });
  const capture = await PcapFile.open(file, { onWarning: () => {} });
  const agent = new Agent({
    config,
    counters,
    policies: POLICIES,
    delivery,
    interfaceName: (index) => capture.interfaceName(index),
  });
  await capture.run(agent, new AbortController().signal);
  await agent.end();
  await delivery.close();
}
