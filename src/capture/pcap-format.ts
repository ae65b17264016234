/** What the two capture file formats have in common. */
import type { FrameSink } from './capture.ts';
import type { ByteWindow } from './pcap-window.ts';

export interface RecordFormat {
  /**
   * Hands every whole record of the window to the sink and moves `window.start` past them. Returns how many bytes
   * the next record needs from there, or 0 where it cannot be one: `damage` then says why and the capture ends there.
   */
  frames(window: ByteWindow, sink: FrameSink): number;
  readonly damage: string | undefined;
  /** Packets whose time could not be kept (see `LAST_SECOND`). */
  readonly clampedTimes: number;
  interfaceName(index: number): string | undefined;
}

/**
 * The largest packet that is believed, in bytes. libpcap believes 262,144, but BIG TCP makes packets of up to
 * 8 × 65,535 bytes (GSO_MAX_SIZE of Linux), so this is twice that; more is a damaged length.
 */
export const PACKET_LIMIT = 1 << 20;

/**
 * 2106-02-07T06:28:14Z: the flow table keeps seconds in 32 bits, of which the last value stands for no packet. Only a
 * damaged or hostile file holds later times.
 */
export const LAST_SECOND = 4_294_967_294;
