/**
 * The pcapng file format (draft-ietf-opsawg-pcapng): blocks in sections, each section in the byte order of its writer
 * and with interfaces of its own.
 *
 *     file     = *section
 *     section  = SHB *block
 *     block    = type:u32 length:u32 body length:u32             length: of the whole block, a multiple of 4
 *     SHB body = order:u32 major:u16 minor:u16 section:u64 *option
 *     IDB body = link:u16 reserved:u16 snaplen:u32 *option
 *     EPB body = interface:u32 high:u32 low:u32 captured:u32 original:u32 data padding *option
 *     PB body  = interface:u16 drops:u16 high:u32 low:u32 captured:u32 original:u32 data padding *option    (obsolete)
 *     SPB body = original:u32 data padding                       of the section's first interface, without a time
 *
 * All other blocks are skipped.
 */
import { Frame } from '../dissect/frame.ts';
import type { FrameSink } from './capture.ts';
import { PACKET_LIMIT, type RecordFormat } from './pcap-format.ts';
import type { ByteWindow } from './pcap-window.ts';
import { PcapngInterface } from './pcapng-interface.ts';

/** The bytes that tell a pcapng file and its version: the section header up to its version. */
export const SECTION_START = 16;

const BLOCK = { section: 0x0a0d0d0a, interface: 1, packet: 2, simplePacket: 3, enhancedPacket: 6 } as const;
/** Bytes of a block without a body; also enough to read the byte order in a section header. */
const EMPTY_BLOCK = 12;
/** Bytes of the blocks up to where their data or options start, and the trailing length. */
const MINIMUM = { section: 28, interface: 20, simplePacket: 16, packet: 32 } as const;
const BYTE_ORDER = 0x1a2b3c4d;
const MAJOR_VERSION = 1;

/** The largest block that is looked into: the largest packet, and as much again for its options. */
const BLOCK_LIMIT = 2 * PACKET_LIMIT;
/** Over all sections: far beyond any host, and about 10 MB of descriptions. */
const INTERFACE_LIMIT = 65_536;

export class Pcapng implements RecordFormat {
  damage: string | undefined;
  clampedTimes = 0;
  private little = true;
  private readonly interfaces: PcapngInterface[] = [];
  /** Index of the section's first interface: interfaces of different sections must not share an index. */
  private firstInterface = 0;
  private readonly frame = new Frame();

  static matches(view: DataView): boolean {
    return view.getUint32(0) === BLOCK.section;
  }

  /** Why the first `SECTION_START` bytes, which `matches`, are no file that can be read; undefined where they are. */
  static refusal(view: DataView): string | undefined {
    const little = view.getUint32(8, true) === BYTE_ORDER;
    if (!little && view.getUint32(8) !== BYTE_ORDER) return 'its pcapng section header has no byte-order mark';
    const major = view.getUint16(12, little);
    if (major !== MAJOR_VERSION) return `it is pcapng of version ${major}, and only version 1 is known`;
    return undefined;
  }

  frames(window: ByteWindow, sink: FrameSink): number {
    const { frame } = this;
    const { view, end } = window;
    frame.bytes = window.bytes;
    frame.view = view;
    let { little } = this;
    let at = window.start;
    while (end - at >= EMPTY_BLOCK) {
      window.start = at;
      const type = view.getUint32(at, little);
      // The type reads the same in both byte orders, and the order must be known before the length is read.
      if (type === BLOCK.section) this.little = little = view.getUint32(at + 8, true) === BYTE_ORDER;
      const length = view.getUint32(at + 4, little);
      if (length < EMPTY_BLOCK || length % 4 !== 0) return this.damaged(`a block of ${length} bytes`);
      const next = at + length;
      if (next > end) {
        if (length <= BLOCK_LIMIT) return length;
        if (isRead(type)) return this.damaged(`a block of ${length} bytes`);
        window.start = next; // Beyond the window: skipped without being held in memory.
        return EMPTY_BLOCK;
      }
      if (view.getUint32(next - 4, little) !== length) return this.damaged('a block whose two lengths differ');
      if (type === BLOCK.enhancedPacket || type === BLOCK.packet) {
        if (!this.packet(view, at, length, type)) return 0;
        sink.frame(frame);
      } else if (type === BLOCK.simplePacket) {
        if (!this.simplePacket(view, at, length)) return 0;
        sink.frame(frame);
      } else if (type === BLOCK.section) {
        if (!this.section(view, at, length)) return 0;
      } else if (type === BLOCK.interface) {
        if (!this.interface(window, at, length)) return 0;
      }
      at = next;
    }
    window.start = at;
    return EMPTY_BLOCK;
  }

