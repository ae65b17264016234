/** What a signature scheme is made of, and the hash of a certificate's signature algorithm. */
import type { Certificate } from '../dissect/event.ts';
import { SIGNATURE_SCHEMES } from '../dissect/iana-tables.ts';

export type SignatureHash =
  | 'none'
  | 'MD2'
  | 'MD4'
  | 'MD5'
  | 'RIPEMD160'
  | 'SHA1'
  | 'SHA224'
  | 'SHA256'
  | 'SHA384'
  | 'SHA512'
  | 'SHA512-224'
  | 'SHA512-256'
  | 'SHA3-224'
  | 'SHA3-256'
  | 'SHA3-384'
  | 'SHA3-512'
  | 'SHAKE128'
  | 'SHAKE256'
  | 'SM3'
  | 'GOSTR3411'
  | 'intrinsic';

export type SignatureAlgorithm =
  | 'RSA'
  | 'RSA-PSS'
  | 'DSA'
  | 'ECDSA'
  | 'EdDSA'
  | 'ML-DSA'
  | 'SM2'
  | 'GOST'
  | 'IBS'
  | 'anonymous';

export interface SignatureProperties {
  readonly algorithm: SignatureAlgorithm;
  /** `intrinsic` where the algorithm hashes the message itself (RFC 8422 §5.1.3). */
  readonly hash: SignatureHash;
}

const ALGORITHMS: readonly (readonly [RegExp, SignatureAlgorithm])[] = [
  [/^rsa_pss/, 'RSA-PSS'],
  [/^rsa/, 'RSA'],
  [/^dsa/, 'DSA'],
  [/^ecdsa/, 'ECDSA'],
  [/^ed\d/, 'EdDSA'],
  [/^mldsa/, 'ML-DSA'],
  [/^sm2/, 'SM2'],
  [/^gostr/, 'GOST'],
  [/^anonymous/, 'anonymous'],
];

function parseSchemeName(name: string): SignatureProperties {
  const algorithm = ALGORITHMS.find(([pattern]) => pattern.test(name))?.[1] ?? 'IBS';
  if (algorithm === 'GOST') return { algorithm, hash: 'GOSTR3411' };
  const [, hash] = /_(none|md5|sha\d+|sm3)(?:_legacy)?$/.exec(name) ?? [];
  return { algorithm, hash: hash === 'none' ? hash : ((hash?.toUpperCase() ?? 'intrinsic') as SignatureHash) };
}

export interface SignatureScheme {
  readonly code: number;
  readonly name: string;
  readonly properties: SignatureProperties;
}

export const SCHEMES_BY_CODE: ReadonlyMap<number, SignatureScheme> = new Map(
  SIGNATURE_SCHEMES.map(([code, name]) => [code, { code, name, properties: parseSchemeName(name) }]),
);

/**
 * GnuTLS's name, OpenSSL's pair of TLS 1.2, and the name of the pair where TLS 1.3 bound it to a curve. RSA-PSS alone is
 * the key of RSA to OpenSSL (0x0804) and the key of RSASSA-PSS to GnuTLS (0x0809), as their hellos show.
 */
export function schemeAliases(name: string): string[] {
  const gnutls = `SIGN-${name.replace('pkcs1_', '').replaceAll('_', '-').toUpperCase()}`;
  const [, pssKey, pssHash = ''] = /^rsa_pss_(rsae|pss)_(sha\d+)$/.exec(name) ?? [];
  if (pssKey === 'rsae') return [gnutls, `RSA-PSS+${pssHash}`, `PSS+${pssHash}`];
  if (pssKey === 'pss') return [gnutls, `SIGN-RSA-PSS-${pssHash}`];
  if (/^ed\d+$/.test(name)) return [gnutls, `SIGN-EDDSA-${name}`];
  const [, algorithm, hash] = /^(rsa_pkcs1|dsa|ecdsa)(?:_secp\d+r1)?_(\w+)$/.exec(name) ?? [];
  if (algorithm === undefined || hash === undefined || hash.includes('_')) return [gnutls];
  const pair = `${algorithm.replace('_pkcs1', '')}`;
  return [gnutls, `SIGN-${pair}-${hash}`, `${pair}_${hash}`, `${pair}+${hash}`.toUpperCase()];
}

const CERTIFICATE_HASH =
  /md[245]|ripemd160|sha3-\d+|sha512-2(?:24|56)|shake(?:128|256)|sha-?\d+|sm3|streebog|gost|ed(?:25519|448)|(?:ml|slh)-?dsa|hss-lms|xmss/i;

/**
 * Hash of a certificate's signature: of the hash that RSASSA-PSS names in its parameters (RFC 4055 §3.1), else of the
 * algorithm by OpenSSL's name of it; undefined where that does not tell.
 */
export function certificateHash({
  signatureAlgorithm,
  signatureHash,
}: Pick<Certificate, 'signatureAlgorithm' | 'signatureHash'>): SignatureHash | undefined {
  const text = signatureHash ?? signatureAlgorithm;
  const [found] = CERTIFICATE_HASH.exec(text) ?? [];
  if (found === undefined) return undefined;
  const name = found.toUpperCase();
  if (/^SHA(?:3|512)-/.test(name)) return name as SignatureHash;
  const plain = name.replace('-', '');
  if (/^(?:ED|MLDSA|SLHDSA|HSS|XMSS)/.test(plain)) return 'intrinsic';
  return /^(?:STREEBOG|GOST)/.test(plain) ? 'GOSTR3411' : (plain as SignatureHash);
}
