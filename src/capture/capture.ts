/** What every source of frames offers: capture files, AF_PACKET, eBPF. */
import type { Counters } from '../counters.ts';
import type { KernelFlows } from '../dissect/engine.ts';
import type { Frame } from '../dissect/frame.ts';
import type { Tally } from '../dissect/tally.ts';
import type { KernelFilters } from './ebpf-settings.ts';

export interface FrameSink {
  /** Takes one frame, synchronously; the frame is reused as soon as this returns. */
  frame(frame: Frame): void;
  /** Undefined when more frames may come, else a promise that resolves then. A live capture never asks: it drops and counts. */
  ready(): Promise<void> | undefined;
}

/** What a live capture needs besides. */
export interface LiveSink extends FrameSink {
  /** No frame that is still to come is older than this: flows and queries that are due are reported. */
  tick(seconds: number, nanos: number): void;
  /**
   * A frame of a flow whose unremarkable packets the kernel counts, with what it has counted before this frame.
   * Returns whether the dissectors want to see more of the flow's payload.
   */
  tracked(frame: Frame, tally: Tally): boolean;
  /** What the kernel has counted so far for a flow. Returns false where the flow is not known. */
  settle(tally: Tally): boolean;
}

export interface Capture {
  /** Resolves at the end of the capture or when the signal aborts; rejects with `CaptureError`. */
  run(sink: FrameSink, signal: AbortSignal): Promise<void>;
  /** The name of an interface by `Frame.interfaceIndex`, where the capture tells one. */
  interfaceName(index: number): string | undefined;
}

export interface LiveOptions extends KernelFilters {
  /** Names, globs and `auto`. */
  readonly interfaces: readonly string[];
  readonly counters: Counters;
  /** Flows that the kernel counts at once. */
  readonly capacity: number;
  /** By clsact although the kernel has TCX (Linux 6.6): what older kernels get. */
  readonly clsact?: boolean;
  onWarning(text: string): void;
  /** An interface was attached or detached while the capture runs. */
  onInterface?(change: 'attached' | 'detached', name: string): void;
  /** Interfaces of the host or their addresses have changed. */
  onChange?(): void;
}

export interface LiveCapture {
  /** `ebpf` or `af_packet`. */
  readonly backend: string;
  /** Where the kernel counts flows. */
  readonly kernelFlows?: KernelFlows;
  /** Resolves when the signal aborts. Nothing more is captured then, but the kernel's flows can still be read. */
  run(sink: LiveSink, signal: AbortSignal): Promise<void>;
  interfaceName(index: number): string | undefined;
  /** Changes what the kernel leaves out or cuts short while the capture runs. */
  filter(filters: KernelFilters): void;
  /** Names of the interfaces that are captured now. */
  interfaces(): readonly string[];
  /** Frees everything; nothing is left in the system. */
  close(): void;
}

/** A capture that cannot be used: the reason and what to do about it, ready to show to the user. */
export class CaptureError extends Error {
  override name = 'CaptureError';
}
