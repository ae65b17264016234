/**
 * Reads one direction's records for its hellos: handshake messages over any number of records (RFC 8446 §5.1), among
 * alerts, ChangeCipherSpec and early data, and up to TLS 1.2 for what follows them in the clear. Holds at most one message.
 *
 *     HandshakeType msg_type; uint24 length; body
 */
import type { ClientHello, ServerHello } from '../event.ts';
import type { StreamConsumer } from '../flow/stream.ts';
import { Reader } from '../reader.ts';
import { MIN_CLIENT_HELLO_LENGTH, readClientHello } from './client-hello.ts';
import { ContentType, mayBeRecord, RECORD_HEADER_LENGTH } from './record.ts';
import { MIN_DRAFT_RETRY_LENGTH, MIN_SERVER_HELLO_LENGTH, readDraftRetry, readServerHello } from './server-hello.ts';
import {
  Likeness,
  likeClientHello,
  likeServerHello,
  readSslv2ClientHello,
  readSslv2ServerHello,
  sslv2RecordEnd,
} from './sslv2.ts';

export const HandshakeType = {
  helloRequest: 0,
  clientHello: 1,
  serverHello: 2,
  newSessionTicket: 4,
  draftHelloRetryRequest: 6,
  certificate: 11,
  serverKeyExchange: 12,
  certificateRequest: 13,
  serverHelloDone: 14,
  certificateStatus: 22,
} as const;

export const HANDSHAKE_HEADER_LENGTH = 4;

/** The largest hello taken: those of browsers with post-quantum shares and ECH stay under 8 KiB. */
export const MAX_HELLO_LENGTH = 0xffff;

/** First size of the buffer for a message over several records: most hellos without post-quantum shares. */
const FIRST_MESSAGE = 512;

/** Of the messages after the hellos: chains are of 2 to 8 KiB. */
export const MAX_MESSAGE_LENGTH = 0xffff;

/** AlertLevel and AlertDescription (RFC 8446 §6). */
export const FATAL = 2;
const CLOSE_NOTIFY = 0;

/** Alert records from this length on are encrypted: two bytes and at least a truncated MAC of ten (RFC 6066 §7). */
const MIN_ENCRYPTED_ALERT = 12;

const EMPTY = Buffer.alloc(0);

/** Whether a message of this type and body length can be a hello. */
export function isHelloHeader(type: number, length: number): boolean {
  if (length > MAX_HELLO_LENGTH) return false;
  if (type === HandshakeType.clientHello) return length >= MIN_CLIENT_HELLO_LENGTH;
  if (type === HandshakeType.serverHello) return length >= MIN_SERVER_HELLO_LENGTH;
  return type === HandshakeType.draftHelloRetryRequest && length >= MIN_DRAFT_RETRY_LENGTH;
}

/** Messages in the clear after the hellos, up to TLS 1.2, that show something (RFC 5246 §7.4, RFC 6066 §8, RFC 5077 §3.3). */
export function isReadAfterHello(type: number): boolean {
  return (
    (type >= HandshakeType.certificate && type <= HandshakeType.serverHelloDone) ||
    type === HandshakeType.certificateStatus ||
    type === HandshakeType.newSessionTicket
  );
}

/** Takes messages as they become whole; each call but `alert` answers whether the direction is to be read on. */
export interface HandshakeHandler {
  clientHello(from: HandshakeReader, hello: ClientHello): boolean;
  serverHello(from: HandshakeReader, hello: ServerHello): boolean;
  /** A message after the hello: `body` spans it during the call. */
  message(from: HandshakeReader, type: number, body: Reader): boolean;
  changeCipherSpec(from: HandshakeReader): boolean;
  /** The direction's last alert. */
  alert(from: HandshakeReader, level: number, description: number): void;
}

/** Why a direction was read no further. */
export const Ended = {
  not: 0,
  /** The handler had what it wanted. */
  satisfied: 1,
  /** These are not records of TLS, or not of SSLv2: something else is spoken. */
  otherProtocol: 2,
  /** TLS, but past its hello: other handshake messages, application data before any hello, or a fatal alert. */
  noHello: 3,
} as const;
export type Ended = (typeof Ended)[keyof typeof Ended];

/** Shared: set and read out within one call. */
const reader = new Reader();

