/** One certificate from its DER, by node:crypto: `bench/certificates.ts` says why, and what it costs. */
import { X509Certificate } from 'node:crypto';
import type { Certificate } from '../event.ts';
import type { Reader } from '../reader.ts';
import { certificateKey, hashName, signatureAlgorithmName } from './algorithms.ts';
import { readDerFields } from './der.ts';
import { alternativeNames, distinguishedName } from './names.ts';

/**
 * Greater RSA and DSA keys nobody uses, and whoever makes one up chooses how long a verification takes: 7 ms with an
 * exponent of 3,072 bits, 6 ms with a modulus of 16,384 (measured). Windows takes no exponent above 32 bits either.
 */
const MAX_VERIFIED_BITS = 8_192;
const MAX_VERIFIED_EXPONENT = 0xffff_ffffn;

/**
 * Reads the certificate that the reader spans; undefined where it is none. OpenSSL throws on what it does not like: that
 * is caught here, and the caller remembers it by its hash.
 * @param sha256 of all of the reader's bytes
 */
export function readCertificate(reader: Reader, sha256: string): Certificate | undefined {
  const { bytes, position, end } = reader;
  const der = bytes.subarray(position, end);
  const fields = readDerFields(reader);
  if (fields === undefined) return undefined;
  try {
    const x509 = new X509Certificate(der);
    // The constructor takes PEM before DER: text within a certificate could stand in for it.
    if (!x509.raw.equals(der)) return undefined;
    const notBefore = Date.parse(x509.validFrom) / 1000;
    const notAfter = Date.parse(x509.validTo) / 1000;
    if (Number.isNaN(notBefore) || Number.isNaN(notAfter)) return undefined;
    const signatureAlgorithm = signatureAlgorithmName(fields.signatureAlgorithm);
    const subject = distinguishedName(x509.subject);
    const issuer = distinguishedName(x509.issuer);
    const alternative = alternativeNames(x509.subjectAltName);
    return {
      subject: subject.text,
      issuer: issuer.text,
      subjectCommonName: subject.commonName,
      subjectOrganization: subject.organization,
      subjectAttributes: subject.attributes,
      issuerCommonName: issuer.commonName,
      issuerOrganization: issuer.organization,
      issuerAttributes: issuer.attributes,
      // Whole bytes, as OpenSSL's tools print them: zero comes as one digit.
      serial: x509.serialNumber.toLowerCase().padStart(2, '0'),
      subjectAlternativeNames: alternative.names,
      subjectAlternativeNameCount: alternative.count,
      notBefore,
      notAfter,
      key: certificateKey(fields),
      signatureAlgorithm,
      signatureHash: fields.signatureHash && hashName(fields.signatureHash),
      sha256,
      selfSigned: x509.subject === x509.issuer && verifiesItself(x509, signatureAlgorithm),
      version: fields.version,
    };
  } catch {
    return undefined;
  }
}

/** What OpenSSL 3 verifies wherever it is built: of another algorithm (MD2, SM2, GOST) it only says that it did not. */
const VERIFIED = /^(?:md5WithRSAEncryption|sha|dsa|ecdsa|RSA-SHA3|rsassaPss|ED)/;

/** Undefined where OpenSSL cannot verify with a key of this type or such a signature, and where trying would take milliseconds. */
function verifiesItself(x509: X509Certificate, signatureAlgorithm: string): boolean | undefined {
  try {
    const key = x509.publicKey;
    const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
    if (modulusLength > MAX_VERIFIED_BITS || publicExponent > MAX_VERIFIED_EXPONENT) return undefined;
    if (x509.verify(key)) return true;
    return key.asymmetricKeyType !== undefined && VERIFIED.test(signatureAlgorithm) ? false : undefined;
  } catch {
    return undefined;
  }
}
