/** Which groups and signatures a quantum computer does not break, with the drafts that were deployed before them. */
import { GROUPS, SIGNATURE_SCHEMES } from '../iana-tables.ts';

function named(table: readonly (readonly [number, string])[], pattern: RegExp): ReadonlySet<number> {
  return new Set(table.filter(([, name]) => pattern.test(name)).map(([code]) => code));
}

/** ML-KEM alone or with a curve, and its ancestors: Kyber, CECPQ2 (NTRU). */
export const POST_QUANTUM_GROUPS = named(GROUPS, /MLKEM|Kyber|CECPQ/);

/** ML-DSA and SLH-DSA, alone or with a classical signature. */
export const POST_QUANTUM_SIGNATURES = named(SIGNATURE_SCHEMES, /^(mldsa|slhdsa)/);
