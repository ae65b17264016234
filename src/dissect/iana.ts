/**
 * Names of TLS code points as IANA registers them. What has no name prints as `UNKNOWN (0x1234)`, so that every code
 * point can be read back from its text.
 */
import { CIPHER_SUITES, GROUPS, SIGNATURE_SCHEMES } from './iana-tables.ts';
import { isTls13Draft } from './tls/versions.ts';

type Entries = Iterable<readonly [number, string]>;

const EMPTY_PAGE = new Array<string | undefined>(256).fill(undefined);

/** 16-bit code points in pages of 256: a look-up is two array reads, about half of a `Map`'s time. */
class NameTable {
  readonly #pages: (string | undefined)[][] = Array.from({ length: 256 }, () => EMPTY_PAGE);

  constructor(entries: Entries) {
    for (const [code, name] of entries) {
      let page = this.#pages[code >> 8]!;
      if (page === EMPTY_PAGE) {
        page = new Array<string | undefined>(256).fill(undefined);
        this.#pages[code >> 8] = page;
      }
      page[code & 0xff] = name;
    }
  }

  name(code: number): string {
    return this.#pages[(code >> 8) & 0xff]![code & 0xff] ?? unknown(code, 4);
  }
}

const suites = new NameTable(CIPHER_SUITES);
const groups = new NameTable(GROUPS);
const signatureSchemes = new NameTable(SIGNATURE_SCHEMES);

/** SSLv2's own cipher kinds: the SSL 2.0 specification, then those that SSLeay added. */
export const SSLV2_CIPHER_KINDS: readonly (readonly [number, string])[] = [
  [0x010080, 'SSL_CK_RC4_128_WITH_MD5'],
  [0x020080, 'SSL_CK_RC4_128_EXPORT40_WITH_MD5'],
  [0x030080, 'SSL_CK_RC2_128_CBC_WITH_MD5'],
  [0x040080, 'SSL_CK_RC2_128_CBC_EXPORT40_WITH_MD5'],
  [0x050080, 'SSL_CK_IDEA_128_CBC_WITH_MD5'],
  [0x060040, 'SSL_CK_DES_64_CBC_WITH_MD5'],
  [0x0700c0, 'SSL_CK_DES_192_EDE3_CBC_WITH_MD5'],
  [0x060140, 'SSL_CK_DES_64_CBC_WITH_SHA'],
  [0x0701c0, 'SSL_CK_DES_192_EDE3_CBC_WITH_SHA'],
  [0x080080, 'SSL_CK_RC4_64_WITH_MD5'],
];

const sslv2Kinds = new Map(SSLV2_CIPHER_KINDS);

function unknown(code: number, digits: number): string {
  return `UNKNOWN (0x${code.toString(16).padStart(digits, '0')})`;
}

/** A cipher suite by its 16-bit value, or an SSLv2 cipher kind by its 24-bit value. */
export function cipherSuiteName(code: number): string {
  return code > 0xffff ? (sslv2Kinds.get(code) ?? unknown(code, 6)) : suites.name(code);
}

/** A value of `supported_groups` or `key_share`. */
export function groupName(code: number): string {
  return groups.name(code);
}

/** A signature scheme; TLS 1.2's pairs of hash and signature are named in the same way (`dsa_sha1`). */
export function signatureSchemeName(code: number): string {
  return signatureSchemes.name(code);
}

/** The spellings of one version: as native events and policies write it, and as CIM's `ssl_version` does. */
interface VersionName {
  readonly native: string;
  readonly cim: string;
}

function versionName(native: string): VersionName {
  return { native, cim: native.replace('_', '.') };
}

const TLS13 = versionName('TLSv1_3');
const DTLS10 = versionName('DTLSv1_0');

const versions = new Map<number, VersionName>([
  [0x0002, versionName('SSLv2')],
  [0x0300, versionName('SSLv3')],
  [0x0301, versionName('TLSv1_0')],
  [0x0302, versionName('TLSv1_1')],
  [0x0303, versionName('TLSv1_2')],
  [0x0304, TLS13],
  [0x0100, DTLS10], // DTLS of OpenSSL before 0.9.8f, still spoken by VPN gateways
  [0xfeff, DTLS10],
  [0xfefd, versionName('DTLSv1_2')],
  [0xfefc, versionName('DTLSv1_3')],
]);

/** Drafts count as the TLS 1.3 that they became. */
function findVersion(version: number): VersionName | undefined {
  return isTls13Draft(version) ? TLS13 : versions.get(version);
}

/** `SSLv2`, `SSLv3`, `TLSv1_0` … `TLSv1_3`, `DTLSv1_0`, `DTLSv1_2`, `DTLSv1_3`, else `UNKNOWN (0x0305)`. */
export function tlsVersionName(version: number): string {
  return findVersion(version)?.native ?? unknown(version, 4);
}

/** CIM's `ssl_version` (`TLSv1.2`, `SSLv3`); undefined where the version has no name, as CIM leaves unknown fields out. */
export function sslVersionName(version: number): string | undefined {
  return findVersion(version)?.cim;
}

/** IANA "TLS Alerts" (RFC 8446 §6, RFC 9849 §11.2), those that were withdrawn included, by the names that they had. */
const ALERTS: ReadonlyMap<number, string> = new Map([
  [0, 'close_notify'],
  [10, 'unexpected_message'],
  [20, 'bad_record_mac'],
  [21, 'decryption_failed'],
  [22, 'record_overflow'],
  [30, 'decompression_failure'],
  [40, 'handshake_failure'],
  [41, 'no_certificate'],
  [42, 'bad_certificate'],
  [43, 'unsupported_certificate'],
  [44, 'certificate_revoked'],
  [45, 'certificate_expired'],
  [46, 'certificate_unknown'],
  [47, 'illegal_parameter'],
  [48, 'unknown_ca'],
  [49, 'access_denied'],
  [50, 'decode_error'],
  [51, 'decrypt_error'],
  [52, 'too_many_cids_requested'],
  [60, 'export_restriction'],
  [70, 'protocol_version'],
  [71, 'insufficient_security'],
  [80, 'internal_error'],
  [86, 'inappropriate_fallback'],
  [90, 'user_canceled'],
  [100, 'no_renegotiation'],
  [109, 'missing_extension'],
  [110, 'unsupported_extension'],
  [111, 'certificate_unobtainable'],
  [112, 'unrecognized_name'],
  [113, 'bad_certificate_status_response'],
  [114, 'bad_certificate_hash_value'],
  [115, 'unknown_psk_identity'],
  [116, 'certificate_required'],
  [117, 'general_error'],
  [120, 'no_application_protocol'],
  [121, 'ech_required'],
]);

export function alertName(description: number): string {
  return ALERTS.get(description) ?? unknown(description, 2);
}
