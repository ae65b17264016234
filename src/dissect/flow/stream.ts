/** One direction of a TCP connection put in order (RFC 9293 §3.4), for as long as a protocol wants to read it. */
import type { Timestamp } from '../event.ts';
import { type Packet, TcpFlag } from '../net/packet.ts';

export interface StreamConsumer {
  /**
   * Looks at the contiguous bytes `[start, end)` and returns how many it used: all of them, a part or none. What it did
   * not use is kept and given again, first, with what follows; it must not remember those bytes itself. -1: wants
   * nothing more of this direction. `view` covers the same memory as `bytes`; both are valid during the call.
   */
  consume(bytes: Buffer, view: DataView, start: number, end: number): number;
}

/** Bytes kept for a consumer that needs more: the largest DNS message over TCP with its length field (RFC 1035 §4.2.2). */
export const MAX_REST = 2 + 65_535;
/** Bytes held ahead of a gap: an unscaled receive window. The messages read here are shorter than that. */
export const MAX_HELD_BYTES = 65_535;
/** Segments held ahead of a gap: four initial windows of ten (RFC 6928), since a peer waits for an answer after a hello. */
export const MAX_HELD_SEGMENTS = 40;
/** Data farther ahead than this belongs to another connection or is forged: no peer accepts it before a scaled window. */
const MAX_AHEAD = 1 << 20;
/** First size of the rest buffer: most messages that do not fit one segment fit two. */
const FIRST_REST = 2_048;

const EMPTY = Buffer.alloc(0);
const EMPTY_VIEW = new DataView(EMPTY.buffer, EMPTY.byteOffset, 0);

interface HeldSegment {
  readonly time: Timestamp;
  readonly sequence: number;
  readonly bytes: Buffer;
}

export class TcpStream {
  /** The stream is over before its consumer was satisfied: a limit was reached or captured bytes are missing for good. */
  failed = false;
  /** What the consumer has not used is `rest[0, restLength)`; still there when the stream has failed. */
  rest: Buffer = EMPTY;
  restLength = 0;
  /** When the bytes that the consumer is given came, where they waited for others that never did (`skipGap`). */
  heldSince: Timestamp | undefined = undefined;

  private readonly consumer: StreamConsumer;
  private restView = EMPTY_VIEW;
  /** Sequence number of the next byte to come; meaningless until `started`. */
  private next = 0;
  private started = false;
  /** The first byte of the stream is certain: nothing before it is data. */
  private anchored = false;
  /** The consumer has used bytes: the stream cannot start earlier any more. */
  private used = false;
  private over = false;
  /** Ahead of a gap, in order, without overlaps. */
  private held: HeldSegment[] = [];
  private heldBytes = 0;
  private strays = 0;

  constructor(consumer: StreamConsumer) {
    this.consumer = consumer;
  }

  /** Memory that the stream holds. */
  get bufferedBytes(): number {
    return this.rest.length + this.heldBytes;
  }

  /** Whether bytes wait for others before them. */
  get hasGap(): boolean {
    return this.held.length > 0;
  }

  /** Whether bytes are missing of which `acknowledgment` says that they have reached the other end. */
  hasGapBefore(acknowledgment: number): boolean {
    const first = this.held[0];
    if (first === undefined) return false;
    const beyond = (acknowledgment - first.sequence) | 0;
    return beyond >= 0 && beyond <= MAX_AHEAD;
  }

  /**
   * Goes on after the first gap. Its bytes were acknowledged, so nobody sends them again (RFC 9293 §3.4): the capture
   * lost them, and with them what the consumer has not used of the bytes before.
   */
  skipGap(): void {
    const first = this.held[0];
    if (first === undefined) return;
    this.restLength = 0;
    this.next = first.sequence;
    this.anchored = true;
    this.drain(true);
    this.heldSince = undefined;
  }

  /** Starts the stream at a sequence number that is known to be right: nothing before it is taken. */
  anchor(sequence: number): void {
    this.next = sequence >>> 0;
    this.started = true;
    this.anchored = true;
  }

  /**
   * Takes a segment's payload: in order, out of order, retransmitted, overlapping (the first copy wins, as the capture
   * cannot tell which the receiver took). Returns false when the stream is over: the consumer is satisfied or it `failed`.
   */
  segment(packet: Packet): boolean {
    if (this.over) return false;
    const syn = (packet.tcpFlags & TcpFlag.syn) !== 0;
    // SYN takes a sequence number; data may follow it in the same segment (RFC 7413).
    const sequence = (syn ? packet.tcpSequence + 1 : packet.tcpSequence) >>> 0;
    if (!this.started) {
      this.next = sequence;
      this.started = true;
      this.anchored = syn;
    }
    const length = packet.payloadLength;
    if (length === 0) return true;
    const captured = Math.min(packet.payloadEnd - packet.payloadStart, length);
    const ahead = (sequence - this.next) | 0;
    if (ahead === 0 && this.held.length === 0) {
      this.deliver(packet.bytes, packet.view, packet.payloadStart, packet.payloadStart + captured);
      this.next = (this.next + captured) >>> 0;
    } else if (ahead < 0 && this.isBeforeStart(ahead, length)) {
      this.restart(sequence, packet);
      this.hold(sequence, packet, 0, captured);
    } else if (ahead + length <= 0) {
      // All of it was there before: a retransmission, or a keep-alive's byte at next - 1 (RFC 9293 §3.8.4).
      return true;
    } else if (ahead > MAX_AHEAD) {
      this.strays++;
      if (this.strays > MAX_HELD_SEGMENTS) this.fail();
      return !this.over;
    } else {
      this.hold(sequence, packet, ahead < 0 ? -ahead : 0, captured);
    }
    // A frame cut by the snap length leaves a hole that no retransmission fills: those are cut as well.
    if (!this.over && captured < length && ((sequence + captured - this.next) | 0) <= 0) this.fail();
    return !this.over;
  }

