/** Where a policy and a source that it was not written from differ, and why; in words in docs/policies.md. */
import type { SuiteSelectorSource } from '../../../src/policy/source.ts';

export interface Difference {
  readonly which: 'only we accept' | 'only they accept';
  /** All of them, by name. */
  readonly names?: readonly string[];
  /** Cipher suites: every difference that one of these selects. */
  readonly suites?: readonly SuiteSelectorSource[];
  readonly reason: string;
}

const HYBRIDS = ['SecP256r1MLKEM768', 'X25519MLKEM768', 'SecP384r1MLKEM1024'];
const FFDHE = ['ffdhe2048', 'ffdhe3072', 'ffdhe4096', 'ffdhe6144', 'ffdhe8192'];
const BRAINPOOL = ['brainpoolP256r1', 'brainpoolP384r1', 'brainpoolP512r1'].flatMap((name) => [name, `${name}tls13`]);
const BINARY = [233, 283, 409, 571].flatMap((size) => [`sect${size}k1`, `sect${size}r1`]);
const BRAINPOOL_SIGNATURES = [
  'ecdsa_brainpoolP256r1tls13_sha256',
  'ecdsa_brainpoolP384r1tls13_sha384',
  'ecdsa_brainpoolP512r1tls13_sha512',
];
const PKCS1 = ['sha256', 'sha384', 'sha512'].flatMap((hash) => [`rsa_pkcs1_${hash}`, `rsa_pkcs1_${hash}_legacy`]);
const LEGACY = PKCS1.filter((name) => name.endsWith('_legacy'));
const ML_DSA = ['mldsa44', 'mldsa65', 'mldsa87'];
const NEWER = 'The source is older than ML-KEM in TLS (FIPS 203, August 2024)';

export const NIST_VERSIONS_2024: readonly Difference[] = [
  {
    which: 'only we accept',
    names: ['TLS 1.2'],
    reason: 'SP 800-52r2 §3.1 asks for support of TLS 1.3 since 2024, not for an end of TLS 1.2',
  },
];

export const NIST_GROUPS: readonly Difference[] = [
  { which: 'only we accept', names: ['MLKEM512', 'MLKEM768', 'MLKEM1024', ...HYBRIDS], reason: NEWER },
  {
    which: 'only we accept',
    names: FFDHE,
    reason: 'SP 800-52r2 §3.4.2.2 admits the groups of SP 800-56A appendix D, table 26; the column leaves them open',
  },
  {
    which: 'only they accept',
    names: BRAINPOOL,
    reason: 'SP 800-186 lets brainpool curves be used for interoperability; SP 800-56A approves none for key agreement',
  },
];

export const NIST_CITIZEN_GROUPS: readonly Difference[] = [
  { which: 'only we accept', names: ['MLKEM512', 'MLKEM768', 'MLKEM1024', ...HYBRIDS], reason: NEWER },
  { which: 'only they accept', names: BINARY, reason: 'SP 800-186 §3.3 (2023) deprecates curves over binary fields' },
  {
    which: 'only they accept',
    names: ['x25519', 'x448'],
    reason: 'No NIST publication approves them for key agreement: SP 800-56A appendix D has neither',
  },
];

export const NIST_SIGNATURES: readonly Difference[] = [
  {
    which: 'only we accept',
    names: PKCS1,
    reason:
      'The dataset applies the end of PKCS#1 v1.5 key transport to signatures; SP 800-131A §3 goes on to accept these',
  },
  {
    which: 'only we accept',
    names: ['rsa_pkcs1_sha224', 'ecdsa_sha224', 'dsa_sha224'],
    reason: 'SP 800-131A §9 accepts SHA-224 for signatures',
  },
  {
    which: 'only we accept',
    names: ['dsa_sha256', 'dsa_sha384', 'dsa_sha512'],
    reason: 'SP 800-52r2 §3.3.1.1.3 lists suites with DSA; the dataset has no row for its schemes',
  },
  {
    which: 'only we accept',
    names: ['ed25519', 'ed448', ...BRAINPOOL_SIGNATURES, ...ML_DSA],
    reason: 'FIPS 186-5, SP 800-186 (2023) and FIPS 204 (2024) are newer than SP 800-52r2',
  },
];

export const BSI_GROUPS: readonly Difference[] = [
  { which: 'only we accept', names: ['SecP256r1MLKEM768', 'SecP384r1MLKEM1024'], reason: NEWER },
  {
    which: 'only they accept',
    names: ['ffdhe2048'],
    reason: 'Recommended until the end of 2022, as the condition of the row says',
  },
];

export const BSI_SIGNATURES: readonly Difference[] = [
  {
    which: 'only we accept',
    names: ['dsa_sha256', 'dsa_sha384', 'dsa_sha512'],
    reason: 'The dataset lists schemes of TLS 1.3; TLS 1.2 has DSA until the end of 2029',
  },
];

export const ANSSI_GROUPS: readonly Difference[] = [{ which: 'only we accept', names: HYBRIDS, reason: NEWER }];

export const ANSSI_SIGNATURES: readonly Difference[] = [
  {
    which: 'only we accept',
    names: LEGACY,
    reason: "Code points for clients' signatures under TLS 1.3, newer than the source; no server signs by them",
  },
];

