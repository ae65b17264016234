/** What a named group is made of, and the names that it goes by besides IANA's. */
import { GROUPS } from '../dissect/iana-tables.ts';

export interface GroupProperties {
  /** Size of the curve's field or of the prime in bits; undefined for key encapsulation, alone or in a hybrid. */
  readonly bits: number | undefined;
  /** Security strength in bits against a classical computer; undefined where the registry's name leaves it open. */
  readonly strength: number | undefined;
  /** Finite-field Diffie-Hellman (RFC 7919). */
  readonly ffdhe: boolean;
  /** Safe from a quantum computer, alone or in a hybrid. */
  readonly postQuantum: boolean;
  /** A post-quantum key encapsulation together with a classical group. */
  readonly hybridPq: boolean;
}

/** NIST SP 800-56A revision 3 appendix D, table 26. */
const FFDHE_STRENGTHS: Readonly<Record<string, number>> = { 2048: 112, 3072: 128, 4096: 152, 6144: 176, 8192: 200 };
/** FIPS 203 §8: as hard to break as AES with keys of this length. */
const MLKEM_STRENGTHS: Readonly<Record<string, number>> = { 512: 128, 768: 192, 1024: 256 };
/** RFC 7748 §4.1, §4.2: field and strength. */
const MONTGOMERY: Readonly<Record<string, readonly [number, number]>> = { x25519: [255, 128], x448: [448, 224] };

function classical(bits: number | undefined, strength: number | undefined, ffdhe: boolean): GroupProperties {
  return { bits, strength, ffdhe, postQuantum: false, hybridPq: false };
}

/** Half of the field's size, and no more than 256 (NIST SP 800-57 part 1 table 2). */
function curveStrength(bits: number): number {
  return Math.min(256, Math.floor(bits / 2));
}

/** Of an elliptic curve that is no group of TLS. */
export function curveProperties(bits: number | undefined): GroupProperties {
  return classical(bits, bits && curveStrength(bits), false);
}

/** From the registry's name, which tells the size of all groups. */
export function parseGroupName(name: string): GroupProperties {
  const [, kem, parameter] = /(MLKEM|Kyber)(\d+)/.exec(name) ?? [];
  if (kem !== undefined || name === 'CECPQ2') {
    const hybridPq = !name.startsWith('MLKEM');
    const strength = MLKEM_STRENGTHS[parameter ?? ''];
    return { bits: undefined, strength, ffdhe: false, postQuantum: true, hybridPq };
  }
  const [bits, strength] = MONTGOMERY[name] ?? [];
  if (bits !== undefined) return classical(bits, strength, false);
  const [, ffdhe] = /^ffdhe(\d+)$/.exec(name) ?? [];
  if (ffdhe !== undefined) return classical(Number(ffdhe), FFDHE_STRENGTHS[ffdhe], true);
  if (name === 'curveSM2') return classical(256, 128, false);
  const [, size] = /^(?:sect|secp|brainpoolP|GC)(\d+)/.exec(name) ?? [];
  return curveProperties(size === undefined ? undefined : Number(size));
}

export interface Group {
  readonly code: number;
  readonly name: string;
  readonly properties: GroupProperties;
}

export const GROUPS_BY_CODE: ReadonlyMap<number, Group> = new Map(
  GROUPS.map(([code, name]) => [code, { code, name, properties: parseGroupName(name) }]),
);

/** Other names: NIST's (FIPS 186-4, SP 800-186), ANSI X9.62's as OpenSSL uses them, others of OpenSSL. */
const ALIASES: Readonly<Record<string, readonly string[]>> = {
  secp192r1: ['P-192', 'prime192v1'],
  secp224r1: ['P-224'],
  secp256r1: ['P-256', 'prime256v1'],
  secp384r1: ['P-384'],
  secp521r1: ['P-521'],
  sect163k1: ['K-163'],
  sect163r2: ['B-163'],
  sect233k1: ['K-233'],
  sect233r1: ['B-233'],
  sect283k1: ['K-283'],
  sect283r1: ['B-283'],
  sect409k1: ['K-409'],
  sect409r1: ['B-409'],
  sect571k1: ['K-571'],
  sect571r1: ['B-571'],
  x25519: ['curve25519', 'ecdh_x25519'],
  x448: ['curve448', 'ecdh_x448'],
  curveSM2: ['SM2'],
};

/** OpenSSL's names and, after `GROUP-`, GnuTLS's. */
export function groupAliases(name: string): string[] {
  return [...(ALIASES[name] ?? []), `GROUP-${name.toUpperCase()}`];
}
