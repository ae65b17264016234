import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dnsOver } from '../../src/dissect/encrypted-dns.ts';
import { clientHello, serverHello } from '../cim/samples.ts';
import { conversationOf } from '../conversation.ts';

function over(
  port: number,
  alpn: string[],
  serverName?: string,
  quicVersion?: number,
  transport: 'tcp' | 'udp' = 'tcp',
) {
  const conversation = conversationOf({
    client: { ip: '192.0.2.1', port: 50_000 },
    server: { ip: '198.51.100.2', port },
    transport,
  });
  const told = dnsOver(clientHello({ alpn, serverName }), undefined, conversation, quicVersion);
  return told === undefined ? undefined : `${told.protocol} ${told.by}`;
}

test('DNS over TLS, DTLS and QUIC by port and by ALPN', () => {
  assert.equal(over(853, []), 'tls port');
  assert.equal(over(8443, ['dot']), 'tls alpn');
  assert.equal(over(853, [], undefined, undefined, 'udp'), 'dtls port');
  assert.equal(over(853, ['doq'], 'dns.adguard-dns.com', 1, 'udp'), 'quic alpn');
  assert.equal(over(853, [], undefined, 1, 'udp'), 'quic port');
  assert.equal(over(443, ['doq-i02'], undefined, 0xff00001d, 'udp'), 'quic alpn');
  assert.equal(over(784, [], undefined, 0xff00001d, 'udp'), 'quic port');
  assert.equal(over(784, []), undefined);
});

test('DNS over HTTPS by the name of a known resolver, where HTTP or nothing is offered', () => {
  assert.equal(over(443, ['h2', 'http/1.1'], 'dns.google'), 'https server_name');
  assert.equal(over(443, [], 'Mozilla.Cloudflare-DNS.com'), 'https server_name');
  assert.equal(over(443, ['h3'], 'ab12cd.dns.nextdns.io', 1, 'udp'), 'https server_name');
  assert.equal(over(5223, ['apns-security-v3'], 'dns.google'), undefined);
  assert.equal(over(443, ['h2'], 'www.example.com'), undefined);
  assert.equal(over(443, ['h2'], 'nextdns.io'), undefined);
  assert.equal(over(443, ['h2'], 'evil-cloudflare-dns.com'), undefined);
});

test('by what the server chose, where the client was not seen', () => {
  const conversation = conversationOf({
    client: { ip: '192.0.2.1', port: 50_000 },
    server: { ip: '198.51.100.2', port: 443 },
    transport: 'tcp',
  });
  assert.deepEqual(dnsOver(undefined, serverHello({ alpn: 'dot' }), conversation, undefined), {
    protocol: 'tls',
    by: 'alpn',
  });
  assert.equal(dnsOver(undefined, serverHello({ alpn: 'h2' }), conversation, undefined), undefined);
});