export const MOZILLA_SUITES: readonly Difference[] = [
  {
    which: 'only they accept',
    suites: [{ key_exchange: 'DHE', authentication: 'RSA' }],
    reason: 'The dataset follows version 5.7; 5.8 and 6.0 have dropped the DHE suites',
  },
];

export const MOZILLA_GROUPS: readonly Difference[] = [
  { which: 'only we accept', names: ['X25519MLKEM768'], reason: 'Added by version 5.8; the dataset follows 5.7' },
];

export const MOZILLA_INTERMEDIATE_GROUPS: readonly Difference[] = [
  ...MOZILLA_GROUPS,
  {
    which: 'only they accept',
    names: ['ffdhe2048'],
    reason: 'It was the group of the DHE suites, which 5.8 has dropped; tls_curves never had it',
  },
];

export const NSA_SUITES: readonly Difference[] = [
  {
    which: 'only they accept',
    names: ['TLS_SHA256_SHA256', 'TLS_SHA384_SHA384'],
    reason: 'NULL encryption of RFC 9150 (2022), newer than the list of November 2020',
  },
];

export const CNSA1_GROUPS_S2N: readonly Difference[] = [
  {
    which: 'only we accept',
    names: ['ffdhe3072', 'ffdhe4096'],
    reason: "RFC 9151 §5.3 and NSA's own list have them; s2n-tls does not implement RFC 7919",
  },
];

export const CNSA2_GROUPS_S2N: readonly Difference[] = [
  {
    which: 'only we accept',
    names: ['SecP384r1MLKEM1024'],
    reason: 'Both parts are of one CNSA or the other; s2n-tls lists what it negotiates',
  },
  {
    which: 'only they accept',
    names: ['secp384r1'],
    reason: 'Accepted until the end of 2031, but no longer preferred: a rule of level should tells since 2026',
  },
];

export const FIPS_SUITES: readonly Difference[] = [
  {
    which: 'only we accept',
    suites: [{ key_exchange: ['DHE', 'DH', 'ECDH'] }, { key_exchange: 'PSK' }, { authentication: 'PSK' }],
    reason:
      'Go implements no finite-field and no static Diffie-Hellman and no pre-shared keys; SP 800-56A approves them',
  },
  {
    which: 'only we accept',
    suites: [{ mode: ['CCM', 'CCM_8'] }],
    reason: 'Go implements no CCM; SP 800-38C is approved',
  },
  {
    which: 'only we accept',
    suites: [{ key_exchange: 'ECDHE', mode: 'CBC', mac: ['SHA1', 'SHA384'] }],
    reason: 'Go leaves HMAC-SHA-1 out and has no CBC with SHA-384; HMAC with both is approved until 2030 at least',
  },
];

export const FIPS_GROUPS: readonly Difference[] = [
  {
    which: 'only we accept',
    names: [...BINARY, 'secp224r1', ...FFDHE, 'MLKEM512', 'MLKEM768', 'MLKEM1024'],
    reason: 'SP 800-56A appendix D and FIPS 203 approve them; Go does not implement them for TLS',
  },
];

export const FIPS_CURVES: readonly Difference[] = [
  {
    which: 'only we accept',
    names: [...BINARY, 'secp224r1', 'brainpoolP256r1', 'brainpoolP384r1', 'brainpoolP512r1'],
    reason: 'SP 800-186 §3 and appendix H have them for signatures; Go does not implement them',
  },
];

export const FIPS_SIGNATURES: readonly Difference[] = [
  {
    which: 'only we accept',
    names: [
      'rsa_pkcs1_sha224',
      'ecdsa_sha224',
      ...LEGACY,
      'ed448',
      'rsa_pss_pss_sha256',
      'rsa_pss_pss_sha384',
      'rsa_pss_pss_sha512',
      ...BRAINPOOL_SIGNATURES,
      ...ML_DSA,
    ],
    reason: 'FIPS 186-5, SP 800-186 and FIPS 204 approve them; Go does not implement them for TLS',
  },
];

export const RFC9325_DISCOURAGED: readonly Difference[] = [
  {
    // Here the tables are of what is refused.
    which: 'only they accept',
    names: ['TLS_KRB5_WITH_IDEA_CBC_SHA', 'TLS_KRB5_WITH_IDEA_CBC_MD5'],
    reason: 'IANA discourages IDEA (RFC 5469, RFC 9847), of which RFC 9325 says nothing',
  },
];

/** Extensions and key lengths: by policy and entry, what we make of it instead, and why. */
export const DETAILS: Readonly<Record<string, Readonly<Record<string, readonly [ours: string, reason: string]>>>> = {
  'bsi-tr-02102-2': {
    renegotiation_info: ['free', 'TR-02102-2 §3.3.4 asks for it where sessions are renegotiated, which nobody can see'],
  },
  'nist-sp-800-52r2': {},
  anssi: {
    'ECDSA 256': [
      'free',
      'The dataset gives curves of 256 bits the last year of RSA with 2048, and lists no larger one to follow',
    ],
  },
};
