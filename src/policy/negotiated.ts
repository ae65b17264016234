/** Requirements on what the server chose, and on what a handshake shows beside its hellos. */
import type { TlsHandshakeEvent } from '../dissect/event.ts';
import { cipherSuiteName, groupName, signatureSchemeName, tlsVersionName } from '../dissect/iana.ts';
import { certificateRequirements } from './certificate.ts';
import { SCHEME_CODES } from './codes.ts';
import type { ComparisonSource } from './comparison.ts';
import { extensionRequirements } from './extensions.ts';
import { type CodeMatcher, codeMatchers, dhMatcher, versionMatchers } from './matchers.ts';
import { type GroupMatcher, groupMatchers } from './negotiated-groups.ts';
import { type SuiteMatcher, suiteMatchers } from './negotiated-suites.ts';
import { type Finding, KEPT, LOST, type Requirement } from './requirement.ts';
import type { NegotiatedSource } from './source.ts';
import { SUITES } from './suites.ts';
import { isResumed, negotiatedDhBits, negotiatedGroup, negotiatedScheme, staticKey } from './visible.ts';

/** One requirement for each `min`, `max`, `allow`, `deny` and property. */
export function negotiatedRequirements(source: NegotiatedSource): Requirement<TlsHandshakeEvent>[] {
  const requirements = [
    ...versionMatchers(source.versions ?? {}).map(version),
    ...suiteMatchers(source.cipher_suites ?? {}).map(cipherSuite),
    ...groupMatchers(source.groups ?? {}).map(group),
    ...codeMatchers(source.signature_schemes ?? {}, SCHEME_CODES).map(signatureScheme),
  ];
  if (source.dh_bits !== undefined) requirements.push(dhBits(source.dh_bits));
  if (source.resumed !== undefined) requirements.push(resumption(source.resumed));
  if (source.compression !== undefined) requirements.push(NO_COMPRESSION);
  if (source.extensions) requirements.push(...extensionRequirements(source.extensions));
  return source.certificate ? [...requirements, ...certificateRequirements(source.certificate)] : requirements;
}

function version({ expected, holds }: CodeMatcher): Requirement<TlsHandshakeEvent> {
  return {
    expected,
    judge({ server }) {
      if (server === undefined) return LOST;
      return holds(server.version) ? KEPT : { observed: tlsVersionName(server.version) };
    },
  };
}

function cipherSuite({ expected, holds, holdsWithShare }: SuiteMatcher): Requirement<TlsHandshakeEvent> {
  return {
    expected,
    judge({ server }) {
      const isKept = server && holds(server);
      if (server === undefined || isKept === undefined) return LOST;
      if (isKept) return KEPT;
      const name = suiteText(server.cipherSuite);
      return { observed: holdsWithShare(server.cipherSuite) ? `${name} by a pre-shared key alone` : name };
    },
  };
}

function group({ expected, holds, holdsOf }: GroupMatcher): Requirement<TlsHandshakeEvent> {
  return {
    expected,
    judge(event) {
      const key = staticKey(event, 'ECDH');
      if (typeof key !== 'string') return finding(holdsOf(key), () => `${key.curve} of the certificate's key`);
      const found = key === KEPT ? negotiatedGroup(event) : key;
      return typeof found === 'number' ? finding(holds(found), () => groupName(found)) : found;
    },
  };
}

function signatureScheme({ expected, holds }: CodeMatcher): Requirement<TlsHandshakeEvent> {
  return {
    expected,
    judge(event) {
      const found = negotiatedScheme(event);
      return typeof found === 'number' ? finding(holds(found), () => signatureSchemeName(found)) : found;
    },
  };
}

/** @param isKept undefined where it is not known */
function finding(isKept: boolean | undefined, observed: () => string): Finding {
  if (isKept === undefined) return LOST;
  return isKept ? KEPT : { observed: observed() };
}

/** Concerns finite-field Diffie-Hellman only. */
function dhBits(source: ComparisonSource): Requirement<TlsHandshakeEvent> {
  const { expected, holds } = dhMatcher(source);
  return {
    expected,
    judge(event) {
      const key = staticKey(event, 'DH');
      if (typeof key !== 'string') {
        if (key.type !== 'DH' || key.bits === undefined) return LOST;
        return finding(holds(key.bits), () => `DH of ${key.bits} bits of the certificate's key`);
      }
      const bits = key === KEPT ? negotiatedDhBits(event) : key;
      return typeof bits === 'number' ? finding(holds(bits), () => `DH of ${bits} bits`) : bits;
    },
  };
}

function resumption(wanted: boolean): Requirement<TlsHandshakeEvent> {
  const text = (resumed: boolean) => (resumed ? 'a resumed session' : 'a full handshake');
  return {
    expected: text(wanted),
    judge(event) {
      const resumed = isResumed(event);
      if (resumed === undefined) return LOST;
      return resumed === wanted ? KEPT : { observed: text(resumed) };
    },
  };
}

/** TLS Compression Method Identifiers (RFC 3749 §2, RFC 3943 §3). */
const COMPRESSIONS: Readonly<Record<number, string>> = { 1: 'DEFLATE', 64: 'LZS' };

/** TLS 1.3 has none and sends 0 (RFC 8446 §4.1.3); SSL 2.0 has no field for it. */
const NO_COMPRESSION: Requirement<TlsHandshakeEvent> = {
  expected: 'no compression',
  judge({ server }) {
    if (server === undefined) return LOST;
    const { compressionMethod: method } = server;
    return method === 0 ? KEPT : { observed: `compression by ${COMPRESSIONS[method] ?? `method ${method}`}` };
  },
};

/** The IANA name; a suite that was used without being registered by its common name and its code. */
export function suiteText(code: number): string {
  const name = cipherSuiteName(code);
  const known = SUITES.get(code);
  return known === undefined || known.name === name ? name : `${known.name} (0x${code.toString(16).padStart(4, '0')})`;
}
