/** Addresses as text and back. IPv4 and IPv6 travel as unsigned big-endian 32-bit words, as `Packet` holds them. */

/** An address: IPv4 in the first word, the others 0. */
export type AddressWords = readonly [number, number, number, number];

export interface IpAddress {
  readonly version: 4 | 6;
  readonly words: AddressWords;
}

/** A network: `words` with the bits after the prefix cleared. */
export interface Cidr extends IpAddress {
  /** 0–32 or 0–128. */
  readonly prefix: number;
}

const ZERO = 0x30;
const DOT = 0x2e;
const COLON = 0x3a;
const HEX = Buffer.from('0123456789abcdef');
/** `ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff`; `::ffff:255.255.255.255` and MACs are shorter. */
const MAX_TEXT = 39;
const text = Buffer.alloc(MAX_TEXT);

/** Writes `192.0.2.1` for 0xc0000201, signed or not, at `at` and returns the offset after it; so do the others. */
export function writeIpv4(out: Buffer, at: number, word: number): number {
  let next = writeOctet(out, at, word >>> 24);
  out[next++] = DOT;
  next = writeOctet(out, next, (word >>> 16) & 255);
  out[next++] = DOT;
  next = writeOctet(out, next, (word >>> 8) & 255);
  out[next++] = DOT;
  return writeOctet(out, next, word & 255);
}

function writeOctet(out: Buffer, at: number, octet: number): number {
  let next = at;
  let rest = octet;
  if (octet >= 100) {
    const hundreds = octet >= 200 ? 2 : 1;
    out[next++] = ZERO + hundreds;
    rest = octet - 100 * hundreds;
  }
  if (octet >= 10) {
    const tens = (rest * 205) >>> 11;
    out[next++] = ZERO + tens;
    rest -= 10 * tens;
  }
  out[next++] = ZERO + rest;
  return next;
}

const groups = new Uint16Array(8);

/** RFC 5952: lower case, no leading zeros, the longest run (the first of equals) of two or more zero groups as `::`. */
export function writeIpv6(out: Buffer, at: number, w0: number, w1: number, w2: number, w3: number): number {
  // RFC 5952 §5: mixed notation where the prefix says that an IPv4 address is embedded.
  if (w0 === 0 && w1 === 0 && w2 === 0xffff) return writeIpv4(out, at + out.write('::ffff:', at, 'latin1'), w3);
  groups[0] = w0 >>> 16;
  groups[1] = w0;
  groups[2] = w1 >>> 16;
  groups[3] = w1;
  groups[4] = w2 >>> 16;
  groups[5] = w2;
  groups[6] = w3 >>> 16;
  groups[7] = w3;
  let zeros = -1;
  let zeroCount = 1;
  for (let i = 0; i < 8; ) {
    let after = i;
    while (after < 8 && groups[after] === 0) after++;
    if (after - i > zeroCount) {
      zeros = i;
      zeroCount = after - i;
    }
    i = after + 1;
  }
  let next = at;
  for (let i = 0; i < 8; i++) {
    if (i === zeros) {
      out[next++] = COLON;
      out[next++] = COLON;
      i += zeroCount - 1;
    } else {
      if (next !== at && out[next - 1] !== COLON) out[next++] = COLON;
      next = writeGroup(out, next, groups[i]!);
    }
  }
  return next;
}

function writeGroup(out: Buffer, at: number, group: number): number {
  let next = at;
  if (group >= 0x1000) out[next++] = HEX[group >>> 12]!;
  if (group >= 0x100) out[next++] = HEX[(group >>> 8) & 15]!;
  if (group >= 0x10) out[next++] = HEX[(group >>> 4) & 15]!;
  out[next++] = HEX[group & 15]!;
  return next;
}

/** Writes `00:00:5e:00:53:01` for its first 16 and its other 32 bits. */
export function writeMac(out: Buffer, at: number, high: number, low: number): number {
  writeOctets(out, at, high);
  out[at + 5] = COLON;
  writeOctets(out, at + 6, low >>> 16);
  out[at + 11] = COLON;
  writeOctets(out, at + 12, low & 0xffff);
  return at + 17;
}

