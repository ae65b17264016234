/**
 * The pcap file format (draft-ietf-opsawg-pcap; libpcap's pcap-savefile(5)), in the byte order of its writer:
 *
 *     file    = magic:u32 major:u16 minor:u16 zone:i32 accuracy:u32 snaplen:u32 link:u32 *record
 *     record  = seconds:u32 fraction:u32 captured:u32 original:u32 [ifindex:u32 protocol:u16 kind:u8 pad:u8] data
 *
 * The magic tells the byte order and whether the fraction counts micro- or nanoseconds; the part in brackets is only
 * there under the magic of Alexey Kuznetsov's patched libpcap.
 */
import { Frame } from '../dissect/frame.ts';
import type { FrameSink } from './capture.ts';
import { LAST_SECOND, PACKET_LIMIT, type RecordFormat } from './pcap-format.ts';
import type { ByteWindow } from './pcap-window.ts';

export const FILE_HEADER = 24;

interface Variant {
  readonly unitsPerSecond: number;
  readonly recordHeader: number;
}

const VARIANTS: ReadonlyMap<number, Variant> = new Map([
  [0xa1b2c3d4, { unitsPerSecond: 1_000_000, recordHeader: 16 }],
  [0xa1b23c4d, { unitsPerSecond: 1_000_000_000, recordHeader: 16 }],
  [0xa1b2cd34, { unitsPerSecond: 1_000_000, recordHeader: 24 }],
]);

export class Pcap implements RecordFormat {
  damage: string | undefined;
  clampedTimes = 0;
  private readonly little: boolean;
  private readonly unitsPerSecond: number;
  private readonly recordHeader: number;
  private readonly frame = new Frame();

  private constructor(variant: Variant, little: boolean, linkType: number) {
    this.little = little;
    this.unitsPerSecond = variant.unitsPerSecond;
    this.recordHeader = variant.recordHeader;
    this.frame.linkType = linkType;
  }

  static matches(view: DataView): boolean {
    return VARIANTS.has(view.getUint32(0, true)) || VARIANTS.has(view.getUint32(0));
  }

  /** Takes the file header, which `matches`, from the first `FILE_HEADER` bytes of the window. */
  static open(window: ByteWindow): Pcap {
    const { view } = window;
    const little = VARIANTS.has(view.getUint32(0, true));
    window.start = FILE_HEADER;
    // Only the low 16 bits are the link type; above are the length of a frame check sequence and reserved bits to ignore.
    // A check sequence needs no care: it trails the packet, and the lengths in the packet leave it out.
    return new Pcap(VARIANTS.get(view.getUint32(0, little))!, little, view.getUint32(20, little) & 0xffff);
  }

  frames(window: ByteWindow, sink: FrameSink): number {
    const { little, unitsPerSecond, recordHeader, frame } = this;
    const { view, end } = window;
    const nanosPerUnit = 1_000_000_000 / unitsPerSecond;
    frame.bytes = window.bytes;
    frame.view = view;
    let at = window.start;
    while (end - at >= recordHeader) {
      const captured = view.getUint32(at + 8, little);
      const start = at + recordHeader;
      const next = start + captured;
      if (next > end || captured > PACKET_LIMIT) {
        window.start = at;
        if (captured <= PACKET_LIMIT) return recordHeader + captured;
        this.damage = `a packet of ${captured} bytes`;
        return 0;
      }
      let seconds = view.getUint32(at, little);
      let fraction = view.getUint32(at + 4, little);
      if (fraction >= unitsPerSecond) {
        seconds += Math.floor(fraction / unitsPerSecond);
        fraction %= unitsPerSecond;
      }
      if (seconds > LAST_SECOND) {
        seconds = LAST_SECOND;
        this.clampedTimes++;
      }
      const original = view.getUint32(at + 12, little);
      frame.seconds = seconds;
      frame.nanos = fraction * nanosPerUnit;
      frame.start = start;
      frame.end = next;
      // Some writers leave the wire length 0 or shorter than what they captured.
      frame.originalLength = Math.max(original, captured);
      sink.frame(frame);
      at = next;
    }
    window.start = at;
    return recordHeader;
  }

  /** The format names no interfaces. */
  interfaceName(): undefined {}
}
