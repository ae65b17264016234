/** What a client may put before its hello in the same segment, as a peer that was told to expect it reads it. */
import type { Packet } from '../net/packet.ts';

/** "PROXY" and CRLF with the longest addresses (The PROXY protocol §2.1). */
const MAX_PROXY_LINE = 107;
const PROXY_ = 0x50_52_4f_58;
const Y_SPACE = 0x59_20;
const CARRIAGE_RETURN = 0x0d;
const LINE_FEED = 0x0a;
/** CR LF CR LF NUL CR LF "QUIT" LF, of version 2 (§2.2); then version and command, family, uint16 length. */
const SIGNATURE = [0x0d_0a_0d_0a, 0x00_0d_0a_51, 0x55_49_54_0a] as const;
const PROXY2_HEADER_LENGTH = 16;

/** MySQL's SSLRequest: a packet of 32 bytes with number 1, of which the capabilities name CLIENT_SSL. */
const SSL_REQUEST = 0x20_00_00_01;
const SSL_REQUEST_LENGTH = 36;
const CLIENT_SSL = 0x0800;

/**
 * Bytes of a PROXY protocol header (both versions) or of MySQL's SSLRequest with which the payload begins; 0 where there
 * is none, or it is not whole. One look at the first byte is all that other traffic costs.
 */
export function announcedLength({ view, payloadStart: start, payloadEnd: end }: Packet): number {
  if (end - start < PROXY2_HEADER_LENGTH) return 0;
  switch (view.getUint8(start)) {
    case 0x50:
      return proxyLine(view, start, end);
    case CARRIAGE_RETURN:
      return proxy2(view, start, end);
    case 0x20:
      return sslRequest(view, start, end);
    default:
      return 0;
  }
}

function proxyLine(view: DataView, start: number, end: number): number {
  if (view.getUint32(start) !== PROXY_ || view.getUint16(start + 4) !== Y_SPACE) return 0;
  const last = Math.min(end, start + MAX_PROXY_LINE);
  for (let at = start + 6; at + 1 < last; at++) {
    if (view.getUint8(at) === CARRIAGE_RETURN) return view.getUint8(at + 1) === LINE_FEED ? at + 2 - start : 0;
  }
  return 0;
}

function proxy2(view: DataView, start: number, end: number): number {
  for (let i = 0; i < SIGNATURE.length; i++) if (view.getUint32(start + 4 * i) !== SIGNATURE[i]) return 0;
  const length = PROXY2_HEADER_LENGTH + view.getUint16(start + 14);
  return length <= end - start ? length : 0;
}

function sslRequest(view: DataView, start: number, end: number): number {
  if (end - start < SSL_REQUEST_LENGTH || view.getUint32(start) !== SSL_REQUEST) return 0;
  return (view.getUint32(start + 4, true) & CLIENT_SSL) === 0 ? 0 : SSL_REQUEST_LENGTH;
}
