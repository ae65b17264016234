/**
 * Real handshakes of OpenSSL, GnuTLS and Go over the spread of versions, suites, groups and certificates: each gets the
 * verdicts that the texts of the standards give (test/fixtures/handshakes/verdicts.yaml).
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { parse } from 'yaml';
import type { Certificate, TlsHandshakeEvent } from '../../../src/dissect/event.ts';
import { cipherSuiteName, groupName, signatureSchemeName, tlsVersionName } from '../../../src/dissect/iana.ts';
import { builtInPolicies, loadPolicy } from '../../../src/policy/load.ts';
import { collect } from '../../corpus/collect.ts';
import { PROJECT } from '../../support/shared.ts';

interface Objection {
  readonly of: string;
  readonly rule: string;
  readonly because: string;
}

interface Verdicts {
  readonly handshakes: Readonly<Record<string, readonly Readonly<Record<string, readonly string[]>>[]>>;
  readonly policies: Readonly<Record<string, readonly Objection[]>>;
}

const FOLDER = join(PROJECT, 'test', 'fixtures', 'handshakes');
const DOMAIN = '.example.test';
const DAY = 86_400;
const TLS12 = 0x0303;
const TLS13 = 0x0304;
const ENCRYPT_THEN_MAC = 22;
const ML_KEM = [0x11eb, 0x11ec, 0x11ed];

const { handshakes, policies }: Verdicts = parse(readFileSync(join(FOLDER, 'verdicts.yaml'), 'utf8'));

function certificateFacts(certificate: Certificate, seconds: number): string[] {
  const { key, signatureAlgorithm, notBefore, notAfter, selfSigned, subjectAlternativeNames } = certificate;
  const hash = /^(sha\d+|md5)/i.exec(signatureAlgorithm)?.[1]?.toUpperCase();
  // Both ends count (RFC 5280 §4.1.2.5): what `-days 90` makes is a second longer than 90 days.
  const days = Math.ceil((notAfter - notBefore + 1) / DAY);
  return [
    `key ${key.type}${key.type === 'RSA' ? ` ${key.bits}` : key.type === 'EC' ? ` ${key.curve}` : ''}`,
    `certificate signed with ${hash}`,
    `certificate signed as ${signatureAlgorithm}`,
    ...(seconds > notAfter ? ['certificate expired'] : []),
    ...(seconds < notBefore ? ['certificate not yet valid'] : []),
    ...(selfSigned ? ['certificate self-signed'] : []),
    ...(subjectAlternativeNames.includes(`DNS:*${DOMAIN}`) ? [] : ['certificate for another name']),
    ...(days > 90 ? [`certificate valid for ${days} days`] : []),
  ];
}

const isOfSha256 = (scheme: number): boolean => signatureSchemeName(scheme).includes('sha256');

function offerFacts({ client, server }: TlsHandshakeEvent): string[] {
  const tls13 = client?.supportedVersions.includes(TLS13) ?? false;
  return [
    ...(tls13 ? [] : ['TLS 1.3 not offered']),
    ...(client !== undefined && client.version >= TLS12 && !client.signatureAlgorithms.some(isOfSha256)
      ? ['SHA-256 not asked for']
      : []),
    ...(tls13 && server !== undefined && server.version < TLS13 ? ['TLS 1.3 offered and refused'] : []),
    ...(client?.groups.some((group) => ML_KEM.includes(group)) ? [] : ['ML-KEM not offered']),
    ...(client?.keyShares.some((group) => ML_KEM.includes(group)) ? [] : ['ML-KEM share not sent']),
  ];
}

/** All that verdicts.yaml may speak of. */
function factsOf(event: TlsHandshakeEvent): string[] {
  const { server, details, retry, time } = event;
  if (server === undefined) return ['no ServerHello', ...offerFacts(event)];
  const suite = cipherSuiteName(server.cipherSuite);
  const group = details?.group ?? server.keyShareGroup;
  const [leaf] = details?.certificates ?? [];
  const resumed = details?.resumed === true;
  const none = /_anon_|TLS_PSK_/.test(suite) ? 'no certificate' : 'certificate hidden';
  return [
    tlsVersionName(server.version),
    suite,
    ...(suite.includes('_CBC_') && !server.extensions.includes(ENCRYPT_THEN_MAC)
      ? ['CBC without encrypt_then_mac']
      : []),
    ...(group === undefined ? [] : [`group ${groupName(group)}`]),
    ...(details?.dhBits === undefined ? [] : [`DH ${details.dhBits}`]),
    ...(server.version === TLS12 && details?.signatureScheme !== undefined
      ? [`signature ${signatureSchemeName(details.signatureScheme)}`]
      : []),
    ...(resumed ? ['resumed'] : []),
    ...(retry === undefined ? [] : ['retried']),
    ...(leaf === undefined ? [none] : certificateFacts(leaf, time.seconds)),
    ...offerFacts(event),
  ];
}

test('every capture and every built-in policy has its expectations', () => {
  const captures = readdirSync(FOLDER).filter((name) => name !== 'verdicts.yaml');
  assert.deepEqual(captures.sort(), Object.keys(handshakes).sort());
  assert.deepEqual(Object.keys(policies).sort(), builtInPolicies());
});

const met = new Set<Objection>();

for (const [capture, rows] of Object.entries(handshakes)) {
  describe(`handshakes of ${capture}`, () => {
    let events: TlsHandshakeEvent[] = [];
    before(async () => {
      const collected = await collect(join(FOLDER, capture, 'input.pcap'));
      events = collected.events.map(({ event }) => event).filter((event) => event.kind === 'tls_handshake');
    });

    test('are what is said of them', () => {
      assert.equal(events.length, rows.length);
      rows.forEach((row, i) => {
        const [[name, facts] = []] = Object.entries(row);
        const event = events[i] as TlsHandshakeEvent;
        assert.equal(event.client?.serverName, `${name}${DOMAIN}`);
        const seen = factsOf(event);
        for (const fact of facts ?? []) assert.ok(seen.includes(fact), `${name}: ${fact} is not of ${seen.join(', ')}`);
      });
    });

    for (const [policy, objections] of Object.entries(policies)) {
      test(`are judged by ${policy}`, () => {
        const compiled = loadPolicy(policy);
        for (const event of events) {
          const facts = factsOf(event);
          const expected = objections.filter(({ of }) => facts.some((fact) => new RegExp(`^(?:${of})$`).test(fact)));
          for (const objection of expected) met.add(objection);
          const { outcome, violations } = compiled.judge(event);
          const what = `${event.client?.serverName}: ${facts.join(', ')}`;
          assert.deepEqual(
            [...new Set(violations.map(({ rule }) => rule))].sort(),
            [...new Set(expected.map(({ rule }) => rule))].sort(),
            what,
          );
          const seen = event.server === undefined ? 'not_observable' : 'compliant';
          assert.equal(outcome, expected.length > 0 ? 'non_compliant' : seen, what);
        }
      });
    }
  });
}

test('every objection is met by a handshake', () => {
  const idle = Object.entries(policies).flatMap(([policy, all]) =>
    all.filter((objection) => !met.has(objection)).map(({ of, rule }) => `${policy} ${rule}: ${of}`),
  );
  assert.deepEqual(idle, []);
});
