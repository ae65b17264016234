/** The inventory as one JSON document. */
import type { ClientEntry, Inventory, ServerEntry } from './inventory.ts';
import type { CertificateFacts } from './observation.ts';
import type { Counts, Usage } from './usage.ts';

export const isoTime = (seconds: number): string => new Date(seconds * 1000).toISOString();

/** `{ "TLSv1.3": 12 }`, with how many had no room as `others`. */
function countsJson(counts: Counts): Record<string, number> {
  return { ...Object.fromEntries(counts.entries()), ...(counts.others > 0 && { others: counts.others }) };
}

function usageJson(usage: Usage): object {
  return {
    handshakes: usage.handshakes,
    // A server whose certificates alone were recorded has no times.
    ...(usage.handshakes > 0 && { first_seen: isoTime(usage.firstSeen), last_seen: isoTime(usage.lastSeen) }),
    versions: countsJson(usage.versions),
    cipher_suites: countsJson(usage.cipherSuites),
    negotiated: countsJson(usage.negotiated),
    groups: countsJson(usage.groups),
    signature_schemes: countsJson(usage.signatureSchemes),
    verdicts: [...usage.policies].map(([policy, { outcomes, rules }]) => ({
      policy,
      ...outcomes,
      violated_rules: countsJson(rules),
    })),
  };
}

function certificateJson(certificate: CertificateFacts): object {
  return {
    sha256: certificate.sha256,
    subject: certificate.subject,
    issuer: certificate.issuer,
    not_before: isoTime(certificate.notBefore),
    not_after: isoTime(certificate.notAfter),
    key: { type: certificate.keyType, bits: certificate.keyBits, curve: certificate.keyCurve },
    signature_algorithm: certificate.signatureAlgorithm,
  };
}

function serverJson({ address, names, usage, certificates, moreCertificates }: ServerEntry): object {
  return {
    ip: address.ip,
    port: address.port,
    names: countsJson(names),
    ...usageJson(usage),
    certificates: [...certificates.values()].map(certificateJson),
    ...(moreCertificates > 0 && { more_certificates: moreCertificates }),
  };
}

function clientJson({ ip, usage }: ClientEntry): object {
  return { ip, ...usageJson(usage) };
}

export function inventoryJson(inventory: Inventory, files: readonly string[]): string {
  const document = {
    files,
    ...usageJson(inventory.total),
    servers: inventory.servers().map(serverJson),
    clients: inventory.clients().map(clientJson),
    left_out: inventory.leftOut,
  };
  return JSON.stringify(document, null, 2);
}
