/** DNS inside TLS, told by what the handshake shows: port, ALPN, or the server's name. */
import type { ClientHello, Conversation, ServerHello, Transport } from './event.ts';

export interface DnsOver {
  /** DNS over TLS (RFC 7858), DTLS (RFC 8094), HTTPS (RFC 8484, HTTP/3 included), QUIC (RFC 9250). */
  readonly protocol: 'tls' | 'dtls' | 'https' | 'quic';
  /** What told it. */
  readonly by: 'alpn' | 'port' | 'server_name';
}

/** RFC 7858 §3.1, RFC 8094 §3.1, RFC 9250 §4.1.1. */
const PORT = 853;
/** Where DNS over QUIC was before its RFC gave it 853 (draft-ietf-dprive-dnsoquic-02 §4.1.1, AdGuard's first servers). */
const DRAFT_QUIC_PORTS: ReadonlySet<number> = new Set([784, 8853]);

/**
 * Names of public resolvers that speak DNS over HTTPS, which has no port or ALPN of its own. As their operators publish
 * them, gathered in November 2026 with the help of Chromium's doh_provider_entry.cc and the curl project's page
 * "DNS over HTTPS". A name that serves web pages too (`dns.google`) is counted as a resolver.
 */
const DOH_NAMES: ReadonlySet<string> = new Set([
  '1dot1dot1dot1.cloudflare-dns.com',
  'cloudflare-dns.com',
  'dns.adguard.com',
  'dns.adguard-dns.com',
  'dns.alidns.com',
  'dns.cloudflare.com',
  'dns.controld.com',
  'dns.digitale-gesellschaft.ch',
  'dns.google',
  'dns.google.com',
  'dns.mullvad.net',
  'dns.nextdns.io',
  'dns.pub',
  'dns.quad9.net',
  'dns.sb',
  'dns.switch.ch',
  'dns.umbrella.com',
  'dns0.eu',
  'dns10.quad9.net',
  'dns11.quad9.net',
  'dns64.cloudflare-dns.com',
  'dns64.dns.google',
  'dns9.quad9.net',
  'doh.360.cn',
  'doh.applied-privacy.net',
  'doh.cleanbrowsing.org',
  'doh.cox.net',
  'doh.dns.apple.com',
  'doh.dns.sb',
  'doh.familyshield.opendns.com',
  'doh.libredns.gr',
  'doh.mullvad.net',
  'doh.opendns.com',
  'doh.pub',
  'doh.quickline.ch',
  'doh.sandbox.opendns.com',
  'doh.sb',
  'doh.umbrella.com',
  'doh.xfinity.com',
  'freedns.controld.com',
  'odvr.nic.cz',
  'one.one.one.one',
  'private.canadianshield.cira.ca',
  'protected.canadianshield.cira.ca',
  'family.canadianshield.cira.ca',
  'public.dns.iij.jp',
  'zero.dns0.eu',
]);

/** Every name below these: browsers and customers have names of their own there. */
const DOH_PARENTS: ReadonlySet<string> = new Set([
  'adguard-dns.com',
  'cloudflare-dns.com',
  'cloudflare-gateway.com',
  'dns.controld.com',
  'dns.nextdns.io',
]);

/** Whether a handshake's connection carries DNS, as far as it can be told; undefined where nothing says so. */
export function dnsOver(
  client: ClientHello | undefined,
  server: ServerHello | undefined,
  conversation: Conversation,
  quicVersion: number | undefined,
): DnsOver | undefined {
  const ownProtocol = ofCarrier(conversation.transport, quicVersion);
  const offered = client?.alpn ?? [];
  if (offered.some(isDnsAlpn) || (server?.alpn !== undefined && isDnsAlpn(server.alpn))) {
    return OWN.alpn[ownProtocol];
  }
  const port = conversation.serverPort;
  if (port === PORT || (ownProtocol === 'quic' && DRAFT_QUIC_PORTS.has(port))) return OWN.port[ownProtocol];
  const name = client?.serverName;
  if (name === undefined || !isResolver(name.toLowerCase())) return undefined;
  return offered.length === 0 || offered.some(isHttp) ? HTTPS : undefined;
}

const own = (by: DnsOver['by']): Readonly<Record<'tls' | 'dtls' | 'quic', DnsOver>> => ({
  tls: { protocol: 'tls', by },
  dtls: { protocol: 'dtls', by },
  quic: { protocol: 'quic', by },
});
const OWN = { alpn: own('alpn'), port: own('port') };
const HTTPS: DnsOver = { protocol: 'https', by: 'server_name' };

function ofCarrier(transport: Transport, quicVersion: number | undefined): 'tls' | 'dtls' | 'quic' {
  if (quicVersion !== undefined) return 'quic';
  return transport === 'udp' ? 'dtls' : 'tls';
}

/** IANA's TLS ALPN Protocol IDs `dot` and `doq`; drafts of the latter added their number, `doq-i11`. */
function isDnsAlpn(protocol: string): boolean {
  return protocol.startsWith('do') && (protocol === 'dot' || protocol === 'doq' || protocol.startsWith('doq-i'));
}

function isHttp(protocol: string): boolean {
  return protocol.startsWith('h');
}

function isResolver(name: string): boolean {
  if (DOH_NAMES.has(name)) return true;
  for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) {
    if (DOH_PARENTS.has(name.slice(dot + 1))) return true;
  }
  return false;
}
