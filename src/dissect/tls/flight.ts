/** What the handshake's messages after the hellos show, gathered as they come. */
import type { Certificate, ClientHello, HandshakeDetails, Preface, ServerHello } from '../event.ts';
import type { Reader } from '../reader.ts';
import type { CertificateStore } from '../x509/store.ts';
import { echEvidence } from './ech.ts';
import { ExtensionType } from './extensions.ts';
import { HandshakeType } from './handshake.ts';
import { type KeyExchange, readServerKeyExchange } from './key-exchange.ts';
import { isTls13 } from './versions.ts';

const TLS_EMPTY_RENEGOTIATION_INFO_SCSV = 0x00ff;

export type Alert = NonNullable<HandshakeDetails['alert']>;

/** Messages up to TLS 1.2 that `Flight.message` reads, by type. */
export function isReadAfterHello(type: number): boolean {
  return (
    type === HandshakeType.certificate ||
    type === HandshakeType.serverKeyExchange ||
    type === HandshakeType.certificateRequest ||
    type === HandshakeType.serverHelloDone ||
    type === HandshakeType.certificateStatus ||
    type === HandshakeType.newSessionTicket
  );
}

export class Flight {
  certificates: readonly Certificate[] | undefined = undefined;
  clientCertificates: readonly Certificate[] | undefined = undefined;
  alert: Alert | undefined = undefined;
  after: Preface | 'plaintext' | undefined = undefined;
  /** The server has said all that it says before the client's next messages. */
  serverDone = false;
  /** Both sides, or the server after a short handshake, encrypt from here on. */
  encrypted = false;
  private keyExchange: KeyExchange | undefined = undefined;
  private asked = false;
  private stapled = false;
  private ticketIssued = false;

  /** Takes the body of one message. Returns the chain where it was one. */
  message(
    type: number,
    fromServer: boolean,
    body: Reader,
    server: ServerHello | undefined,
    certificates: CertificateStore,
    seconds: number,
  ): readonly Certificate[] | undefined {
    switch (type) {
      case HandshakeType.certificate: {
        const outer = body.enter(body.u24());
        const chain = certificates.chain(body, seconds);
        body.leave(outer);
        if (fromServer) this.certificates = chain;
        else this.clientCertificates = chain;
        return chain;
      }
      case HandshakeType.serverKeyExchange:
        if (server) this.keyExchange = readServerKeyExchange(body, server.cipherSuite, server.version);
        break;
      case HandshakeType.certificateRequest:
        this.asked = true;
        break;
      case HandshakeType.certificateStatus:
        this.stapled = true;
        break;
      case HandshakeType.newSessionTicket:
        this.ticketIssued = true;
        break;
      case HandshakeType.serverHelloDone:
        this.serverDone = true;
        break;
    }
    return undefined;
  }

  /** All of it, with what the hellos tell together. */
  details(client: ClientHello | undefined, retry: ServerHello | undefined, server: ServerHello | undefined) {
    const before13 = server !== undefined && !server.sslv2 && !isTls13(server.version);
    const { keyExchange } = this;
    const group = server?.keyShareGroup ?? keyExchange?.group;
    return {
      ...(this.certificates && { certificates: this.certificates }),
      ...(this.clientCertificates && { clientCertificates: this.clientCertificates }),
      ...(before13 && (this.serverDone || this.asked) && { clientCertificateAsked: this.asked }),
      ...(group !== undefined && { group }),
      ...(keyExchange?.dhBits !== undefined && { dhBits: keyExchange.dhBits }),
      ...(keyExchange?.signatureScheme !== undefined && { signatureScheme: keyExchange.signatureScheme }),
      ...this.resumption(client, server),
      ...(this.ticketIssued && { ticketIssued: true as const }),
      ...(before13 && this.certificates && { ocspStapled: this.stapled }),
      ...(before13 && {
        extendedMasterSecret: agreed(ExtensionType.extendedMasterSecret, client, server),
        secureRenegotiation: agreed(ExtensionType.renegotiationInfo, client, server),
      }),
      ...(client?.extensions.includes(ExtensionType.earlyData) && { earlyData: true as const }),
      ...(client?.encryptedClientHello && { encryptedClientHello: echEvidence(client, retry) }),
      ...(this.after && { after: this.after }),
      ...(this.alert && { alert: this.alert }),
    } satisfies HandshakeDetails;
  }

  private resumption(
    client: ClientHello | undefined,
    server: ServerHello | undefined,
  ): Pick<HandshakeDetails, 'resumed' | 'resumedBy'> {
    if (server === undefined || server.sslv2) return {};
    if (isTls13(server.version)) {
      return server.extensions.includes(ExtensionType.preSharedKey)
        ? { resumed: true, resumedBy: 'psk' }
        : { resumed: false };
    }
    if (this.serverDone || this.certificates || this.keyExchange) return { resumed: false };
    const hasTicket = client !== undefined && client.ticketLength > 0;
    if (client !== undefined && server.sessionId !== '' && server.sessionId === client.sessionId) {
      // A client that resumes by ticket makes up a session id to see it echoed (RFC 5077 §3.4).
      return { resumed: true, resumedBy: hasTicket ? 'ticket' : 'session_id' };
    }
    if (this.encrypted) return hasTicket ? { resumed: true, resumedBy: 'ticket' } : { resumed: true };
    return {};
  }
}

/** Where the client is not in the capture, what the server answers was offered. */
function agreed(extension: number, client: ClientHello | undefined, server: ServerHello): boolean {
  const offered =
    client === undefined ||
    client.extensions.includes(extension) ||
    (extension === ExtensionType.renegotiationInfo && client.cipherSuites.includes(TLS_EMPTY_RENEGOTIATION_INFO_SCSV));
  return offered && server.extensions.includes(extension);
}
