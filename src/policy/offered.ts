/** Requirements on what the client offered, chosen or not. */
import type { ClientHello, TlsHandshakeEvent } from '../dissect/event.ts';
import { groupName, signatureSchemeName, tlsVersionName } from '../dissect/iana.ts';
import { isGrease, TlsVersion } from '../dissect/tls/versions.ts';
import { type Codes, GROUP_CODES, SCHEME_CODES, SUITE_CODES } from './codes.ts';
import { type CodeMatcher, codeMatchers, requiredCodes, requiredVersions, versionMatchers } from './matchers.ts';
import { suiteText } from './negotiated.ts';
import { KEPT, LOST, list, type Requirement } from './requirement.ts';
import type { CodesSource, OfferedSource, VersionsSource } from './source.ts';
import { asksForCertificate, helloOfKeyShares } from './visible.ts';

interface Offer {
  /** The hello that makes it, `client` without: what else it offers a second hello may not change (RFC 8446 §4.1.2). */
  readonly madeBy?: (event: TlsHandshakeEvent) => ClientHello | undefined;
  readonly codes: (hello: ClientHello) => readonly number[];
  /** Whether a hello has to offer any at all; each does where this is left out. */
  readonly isNeeded?: (hello: ClientHello) => boolean;
  readonly name: (code: number) => string;
}

const VERSIONS: Offer = { codes: offeredVersions, name: tlsVersionName };
const SUITES: Offer = {
  codes: (hello) => [...withoutGrease(hello.cipherSuites), ...hello.sslv2CipherKinds],
  name: suiteText,
};
const GROUPS: Offer = { codes: (hello) => withoutGrease(hello.groups), name: groupName };
const KEY_SHARES: Offer = {
  madeBy: helloOfKeyShares,
  codes: (hello) => withoutGrease(hello.keyShares),
  name: groupName,
};
const SCHEMES: Offer = {
  codes: (hello) => withoutGrease(hello.signatureAlgorithms),
  isNeeded: asksForCertificate,
  name: signatureSchemeName,
};

/** One requirement for each `min`, `max`, `allow`, `deny` and each entry of `require`. */
export function offeredRequirements(source: OfferedSource): Requirement<TlsHandshakeEvent>[] {
  return [
    ...versions(source.versions),
    ...codes(source.cipher_suites, SUITE_CODES, SUITES),
    ...codes(source.groups, GROUP_CODES, GROUPS),
    ...codes(source.key_shares, GROUP_CODES, KEY_SHARES),
    ...codes(source.signature_schemes, SCHEME_CODES, SCHEMES),
  ];
}

function versions(source: VersionsSource | undefined): Requirement<TlsHandshakeEvent>[] {
  if (source === undefined) return [];
  return [
    ...versionMatchers(source).map((matcher) => every(matcher, VERSIONS)),
    ...requiredVersions(source.require).map((matcher) => some(matcher, VERSIONS)),
  ];
}

function codes<P, S extends object>(
  source: CodesSource<S> | undefined,
  registry: Codes<P, S>,
  offer: Offer,
): Requirement<TlsHandshakeEvent>[] {
  if (source === undefined) return [];
  return [
    ...codeMatchers(source, registry).map((matcher) => every(matcher, offer)),
    ...requiredCodes(source.require, registry).map((matcher) => some(matcher, offer)),
  ];
}

/** All that is offered has to keep to it; one finding lists what does not. */
function every({ expected, holds }: CodeMatcher, offer: Offer): Requirement<TlsHandshakeEvent> {
  return {
    expected,
    judge(event) {
      const client = offer.madeBy ? offer.madeBy(event) : event.client;
      if (client === undefined) return LOST;
      const bad = offer.codes(client).filter((code) => !holds(code));
      if (bad.length > 0) return { observed: list(bad.map(offer.name)) };
      return client.malformed ? LOST : KEPT;
    },
  };
}

/** Something that is offered has to keep to it. */
function some({ expected, holds }: CodeMatcher, offer: Offer): Requirement<TlsHandshakeEvent> {
  return {
    expected,
    judge(event) {
      const client = offer.madeBy ? offer.madeBy(event) : event.client;
      if (client === undefined) return LOST;
      const offered = offer.codes(client);
      if (offered.some(holds)) return KEPT;
      if (client.malformed) return LOST;
      if (offered.length === 0 && offer.isNeeded?.(client) === false) return KEPT;
      return { observed: offered.length === 0 ? 'none' : list(offered.map(offer.name)) };
    },
  };
}

function withoutGrease(values: readonly number[]): number[] {
  return values.filter((value) => !isGrease(value));
}

/**
 * Without `supported_versions` a hello tells its highest version only (RFC 8446 §4.2.1), and SSL 2.0 by cipher kinds
 * that no later version has (RFC 5246 appendix E.2).
 */
export function offeredVersions(hello: ClientHello): number[] {
  const versions = withoutGrease(hello.supportedVersions);
  if (versions.length === 0) versions.push(hello.version);
  if (hello.sslv2CipherKinds.length > 0 && !versions.includes(TlsVersion.ssl2)) versions.push(TlsVersion.ssl2);
  return versions;
}
