/** Names of the object identifiers of keys, curves and signatures. */
import type { CertificateKey } from '../event.ts';
import { CURVES } from '../iana-tables.ts';
import type { DerFields } from './der.ts';

/** SLH-DSA of FIPS 205, as csrc.nist.gov numbers it: plain from 20 on, and of a hash from 35 on. */
const SLH_DSA = ['SHA2', 'SHAKE'].flatMap((hash) =>
  ['128s', '128f', '192s', '192f', '256s', '256f'].map((set): [string, string] => [
    `SLH-DSA-${hash}-${set}`,
    hash === 'SHAKE' ? (set.startsWith('128') ? 'SHAKE128' : 'SHAKE256') : set.startsWith('128') ? 'SHA256' : 'SHA512',
  ]),
);

/** Names as OpenSSL prints them; of those that it has no name for, their RFC's. */
const SIGNATURES: ReadonlyMap<string, string> = new Map([
  ['1.2.840.113549.1.1.2', 'md2WithRSAEncryption'],
  ['1.2.840.113549.1.1.3', 'md4WithRSAEncryption'],
  ['1.2.840.113549.1.1.4', 'md5WithRSAEncryption'],
  ['1.2.840.113549.1.1.5', 'sha1WithRSAEncryption'],
  ['1.3.14.3.2.3', 'md5WithRSA'],
  ['1.3.14.3.2.29', 'sha1WithRSA'],
  ['1.3.36.3.3.1.2', 'ripemd160WithRSA'],
  ['1.2.840.113549.1.1.10', 'rsassaPss'],
  ['1.2.840.113549.1.1.11', 'sha256WithRSAEncryption'],
  ['1.2.840.113549.1.1.12', 'sha384WithRSAEncryption'],
  ['1.2.840.113549.1.1.13', 'sha512WithRSAEncryption'],
  ['1.2.840.113549.1.1.14', 'sha224WithRSAEncryption'],
  // RFC 8017 appendix A.2.4.
  ['1.2.840.113549.1.1.15', 'sha512-224WithRSAEncryption'],
  ['1.2.840.113549.1.1.16', 'sha512-256WithRSAEncryption'],
  // RFC 8692 §2.
  ['1.3.6.1.5.5.7.6.30', 'id-RSASSA-PSS-SHAKE128'],
  ['1.3.6.1.5.5.7.6.31', 'id-RSASSA-PSS-SHAKE256'],
  ['1.3.6.1.5.5.7.6.32', 'id-ecdsa-with-shake128'],
  ['1.3.6.1.5.5.7.6.33', 'id-ecdsa-with-shake256'],
  ['1.2.840.10040.4.3', 'dsaWithSHA1'],
  ['1.3.14.3.2.27', 'dsaWithSHA1-old'],
  ['2.16.840.1.101.3.4.3.1', 'dsa_with_SHA224'],
  ['2.16.840.1.101.3.4.3.2', 'dsa_with_SHA256'],
  ['2.16.840.1.101.3.4.3.3', 'dsa_with_SHA384'],
  ['2.16.840.1.101.3.4.3.4', 'dsa_with_SHA512'],
  ['2.16.840.1.101.3.4.3.5', 'dsa_with_SHA3-224'],
  ['2.16.840.1.101.3.4.3.6', 'dsa_with_SHA3-256'],
  ['2.16.840.1.101.3.4.3.7', 'dsa_with_SHA3-384'],
  ['2.16.840.1.101.3.4.3.8', 'dsa_with_SHA3-512'],
  ['2.16.840.1.101.3.4.3.9', 'ecdsa_with_SHA3-224'],
  ['2.16.840.1.101.3.4.3.10', 'ecdsa_with_SHA3-256'],
  ['2.16.840.1.101.3.4.3.11', 'ecdsa_with_SHA3-384'],
  ['2.16.840.1.101.3.4.3.12', 'ecdsa_with_SHA3-512'],
  ['2.16.840.1.101.3.4.3.13', 'RSA-SHA3-224'],
  ['2.16.840.1.101.3.4.3.14', 'RSA-SHA3-256'],
  ['2.16.840.1.101.3.4.3.15', 'RSA-SHA3-384'],
  ['2.16.840.1.101.3.4.3.16', 'RSA-SHA3-512'],
  ['1.2.840.10045.4.1', 'ecdsa-with-SHA1'],
  ['1.2.840.10045.4.3.1', 'ecdsa-with-SHA224'],
  ['1.2.840.10045.4.3.2', 'ecdsa-with-SHA256'],
  ['1.2.840.10045.4.3.3', 'ecdsa-with-SHA384'],
  ['1.2.840.10045.4.3.4', 'ecdsa-with-SHA512'],
  ['1.3.101.112', 'ED25519'],
  ['1.3.101.113', 'ED448'],
  ['2.16.840.1.101.3.4.3.17', 'ML-DSA-44'],
  ['2.16.840.1.101.3.4.3.18', 'ML-DSA-65'],
  ['2.16.840.1.101.3.4.3.19', 'ML-DSA-87'],
  ...SLH_DSA.map(([name], i): [string, string] => [`2.16.840.1.101.3.4.3.${20 + i}`, name]),
  ...SLH_DSA.map(([name, hash], i): [string, string] => [`2.16.840.1.101.3.4.3.${35 + i}`, `${name}-WITH-${hash}`]),
  // RFC 9802 §4.
  ['1.2.840.113549.1.9.16.3.17', 'id-alg-hss-lms-hashsig'],
  ['1.3.6.1.5.5.7.6.34', 'id-alg-xmss-hashsig'],
  ['1.3.6.1.5.5.7.6.35', 'id-alg-xmssmt-hashsig'],
  ['1.2.156.10197.1.501', 'SM2-with-SM3'],
  ['1.2.156.10197.1.504', 'sm3WithRSAEncryption'],
  ['1.2.643.2.2.3', 'GOST R 34.11-94 with GOST R 34.10-2001'],
  ['1.2.643.7.1.1.3.2', 'GOST R 34.10-2012 with GOST R 34.11-2012 (256 bit)'],
  ['1.2.643.7.1.1.3.3', 'GOST R 34.10-2012 with GOST R 34.11-2012 (512 bit)'],
]);