  interfaceName(index: number): string | undefined {
    return this.interfaces[index]?.name;
  }

  private packet(view: DataView, at: number, length: number, type: number): boolean {
    const { little, frame } = this;
    if (length < MINIMUM.packet) return this.refuse(`a packet block of ${length} bytes`);
    const id = type === BLOCK.packet ? view.getUint16(at + 8, little) : view.getUint32(at + 8, little);
    const index = this.firstInterface + id;
    const source = this.interfaces[index];
    if (source === undefined) return this.refuse(`a packet of interface ${id}, which was not described`);
    const captured = view.getUint32(at + 20, little);
    const original = view.getUint32(at + 24, little);
    if (captured > length - MINIMUM.packet) return this.refuse(`a packet of ${captured} bytes in a block of ${length}`);
    if (!source.setTime(frame, view.getUint32(at + 12, little), view.getUint32(at + 16, little))) this.clampedTimes++;
    frame.start = at + 28;
    frame.end = at + 28 + captured;
    frame.originalLength = Math.max(original, captured);
    frame.linkType = source.linkType;
    frame.interfaceIndex = index;
    return true;
  }

  /** The packet keeps the time of the one before it, so that time does not jump; the first of a file is of 1970. */
  private simplePacket(view: DataView, at: number, length: number): boolean {
    const { little, frame } = this;
    const source = this.interfaces[this.firstInterface];
    if (length < MINIMUM.simplePacket) return this.refuse(`a packet block of ${length} bytes`);
    if (source === undefined) return this.refuse('a packet before any interface was described');
    const original = view.getUint32(at + 8, little);
    const captured = Math.min(original, length - MINIMUM.simplePacket, source.snapLength || original);
    frame.start = at + 12;
    frame.end = at + 12 + captured;
    frame.originalLength = original;
    frame.linkType = source.linkType;
    frame.interfaceIndex = this.firstInterface;
    return true;
  }

  private section(view: DataView, at: number, length: number): boolean {
    if (length < MINIMUM.section) return this.refuse(`a section header of ${length} bytes`);
    if (view.getUint32(at + 8, this.little) !== BYTE_ORDER) return this.refuse('a section without a byte-order mark');
    const major = view.getUint16(at + 12, this.little);
    if (major !== MAJOR_VERSION) return this.refuse(`a section of version ${major}`);
    this.firstInterface = this.interfaces.length;
    return true;
  }

  private interface({ bytes, view }: ByteWindow, at: number, length: number): boolean {
    if (length < MINIMUM.interface) return this.refuse(`an interface description of ${length} bytes`);
    if (this.interfaces.length === INTERFACE_LIMIT) return this.refuse(`more than ${INTERFACE_LIMIT} interfaces`);
    this.interfaces.push(new PcapngInterface(bytes, view, at + 8, at + length - 4, this.little));
    return true;
  }

  private refuse(damage: string): false {
    this.damage = damage;
    return false;
  }

  private damaged(damage: string): 0 {
    this.damage = damage;
    return 0;
  }
}

function isRead(type: number): boolean {
  return (
    type === BLOCK.section ||
    type === BLOCK.interface ||
    type === BLOCK.packet ||
    type === BLOCK.simplePacket ||
    type === BLOCK.enhancedPacket
  );
}