export class HandshakeReader implements StreamConsumer {
  ended: Ended = Ended.not;
  /** A hello has begun that is not whole yet. */
  began = false;
  /** Hellos given to the handler. */
  hellos = 0;
  /** Set by the handler: what follows the hello is wanted too. */
  afterHello = false;
  /** Set by the handler: `afterHello`, and another hello may come. */
  expectsHello = false;
  /** A message that was wanted was longer than any is taken. */
  passedOver = false;

  private readonly handler: HandshakeHandler;
  private records = 0;
  private type = 0;
  private version = 0;
  private length = 0;
  /** Bytes of the current record that are still to come. */
  private remaining = 0;
  /** Bytes still to come of a message that is passed over. */
  private skipping = 0;
  /** A handshake message that began in an earlier record, its header included. */
  private message: Buffer = EMPTY;
  private messageLength = 0;
  /** The first byte of an alert whose second is still to come, -1 without one. */
  private alertLevel = -1;

  constructor(handler: HandshakeHandler) {
    this.handler = handler;
  }

  consume(bytes: Buffer, view: DataView, start: number, end: number): number {
    let position = start;
    if (this.records === 0 && (view.getUint8(start) & 0x80) !== 0) return this.sslv2(bytes, view, start, end);
    while (this.ended === Ended.not && position < end) {
      if (this.remaining === 0) {
        if (!mayBeRecord(view, position, end)) return this.end(Ended.otherProtocol);
        if (end - position < RECORD_HEADER_LENGTH) break;
        this.type = view.getUint8(position);
        this.version = view.getUint16(position + 1);
        this.length = view.getUint16(position + 3);
        this.remaining = this.length;
        this.records++;
        position += RECORD_HEADER_LENGTH;
        continue;
      }
      const used = this.fragment(bytes, view, position, Math.min(end, position + this.remaining));
      if (used === 0) break;
      position += used;
      this.remaining -= used;
    }
    return this.ended === Ended.not ? position - start : -1;
  }

  /** What is captured of the current record's fragment, `[start, end)`. Returns how much of it was used. */
  private fragment(bytes: Buffer, view: DataView, start: number, end: number): number {
    switch (this.type) {
      case ContentType.handshake:
        if (this.skipping > 0) return this.skip(end - start);
        return this.messageLength > 0 ? this.append(bytes, start, end) : this.handshake(bytes, view, start, end);
      case ContentType.alert:
        if (this.length < MIN_ENCRYPTED_ALERT) this.alerts(view, start, end);
        return end - start;
      case ContentType.changeCipherSpec:
        if (this.afterHello && !this.handler.changeCipherSpec(this)) this.end(Ended.satisfied);
        return end - start;
      case ContentType.applicationData:
        // A client's early data lies between its two hellos (RFC 8446 §4.2.10).
        if (this.hellos === 0) this.end(Ended.noHello);
        return end - start;
      default:
        return end - start;
    }
  }

  private handshake(bytes: Buffer, view: DataView, start: number, end: number): number {
    if (this.remaining < HANDSHAKE_HEADER_LENGTH) return this.append(bytes, start, end);
    if (end - start < HANDSHAKE_HEADER_LENGTH) return 0;
    const type = view.getUint8(start);
    const whole = HANDSHAKE_HEADER_LENGTH + ((view.getUint8(start + 1) << 16) | view.getUint16(start + 2));
    if (!this.accept(type, whole)) {
      this.skipping = whole;
      return this.skip(end - start);
    }
    if (whole > this.remaining) return this.append(bytes, start, end);
    if (whole > end - start) return 0;
    this.whole(type, bytes, view, start + HANDSHAKE_HEADER_LENGTH, start + whole);
    return whole;
  }

  /** Collects a message that does not end in the record in which it began. */
  private append(bytes: Buffer, start: number, end: number): number {
    let position = start + this.copy(bytes, start, end, HANDSHAKE_HEADER_LENGTH);
    const { message } = this;
    if (this.messageLength < HANDSHAKE_HEADER_LENGTH) return position - start;
    const type = message[0]!;
    const whole = HANDSHAKE_HEADER_LENGTH + message.readUIntBE(1, 3);
    if (this.accept(type, whole)) {
      position += this.copy(bytes, position, end, whole);
      if (this.messageLength < whole) return position - start;
      const view = new DataView(this.message.buffer, this.message.byteOffset, whole);
      this.whole(type, this.message, view, HANDSHAKE_HEADER_LENGTH, whole);
    } else this.skipping = whole - HANDSHAKE_HEADER_LENGTH;
    this.message = EMPTY;
    this.messageLength = 0;
    return position - start;
  }

