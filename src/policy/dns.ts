/** Rules on DNS: to which resolvers, in the clear or not, for which names. */
import { askedIn } from '../dissect/dns/asked.ts';
import { dnsOver } from '../dissect/encrypted-dns.ts';
import type { DnsTransactionEvent, TlsHandshakeEvent } from '../dissect/event.ts';
import { networkMatcher } from './conditions.ts';
import { KEPT, LOST, list, type Requirement } from './requirement.ts';
import { nameMatcher } from './server-name.ts';
import type { DnsSource } from './source.ts';

/** Requirements on DNS in the clear. mDNS and LLMNR have no resolver: only `denied_names` concerns them. */
export function dnsRequirements(source: DnsSource): Requirement<DnsTransactionEvent>[] {
  const requirements: Requirement<DnsTransactionEvent>[] = [];
  const { resolvers, encrypted, denied_names } = source;
  if (resolvers !== undefined) {
    const approved = networkMatcher(resolvers);
    requirements.push({
      expected: `a resolver of ${resolvers.join(', ')}`,
      judge: ({ protocol, conversation: { server } }) =>
        protocol !== 'dns' || approved(server.ip) ? KEPT : { observed: `resolver ${server.ip}` },
    });
  }
  if (encrypted !== undefined) {
    requirements.push({
      expected: 'DNS over TLS, HTTPS or QUIC',
      judge: ({ protocol, conversation }) =>
        protocol === 'dns' ? { observed: `plain DNS over ${conversation.transport.toUpperCase()}` } : KEPT,
    });
  }
  if (denied_names !== undefined) {
    const denied = nameMatcher(denied_names);
    requirements.push({
      expected: `not ${denied_names.join(', ')}`,
      judge(event) {
        const names = askedIn(event)?.questions.map(({ name }) => name) ?? [];
        const bad = names.filter(denied);
        if (bad.length > 0) return { observed: list(bad) };
        const message = event.query ?? event.response;
        return message === undefined || message.counts[0] > names.length ? LOST : KEPT;
      },
    });
  }
  return requirements;
}

/**
 * Requirements on the handshakes that carry encrypted DNS. Where the ClientHello was not seen, or breaks off, the name and
 * the ALPN that would have told of DNS, or that the resolver is an approved one, may be what was lost.
 */
export function encryptedDnsRequirements({ encrypted_resolvers }: DnsSource): Requirement<TlsHandshakeEvent>[] {
  if (encrypted_resolvers === undefined) return [];
  const { networks = [], names = [] } = encrypted_resolvers;
  const approvedAddress = networkMatcher(networks);
  const approvedName = nameMatcher(names);
  return [
    {
      expected: `an encrypted resolver of ${[...networks, ...names].join(', ')}`,
      judge({ client, server: answer, conversation, quicVersion }) {
        const { server } = conversation;
        const name = client?.serverName;
        if (approvedAddress(server.ip)) return KEPT;
        const isWhole = client !== undefined && !client.malformed;
        if (dnsOver(client, answer, conversation, quicVersion) === undefined) return isWhole ? KEPT : LOST;
        if (name === undefined && names.length > 0 && !isWhole) return LOST;
        if (name !== undefined && approvedName(name)) return KEPT;
        return { observed: `encrypted DNS to ${name ?? server.ip}, port ${server.port}` };
      },
    },
  ];
}
