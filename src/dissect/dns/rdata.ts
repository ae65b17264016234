/** RDATA in presentation form, by type; RFC 3597 §5 form where a type's own is not known or its data contradicts it. */
import { formatIpv4, formatIpv6 } from '../net/address.ts';
import {
  formatCsync,
  formatDnskey,
  formatDs,
  formatNsec,
  formatNsec3,
  formatNsec3param,
  formatRrsig,
} from './dnssec.ts';
import { formatLoc } from './location.ts';
import { rrTypeName } from './names.ts';
import { MAX_DATA_TEXT, type RdataReader } from './rdata-reader.ts';
import { formatSvcb } from './svcb.ts';

const CLASS_CHAOS = 3;
const CLASS_NONE = 254;
const CLASS_ANY = 255;

type Format = (r: RdataReader) => string;

const oneName: Format = (r) => r.name();
const twoNames: Format = (r) => `${r.name()} ${r.name()}`;
const numberAndName: Format = (r) => `${r.u16()} ${r.name()}`;
const strings: Format = (r) => r.characterStrings();
const threeNumbersAndHex: Format = (r) => `${r.u8()} ${r.u8()} ${r.u8()} ${r.hexRest()}`;
const base64: Format = (r) => r.base64Rest();

const soa: Format = (r) => `${r.name()} ${r.name()} ${r.u32()} ${r.u32()} ${r.u32()} ${r.u32()} ${r.u32()}`;
const srv: Format = (r) => `${r.u16()} ${r.u16()} ${r.u16()} ${r.name()}`;
const naptr: Format = (r) =>
  `${r.u16()} ${r.u16()} ${r.characterString()} ${r.characterString()} ${r.characterString()} ${r.name()}`;
const px: Format = (r) => `${r.u16()} ${r.name()} ${r.name()}`;
const hinfo: Format = (r) => `${r.characterString()} ${r.characterString()}`;
const gpos: Format = (r) => `${r.characterString()} ${r.characterString()} ${r.characterString()}`;
const nsap: Format = (r) => `0x${r.hexRest()}`;
const cert: Format = (r) => `${r.u16()} ${r.u16()} ${r.u8()} ${r.base64Rest()}`;
const sshfp: Format = (r) => `${r.u8()} ${r.u8()} ${r.hexRest()}`;
const zonemd: Format = (r) => `${r.u32()} ${r.u8()} ${r.u8()} ${r.hexRest()}`;
/** RFC 9859 §2.1. */
const dsync: Format = (r) => `${rrTypeName(r.u16())} ${r.u8()} ${r.u16()} ${r.name()}`;
/** RFC 8659 §4.1.1: the tag's length is not zero. */
const caa: Format = (r) => {
  const flags = r.u8();
  const length = r.u8();
  return length === 0 ? r.fail() : `${flags} ${r.quoted(length).slice(1, -1)} ${r.quoted(r.remaining)}`;
};
const uri: Format = (r) => `${r.u16()} ${r.u16()} ${r.quoted(r.remaining)}`;
const eui: Format = (r) => {
  const length = r.remaining;
  let out = r.hex(1);
  for (let i = 1; i < length; i++) out += `-${r.hex(1)}`;
  return out;
};
/** NID, L64 (RFC 6742 §2.1.2): four groups of four digits. */
const group = (r: RdataReader): string => r.hex(2);
const locator64: Format = (r) => `${r.u16()} ${group(r)}:${group(r)}:${group(r)}:${group(r)}`;
const locator32: Format = (r) => `${r.u16()} ${r.ipv4()}`;

/** RFC 4025 §2.5, RFC 8777 §4.2: the relay or gateway as none, an address or a name. */
function gateway(r: RdataReader, type: number): string {
  if (type === 0) return '.';
  if (type === 1) return r.ipv4();
  if (type === 2) return r.ipv6();
  return type === 3 ? r.name() : r.fail();
}
const ipseckey: Format = (r) => {
  const precedence = r.u8();
  const type = r.u8();
  return `${precedence} ${type} ${r.u8()} ${gateway(r, type)} ${r.base64Rest()}`.trimEnd();
};
const amtrelay: Format = (r) => {
  const precedence = r.u8();
  const relay = r.u8();
  return `${precedence} ${relay >> 7} ${relay & 0x7f} ${gateway(r, relay & 0x7f)}`;
};
const prefixBytes = Buffer.alloc(16);
/**
 * RFC 3123 §4, §5: prefixes of address families 1 and 2 (IPv4, IPv6). Trailing zero bytes are left out by whoever sends them:
 * text would not give others back.
 */