  /** Copies from `[start, end)` until the message has `whole` bytes. Returns how many it took. */
  private copy(bytes: Buffer, start: number, end: number, whole: number): number {
    const taken = Math.max(0, Math.min(end - start, whole - this.messageLength));
    const length = this.messageLength + taken;
    if (length > this.message.length) {
      // Grows with what has come, not with what the header claims.
      const larger = Buffer.allocUnsafeSlow(Math.max(FIRST_MESSAGE, 2 * this.message.length, length));
      this.message.copy(larger, 0, 0, this.messageLength);
      this.message = larger;
    }
    bytes.copy(this.message, this.messageLength, start, start + taken);
    this.messageLength = length;
    return taken;
  }

  /** Passes over what is there of the message that is not read. */
  private skip(available: number): number {
    const skipped = Math.min(this.skipping, available);
    this.skipping -= skipped;
    return skipped;
  }

  /** Whether the message of `whole` bytes is to be read; ends the reading where no hello can follow any more. */
  private accept(type: number, whole: number): boolean {
    const length = whole - HANDSHAKE_HEADER_LENGTH;
    if ((!this.afterHello || this.expectsHello) && isHelloHeader(type, length)) {
      this.began = true;
      return true;
    }
    if (this.afterHello) {
      if (!isReadAfterHello(type)) return false;
      this.passedOver ||= length > MAX_MESSAGE_LENGTH;
      return length <= MAX_MESSAGE_LENGTH;
    }
    // A HelloRequest is empty and may come at any time (RFC 5246 §7.4.1.1).
    if (type !== HandshakeType.helloRequest || length !== 0) this.end(Ended.noHello);
    return false;
  }

  /** A record may have several alerts, or a part of one (RFC 5246 §6.2.1; TLS 1.3 no longer allows it, RFC 8446 §5.1). */
  private alerts(view: DataView, start: number, end: number): void {
    for (let at = start; at < end && this.ended === Ended.not; at++) {
      const byte = view.getUint8(at);
      const level = this.alertLevel;
      this.alertLevel = level < 0 ? byte : -1;
      if (level >= 0) this.alert(level, byte);
    }
  }

  /** A warning (unrecognized_name, RFC 6066 §3) may come before the ServerHello; only the end of the connection counts. */
  private alert(level: number, description: number): void {
    if (level !== FATAL && description !== CLOSE_NOTIFY) return;
    this.handler.alert(this, level, description);
    this.end(Ended.noHello);
  }

  private whole(type: number, bytes: Buffer, view: DataView, start: number, end: number): void {
    reader.reset(bytes, view, start, end);
    if (this.afterHello && isReadAfterHello(type)) {
      if (!this.handler.message(this, type, reader)) this.end(Ended.satisfied);
    } else if (type === HandshakeType.clientHello) this.give(readClientHello(reader, this.version), undefined);
    else if (type === HandshakeType.serverHello) this.give(undefined, readServerHello(reader, this.version));
    else this.give(undefined, readDraftRetry(reader, this.version));
  }

  private sslv2(bytes: Buffer, view: DataView, start: number, end: number): number {
    const client = likeClientHello(view, start, end);
    const server = likeServerHello(view, start, end);
    if (client === Likeness.no && server === Likeness.no) return this.end(Ended.otherProtocol);
    if (client !== Likeness.yes && server !== Likeness.yes) return 0;
    this.began = true;
    const recordEnd = sslv2RecordEnd(view, start);
    if (end < recordEnd) return 0;
    this.records++;
    if (client === Likeness.yes) this.give(readSslv2ClientHello(bytes, view, start), undefined);
    else this.give(undefined, readSslv2ServerHello(bytes, view, start));
    return this.ended === Ended.not ? recordEnd - start : -1;
  }

  private give(client: ClientHello | undefined, server: ServerHello | undefined): void {
    this.began = false;
    let more = false;
    if (client) more = this.handler.clientHello(this, client);
    else if (server) more = this.handler.serverHello(this, server);
    else {
      this.end(Ended.otherProtocol);
      return;
    }
    this.hellos++;
    if (!more) this.end(Ended.satisfied);
  }

  private end(why: Ended): -1 {
    this.ended = why;
    return -1;
  }
}
