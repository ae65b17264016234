/**
 * Real handshakes of OpenSSL and GnuTLS, and what the text of each standard says of them. Judged by their hellos alone:
 * certificates and ServerKeyExchange have their own tests.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { TlsHandshakeEvent } from '../../../src/dissect/event.ts';
import { loadPolicy } from '../../../src/policy/load.ts';
import { collect } from '../../corpus/collect.ts';
import { PROJECT } from '../../support/shared.ts';

async function handshakes(name: string): Promise<TlsHandshakeEvent[]> {
  const { events } = await collect(join(PROJECT, 'test', 'fixtures', 'cases', name, 'input.pcap'));
  return events.flatMap(({ event }) => {
    if (event.kind !== 'tls_handshake') return [];
    const { details, ...hellos } = event;
    return [hellos];
  });
}

/** For each handshake of the case, the rules of each policy that it violates; none: it keeps to what its hellos show. */
const EXPECTED: Readonly<Record<string, readonly Readonly<Record<string, readonly string[]>>[]>> = {
  tls10: [
    // TLS 1.0, TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA
    {
      'nist-sp-800-52r2': ['version-shall', 'client-supports-tls-1.3'],
      'nist-sp-800-52r2-citizen': ['version-should'],
      'pci-dss-4.0.1': ['early-tls'],
      anssi: ['versions', 'banned-algorithms', 'cipher-suites'],
      'mozilla-old': [],
      'nsa-obsolete-tls': ['obsolete-versions'],
    },
    // TLS 1.0, TLS_RSA_WITH_AES_128_CBC_SHA
    {
      'nist-sp-800-52r2-citizen': ['version-should', 'rsa-key-transport'],
      'bsi-tr-02102-2': ['versions', 'cipher-suites'],
      'rfc-9325': ['versions', 'client-supports-tls-1.3', 'no-static-rsa'],
    },
    // TLS 1.1, TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA
    { 'nist-sp-800-52r2': ['version-should', 'client-supports-tls-1.3'], 'mozilla-old': [] },
  ],
  'tls12-ecdhe': [
    // TLS 1.2, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
    {
      'nist-sp-800-52r2': ['client-supports-tls-1.3'],
      'nist-sp-800-52r2-citizen': [],
      'fips-140-3': [],
      'bsi-tr-02102-2': [],
      anssi: [],
      'mozilla-modern': ['versions', 'cipher-suites'],
      'mozilla-intermediate': [],
      'cnsa-1.0': [],
      'cnsa-2.0': ['prefers-ml-kem'],
      'rfc-9325': ['client-supports-tls-1.3'],
    },
    // TLS 1.2, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
    { 'cnsa-1.0': ['cipher-suites'], 'cnsa-2.0': ['cipher-suites', 'prefers-ml-kem'], 'mozilla-intermediate': [] },
  ],
  'tls12-rsa': [
    // TLS 1.2, TLS_RSA_WITH_AES_256_GCM_SHA384
    {
      'nist-sp-800-52r2-citizen': ['rsa-key-transport'],
      'fips-140-3': ['rsa-key-transport'],
      'pci-dss-4.0.1': [],
      anssi: ['forward-secrecy', 'cipher-suites'],
      'mozilla-intermediate': ['cipher-suites'],
      'mozilla-old': [],
      'cnsa-1.0': [],
      'cnsa-2.0': ['cipher-suites', 'prefers-ml-kem'],
      'nsa-obsolete-tls': [],
    },
    // TLS 1.2, TLS_RSA_WITH_AES_128_CBC_SHA
    { 'bsi-tr-02102-2': ['cipher-suites'], 'cnsa-1.0': ['cipher-suites'], 'mozilla-old': [] },
  ],
  tls13: [
    // X25519, TLS_AES_256_GCM_SHA384
    {
      'nist-sp-800-52r2': ['groups'],
      'bsi-tr-02102-2': ['groups'],
      anssi: [],
      'mozilla-modern': [],
      'rfc-9325': [],
      'pq-ready': ['chosen', 'offered', 'key-share'],
    },
    // X25519, TLS_CHACHA20_POLY1305_SHA256
    { 'nist-sp-800-52r2': ['cipher-suites', 'groups'], 'fips-140-3': ['cipher-suites', 'groups'], anssi: [] },
    // P-256, TLS_AES_256_GCM_SHA384
    { 'nist-sp-800-52r2': [], 'fips-140-3': [], 'bsi-tr-02102-2': [], 'cnsa-1.0': ['groups'] },
  ],
  // P-384 after a HelloRetryRequest, TLS_AES_256_GCM_SHA384
  'tls13-hrr': [
    {
      'nist-sp-800-52r2': [],
      'fips-140-3': [],
      'bsi-tr-02102-2': [],
      anssi: [],
      'mozilla-modern': [],
      'cnsa-1.0': [],
      'cnsa-2.0': ['prefers-ml-kem'],
    },
  ],
  'tls-weak-suites': [
    // TLS_RSA_WITH_NULL_SHA256
    {
      'pci-dss-4.0.1': ['strength'],
      'rfc-9325': ['client-supports-tls-1.3', 'no-null', 'strength-112', 'no-static-rsa'],
      'nsa-obsolete-tls': ['obsolete-ciphers'],
    },
    // TLS_ECDH_anon_WITH_AES_128_CBC_SHA
    {
      'pci-dss-4.0.1': ['authentication'],
      anssi: ['server-authentication', 'banned-algorithms', 'cipher-suites'],
      'nsa-obsolete-tls': ['obsolete-key-exchange'],
    },
    // TLS_DHE_RSA_WITH_CAMELLIA_256_CBC_SHA
    { 'pci-dss-4.0.1': [], 'mozilla-old': ['cipher-suites'], 'nsa-obsolete-tls': [] },
    // TLS_RSA_WITH_3DES_EDE_CBC_SHA
    {
      'pci-dss-4.0.1': ['triple-des'],
      'rfc-9325': ['client-supports-tls-1.3', 'strength-128', 'no-static-rsa'],
      'mozilla-old': [],
      'nsa-obsolete-tls': ['obsolete-ciphers'],
    },
    // TLS 1.0, TLS_RSA_WITH_RC4_128_MD5
    {
      'pci-dss-4.0.1': ['early-tls', 'broken-ciphers'],
      'rfc-9325': ['versions', 'client-supports-tls-1.3', 'no-rc4', 'no-static-rsa'],
      'nsa-obsolete-tls': ['obsolete-versions', 'obsolete-ciphers'],
    },
    // TLS_DH_anon_WITH_AES_128_CBC_SHA
    { 'pci-dss-4.0.1': ['authentication'], 'nsa-obsolete-tls': ['obsolete-key-exchange'] },
  ],
};