/** `5e:53` */
function writeOctets(out: Buffer, at: number, two: number): void {
  out[at] = HEX[two >>> 12]!;
  out[at + 1] = HEX[(two >>> 8) & 15]!;
  out[at + 2] = COLON;
  out[at + 3] = HEX[(two >>> 4) & 15]!;
  out[at + 4] = HEX[two & 15]!;
}

export function formatIpv4(word: number): string {
  return text.latin1Slice(0, writeIpv4(text, 0, word));
}

export function formatIpv6(w0: number, w1: number, w2: number, w3: number): string {
  return text.latin1Slice(0, writeIpv6(text, 0, w0, w1, w2, w3));
}

export function formatIp(version: 4 | 6, w0: number, w1: number, w2: number, w3: number): string {
  return version === 4 ? formatIpv4(w0) : formatIpv6(w0, w1, w2, w3);
}

export function formatMac(high: number, low: number): string {
  return text.latin1Slice(0, writeMac(text, 0, high, low));
}

/** Dotted decimal without leading zeros (octal to some readers, decimal to others). */
function parseIpv4(text: string): number | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (match === null) return undefined;
  let word = 0;
  for (let i = 1; i <= 4; i++) {
    const part = match[i] as string;
    const octet = Number(part);
    if (octet > 255 || String(octet) !== part) return undefined;
    word = word * 256 + octet;
  }
  return word;
}

/** Groups of one side of `::`; the last may be dotted decimal. */
function parseGroups(text: string, last: boolean): number[] | undefined {
  if (text === '') return [];
  const parts = text.split(':');
  const values: number[] = [];
  for (const [i, part] of parts.entries()) {
    if (/^[0-9a-f]{1,4}$/i.test(part)) {
      values.push(Number.parseInt(part, 16));
      continue;
    }
    const word = last && i === parts.length - 1 ? parseIpv4(part) : undefined;
    if (word === undefined) return undefined;
    values.push(word >>> 16, word & 0xffff);
  }
  return values;
}

function parseIpv6(text: string): AddressWords | undefined {
  const sides = text.split('::');
  if (sides.length > 2) return undefined;
  const head = parseGroups(sides[0] as string, sides.length === 1);
  const tail = sides.length === 2 ? parseGroups(sides[1] as string, true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (sides.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const all = [...head, ...new Array<number>(missing).fill(0), ...tail];
  const word = (i: number): number => (all[i] as number) * 65536 + (all[i + 1] as number);
  return [word(0), word(2), word(4), word(6)];
}

/** An IPv4 or IPv6 address (RFC 4291 §2.2, no zone); undefined where it is neither. */
export function parseIp(text: string): IpAddress | undefined {
  const word = parseIpv4(text);
  if (word !== undefined) return { version: 4, words: [word, 0, 0, 0] };
  const words = parseIpv6(text);
  return words === undefined ? undefined : { version: 6, words };
}

/** `10.0.0.0/8`, `2001:db8::/32`, or an address alone for itself; undefined where it is none of these. */
export function parseCidr(text: string): Cidr | undefined {
  const slash = text.indexOf('/');
  const address = parseIp(slash < 0 ? text : text.slice(0, slash));
  if (address === undefined) return undefined;
  const width = address.version === 4 ? 32 : 128;
  if (slash < 0) return { ...address, prefix: width };
  const length = text.slice(slash + 1);
  const prefix = Number(length);
  if (!/^\d{1,3}$/.test(length) || prefix > width) return undefined;
  const masked = address.words.map((word, i) => (word & prefixMask(prefix - 32 * i)) >>> 0);
  return { version: address.version, words: masked as unknown as AddressWords, prefix };
}

/** The mask of one word of which the first `bits` (any number) belong to the prefix. */
function prefixMask(bits: number): number {
  if (bits <= 0) return 0;
  return bits >= 32 ? 0xffffffff : (0xffffffff << (32 - bits)) >>> 0;
}
