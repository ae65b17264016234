/** Protocol version numbers of SSL and TLS, drafts and GREASE included. */

export const TlsVersion = {
  ssl2: 0x0002,
  ssl3: 0x0300,
  tls10: 0x0301,
  tls11: 0x0302,
  tls12: 0x0303,
  tls13: 0x0304,
} as const;

/** A reserved value that clients offer to keep servers tolerant (RFC 8701 §2): both bytes equal and 0x?A. */
export function isGrease(value: number): boolean {
  return (value & 0x0f0f) === 0x0a0a && value >> 8 === (value & 0xff);
}

/** TLS 1.3 before it was final: 0x7fNN is draft NN, 0x7eNN Google's experiments with it, 0xfbNN Facebook's. */
export function isTls13Draft(version: number): boolean {
  const major = version >> 8;
  return major === 0x7f || major === 0x7e || major === 0xfb;
}

const DTLS12 = 0xfefd;
const DTLS13 = 0xfefc;

/** TLS 1.3 or a draft of it, DTLS 1.3. */
export function isTls13(version: number): boolean {
  return version === TlsVersion.tls13 || version === DTLS13 || isTls13Draft(version);
}

/** Whether a signature of this version tells its scheme (RFC 5246 §4.7); before, the key's type decides. */
export function isSigned12(version: number): boolean {
  return version === TlsVersion.tls12 || version === DTLS12;
}

/** Orders versions by age: drafts of TLS 1.3 between 1.2 and 1.3, DTLS (which counts downwards) among itself; else -1. */
function rank(version: number): number {
  const major = version >> 8;
  if (major === 0x03) return version << 16;
  if (isTls13Draft(version)) return (TlsVersion.tls12 << 16) + version;
  if (major === 0xfe) return 0xffff - version;
  return -1;
}

/** The highest version of a `supported_versions` list (RFC 8446 §4.2.1); `legacyVersion` where it names none. */
export function highestVersion(supported: readonly number[], legacyVersion: number): number {
  let highest = legacyVersion;
  let highestRank = -1;
  for (let i = 0; i < supported.length; i++) {
    const version = supported[i]!;
    const order = isGrease(version) ? -1 : rank(version);
    if (order > highestRank) {
      highest = version;
      highestRank = order;
    }
  }
  return highest;
}
