/**
 * Whether this process may capture: suites that need it are skipped with a plain message elsewhere, and fail where
 * `VESPER_REQUIRE` lists what they need.
 */
import { AfPacketCapture } from '../../src/capture/af-packet.ts';
import type { LiveOptions } from '../../src/capture/capture.ts';
import { EbpfCapture } from '../../src/capture/ebpf.ts';
import { createCounters } from '../../src/counters.ts';

export const LIVE_OPTIONS: LiveOptions = {
  interfaces: [],
  counters: createCounters(),
  capacity: 65_536,
  ignoreNetworks: [],
  ignorePorts: [],
  dnsPorts: [],
  followTls: true,
  onWarning: () => {},
};

/** For a test's `skip` option. */
export function skipWithoutCapture(backend: 'ebpf' | 'af_packet'): string | false {
  try {
    (backend === 'ebpf' ? EbpfCapture : AfPacketCapture).open(LIVE_OPTIONS).close();
    return false;
  } catch (error) {
    const reason = `${backend} cannot be used here: ${(error as Error).message}`;
    if ((process.env.VESPER_REQUIRE ?? '').split(',').includes(backend)) throw new Error(reason);
    return reason;
  }
}
