/** Rules in shape that say nothing of any traffic: what they are about never comes with what they apply to. */
import { NEGOTIATED_SUITE_CODES } from './codes.ts';
import { isInServerHello13 } from './extensions.ts';
import { possibleVersions } from './matchers.ts';
import type { Mistake, Path } from './problem.ts';
import type { CodesSource, ConditionsSource, NegotiatedSource, RuleSource, SuiteSelectorSource } from './source.ts';
import { SUITES } from './suites.ts';

/** Conditions that a DNS transaction never matches. */
const OF_TLS = ['server_names', 'protocols', 'versions', 'offered_versions', 'cipher_suites'] as const;

export function ofReach(path: Path, { applies_to = {}, negotiated, offered, dns }: Partial<RuleSource>): Mistake[] {
  const possible = negotiatedVersions(applies_to);
  const versions = possible.filter((version) => hasSuite(applies_to.cipher_suites, version));
  const mistakes: Mistake[] = [];
  if (versions.length > 0) {
    if (versions.every(isModern)) mistakes.push(...ofHidden([...path, 'negotiated'], negotiated));
    mistakes.push(...ofSuites([...path, 'negotiated', 'cipher_suites'], negotiated?.cipher_suites, versions));
  } else if (possible.length > 0) {
    const what = `none of these suites is of ${possible.join(', ')}, so that nothing matches`;
    mistakes.push({
      path: [...path, 'applies_to', 'cipher_suites'],
      what,
      remedy: 'correct the versions or the suites',
    });
  }

  const ofClear = dns?.resolvers ?? dns?.encrypted ?? dns?.denied_names;
  const condition = OF_TLS.find((name) => applies_to[name] !== undefined);
  const ofHandshakes = negotiated ?? offered ?? dns?.encrypted_resolvers;
  if (ofClear !== undefined && condition !== undefined && ofHandshakes === undefined) {
    const what = `DNS in the clear has no \`${condition}\`, so that nothing matches`;
    mistakes.push({ path: [...path, 'applies_to', condition], what, remedy: 'remove the condition' });
  }
  return mistakes;
}

/** What TLS 1.3 shows to nobody. */
function ofHidden(path: Path, negotiated: NegotiatedSource = {}): Mistake[] {
  const hidden = (['certificate', 'signature_schemes'] as const).filter((key) => negotiated[key] !== undefined);
  const { extensions = {} } = negotiated;
  return [
    ...hidden.map((key) => ({
      path: [...path, key],
      what: `TLS 1.3 encrypts what \`${key}\` is about, so that the rule can never be judged`,
      remedy: 'let it apply to TLSv1_2 too, or remove it',
    })),
    ...(['require', 'deny'] as const).flatMap((list) =>
      (extensions[list] ?? []).flatMap((name, i) => {
        if (isInServerHello13(name)) return [];
        const what = `no ServerHello of TLS 1.3 has \`${name}\`, so that the rule can never be judged`;
        return [{ path: [...path, 'extensions', list, i], what, remedy: 'let it apply to TLSv1_2 too, or remove it' }];
      }),
    ),
  ];
}

/** The versions of the handshakes that a rule applies to, its suites aside. */
function negotiatedVersions({ versions, protocols }: ConditionsSource): string[] {
  const possible = possibleVersions(versions ?? {});
  // QUIC carries TLS 1.3 and nothing older (RFC 9001 §4.2).
  return protocols?.every((protocol) => protocol === 'quic') ? possible.filter(isModern) : possible;
}

function isModern(version: string): boolean {
  return version === 'TLSv1_3' || version === 'DTLSv1_3';
}

/** A suite is of TLS 1.3 alone, or of older versions alone (RFC 8446 §B.4); what has no name may be of any. */
function isSuiteOf(code: number, versions: readonly string[]): boolean {
  const properties = SUITES.get(code)?.properties;
  if (properties === undefined) return true;
  const modern = properties.keyExchange === 'any';
  return versions.some((version) => isModern(version) === modern);
}

/** Whether a version can negotiate one of the suites of a condition; what selects none is told elsewhere. */
function hasSuite(source: CodesSource<SuiteSelectorSource> | undefined, version: string): boolean {
  const { allow, deny = [] } = source ?? {};
  if (allow === undefined) return true;
  const suites = NEGOTIATED_SUITE_CODES.flatMap((codes) => {
    const denied = codes.selectAll(deny);
    return [...codes.selectAll(allow)].filter((code) => !denied.has(code));
  });
  return suites.length === 0 || suites.some((code) => isSuiteOf(code, [version]));
}

function ofSuites(
  path: Path,
  source: CodesSource<SuiteSelectorSource> | undefined,
  versions: readonly string[],
): Mistake[] {
  const mistakes: Mistake[] = [];
  for (const list of ['allow', 'deny'] as const) {
    const sources = source?.[list] ?? [];
    const selected = NEGOTIATED_SUITE_CODES.flatMap((codes) => [...codes.selectAll(sources)]);
    if (selected.length === 0 || selected.some((code) => isSuiteOf(code, versions))) continue;
    const what = 'none of these suites is of a version that the rule applies to';
    const remedy =
      list === 'deny' ? 'the rule never matches: correct one side' : 'nothing can keep to it: correct one side';
    mistakes.push({ path: [...path, list], what, remedy });
  }
  return mistakes;
}