  /** The capture began in the middle, with segments out of order: nothing is used yet, so the stream can start earlier. */
  private isBeforeStart(ahead: number, length: number): boolean {
    if (this.anchored || this.used || ahead < -MAX_HELD_BYTES) return false;
    const beforeFirst = ahead + this.restLength;
    return beforeFirst < 0 && !(beforeFirst === -1 && length === 1);
  }

  private restart(sequence: number, packet: Packet): void {
    if (this.restLength > 0) {
      const bytes = Buffer.from(this.rest.subarray(0, this.restLength));
      const { seconds, nanos } = packet.frame;
      this.held.unshift({ time: { seconds, nanos }, sequence: (this.next - this.restLength) >>> 0, bytes });
      this.heldBytes += bytes.length;
      this.restLength = 0;
    }
    this.next = sequence;
  }

  /** Holds the parts of the payload `[from, to)` that are not held yet, then delivers what is in order. */
  private hold(sequence: number, packet: Packet, from: number, to: number): void {
    const held = this.held;
    let at = 0;
    for (; at < held.length && from < to; at++) {
      const other = held[at]!;
      const otherFrom = (other.sequence - sequence) | 0;
      if (from < otherFrom) {
        if (to <= otherFrom) break;
        this.insert(at, sequence, packet, from, otherFrom);
        at++;
      }
      from = Math.max(from, otherFrom + other.bytes.length);
    }
    if (from < to) this.insert(at, sequence, packet, from, to);
    this.drain(false);
    if (!this.over && (this.heldBytes > MAX_HELD_BYTES || this.held.length > MAX_HELD_SEGMENTS)) this.fail();
  }

  private insert(at: number, sequence: number, packet: Packet, from: number, to: number): void {
    const bytes = Buffer.allocUnsafeSlow(to - from);
    packet.bytes.copy(bytes, 0, packet.payloadStart + from, packet.payloadStart + to);
    const { seconds, nanos } = packet.frame;
    this.held.splice(at, 0, { time: { seconds, nanos }, sequence: (sequence + from) >>> 0, bytes });
    this.heldBytes += bytes.length;
  }

  private drain(late: boolean): void {
    while (!this.over && this.held.length > 0 && this.held[0]!.sequence === this.next) {
      const { bytes, time } = this.held.shift()!;
      if (late) this.heldSince = time;
      this.heldBytes -= bytes.length;
      this.next = (this.next + bytes.length) >>> 0;
      this.deliver(bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, bytes.length);
    }
  }

  private deliver(bytes: Buffer, view: DataView, start: number, end: number): void {
    // The capture may have cut all of a segment's payload.
    if (start >= end) return;
    if (this.restLength === 0) {
      const used = this.consumer.consume(bytes, view, start, end);
      this.used ||= used > 0;
      if (used < 0) this.finish();
      else if (end - start - used > MAX_REST) this.fail();
      else if (start + used < end) this.keep(bytes, start + used, end);
      return;
    }
    for (let position = start; position < end && !this.over; ) {
      const part = Math.min(end - position, MAX_REST - this.restLength);
      this.keep(bytes, position, position + part);
      position += part;
      const used = this.consumer.consume(this.rest, this.restView, 0, this.restLength);
      if (used < 0) {
        this.finish();
      } else if (used === 0 && this.restLength === MAX_REST) {
        this.fail();
      } else {
        this.rest.copyWithin(0, used, this.restLength);
        this.restLength -= used;
        this.used ||= used > 0;
      }
    }
  }

  private keep(bytes: Buffer, start: number, end: number): void {
    const length = this.restLength + end - start;
    if (length > this.rest.length) {
      const larger = Buffer.allocUnsafeSlow(Math.min(MAX_REST, Math.max(FIRST_REST, 2 * this.rest.length, length)));
      this.rest.copy(larger, 0, 0, this.restLength);
      this.rest = larger;
      this.restView = new DataView(larger.buffer, larger.byteOffset, larger.length);
    }
    bytes.copy(this.rest, this.restLength, start, end);
    this.restLength = length;
  }

  private finish(): void {
    this.over = true;
    this.held = [];
    this.heldBytes = 0;
  }

  private fail(): void {
    this.failed = true;
    this.finish();
  }
}
