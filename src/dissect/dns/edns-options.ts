/** What the options of an OPT record say (IANA "DNS EDNS0 Option Codes"), read when an event is written. */
import type { Edns, EdnsOption } from '../event.ts';
import { formatIp } from '../net/address.ts';

export const OptionCode = { clientSubnet: 8, cookie: 10, extendedError: 15 } as const;

/** RFC 7871 §6, families of RFC 1700. */
const FAMILY_IPV4 = 1;
const FAMILY_IPV6 = 2;
/** RFC 7873 §4: the client's part, and the whole with the server's 8 to 32 bytes. */
const CLIENT_COOKIE = 8;
const MIN_COOKIE = 16;
const MAX_COOKIE = 40;

export interface ClientSubnet {
  /** `192.0.2.0/24`: address and source prefix length. */
  readonly subnet: string;
  /** Scope prefix length: for which networks the answer is meant; 0 in queries. */
  readonly scope: number;
}

export interface Cookie {
  /** Lower-case hexadecimal. */
  readonly client: string;
  readonly server: string | undefined;
}

export interface ExtendedError {
  /** INFO-CODE (IANA "Extended DNS Error Codes"). */
  readonly code: number;
  /** EXTRA-TEXT as far as it was kept; empty where there is none. */
  readonly text: string;
}

/** RFC 7871 §6: `uint16 family; uint8 source, scope; opaque address<prefix bytes>`. */
export function clientSubnet(edns: Edns): ClientSubnet | undefined {
  const data = dataOf(edns, OptionCode.clientSubnet);
  if (data === undefined || data.length < 4) return undefined;
  const family = data.readUInt16BE(0);
  const source = data[2]!;
  if (family !== FAMILY_IPV4 && family !== FAMILY_IPV6) return undefined;
  const bits = family === FAMILY_IPV4 ? 32 : 128;
  if (source > bits || data.length - 4 !== Math.ceil(source / 8)) return undefined;
  const address = Buffer.alloc(16);
  data.copy(address, 0, 4);
  const [w0, w1, w2, w3] = [0, 4, 8, 12].map((at) => address.readUInt32BE(at)) as [number, number, number, number];
  return { subnet: `${formatIp(bits === 32 ? 4 : 6, w0, w1, w2, w3)}/${source}`, scope: data[3]! };
}

export function cookie(edns: Edns): Cookie | undefined {
  const data = optionOf(edns, OptionCode.cookie)?.data;
  if (data === undefined) return undefined;
  const length = data.length / 2;
  if (length !== CLIENT_COOKIE && (length < MIN_COOKIE || length > MAX_COOKIE)) return undefined;
  const server = data.slice(2 * CLIENT_COOKIE);
  return { client: data.slice(0, 2 * CLIENT_COOKIE), server: server === '' ? undefined : server };
}

/** RFC 8914 §2: `uint16 info_code; utf8 extra_text`. There may be several. */
export function extendedErrors({ options }: Edns): ExtendedError[] {
  const errors: ExtendedError[] = [];
  for (const { code, data } of options) {
    if (code !== OptionCode.extendedError || data.length < 4) continue;
    const bytes = Buffer.from(data, 'hex');
    // Some senders end the text with a null (RFC 8914 §2 warns of it).
    errors.push({ code: bytes.readUInt16BE(0), text: bytes.toString('utf8', 2).replace(/\0+$/, '') });
  }
  return errors;
}

function optionOf({ options }: Edns, wanted: number): EdnsOption | undefined {
  return options.find(({ code }) => code === wanted);
}

function dataOf(edns: Edns, wanted: number): Buffer | undefined {
  const option = optionOf(edns, wanted);
  return option === undefined ? undefined : Buffer.from(option.data, 'hex');
}

/** IANA "Extended DNS Error Codes", from 0 on. */
const ERROR_NAMES: readonly string[] = [
  'Other',
  'Unsupported DNSKEY Algorithm',
  'Unsupported DS Digest Type',
  'Stale Answer',
  'Forged Answer',
  'DNSSEC Indeterminate',
  'DNSSEC Bogus',
  'Signature Expired',
  'Signature Not Yet Valid',
  'DNSKEY Missing',
  'RRSIGs Missing',
  'No Zone Key Bit Set',
  'NSEC Missing',
  'Cached Error',
  'Not Ready',
  'Blocked',
  'Censored',
  'Filtered',
  'Prohibited',
  'Stale NXDomain Answer',
  'Not Authoritative',
  'Not Supported',
  'No Reachable Authority',
  'Network Error',
  'Invalid Data',
  'Signature Expired before Valid',
  'Too Early',
  'Unsupported NSEC3 Iterations Value',
  'Unable to conform to policy',
  'Synthesized',
  'Invalid Query Type',
];

export function extendedErrorName(code: number): string {
  return ERROR_NAMES[code] ?? `UNKNOWN (${code})`;
}
