/** Requirements on the server's certificate, as the wire shows it before TLS 1.3. */
import type { Certificate, TlsHandshakeEvent } from '../dissect/event.ts';
import { GROUP_CODES } from './codes.ts';
import { describeComparison, parseComparison, within } from './comparison.ts';
import { dayOf } from './day.ts';
import { nameMatchers } from './matchers.ts';
import { type Finding, HIDDEN, KEPT, LOST, list, type Requirement } from './requirement.ts';
import { certificateNames } from './server-name.ts';
import { certificateHash } from './signatures.ts';
import type { CertificateSource, NamesSource } from './source.ts';
import { certificateChain } from './visible.ts';

const DAY_S = 86_400;

/** What one certificate of the chain is found to be. */
interface CertificateTest {
  readonly expected: string;
  readonly judge: (certificate: Certificate, event: TlsHandshakeEvent, position: number) => Finding;
}

/** One requirement for each property, `allow` and `deny`. */
export function certificateRequirements(source: CertificateSource): Requirement<TlsHandshakeEvent>[] {
  const wholeChain = source.scope === 'chain';
  return [
    ...[
      ...keyTypes(source.key_types ?? {}),
      ...keyBits(source.key_bits ?? {}),
      ...curves(source.curves ?? {}),
      ...signatureHashes(source.signature_hashes ?? {}),
      ...signatureAlgorithms(source.signature_algorithms ?? {}),
      ...expiry(source),
    ].map((test) => ofChain(test, wholeChain)),
    ...[...validity(source), ...selfSigned(source), ...nameMismatch(source)].map((test) => ofChain(test, false)),
  ];
}

function ofChain({ expected, judge }: CertificateTest, wholeChain: boolean): Requirement<TlsHandshakeEvent> {
  return {
    expected,
    judge(event) {
      const chain = certificateChain(event);
      if (typeof chain === 'string') return chain;
      const judged = wholeChain ? chain : chain.slice(0, 1);
      const findings = judged.map((certificate, i) => (certificate ? judge(certificate, event, i) : LOST));
      const bad = findings.flatMap((finding, i) => {
        if (typeof finding === 'string') return [];
        return i === 0 ? [finding.observed] : [`${finding.observed} (${judged[i]?.subject})`];
      });
      if (bad.length > 0) return { observed: list(bad) };
      return findings.find((finding) => finding !== KEPT) ?? KEPT;
    },
  };
}

function keyTypes(source: NamesSource<string>): CertificateTest[] {
  return nameMatchers(source).map(({ expected, holds }) => ({
    expected: `key type ${expected}`,
    judge: ({ key }) => (holds(key.type) ? KEPT : { observed: `key type ${key.type}` }),
  }));
}

/** RSA-PSS keys are RSA keys, unless the policy names them. */
function keyBits(source: NonNullable<CertificateSource['key_bits']>): CertificateTest[] {
  return Object.entries(source).map(([type, comparison]) => {
    const interval = parseComparison(comparison);
    const concerned = new Set(type === 'RSA' && source['RSA-PSS'] === undefined ? ['RSA', 'RSA-PSS'] : [type]);
    return {
      expected: `${type} key of ${describeComparison(comparison)} bits`,
      judge({ key }) {
        if (!concerned.has(key.type)) return KEPT;
        if (key.bits === undefined) return LOST;
        return within(key.bits, interval) ? KEPT : { observed: `${key.type} key of ${key.bits} bits` };
      },
    };
  });
}

/** Aliases of a curve are one curve; a curve that the registry of groups does not know goes by its own name. */
export function curveKey(name: string): string {
  return String(GROUP_CODES.find(name) ?? name.toLowerCase());
}

/** An object identifier without a name may be a second one of any curve, as WTLS gave them to curves of SEC 2, or of any signature. */
const isUnnamed = (text: string): boolean => /^\d+\./.test(text);

/** What has no name is none of those that are allowed; that it is none of those that are denied nobody can say. */
function curves({ allow, deny }: NamesSource<string>): CertificateTest[] {
  const keys = { ...(allow && { allow: allow.map(curveKey) }), ...(deny && { deny: deny.map(curveKey) }) };
  const named = nameMatchers({ ...(allow && { allow }), ...(deny && { deny }) });
  return nameMatchers(keys).map(({ holds }, i) => ({
    expected: `curve ${named[i]?.expected}`,
    judge({ key }) {
      if (key.type !== 'EC') return KEPT;
      if (key.curve === undefined) return LOST;
      if (!holds(curveKey(key.curve))) return { observed: `curve ${key.curve}` };
      return isUnnamed(key.curve) ? LOST : KEPT;
    },
  }));
}

