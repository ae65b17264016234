/** The record layer: `ContentType type; ProtocolVersion version; uint16 length; opaque fragment[length]` (RFC 8446 §5.1). */

export const ContentType = {
  changeCipherSpec: 20,
  alert: 21,
  handshake: 22,
  applicationData: 23,
  heartbeat: 24,
} as const;

export const RECORD_HEADER_LENGTH = 5;

/** 2^14 + 2048: the most that any version's cipher may add to a fragment (RFC 5246 §6.2.3). */
export const MAX_RECORD_LENGTH = 18_432;

/** SSL 3.0 to TLS 1.3 write 0x0300 to 0x0304 here; no draft ever put its own number into records. */
function isRecordVersion(version: number): boolean {
  return version >= 0x0300 && version <= 0x0304;
}

/** Whether `[start, end)`, which may be shorter than a header, can begin a record of a known type. */
export function mayBeRecord(view: DataView, start: number, end: number): boolean {
  const length = end - start;
  if (length < 1) return true;
  const type = view.getUint8(start);
  if (type < ContentType.changeCipherSpec || type > ContentType.heartbeat) return false;
  if (length < 2) return true;
  if (view.getUint8(start + 1) !== 3) return false;
  if (length < 3) return true;
  if (!isRecordVersion(view.getUint16(start + 1))) return false;
  return length < RECORD_HEADER_LENGTH || view.getUint16(start + 3) <= MAX_RECORD_LENGTH;
}
