/** Handshakes for the policy's tests: only what a policy looks at is set. */
import type { ClientHello, Conversation, ServerHello, TlsHandshakeEvent } from '../../src/dissect/event.ts';

const conversation: Conversation = {
  client: { ip: '192.0.2.1', port: 50_000 },
  server: { ip: '192.0.2.2', port: 443 },
  transport: 'tcp',
  ipVersion: 4,
  session: 1,
  communityId: '1:',
};

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
