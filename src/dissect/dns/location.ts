/** LOC (RFC 1876 §2, §3). */
import type { RdataReader } from './rdata-reader.ts';

/** Latitude and longitude are thousandths of a second of arc, this being the equator and the prime meridian. */
const ORIGIN = 0x80000000;
const ARC_DEGREE = 3_600_000;
const ARC_MINUTE = 60_000;
/** Altitude is in centimeters above 100,000 m below the WGS 84 spheroid. */
const ALTITUDE_BASE = 10_000_000;

/** `42 21 54.000 N` */
function angle(r: RdataReader, maxDegrees: number, positive: string, negative: string): string {
  const offset = r.u32() - ORIGIN;
  const arc = Math.abs(offset);
  if (arc > maxDegrees * ARC_DEGREE) return r.fail();
  const degrees = Math.floor(arc / ARC_DEGREE);
  const minutes = Math.floor((arc % ARC_DEGREE) / ARC_MINUTE);
  return `${degrees} ${minutes} ${((arc % ARC_MINUTE) / 1000).toFixed(3)} ${offset < 0 ? negative : positive}`;
}

/** A length in meters from the base and the power of ten of its centimeters, four bits each, both 0 to 9. */
function size(r: RdataReader): string {
  const byte = r.u8();
  const base = byte >> 4;
  const power = byte & 15;
  if (base > 9 || power > 9) return r.fail();
  const centimeters = base * 10 ** power;
  return `${centimeters < 100 ? (centimeters / 100).toFixed(2) : centimeters / 100}m`;
}

/** `42 21 54.000 N 71 6 18.000 W -24.00m 30m 10000m 10m`: place, altitude, size, horizontal and vertical precision. */
export function formatLoc(r: RdataReader): string {
  if (r.u8() !== 0) return r.fail();
  const precisions = `${size(r)} ${size(r)} ${size(r)}`;
  const latitude = angle(r, 90, 'N', 'S');
  const longitude = angle(r, 180, 'E', 'W');
  const altitude = ((r.u32() - ALTITUDE_BASE) / 100).toFixed(2);
  return `${latitude} ${longitude} ${altitude}m ${precisions}`;
}
