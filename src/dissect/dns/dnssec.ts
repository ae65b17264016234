/** The DNSSEC records (RFC 4034, RFC 5155), and CSYNC (RFC 7477), whose type bitmap is theirs. */
import { rrTypeName } from './names.ts';
import { MAX_DATA_TEXT, type RdataReader } from './rdata-reader.ts';

/** RFC 4034 §4.1.2: a window block has up to 32 octets. */
const MAX_BITMAP = 32;
/** RFC 4648 §7. */
const BASE32_HEX = '0123456789abcdefghijklmnopqrstuv';

/** DS, CDS, DLV, TA: key tag, algorithm, digest type, digest. An empty digest contradicts. */
export function formatDs(r: RdataReader): string {
  return `${r.u16()} ${r.u8()} ${r.u8()} ${r.remaining === 0 ? r.fail() : r.hexRest()}`;
}

/** DNSKEY, CDNSKEY, KEY, RKEY: flags, protocol, algorithm, key. */
export function formatDnskey(r: RdataReader): string {
  return `${r.u16()} ${r.u8()} ${r.u8()} ${r.base64Rest()}`.trimEnd();
}

/** YYYYMMDDHHmmSS in UTC (RFC 4034 §3.2). The 32 bits wrap in 2106; until then they are seconds since 1970. */
function time(seconds: number): string {
  const iso = new Date(seconds * 1000).toISOString();
  return (
    iso.slice(0, 4) + iso.slice(5, 7) + iso.slice(8, 10) + iso.slice(11, 13) + iso.slice(14, 16) + iso.slice(17, 19)
  );
}

/** RRSIG, SIG (RFC 4034 §3.2). */
export function formatRrsig(r: RdataReader): string {
  const head = `${rrTypeName(r.u16())} ${r.u8()} ${r.u8()} ${r.u32()} ${time(r.u32())} ${time(r.u32())} ${r.u16()}`;
  return `${head} ${r.name()} ${r.remaining === 0 ? r.fail() : r.base64Rest()}`;
}

/** NSEC (RFC 4034 §4.2). */
export function formatNsec(r: RdataReader): string {
  return r.name() + typeBitmap(r);
}

/** NSEC3 (RFC 5155 §3.3). */
export function formatNsec3(r: RdataReader): string {
  const head = formatNsec3param(r);
  const length = r.u8();
  return `${head} ${length === 0 ? r.fail() : base32Hex(r, length)}${typeBitmap(r)}`;
}

/** NSEC3PARAM (RFC 5155 §4.3); an empty salt is `-`. */
export function formatNsec3param(r: RdataReader): string {
  return `${r.u8()} ${r.u8()} ${r.u16()} ${r.hex(r.u8()) || '-'}`;
}

/** CSYNC (RFC 7477 §2.1.2). */
export function formatCsync(r: RdataReader): string {
  return `${r.u32()} ${r.u16()}${typeBitmap(r)}`;
}

/** The types of a bitmap (RFC 4034 §4.1.2), a space before each. */
function typeBitmap(r: RdataReader): string {
  let out = '';
  let previous = -1;
  while (r.remaining > 0) {
    const window = r.u8();
    const length = r.u8();
    if (window <= previous || length === 0 || length > MAX_BITMAP || length > r.remaining) return r.fail();
    previous = window;
    for (let i = 0; i < length; i++) {
      const bits = r.u8();
      if (out.length > MAX_DATA_TEXT) continue;
      for (let bit = 0; bit < 8; bit++) {
        if ((bits & (0x80 >> bit)) !== 0) out += ` ${rrTypeName(window * 256 + i * 8 + bit)}`;
      }
    }
  }
  return out;
}

/** `length` bytes in base32 with the extended hex alphabet, without padding (RFC 5155 §3.3). */
function base32Hex(r: RdataReader, length: number): string {
  if (length > r.remaining) return r.fail();
  let out = '';
  let bits = 0;
  let held = 0;
  for (let i = 0; i < length; i++) {
    bits = ((bits << 8) | r.u8()) & 0xfff;
    for (held += 8; held >= 5; held -= 5) out += BASE32_HEX[(bits >> (held - 5)) & 31];
  }
  return held > 0 ? out + BASE32_HEX[(bits << (5 - held)) & 31] : out;
}
