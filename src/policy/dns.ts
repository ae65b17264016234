/** Rules on DNS: to which resolvers, in the clear or not, for which names. */
import type { DnsTransactionEvent, TlsHandshakeEvent } from '../dissect/event.ts';
import { networkMatcher } from './conditions.ts';
import { KEPT, LOST, list, type Requirement } from './requirement.ts';
import { nameMatcher } from './server-name.ts';
import type { DnsSource } from './source.ts';

/** DNS over TLS (RFC 7858 §3.1) and over QUIC (RFC 9250 §4.1.1). */
const ENCRYPTED_DNS_PORT = 853;

/** DNS over TLS and over QUIC name themselves; DNS over HTTPS (`h2`, `h3`) does not. */
const ENCRYPTED_DNS_ALPN: ReadonlySet<string> = new Set(['dot', 'doq']);

/** Where the well-known public resolvers, and browsers by default, speak DNS over HTTPS: SNI is all that tells it. */
const isDohName = nameMatcher([
  'dns.google',
  'dns64.dns.google',
  'cloudflare-dns.com',
  '*.cloudflare-dns.com',
  'one.one.one.one',
  'dns.quad9.net',
  'dns9.quad9.net',
  'dns10.quad9.net',
  'dns11.quad9.net',
  'doh.opendns.com',
  'doh.familyshield.opendns.com',
  'dns.umbrella.com',
  'dns.nextdns.io',
  '*.dns.nextdns.io',
  'dns.adguard-dns.com',
  '*.adguard-dns.com',
  'doh.cleanbrowsing.org',
  'doh.dns.sb',
  'dns.mullvad.net',
  'doh.xfinity.com',
  'dns.controld.com',
  'freedns.controld.com',
  'dns.alidns.com',
  'doh.pub',
]);

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
      judge({ query, response }) {
        const message = query ?? response;
        const names = message?.questions.map(({ name }) => name) ?? [];
        const bad = names.filter(denied);
        if (bad.length > 0) return { observed: list(bad) };
        return message === undefined || message.counts[0] > names.length ? LOST : KEPT;
      },
    });
  }
  return requirements;
}

/** Requirements on the handshakes that carry encrypted DNS. */
export function encryptedDnsRequirements({ encrypted_resolvers }: DnsSource): Requirement<TlsHandshakeEvent>[] {
  if (encrypted_resolvers === undefined) return [];
  const { networks = [], names = [] } = encrypted_resolvers;
  const approvedAddress = networkMatcher(networks);
  const approvedName = nameMatcher(names);
  return [
    {
      expected: `an encrypted resolver of ${[...networks, ...names].join(', ')}`,
      judge(event) {
        const { server } = event.conversation;
        const name = event.client?.serverName;
        if (!carriesDns(event) || approvedAddress(server.ip)) return KEPT;
        if (name !== undefined && approvedName(name)) return KEPT;
        return { observed: `encrypted DNS to ${name ?? server.ip}, port ${server.port}` };
      },
    },
  ];
}

function carriesDns({ conversation, client, server }: TlsHandshakeEvent): boolean {
  if (conversation.server.port === ENCRYPTED_DNS_PORT) return true;
  if (server?.alpn !== undefined && ENCRYPTED_DNS_ALPN.has(server.alpn)) return true;
  if (client === undefined) return false;
  return client.alpn.some((protocol) => ENCRYPTED_DNS_ALPN.has(protocol)) || isDohName(client.serverName ?? '');
}
