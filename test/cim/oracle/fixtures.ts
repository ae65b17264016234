/** Events that the corpus does not have: each meets an exception that no capture meets, or is the start of a mutation. */
import type { Kind } from '../../../src/cim/event.ts';
import { Normalizer } from '../../../src/cim/normalize.ts';
import type { CertificateEvent, NetworkEvent } from '../../../src/dissect/event.ts';
import { DNS, FINDING, FLOW, ICMP_FLOW, message, OPTIONS, RESPONSE, record, TCP, TIME, TLS } from '../samples.ts';

export interface Fixture {
  readonly name: string;
  readonly kind: Kind;
  readonly line: string;
}

const normalizer = new Normalizer(OPTIONS);

export const CERTIFICATE: CertificateEvent = {
  kind: 'certificate',
  time: TIME,
  conversation: TCP,
  from: 'server',
  serverName: 'www.example.com',
  index: 0,
  chain: [],
  certificate: {
    subject: 'CN=www.example.com,O=Example Org,L=Springfield,ST=Illinois,C=US',
    issuer: 'CN=Example CA,OU=Security,O=Example Org,C=US',
    subjectCommonName: 'www.example.com',
    subjectOrganization: 'Example Org',
    subjectAttributes: { locality: 'Springfield', state: 'Illinois' },
    issuerCommonName: 'Example CA',
    issuerOrganization: 'Example Org',
    issuerAttributes: { unit: 'Security', email: 'ca@example.org' },
    serial: '0a1b2c',
    subjectAlternativeNames: ['DNS:www.example.com', 'DNS:example.com'],
    subjectAlternativeNameCount: 2,
    notBefore: 1_650_000_000,
    notAfter: 1_680_000_000,
    key: { type: 'RSA', bits: 2048, curve: undefined },
    signatureAlgorithm: 'sha256WithRSAEncryption',
    signatureHash: undefined,
    sha256: 'a1'.repeat(32),
    selfSigned: false,
    version: 3,
  },
};

function fixture(name: string, event: NetworkEvent): Fixture {
  const made = normalizer.normalize(event, []);
  if (made === undefined) throw new Error(`${name} makes no event`);
  return { name, kind: made.kind, line: made.line };
}

const asking = (type: number, opcode = 0) => ({
  opcode,
  questions: [{ name: 'example.com', type, class: 1, unicastResponse: false }],
});

/** One good event of each model: nothing is wrong with them, not even by an exception. */
export const GOOD: readonly Fixture[] = [
  fixture('flow', FLOW),
  fixture('handshake where no flows are collected', TLS),
  fixture('DNS with an error and an answer', {
    ...DNS,
    response: { ...RESPONSE, rcode: 3 },
  }),
  fixture('certificate', CERTIFICATE),
  { name: 'finding', kind: 'finding', line: normalizer.finding(FINDING, 0).line },
];

export const EXCEPTIONAL: readonly Fixture[] = [
  fixture('an echo request that nobody answered', ICMP_FLOW),
  fixture('an opcode that IANA has not assigned', {
    ...DNS,
    query: message(asking(1, 7)),
    response: message({
      ...asking(1, 7),
      response: true,
      rcode: 4,
      answers: [record(1, '192.0.2.1')],
      counts: [1, 1, 0, 0],
    }),
  }),
  fixture('a response code that IANA has not assigned', { ...DNS, response: { ...RESPONSE, rcode: 3_841 } }),
  fixture('a query for the type NULL', {
    ...DNS,
    query: message(asking(10)),
    response: { ...RESPONSE, ...asking(10), rcode: 3 },
  }),
  fixture('an answer without an error', DNS),
  fixture('a name that does not exist', { ...DNS, response: { ...RESPONSE, rcode: 3, answers: [] } }),
  fixture('a query that nobody answered', { ...DNS, response: undefined, responseTime: undefined }),
  fixture('a response whose query was not seen', { ...DNS, query: undefined, responseTime: undefined }),
  fixture('a domain-validated certificate', {
    ...CERTIFICATE,
    certificate: {
      ...CERTIFICATE.certificate,
      subject: '',
      subjectCommonName: undefined,
      subjectOrganization: undefined,
    },
  }),
];

/** As a product would have to make it: Vesper makes none. */
export const ALERT = {
  app: 'vesper',
  description: 'Several servers negotiated TLS 1.0.',
  dest: '192.0.2.25',
  id: '1',
  severity: 'high',
  signature: 'TLS 1.0',
  signature_id: 'baseline/no-tls-1.0-1.1',
  src: '192.0.2.11',
  type: 'alert',
};
