/** What an inventory takes of a handshake and of a certificate, whether it comes from a capture or from an event. */
import type { Certificate, TlsHandshakeEvent } from '../dissect/event.ts';
import { cipherSuiteName, groupName, signatureSchemeName, sslVersionName, tlsVersionName } from '../dissect/iana.ts';
import type { Outcome, Verdict } from '../policy/verdict.ts';
import { negotiatedGroup, negotiatedScheme } from '../policy/visible.ts';

export interface ServerAddress {
  readonly ip: string;
  readonly port: number;
}

export interface VerdictSummary {
  readonly policy: string;
  readonly outcome: Outcome;
  /** Ids of the violated rules. */
  readonly rules: readonly string[];
}

/** Names as CIM events write them; what the handshake does not show is left out. */
export interface Observation {
  /** Seconds since 1970-01-01 UTC. */
  readonly time: number;
  readonly client: string;
  readonly server: ServerAddress;
  readonly serverName?: string | undefined;
  readonly version?: string | undefined;
  readonly cipherSuite?: string | undefined;
  readonly group?: string | undefined;
  readonly signatureScheme?: string | undefined;
  readonly verdicts: readonly VerdictSummary[];
}

export interface CertificateFacts {
  /** Of the whole certificate, lower-case hexadecimal. */
  readonly sha256: string;
  readonly subject: string;
  readonly issuer: string;
  /** Seconds since 1970-01-01 UTC. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly keyType: string;
  readonly keyBits: number | undefined;
  readonly keyCurve: string | undefined;
  readonly signatureAlgorithm: string;
}

const seconds = ({ time }: TlsHandshakeEvent): number => time.seconds + time.nanos / 1e9;

export function observe(event: TlsHandshakeEvent, verdicts: readonly Verdict[]): Observation {
  const { conversation, client, server } = event;
  const group = negotiatedGroup(event);
  const scheme = negotiatedScheme(event);
  return {
    time: seconds(event),
    client: conversation.client.ip,
    server: { ip: conversation.server.ip, port: conversation.server.port },
    serverName: client?.serverName,
    version: server && (sslVersionName(server.version) ?? tlsVersionName(server.version)),
    cipherSuite: server && cipherSuiteName(server.cipherSuite),
    group: typeof group === 'number' ? groupName(group) : undefined,
    signatureScheme: typeof scheme === 'number' ? signatureSchemeName(scheme) : undefined,
    verdicts: verdicts.map(({ policy, outcome, violations }) => ({
      policy,
      outcome,
      rules: [...new Set(violations.map(({ rule }) => rule))],
    })),
  };
}

/** Names in certificates of the public web have at most some 200 characters; a certificate may carry 64 KB of them. */
const MAX_NAME_LENGTH = 512;

export function certificateFacts({ key, ...certificate }: Certificate): CertificateFacts {
  const { sha256, notBefore, notAfter, signatureAlgorithm } = certificate;
  const subject = certificate.subject.slice(0, MAX_NAME_LENGTH);
  const issuer = certificate.issuer.slice(0, MAX_NAME_LENGTH);
  const { type: keyType, bits: keyBits, curve: keyCurve } = key;
  return { sha256, subject, issuer, notBefore, notAfter, keyType, keyBits, keyCurve, signatureAlgorithm };
}
