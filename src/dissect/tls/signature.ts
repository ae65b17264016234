/** Whether bytes begin a hello: asked of every data segment of a flow that is not decided yet, so it costs a few ns. */
import { HANDSHAKE_HEADER_LENGTH, HandshakeType, isHelloHeader } from './handshake.ts';
import { ContentType, mayBeRecord, RECORD_HEADER_LENGTH } from './record.ts';
import { Likeness, likeClientHello, likeServerHello } from './sslv2.ts';
import { isTls13Draft } from './versions.ts';

const VERSION_END = RECORD_HEADER_LENGTH + HANDSHAKE_HEADER_LENGTH + 2;

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
  if (!mayBeRecord(view, start, end)) return false;
  const length = end - start;
  if (length <= RECORD_HEADER_LENGTH) return true;
  const recordLength = view.getUint16(start + 3);
  const type = view.getUint8(start + RECORD_HEADER_LENGTH);
  if (recordLength < HANDSHAKE_HEADER_LENGTH) {
    return recordLength > 0 && (type === HandshakeType.clientHello || type === HandshakeType.serverHello);
  }
  if (length < RECORD_HEADER_LENGTH + HANDSHAKE_HEADER_LENGTH) return isHelloHeader(type, 0xff);
  const messageLength = (view.getUint8(start + 6) << 16) | view.getUint16(start + 7);
  if (!isHelloHeader(type, messageLength)) return false;
  if (length < VERSION_END || recordLength < HANDSHAKE_HEADER_LENGTH + 2) return true;
  // A hello with a version that nobody defined is still one when it fills its record exactly.
  const version = view.getUint16(start + RECORD_HEADER_LENGTH + HANDSHAKE_HEADER_LENGTH);
  return version >> 8 === 3 || isTls13Draft(version) || HANDSHAKE_HEADER_LENGTH + messageLength === recordLength;
}
