/**
 * The last few segments that came behind a gap, or first in flows whose beginning was not seen, and began no hello. When a
 * hello begins in a later segment of such a flow, they may be its other parts: the network had put them in the wrong order.
 */
import { Packet, TcpFlag } from '../net/packet.ts';

/**
 * Segments kept: those of all flows behind gaps that a retransmission fills, which takes a second at first (RFC 6298 §2.1).
 * Only a flow's first 250 data segments get here, and of these few come behind a gap.
 */
const SEGMENTS = 256;
/** Bytes of the longest segment kept: an Ethernet frame's. Offloaded ones are longer, and in order. */
const SEGMENT_SIZE = 2_048;
/** Up to here a loop is faster than `Buffer.copy`, which makes an object of the source's part (200 ns). */
const SHORT_SEGMENT = 128;
const NO_SESSION = -1;

export class EarlySegments {
  private readonly bytes = Buffer.alloc(SEGMENTS * SEGMENT_SIZE);
  private readonly view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.length);
  private readonly sessions = new Float64Array(SEGMENTS).fill(NO_SESSION);
  private readonly sequences = new Uint32Array(SEGMENTS);
  private readonly lengths = new Uint16Array(SEGMENTS);
  private readonly fromClient = new Uint8Array(SEGMENTS);
  private readonly prefaces = new Uint8Array(SEGMENTS);
  private oldest = 0;
  private readonly packet = new Packet();

  /**
   * Keeps a whole, short segment in the place of the oldest.
   * @param toldPreface the flow was taken to be of another protocol by it
   */
  keep(packet: Packet, session: number, fromClient: boolean, toldPreface: boolean): void {
    const { payloadStart, payloadEnd, payloadLength } = packet;
    if (payloadLength > SEGMENT_SIZE || payloadEnd - payloadStart < payloadLength) return;
    const at = this.oldest;
    this.oldest = (at + 1) % SEGMENTS;
    const to = at * SEGMENT_SIZE;
    if (payloadLength > SHORT_SEGMENT) packet.bytes.copy(this.bytes, to, payloadStart, payloadEnd);
    else copyShort(packet.view, payloadStart, payloadEnd, this.view, to);
    this.sessions[at] = session;
    this.sequences[at] = packet.tcpSequence + ((packet.tcpFlags & TcpFlag.syn) === 0 ? 0 : 1);
    this.lengths[at] = payloadLength;
    this.fromClient[at] = fromClient ? 1 : 0;
    this.prefaces[at] = toldPreface ? 1 : 0;
  }

  /** Gives what is kept of one direction to `visit`, as if it came with `current`, until that answers false. */
  replay(
    session: number,
    fromClient: boolean,
    current: Packet,
    visit: (packet: Packet, toldPreface: boolean) => boolean,
  ): void {
    const { packet } = this;
    packet.frame = current.frame;
    packet.bytes = this.bytes;
    packet.view = this.view;
    packet.tcpFlags = current.tcpFlags & ~TcpFlag.syn;
    packet.tcpAcknowledgment = current.tcpAcknowledgment;
    for (let i = 0; i < SEGMENTS; i++) {
      if (this.sessions[i] !== session || this.fromClient[i] !== (fromClient ? 1 : 0)) continue;
      packet.tcpSequence = this.sequences[i]!;
      packet.payloadStart = i * SEGMENT_SIZE;
      packet.payloadLength = this.lengths[i]!;
      packet.payloadEnd = packet.payloadStart + packet.payloadLength;
      if (!visit(packet, this.prefaces[i] === 1)) return;
    }
  }
}

function copyShort(from: DataView, start: number, end: number, view: DataView, to: number): void {
  const shift = to - start;
  let at = start;
  for (; at + 4 <= end; at += 4) view.setInt32(at + shift, from.getInt32(at));
  for (; at < end; at++) view.setInt8(at + shift, from.getInt8(at));
}
