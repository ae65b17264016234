/** Host names: patterns of policies, and whether a certificate is for a name (RFC 9525). */
import type { Certificate } from '../dissect/event.ts';
import { parseIp } from '../dissect/net/address.ts';

/** Case does not count (RFC 4343), nor does a trailing dot. */
function normal(name: string): string {
  const lower = name.toLowerCase();
  return lower.endsWith('.') ? lower.slice(0, -1) : lower;
}

/** A predicate for `example.com` (that name) and `*.example.com` (every name below it, at any depth). */
export function nameMatcher(patterns: readonly string[]): (name: string) => boolean {
  const names = new Set<string>();
  const suffixes = new Set<string>();
  for (const pattern of patterns.map(normal)) {
    if (pattern.startsWith('*.')) suffixes.add(pattern.slice(2));
    else names.add(pattern);
  }
  return (text) => {
    const name = normal(text);
    if (names.has(name)) return true;
    if (suffixes.size === 0) return false;
    for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) {
      if (suffixes.has(name.slice(dot + 1))) return true;
    }
    return false;
  };
}

/** RFC 9525 §6.3: a wildcard is the whole of the left-most label and stands for exactly one label. */
function presents(presented: string, reference: string): boolean {
  const pattern = normal(presented);
  if (!pattern.startsWith('*.')) return pattern === reference;
  const dot = reference.indexOf('.');
  return dot > 0 && reference.slice(dot) === pattern.slice(1) && !pattern.slice(1).includes('*');
}

/**
 * Whether a certificate is for the host that the client asked for; undefined where the name may be one of those that were
 * not kept. Only subjectAltName counts: RFC 9525 §2 rules the common name out.
 */
export function certificateNames(certificate: Certificate, serverName: string): boolean | undefined {
  const reference = normal(serverName);
  const address = parseIp(serverName);
  const { subjectAlternativeNames: names, subjectAlternativeNameCount: count } = certificate;
  const isNamed = names.some((name) => {
    const colon = name.indexOf(':');
    const value = name.slice(colon + 1);
    if (address === undefined) return name.startsWith('DNS:') && presents(value, reference);
    const listed = name.startsWith('IP') ? parseIp(value) : undefined;
    return listed?.version === address.version && listed.words.every((word, i) => word === address.words[i]);
  });
  return isNamed || (count > names.length ? undefined : false);
}
