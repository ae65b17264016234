/** Whether bytes begin a hello: asked of every data segment of a flow that is not decided yet, so it costs a few ns. */
import { HANDSHAKE_HEADER_LENGTH, HandshakeType, isHelloHeader } from './handshake.ts';
import { ContentType, mayBeRecord, RECORD_HEADER_LENGTH } from './record.ts';
import { Likeness, likeClientHello, likeServerHello } from './sslv2.ts';
import { isTls13Draft } from './versions.ts';

const VERSION_END = RECORD_HEADER_LENGTH + HANDSHAKE_HEADER_LENGTH + 2;

/** Empty records before a hello: none may be sent (RFC 8446 §5.1), and OpenSSL takes so many in a row. */
export const MAX_EMPTY_RECORDS = 32;

/**
 * Whether `[start, end)` is a client's or server's hello as far as it goes: a handshake record whose first message is a
 * hello with lengths that agree, or an SSLv2 hello. A few bytes that fit are enough: what follows decides.
 */
export function mayBeginHello(view: DataView, start: number, end: number): boolean {
  if (start >= end) return false;
  const first = view.getUint8(start);
  if (first === ContentType.handshake) return mayBeginHandshake(view, start, end);
  if ((first & 0x80) === 0) return false;
  return likeClientHello(view, start, end) !== Likeness.no || likeServerHello(view, start, end) !== Likeness.no;
}

function mayBeginHandshake(view: DataView, start: number, end: number): boolean {
  let at = start;
  for (let empty = 0; isEmptyHandshake(view, at, end); empty++) {
    if (empty === MAX_EMPTY_RECORDS) return false;
    at += RECORD_HEADER_LENGTH;
  }
  if (at > start && at < end && view.getUint8(at) !== ContentType.handshake) return false;
  return mayBeRecord(view, at, end) && mayBeginMessage(view, at, end);
}

function isEmptyHandshake(view: DataView, start: number, end: number): boolean {
  return (
    end - start >= RECORD_HEADER_LENGTH &&
    view.getUint8(start) === ContentType.handshake &&
    view.getUint16(start + 3) === 0 &&
    mayBeRecord(view, start, end)
  );
}

/** Whether a record that is not empty may carry the beginning of a hello. */
function mayBeginMessage(view: DataView, start: number, end: number): boolean {
  const length = end - start;
  if (length <= RECORD_HEADER_LENGTH) return true;
  const recordLength = view.getUint16(start + 3);
  const type = view.getUint8(start + RECORD_HEADER_LENGTH);
  if (recordLength < HANDSHAKE_HEADER_LENGTH) {
    return type === HandshakeType.clientHello || type === HandshakeType.serverHello;
  }
  if (length < RECORD_HEADER_LENGTH + HANDSHAKE_HEADER_LENGTH) return isHelloHeader(type, 0xff);
  const messageLength = (view.getUint8(start + 6) << 16) | view.getUint16(start + 7);
  if (!isHelloHeader(type, messageLength)) return false;
  if (length < VERSION_END || recordLength < HANDSHAKE_HEADER_LENGTH + 2) return true;
  // A hello with a version that nobody defined is still one when it fills its record exactly.
  const version = view.getUint16(start + RECORD_HEADER_LENGTH + HANDSHAKE_HEADER_LENGTH);
  return version >> 8 === 3 || isTls13Draft(version) || HANDSHAKE_HEADER_LENGTH + messageLength === recordLength;
}
