/** DNS over one TCP connection (RFC 1035 §4.2.2, RFC 7766): messages behind a length of two bytes, both ways. */
import type { DnsProtocol, Timestamp } from '../event.ts';
import { type StreamConsumer, TcpStream } from '../flow/stream.ts';
import type { Packet } from '../net/packet.ts';
import { canBeDns, HEADER_LENGTH, hasRoom } from './message.ts';

/**
 * Segments skipped in search of a message, and messages that are not DNS, before a direction is given up. Where the capture
 * begins in the middle of a connection or lost a segment, a later segment begins with a message: senders write length and
 * message at once (RFC 7766 §8).
 */
const MAX_SKIPPED = 8;

/** Takes what a connection carries. */
export interface MessageHandler {
  /**
   * A message of `length` bytes, of which `[start, end)` are there. `since`: when it came, where that is not the time of
   * the packet in hand. Returns whether it was DNS.
   */
  message(bytes: Buffer, view: DataView, start: number, end: number, length: number, since?: Timestamp): boolean;
}

export class DnsDirection implements StreamConsumer {
  /** Nothing more is wanted: it is not DNS. */
  over = false;
  /** No segment has come yet. */
  isNew = true;
  private readonly handler: MessageHandler;
  private stream = new TcpStream(this);
  private skipped = 0;
  /** The next byte to be looked at begins a message. */
  private inStep = false;

  constructor(handler: MessageHandler) {
    this.handler = handler;
  }

  /** The first segment comes next, perhaps not in order: where the sequence number of the first byte is known, it waits for that. */
  begin(firstByte: number | undefined): void {
    this.isNew = false;
    if (firstByte === undefined) return;
    this.stream.anchor(firstByte);
    this.inStep = true;
  }

  /** Returns false where the stream had to be given up at a limit or a cut segment; it starts anew after the segment. */
  segment(packet: Packet): boolean {
    if (this.over) return true;
    const { stream } = this;
    stream.segment(packet);
    if (!stream.failed) return true;
    this.inStep = false;
    this.stream = new TcpStream(this);
    this.stream.anchor(packet.tcpSequence + packet.payloadLength);
    this.cut(stream);
    return false;
  }

  /**
   * The other end has acknowledged the bytes before this number: what the capture has not shown of them by now it has
   * lost. Returns how many gaps were passed over for it.
   */
  acknowledged(acknowledgment: number): number {
    let gaps = 0;
    for (; this.stream.hasGapBefore(acknowledgment); gaps++) {
      this.cut(this.stream);
      this.skipGap();
    }
    return gaps;
  }

  /** No segment comes any more: what waits for bytes before it is read. Returns how many gaps and parts of messages are left. */
  end(): number {
    let gaps = 0;
    for (; this.stream.hasGap; gaps++) this.skipGap();
    return gaps + Number(this.unfinished);
  }

  /** Whether a message has begun that is not whole yet, or waits for bytes before it. */
  get unfinished(): boolean {
    return !this.over && (this.stream.restLength > 0 || this.stream.hasGap);
  }

  private skipGap(): void {
    this.inStep = false;
    this.stream.skipGap();
  }

  /** A message that has begun will not become whole: what is there of it. */
  private cut({ rest, restLength }: TcpStream): void {
    if (restLength < 2 + HEADER_LENGTH) return;
    const view = new DataView(rest.buffer, rest.byteOffset, restLength);
    const length = view.getUint16(0);
    if (length > restLength - 2) this.handler.message(rest, view, 2, restLength, length);
  }

  consume(bytes: Buffer, view: DataView, start: number, end: number): number {
    let at = start;
    while (end - at >= 2) {
      const length = view.getUint16(at);
      const first = at + 2;
      if (length < HEADER_LENGTH) return this.skip(end - start);
      if (end - first < HEADER_LENGTH) break;
      if (end - first < length) {
        if (this.isWorthWaiting(view, first, length)) break;
        return this.skip(end - start);
      }
      if (this.handler.message(bytes, view, first, first + length, length, this.stream.heldSince)) this.inStep = true;
      // The length tells where the next message begins, whatever this one is.
      else if (!this.inStep || ++this.skipped > MAX_SKIPPED) return this.skip(end - start);
      at = first + length;
    }
    return at - start;
  }

  /** An opcode that nobody has assigned says that it is no message, but for where one is due. */
  private isWorthWaiting(view: DataView, first: number, length: number): boolean {
    return this.inStep ? hasRoom(view, first, length) : canBeDns(view, first, length);
  }

  private skip(used: number): number {
    this.inStep = false;
    this.skipped++;
    this.over = this.skipped > MAX_SKIPPED;
    return this.over ? -1 : used;
  }
}

export class DnsConnection {
  readonly fromClient: DnsDirection;
  readonly fromServer: DnsDirection;
  /** Id of the zone transfer that the server is answering with one message after the other (RFC 5936 §2.2), -1: none. */
  transfer = -1;
  readonly protocol: DnsProtocol;

  constructor(handler: MessageHandler, protocol: DnsProtocol) {
    this.protocol = protocol;
    this.fromClient = new DnsDirection(handler);
    this.fromServer = new DnsDirection(handler);
  }

  get over(): boolean {
    return this.fromClient.over && this.fromServer.over;
  }
}
