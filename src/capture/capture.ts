/** What every source of frames offers: capture files, AF_PACKET, eBPF. */
import type { Frame } from '../dissect/frame.ts';

export interface FrameSink {
  /** Takes one frame, synchronously; the frame is reused as soon as this returns. */
  frame(frame: Frame): void;
  /** Undefined when more frames may come, else a promise that resolves then. A live capture never asks: it drops and counts. */
  ready(): Promise<void> | undefined;
}

export interface Capture {
  /** Resolves at the end of the capture or when the signal aborts; rejects with `CaptureError`. */
  run(sink: FrameSink, signal: AbortSignal): Promise<void>;
  /** The name of an interface by `Frame.interfaceIndex`, where the capture tells one. */
  interfaceName(index: number): string | undefined;
}

/** A capture that cannot be used: the reason and what to do about it, ready to show to the user. */
export class CaptureError extends Error {
  override name = 'CaptureError';
}
