/** The spellings of other tools, turned into code points and one text. */
import { CIPHER_SUITES } from '../../../src/dissect/iana-tables.ts';
import { formatIp, parseIp } from '../../../src/dissect/net/address.ts';
import { TlsVersion } from '../../../src/dissect/tls/versions.ts';

/** `ip:port` as tshark and Vesper write it: RFC 5952 (nDPI shortens a single zero group). */
export function endpoint(ip: string, port: number | string): string {
  const parsed = parseIp(ip);
  return `${parsed ? formatIp(parsed.version, ...parsed.words) : ip}:${port}`;
}

const VERSIONS: Readonly<Record<string, number>> = {
  SSLv2: TlsVersion.ssl2,
  SSLv3: TlsVersion.ssl3,
  TLSv1: TlsVersion.tls10,
  'TLSv1.0': TlsVersion.tls10,
  TLSv10: TlsVersion.tls10,
  'TLSv1.1': TlsVersion.tls11,
  TLSv11: TlsVersion.tls11,
  'TLSv1.2': TlsVersion.tls12,
  TLSv12: TlsVersion.tls12,
  'TLSv1.3': TlsVersion.tls13,
  TLSv13: TlsVersion.tls13,
};

/** Of `TLSv1.2` (nDPI, Arkime) or `TLSv12` (Zeek), as decimal text; undefined for DTLS and what is not known. */
export function versionCode(name: string | undefined): string | undefined {
  return name === undefined ? undefined : VERSIONS[name]?.toString();
}

const SUITES = new Map(CIPHER_SUITES.map(([code, name]) => [name, `${code}`]));

/** Of IANA's name of a cipher suite, as decimal text. */
export function suiteCode(name: string | undefined): string | undefined {
  return name === undefined ? undefined : SUITES.get(name);
}

/** A DNS name as the witnesses have it: lower case, the root as `.`. */
export function dnsName(name: string | undefined): string | undefined {
  const plain = name?.toLowerCase();
  return plain === '' || plain === '<root>' ? '.' : plain;
}
