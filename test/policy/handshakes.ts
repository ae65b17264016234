/** Handshakes for the policy's tests: only what a policy looks at is set. */
import type {
  Certificate,
  ClientHello,
  HandshakeDetails,
  ServerHello,
  TlsHandshakeEvent,
} from '../../src/dissect/event.ts';
import { conversationOf } from '../conversation.ts';

export const conversation = conversationOf({
  client: { ip: '192.0.2.1', port: 50_000 },
  server: { ip: '192.0.2.2', port: 443 },
  transport: 'tcp',
  session: 1,
});

export function clientHello(fields: Partial<ClientHello>): ClientHello {
  return {
    recordVersion: 0x0301,
    legacyVersion: 0x0303,
    version: 0x0303,
    random: '',
    sessionIdLength: 0,
    sessionId: '',
    cipherSuites: [],
    compressionMethods: [0],
    extensions: [],
    serverName: undefined,
    alpn: [],
    supportedVersions: [],
    groups: [],
    pointFormats: [],
    signatureAlgorithms: [],
    keyShares: [],
    ticketLength: 0,
    encryptedClientHello: undefined,
    sslv2: false,
    sslv2CipherKinds: [],
    malformed: false,
    ...fields,
  };
}

export function serverHello(version: number, cipherSuite: number): ServerHello {
  return {
    recordVersion: 0x0303,
    legacyVersion: Math.min(version, 0x0303),
    version,
    random: '',
    sessionIdLength: 0,
    sessionId: '',
    cipherSuite,
    compressionMethod: 0,
    extensions: [],
    alpn: undefined,
    keyShareGroup: undefined,
    helloRetryRequest: false,
    sslv2: version === 0x0002,
    malformed: false,
  };
}

export function handshake(client: ClientHello | undefined, server: ServerHello | undefined): TlsHandshakeEvent {
  const time = { seconds: 0, nanos: 0 };
  return { kind: 'tls_handshake', time, conversation, client, retry: undefined, server, responseTime: undefined };
}

/** A handshake of which only the outcome was seen. */
export function negotiated(version: number, cipherSuite: number): TlsHandshakeEvent {
  return handshake(undefined, serverHello(version, cipherSuite));
}

/** A good certificate of an ordinary server. */
export function certificate(fields: Partial<Certificate>): Certificate {
  const { subjectAlternativeNames = ['DNS:www.example.com'] } = fields;
  return {
    subject: 'CN=www.example.com',
    issuer: 'CN=Example CA',
    subjectCommonName: 'www.example.com',
    subjectOrganization: undefined,
    subjectAttributes: {},
    issuerCommonName: 'Example CA',
    issuerOrganization: undefined,
    issuerAttributes: {},
    serial: '01',
    subjectAlternativeNames,
    subjectAlternativeNameCount: subjectAlternativeNames.length,
    notBefore: 1_735_689_600, // 2025-01-01
    notAfter: 1_735_689_600 + 90 * 86_400 - 1,
    key: { type: 'RSA', bits: 2048, curve: undefined },
    signatureAlgorithm: 'sha256WithRSAEncryption',
    signatureHash: undefined,
    sha256: 'a',
    selfSigned: false,
    version: 3,
    ...fields,
  };
}

/** A handshake with what it shows besides its hellos, on 2025-02-01. */
export function detailed(
  version: number,
  cipherSuite: number,
  details: HandshakeDetails,
  client: Partial<ClientHello> = {},
): TlsHandshakeEvent {
  const event = handshake(clientHello(client), serverHello(version, cipherSuite));
  return { ...event, time: { seconds: 1_738_368_000, nanos: 0 }, details };
}
