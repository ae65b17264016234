/** Suites, groups and signatures as algorithms in the words of CycloneDX 1.6 (`algorithmProperties`). */
import { GROUP_CODES, SCHEME_CODES, SUITE_CODES } from '../policy/codes.ts';
import { GROUPS_BY_CODE } from '../policy/groups.ts';
import { SCHEMES_BY_CODE } from '../policy/signatures.ts';
import { SUITES, type SuiteProperties } from '../policy/suites.ts';

export interface AlgorithmProperties {
  readonly primitive: string;
  readonly parameterSetIdentifier?: string;
  readonly curve?: string;
  readonly mode?: string;
  readonly cryptoFunctions: readonly string[];
  /** Bits. */
  readonly classicalSecurityLevel?: number;
  /** NIST's category; 0 is none: broken by a quantum computer. */
  readonly nistQuantumSecurityLevel?: number;
}

export interface Algorithm {
  readonly name: string;
  readonly properties: AlgorithmProperties;
}

/** By AES's key length (NIST's call for proposals of 2016, §4.A.5), and by parameter set (FIPS 203 §8, FIPS 204 §4). */
const AES_CATEGORIES: Readonly<Record<number, number>> = { 128: 1, 192: 3, 256: 5 };
const PARAMETER_CATEGORIES: Readonly<Record<string, number>> = {
  MLKEM512: 1,
  MLKEM768: 3,
  MLKEM1024: 5,
  mldsa44: 2,
  mldsa65: 3,
  mldsa87: 5,
};
const MODES: Readonly<Record<string, string>> = { CBC: 'cbc', GCM: 'gcm', CCM: 'ccm', CCM_8: 'ccm', CTR: 'ctr' };

/** Undefined where nothing is encrypted, and for suites that nobody knows. */
export function suiteAlgorithm(suite: string): Algorithm | undefined {
  const properties = SUITES.get(SUITE_CODES.find(suite) ?? -1)?.properties;
  if (properties === undefined || properties.encryption === 'NULL') return undefined;
  const { encryption, mode, strength } = properties;
  const parts = [encryption, ...(encryption === '3DES' ? [] : [strength]), ...(mode === 'none' ? [] : [mode])];
  const category = encryption === 'AES' ? AES_CATEGORIES[strength] : undefined;
  return {
    name: parts.join('-'),
    properties: {
      primitive: cipherPrimitive(properties),
      parameterSetIdentifier: String(strength),
      ...(mode !== 'none' && { mode: MODES[mode] ?? 'other' }),
      cryptoFunctions: ['encrypt', 'decrypt'],
      classicalSecurityLevel: strength,
      ...(category !== undefined && { nistQuantumSecurityLevel: category }),
    },
  };
}

function cipherPrimitive({ aead, encryption }: SuiteProperties): string {
  if (aead) return 'ae';
  return encryption === 'RC4' ? 'stream-cipher' : 'block-cipher';
}

/** `0xC0`, `0x2F`. */
export function suiteIdentifiers(suite: string): string[] {
  const code = SUITE_CODES.find(suite);
  if (code === undefined) return [];
  const digits = code
    .toString(16)
    .toUpperCase()
    .padStart(code > 0xffff ? 6 : 4, '0');
  return [...digits.matchAll(/../g)].map(([byte]) => `0x${byte}`);
}

export function groupAlgorithm(name: string): Algorithm {
  const properties = GROUPS_BY_CODE.get(GROUP_CODES.find(name) ?? -1)?.properties;
  const { postQuantum = false, hybridPq = false, ffdhe = false, strength } = properties ?? {};
  const [, parameter] = /(MLKEM\d+)/.exec(name) ?? [];
  const category = postQuantum ? PARAMETER_CATEGORIES[parameter ?? ''] : 0;
  return {
    name,
    properties: {
      primitive: hybridPq ? 'combiner' : postQuantum ? 'kem' : 'key-agree',
      ...(properties !== undefined && !postQuantum && !ffdhe && { curve: name }),
      cryptoFunctions: postQuantum ? ['encapsulate', 'decapsulate'] : ['keygen', 'keyderive'],
      ...(strength !== undefined && { classicalSecurityLevel: strength }),
      ...(properties !== undefined && category !== undefined && { nistQuantumSecurityLevel: category }),
    },
  };
}

/** A signature scheme of TLS, or the signature algorithm of a certificate. */
export function signatureAlgorithm(name: string): Algorithm {
  const known = SCHEMES_BY_CODE.has(SCHEME_CODES.find(name) ?? -1);
  const category = PARAMETER_CATEGORIES[name] ?? (known && !name.startsWith('mldsa') ? 0 : undefined);
  return {
    name,
    properties: {
      primitive: 'signature',
      cryptoFunctions: ['sign', 'verify'],
      ...(category !== undefined && { nistQuantumSecurityLevel: category }),
    },
  };
}
