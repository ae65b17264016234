/** Captures an interface through clsact until SIGINT and says how many frames there were: `node clsact-run.js INTERFACE`. */
import { EbpfCapture } from '../../src/capture/ebpf.ts';
import { createCounters } from '../../src/counters.ts';
import { LIVE_OPTIONS } from './privilege.ts';

const abort = new AbortController();
process.on('SIGINT', () => abort.abort());
let frames = 0;
const count = (): boolean => {
  frames++;
  return false;
};
const interfaces = process.argv.slice(2);
const capture = EbpfCapture.open({ ...LIVE_OPTIONS, interfaces, clsact: true, counters: createCounters() });
process.stderr.write('capturing\n');
const sink = { frame: count, tracked: count, settle: () => true, tick: () => {}, ready: () => undefined };
await capture.run(sink, abort.signal);
capture.close();
process.stderr.write(`${frames} frames\n`);