/**
 * Hashes in the parameters of RSASSA-PSS (RFC 4055 §2.1, RFC 8017 appendix B.1; FIPS 202 and its identifiers at csrc.nist.gov), as
 * policies write them.
 */
const HASHES: ReadonlyMap<string, string> = new Map([
  ['1.2.840.113549.2.2', 'MD2'],
  ['1.2.840.113549.2.4', 'MD4'],
  ['1.2.840.113549.2.5', 'MD5'],
  ['1.3.14.3.2.26', 'SHA1'],
  ['2.16.840.1.101.3.4.2.4', 'SHA224'],
  ['2.16.840.1.101.3.4.2.1', 'SHA256'],
  ['2.16.840.1.101.3.4.2.2', 'SHA384'],
  ['2.16.840.1.101.3.4.2.3', 'SHA512'],
  ['1.3.36.3.2.1', 'RIPEMD160'],
  ['1.2.156.10197.1.401', 'SM3'],
  ['2.16.840.1.101.3.4.2.5', 'SHA512-224'],
  ['2.16.840.1.101.3.4.2.6', 'SHA512-256'],
  ['2.16.840.1.101.3.4.2.7', 'SHA3-224'],
  ['2.16.840.1.101.3.4.2.8', 'SHA3-256'],
  ['2.16.840.1.101.3.4.2.9', 'SHA3-384'],
  ['2.16.840.1.101.3.4.2.10', 'SHA3-512'],
  ['2.16.840.1.101.3.4.2.11', 'SHAKE128'],
  ['2.16.840.1.101.3.4.2.12', 'SHAKE256'],
]);

/** Name and, where the type fixes it, size. */
const KEYS: ReadonlyMap<string, readonly [string, number?]> = new Map([
  ['1.2.840.113549.1.1.1', ['RSA']],
  ['1.2.840.113549.1.1.10', ['RSA-PSS']],
  ['1.2.840.10045.2.1', ['EC']],
  ['1.2.840.10040.4.1', ['DSA']],
  ['1.2.840.10046.2.1', ['DH']],
  ['1.2.840.113549.1.3.1', ['DH']],
  ['1.3.101.110', ['X25519', 256]],
  ['1.3.101.111', ['X448', 448]],
  ['1.3.101.112', ['Ed25519', 256]],
  ['1.3.101.113', ['Ed448', 456]],
  ['2.16.840.1.101.3.4.3.17', ['ML-DSA-44']],
  ['2.16.840.1.101.3.4.3.18', ['ML-DSA-65']],
  ['2.16.840.1.101.3.4.3.19', ['ML-DSA-87']],
]);

const CURVES_BY_OID: ReadonlyMap<string, readonly [string, number]> = new Map(
  CURVES.map(([oid, name, bits]) => [oid, [name, bits]]),
);

export function signatureAlgorithmName(oid: string): string {
  return SIGNATURES.get(oid) ?? oid;
}

/** Every name that `signatureAlgorithmName` gives. */
export function signatureAlgorithmNames(): string[] {
  return [...SIGNATURES.values()];
}

export function hashName(oid: string): string {
  return HASHES.get(oid) ?? oid;
}

export function certificateKey({ keyAlgorithm, keyParameters, keyBits }: DerFields): CertificateKey {
  const [type, fixedBits] = KEYS.get(keyAlgorithm) ?? [keyAlgorithm];
  if (type === 'EC') {
    const [curve, bits] = CURVES_BY_OID.get(keyParameters ?? '') ?? [keyParameters, undefined];
    return { type, bits, curve };
  }
  return { type, bits: fixedBits ?? (/^(RSA|DSA|DH)/.test(type) ? keyBits : undefined), curve: undefined };
}
