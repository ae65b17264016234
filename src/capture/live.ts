/** Which live capture: eBPF first, a packet socket where it cannot be. */
import type { Counters } from '../counters.ts';
import { AfPacketCapture } from './af-packet.ts';
import { CaptureError, type LiveCapture } from './capture.ts';

export interface LiveOptions {
  /** Names, globs and `auto`. */
  readonly interfaces: readonly string[];
  readonly counters: Counters;
  /** Networks in CIDR form and ports whose traffic the kernel drops before anything else. */
  readonly ignoreNetworks: readonly string[];
  readonly ignorePorts: readonly number[];
  /** Ports that carry DNS besides 53, 5353 and 5355. */
  readonly dnsPorts: readonly number[];
  /** Flows that the kernel counts at once. */
  readonly capacity: number;
  onNote(text: string): void;
  onWarning(text: string): void;
}

/** Throws `CaptureError` where no capture, or not the one asked for, can be opened. */
export function openLive(backend: 'auto' | 'ebpf' | 'af_packet', options: LiveOptions): LiveCapture {
  if (backend === 'ebpf') throw new CaptureError('the eBPF capture is not in this version; use --capture af_packet');
  return AfPacketCapture.open(options);
}