const apl: Format = (r) => {
  let out = '';
  while (r.remaining > 0) {
    const family = r.u16();
    const prefix = r.u8();
    const field = r.u8();
    const length = field & 0x7f;
    const size = family === 1 ? 4 : 16;
    if (length > r.remaining || length > size || prefix > 8 * size) return r.fail();
    prefixBytes.fill(0);
    for (let i = 0; i < length; i++) prefixBytes[i] = r.u8();
    if (length > 0 && prefixBytes[length - 1] === 0) return r.fail();
    const word = (i: number): number => prefixBytes.readUInt32BE(4 * i);
    let address: string;
    if (family === 1) address = formatIpv4(word(0));
    else if (family === 2) address = formatIpv6(word(0), word(1), word(2), word(3));
    else return r.fail();
    if (out.length <= MAX_DATA_TEXT) out += `${out && ' '}${field > 0x7f ? '!' : ''}${family}:${address}/${prefix}`;
  }
  return out;
};
/** RFC 8005 §5. */
const hip: Format = (r) => {
  const hitLength = r.u8();
  const algorithm = r.u8();
  const keyLength = r.u16();
  const hit = r.hex(hitLength);
  const outer = r.enter(keyLength);
  let out = `${algorithm} ${hit} ${r.base64Rest()}`;
  r.leave(outer);
  while (r.remaining > 0) {
    const server = r.name();
    if (out.length <= MAX_DATA_TEXT) out += ` ${server}`;
  }
  return out;
};

const FORMATS = new Map<number, Format>([
  [1, (r) => r.ipv4()],
  [2, oneName], // NS
  [3, oneName], // MD
  [4, oneName], // MF
  [5, oneName], // CNAME
  [6, soa],
  [7, oneName], // MB
  [8, oneName], // MG
  [9, oneName], // MR
  [12, oneName], // PTR
  [13, hinfo],
  [14, twoNames], // MINFO
  [15, numberAndName], // MX
  [16, strings], // TXT
  [17, twoNames], // RP
  [18, numberAndName], // AFSDB
  [19, (r) => r.characterString()], // X25
  [20, strings], // ISDN
  [21, numberAndName], // RT
  [22, nsap],
  [23, oneName], // NSAP-PTR
  [24, formatRrsig], // SIG
  [25, formatDnskey], // KEY
  [26, px],
  [27, gpos],
  [28, (r) => r.ipv6()],
  [29, formatLoc],
  [33, srv],
  [35, naptr],
  [36, numberAndName], // KX
  [37, cert],
  [39, oneName], // DNAME
  [42, apl],
  [43, formatDs],
  [44, sshfp],
  [45, ipseckey],
  [46, formatRrsig],
  [47, formatNsec],
  [48, formatDnskey],
  [49, base64], // DHCID
  [50, formatNsec3],
  [51, formatNsec3param],
  [52, threeNumbersAndHex], // TLSA
  [53, threeNumbersAndHex], // SMIMEA
  [55, hip],
  [56, strings], // NINFO
  [57, formatDnskey], // RKEY
  [58, twoNames], // TALINK
  [59, formatDs], // CDS
  [60, formatDnskey], // CDNSKEY
  [61, base64], // OPENPGPKEY
  [62, formatCsync],
  [63, zonemd],
  [64, formatSvcb],
  [65, formatSvcb], // HTTPS
  [66, dsync],
  [99, strings], // SPF
  [104, locator64], // NID
  [105, locator32], // L32
  [106, locator64], // L64
  [107, numberAndName], // LP
  [108, (r) => (r.remaining === 6 ? eui(r) : r.fail())], // EUI48
  [109, (r) => (r.remaining === 8 ? eui(r) : r.fail())], // EUI64
  [256, uri],
  [257, caa],
  [258, strings], // AVC
  [260, amtrelay],
  [261, strings], // RESINFO
  [262, strings], // WALLET
  [32768, formatDs], // TA
  [32769, formatDs], // DLV
]);

/**
 * The record's RDATA, which `r` is narrowed to, as text. Data that contradicts its type is shown in RFC 3597 form and
 * leaves `r.truncated` set; the records after it are not touched by that, as RDLENGTH frames them.
 */
export function formatRdata(r: RdataReader, type: number, rrClass: number): string {
  const start = r.position;
  const length = r.remaining;
  // An update that deletes names no data (RFC 2136 §2.5.2, §2.4).
  if (length === 0 && (rrClass === CLASS_ANY || rrClass === CLASS_NONE)) return '';
  // Of CHAOS addresses, a domain name and an octal number, there is no use left (RFC 1035 §3.4.1 is of IN alone).
  const format = type === 1 && rrClass === CLASS_CHAOS ? undefined : FORMATS.get(type);
  if (format !== undefined) {
    const text = format(r);
    if (!r.truncated && r.position === r.end) return text.length <= MAX_DATA_TEXT ? text : cut(text, length);
    r.truncated = true;
  }
  return generic(r, start, length);
}

/** RFC 3597 §5: `\# 4 0a000001`. The length told is the true one where the digits are cut. */
function generic(r: RdataReader, start: number, length: number): string {
  if (length === 0) return '\\# 0';
  const shown = Math.min(length, MAX_DATA_TEXT / 2);
  return `\\# ${length} ${r.bytes.hexSlice(start, start + shown)}${shown < length ? '...' : ''}`;
}

/** The beginning of a long text and the true length of the data. Copied: a slice would keep the long one alive. */
function cut(text: string, length: number): string {
  return `${Buffer.from(text.slice(0, MAX_DATA_TEXT), 'latin1').latin1Slice(0, MAX_DATA_TEXT)}... (${length} bytes)`;
}
