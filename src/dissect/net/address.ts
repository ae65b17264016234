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

const DECIMAL = Array.from({ length: 256 }, (_, octet) => String(octet));
const HEX = Array.from({ length: 256 }, (_, octet) => octet.toString(16).padStart(2, '0'));

/** 0xc0000201 → `192.0.2.1`. */
export function formatIpv4(word: number): string {
  return `${DECIMAL[word >>> 24]}.${DECIMAL[(word >>> 16) & 255]}.${DECIMAL[(word >>> 8) & 255]}.${DECIMAL[word & 255]}`;
}

const groups = new Uint16Array(8);

/** RFC 5952: lower case, no leading zeros, the longest run (the first of equals) of two or more zero groups as `::`. */
export function formatIpv6(w0: number, w1: number, w2: number, w3: number): string {
  // RFC 5952 §5: mixed notation where the prefix says that an IPv4 address is embedded.
  if (w0 === 0 && w1 === 0 && w2 === 0xffff) return `::ffff:${formatIpv4(w3)}`;
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
  let text = '';
  for (let i = 0; i < 8; i++) {
    if (i === zeros) {
      text += '::';
      i += zeroCount - 1;
    } else {
      text += text === '' || text.endsWith(':') ? (groups[i] as number).toString(16) : `:${groups[i]?.toString(16)}`;
    }
  }
  return text;
}

export function formatIp(version: 4 | 6, w0: number, w1: number, w2: number, w3: number): string {
  return version === 4 ? formatIpv4(w0) : formatIpv6(w0, w1, w2, w3);
}

/** The six bytes at `offset`, which must be inside `bytes`, as `00:00:5e:00:53:01`. */
export function formatMac(bytes: Uint8Array, offset: number): string {
  let text = HEX[bytes[offset] as number] as string;
  for (let i = 1; i < 6; i++) text += `:${HEX[bytes[offset + i] as number]}`;
  return text;
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