function signatureText({ signatureAlgorithm, signatureHash }: Certificate): string {
  return signatureHash === undefined ? signatureAlgorithm : `${signatureAlgorithm} with ${signatureHash}`;
}

/**
 * A root's signature on itself proves nothing and may be of any kind (RFC 8446 §4.4.2.2).
 * @param keeps undefined where it is not known
 */
function ofSignature(
  expected: string,
  keeps: (certificate: Certificate) => boolean | undefined,
  text: (certificate: Certificate) => string,
): CertificateTest {
  return {
    expected,
    judge(certificate, _, position) {
      const isRoot = position > 0 && certificate.selfSigned;
      if (isRoot) return KEPT;
      const isKept = keeps(certificate);
      if (isKept) return KEPT;
      return isKept === undefined || isRoot === undefined ? LOST : { observed: text(certificate) };
    },
  };
}

function signatureHashes(source: NonNullable<CertificateSource['signature_hashes']>): CertificateTest[] {
  return nameMatchers(source).map(({ expected, holds }) => {
    const keeps = (certificate: Certificate): boolean | undefined => {
      const hash = certificateHash(certificate);
      if (hash !== undefined) return hash === 'intrinsic' || holds(hash);
      // As of curves. RSASSA-PSS whose parameters could not be read has a name and no hash: it may be any.
      const { signatureHash, signatureAlgorithm } = certificate;
      const text = signatureHash ?? signatureAlgorithm;
      return isUnnamed(text) && !holds(text) ? false : undefined;
    };
    return ofSignature(`signature hash ${expected}`, keeps, signatureText);
  });
}

/** By the name that events give it. */
function signatureAlgorithms(source: NonNullable<CertificateSource['signature_algorithms']>): CertificateTest[] {
  const name = ({ signatureAlgorithm }: Certificate): string => signatureAlgorithm;
  return nameMatchers(source).map(({ expected, holds }) =>
    ofSignature(`signature ${expected}`, (certificate) => holds(name(certificate)), name),
  );
}

/** Judged at the time of the handshake. */
function expiry({ expired, not_yet_valid }: CertificateSource): CertificateTest[] {
  const tests: CertificateTest[] = [];
  if (expired !== undefined) {
    tests.push({
      expected: expired ? 'an expired certificate' : 'a certificate that has not expired',
      judge: ({ notAfter }, { time }) =>
        time.seconds > notAfter === expired ? KEPT : { observed: `valid until ${dayOf(notAfter)}` },
    });
  }
  if (not_yet_valid !== undefined) {
    tests.push({
      expected: not_yet_valid ? 'a certificate for later' : 'a certificate that is valid already',
      judge: ({ notBefore }, { time }) =>
        time.seconds < notBefore === not_yet_valid ? KEPT : { observed: `valid from ${dayOf(notBefore)}` },
    });
  }
  return tests;
}

/** Both ends belong to the validity period (RFC 5280 §4.1.2.5). */
function validity({ validity_days }: CertificateSource): CertificateTest[] {
  if (validity_days === undefined) return [];
  const interval = parseComparison(validity_days);
  return [
    {
      expected: `valid for ${describeComparison(validity_days)} days`,
      judge({ notBefore, notAfter }) {
        const days = Math.ceil((notAfter - notBefore + 1) / DAY_S);
        return within(days, interval) ? KEPT : { observed: `valid for ${days} days` };
      },
    },
  ];
}

function selfSigned({ self_signed }: CertificateSource): CertificateTest[] {
  if (self_signed === undefined) return [];
  const text = (self: boolean) => (self ? 'a self-signed certificate' : "a certificate of another's signature");
  return [
    {
      expected: text(self_signed),
      judge({ selfSigned: observed }) {
        if (observed === undefined) return LOST;
        return observed === self_signed ? KEPT : { observed: text(observed) };
      },
    },
  ];
}

/** Without SNI the wire does not tell which name the client wanted. */
function nameMismatch({ name_mismatch }: CertificateSource): CertificateTest[] {
  if (name_mismatch === undefined) return [];
  return [
    {
      expected: `a certificate ${name_mismatch ? 'for another name' : 'for the name that the client asked for'}`,
      judge(certificate, { client }) {
        if (client === undefined) return LOST;
        if (client.serverName === undefined) return HIDDEN;
        const isNamed = certificateNames(certificate, client.serverName);
        if (isNamed === undefined) return LOST;
        if (isNamed !== name_mismatch) return KEPT;
        const names = certificate.subjectAlternativeNames;
        return { observed: `${client.serverName} asked for, ${names.length > 0 ? list(names) : 'no name'} certified` };
      },
    },
  ];
}
