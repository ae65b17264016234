/**
 * What a cipher suite is made of, read from its name. The registry builds names by one grammar (src/dissect/tls/suites.ts has
 * the part on keys), so a small parser covers the whole table and a test holds it against two independent tables of properties.
 */
import { SSLV2_CIPHER_KINDS } from '../dissect/iana.ts';
import { CIPHER_SUITES, UNREGISTERED_CIPHER_SUITES } from '../dissect/iana-tables.ts';
import { type KeyExchange, type SuiteKeys, type SuiteName, splitSuiteName } from '../dissect/tls/suites.ts';

export type Encryption =
  | 'NULL'
  | 'RC2'
  | 'RC4'
  | 'DES'
  | '3DES'
  | 'IDEA'
  | 'SEED'
  | 'AES'
  | 'CAMELLIA'
  | 'ARIA'
  | 'SM4'
  | 'CHACHA20_POLY1305'
  | 'AEGIS'
  | 'ASCON'
  | 'GOST28147'
  | 'KUZNYECHIK'
  | 'MAGMA'
  | 'FORTEZZA'
  | 'SALSA20';

export type Mode = 'CBC' | 'GCM' | 'CCM' | 'CCM_8' | 'MGM' | 'CTR' | 'CNT' | 'none';

export type Mac =
  | 'AEAD'
  | 'MD5'
  | 'SHA1'
  | 'SHA256'
  | 'SHA384'
  | 'SHA512'
  | 'SM3'
  | 'GOSTR3411'
  | 'IMIT'
  | 'OMAC'
  | 'NULL';

export interface SuiteProperties extends SuiteKeys {
  readonly encryption: Encryption;
  /** Effective key length in bits: 112 for 3DES, as RFC 9325 §4.1 counts it; 0 for NULL. */
  readonly strength: number;
  /** `none` for stream ciphers and for AEADs that have one mode only. */
  readonly mode: Mode;
  /** `AEAD` where the cipher protects integrity itself. */
  readonly mac: Mac;
  /** True for TLS 1.3: only a pre-shared key alone is without it, and no suite tells that (`PSK_ALONE_SUITES`). */
  readonly forwardSecrecy: boolean;
  readonly aead: boolean;
  /** Weakened for export from the USA before 2000. */
  readonly export: boolean;
}

export interface Suite {
  readonly code: number;
  readonly name: string;
  /** Undefined for signaling values, which are no suites (RFC 5746 §3.3, RFC 7507). */
  readonly properties: SuiteProperties | undefined;
}

const FORWARD_SECRET: ReadonlySet<KeyExchange> = new Set(['DHE', 'ECDHE', 'SRP', 'ECCPWD', 'CECPQ1', 'SM9DHE', 'any']);

/** Cipher and effective bits. */
const CIPHERS = new Map<string, readonly [Encryption, number]>([
  ['NULL', ['NULL', 0]],
  ['SHA256', ['NULL', 0]], // RFC 9150: integrity only, so the name starts with the MAC
  ['SHA384', ['NULL', 0]],
  ['RC2_40', ['RC2', 40]],
  ['RC2_56', ['RC2', 56]],
  ['RC2', ['RC2', 128]],
  ['RC4_40', ['RC4', 40]],
  ['RC4_56', ['RC4', 56]],
  ['RC4_64', ['RC4', 64]],
  ['RC4_128', ['RC4', 128]],
  ['DES40', ['DES', 40]],
  ['DES', ['DES', 56]],
  ['3DES_EDE', ['3DES', 112]],
  ['IDEA', ['IDEA', 128]],
  ['SEED', ['SEED', 128]],
  ['AES_128', ['AES', 128]],
  ['AES_256', ['AES', 256]],
  ['CAMELLIA_128', ['CAMELLIA', 128]],
  ['CAMELLIA_256', ['CAMELLIA', 256]],
  ['ARIA_128', ['ARIA', 128]],
  ['ARIA_256', ['ARIA', 256]],
  ['SM4', ['SM4', 128]],
  ['CHACHA20_POLY1305', ['CHACHA20_POLY1305', 256]],
  ['AEGIS_128L', ['AEGIS', 128]],
  ['AEGIS_256', ['AEGIS', 256]],
  ['ASCONAEAD128', ['ASCON', 128]],
  ['28147', ['GOST28147', 256]],
  ['KUZNYECHIK', ['KUZNYECHIK', 256]],
  ['MAGMA', ['MAGMA', 256]],
  ['FORTEZZA', ['FORTEZZA', 80]],
  ['SALSA20', ['SALSA20', 256]],
  ['ESTREAM_SALSA20', ['SALSA20', 256]], // Salsa20/12
]);