describe('real handshakes', () => {
  for (const [name, rows] of Object.entries(EXPECTED)) {
    test(name, async () => {
      const events = await handshakes(name);
      assert.equal(events.length, rows.length);
      rows.forEach((row, i) => {
        const event = events[i] as TlsHandshakeEvent;
        for (const [policy, rules] of Object.entries(row)) {
          const { violations } = loadPolicy(policy).judge(event);
          assert.deepEqual([policy, i, violations.map(({ rule }) => rule)], [policy, i, rules]);
        }
      });
    });
  }

  test('a server that refuses TLS 1.3 to a client that offers it', async () => {
    const [modern] = await handshakes('tls13');
    assert.ok(modern?.server);
    const refused = {
      ...modern,
      server: { ...modern.server, version: 0x0303, cipherSuite: 0xc02f, extensions: [23, 65281] },
    };
    const rules = (policy: string) =>
      loadPolicy(policy)
        .judge(refused)
        .violations.map(({ rule }) => rule);
    assert.deepEqual(
      rules('nist-sp-800-52r2').filter((rule) => rule !== 'groups'),
      ['server-supports-tls-1.3'],
    );
    assert.deepEqual(rules('rfc-9325'), ['server-supports-tls-1.3']);
  });

  test('without the extended master secret', async () => {
    const [, event] = await handshakes('tls12-ecdhe');
    assert.ok(event?.server);
    const bare = { ...event, server: { ...event.server, extensions: [] } };
    for (const policy of ['nist-sp-800-52r2', 'fips-140-3', 'cnsa-1.0', 'rfc-9325', 'bsi-tr-02102-2', 'anssi']) {
      const rules = loadPolicy(policy)
        .judge(bare)
        .violations.map(({ rule }) => rule);
      assert.ok(rules.includes('extended-master-secret'), policy);
    }
  });
});
