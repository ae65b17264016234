/**
 * DTLS records and handshake fragments in the clear (RFC 6347 §4.1, §4.2.2; RFC 9147 §4, §5.2):
 *
 *     ContentType type; ProtocolVersion version; uint16 epoch; uint48 sequence_number; uint16 length; fragment
 *     HandshakeType msg_type; uint24 length; uint16 message_seq; uint24 fragment_offset; uint24 fragment_length; body
 */

import { isHelloHeader } from '../tls/handshake.ts';
import { ContentType } from '../tls/record.ts';

export const DTLS_RECORD_HEADER_LENGTH = 13;
export const DTLS_HANDSHAKE_HEADER_LENGTH = 12;

/** DTLS 1.0, 1.2, 1.3 (which writes 1.2), and OpenSSL's before the RFC. */
function isDtlsVersion(version: number): boolean {
  return version === 0xfefd || version === 0xfeff || version === 0xfefc || version === 0x0100;
}

/** A record, of which the fragment is in the clear in epoch 0 alone. */
export class DtlsRecord {
  type = 0;
  version = 0;
  epoch = 0;
  /** The fragment, `[start, end)`. */
  start = 0;
  end = 0;

  /** Reads the record at `start`. Returns false where there is none, or it is not whole. */
  read(view: DataView, start: number, end: number): boolean {
    if (end - start < DTLS_RECORD_HEADER_LENGTH) return false;
    this.version = view.getUint16(start + 1);
    if (!isDtlsVersion(this.version)) return false;
    this.type = view.getUint8(start);
    this.epoch = view.getUint16(start + 3);
    this.start = start + DTLS_RECORD_HEADER_LENGTH;
    this.end = this.start + view.getUint16(start + 11);
    return this.end <= end;
  }

  get isPlaintextHandshake(): boolean {
    return this.type === ContentType.handshake && this.epoch === 0;
  }
}

/** One fragment of a handshake message. */
export class DtlsFragment {
  type = 0;
  /** Of the whole message's body. */
  length = 0;
  sequence = 0;
  offset = 0;
  /** The body's part, `[start, end)`. */
  start = 0;
  end = 0;

  /** Reads the fragment at `start`. Returns false where there is none, or its lengths do not agree. */
  read(view: DataView, start: number, end: number): boolean {
    if (end - start < DTLS_HANDSHAKE_HEADER_LENGTH) return false;
    this.type = view.getUint8(start);
    this.length = u24(view, start + 1);
    this.sequence = view.getUint16(start + 4);
    this.offset = u24(view, start + 6);
    const fragmentLength = u24(view, start + 9);
    this.start = start + DTLS_HANDSHAKE_HEADER_LENGTH;
    this.end = this.start + fragmentLength;
    return this.end <= end && this.offset + fragmentLength <= this.length;
  }
}

function u24(view: DataView, at: number): number {
  return (view.getUint16(at) << 8) | view.getUint8(at + 2);
}

/** Shared: set and read out within one call. */
const record = new DtlsRecord();
const fragment = new DtlsFragment();

export function beginsDtlsRecord(view: DataView, start: number, end: number): boolean {
  return record.read(view, start, end);
}

/** Whether a datagram begins with a hello, or a part of one. */
export function beginsDtlsHello(view: DataView, start: number, end: number): boolean {
  return (
    record.read(view, start, end) &&
    record.isPlaintextHandshake &&
    fragment.read(view, record.start, record.end) &&
    isHelloHeader(fragment.type, fragment.length)
  );
}