const AEAD_CIPHERS: ReadonlySet<Encryption> = new Set(['CHACHA20_POLY1305', 'AEGIS', 'ASCON']);
const AEAD_MODES: ReadonlySet<Mode> = new Set(['GCM', 'CCM', 'CCM_8', 'MGM']);

const CIPHER_PART =
  /^(.+?)(?:_(CBC|GCM|CCM_8|CCM|MGM|CTR|CNT))?(?:_(MD5|SHA1?|SHA256|SHA384|SHA512|SM3|GOSTR3411|IMIT|OMAC|NULL|ASCONHASH256|L|S))?$/;

function properties({ keyExchange, authentication, exported, ...parts }: SuiteName): SuiteProperties | undefined {
  // Exportable suites put the key length after the mode; elsewhere it comes before.
  const ordered = parts.cipher.replace('DES_CBC_40', 'DES40_CBC').replace(/^RC2_CBC_(40|56)/, 'RC2_$1_CBC');
  const [, cipherName = '', modeName = 'none', macName = ''] = CIPHER_PART.exec(ordered) ?? [];
  const cipher = CIPHERS.get(cipherName);
  if (cipher === undefined) return undefined;
  const [encryption, strength] = cipher;
  const mode = modeName as Mode;
  const aead = AEAD_CIPHERS.has(encryption) || AEAD_MODES.has(mode);
  return {
    keyExchange,
    authentication,
    encryption,
    strength,
    mode,
    mac: aead ? 'AEAD' : macName === 'SHA' ? 'SHA1' : (macName as Mac),
    forwardSecrecy: FORWARD_SECRET.has(keyExchange),
    aead,
    export: exported,
  };
}

/** Properties of a suite by its IANA name; undefined for a signaling value and for what is no suite's name. */
export function parseSuiteName(name: string): SuiteProperties | undefined {
  const parts = splitSuiteName(name);
  return parts && properties(parts);
}

/** Properties of an SSLv2 cipher kind by its name: the server's RSA key is all that SSLv2 knows for key exchange. */
export function parseSslv2Kind(name: string): SuiteProperties | undefined {
  const [, cipher = '', exported, mac = ''] = /^SSL_CK_(.+?)(_EXPORT40)?_WITH_(\w+)$/.exec(name) ?? [];
  const tlsCipher = cipher
    .replace('DES_192_EDE3_CBC', '3DES_EDE_CBC')
    .replace('DES_64_CBC', 'DES_CBC')
    .replace('IDEA_128_CBC', 'IDEA_CBC')
    .replace('RC2_128_CBC', exported ? 'RC2_CBC_40' : 'RC2_CBC')
    .replace('RC4_128', exported ? 'RC4_40' : 'RC4_128');
  return properties({
    keyExchange: 'RSA',
    authentication: 'RSA',
    exported: exported !== undefined,
    cipher: `${tlsCipher}_${mac}`,
  });
}

const registered = CIPHER_SUITES.map(([code, name]): Suite => ({ code, name, properties: parseSuiteName(name) }));
const unregistered = UNREGISTERED_CIPHER_SUITES.map(
  ([code, name]): Suite => ({ code, name, properties: parseSuiteName(name) }),
);
const sslv2 = SSLV2_CIPHER_KINDS.map(([code, name]): Suite => ({ code, name, properties: parseSslv2Kind(name) }));

/** Every suite that a policy can know, by its code point: registered, unregistered and SSLv2's kinds. */
export const SUITES: ReadonlyMap<number, Suite> = new Map(
  [...registered, ...unregistered, ...sslv2].map((suite) => [suite.code, suite]),
);

function ofPskAlone(suite: Suite): Suite {
  const { properties } = suite;
  if (properties?.keyExchange !== 'any') return suite;
  return { ...suite, properties: { ...properties, forwardSecrecy: false } };
}

/** The same where TLS 1.3 makes its keys of a pre-shared key alone: without forward secrecy (RFC 8446 §2.2). */
export const PSK_ALONE_SUITES: ReadonlyMap<number, Suite> = new Map(
  [...SUITES.values()].map((suite) => [suite.code, ofPskAlone(suite)]),
);
