/** What the handshake's messages after the hellos show, gathered as they come. */
import type { CertificateChain, ClientHello, HandshakeDetails, Preface, ServerHello } from '../event.ts';
import type { Reader } from '../reader.ts';
import type { CertificateStore } from '../x509/store.ts';
import { echEvidence } from './ech.ts';
import { ExtensionType } from './extensions.ts';
import { HandshakeType } from './handshake.ts';
import { type KeyExchange, readServerKeyExchange } from './key-exchange.ts';
import { isTls13 } from './versions.ts';

const TLS_EMPTY_RENEGOTIATION_INFO_SCSV = 0x00ff;

export type Alert = NonNullable<HandshakeDetails['alert']>;

export class Flight {
  certificates: CertificateChain | undefined = undefined;
  clientCertificates: CertificateChain | undefined = undefined;
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

  /**
   * After a full handshake's client encrypts, the ticket that the ServerHello promises still comes in the clear, before the
   * server's ChangeCipherSpec (RFC 5077 §3.1).
   */
  awaitsTicket(server: ServerHello): boolean {
    return this.serverDone && !this.ticketIssued && server.extensions.includes(ExtensionType.sessionTicket);
  }

  /** Takes the body of one message. Returns the chain where it was one. */
  message(
    type: number,
    fromServer: boolean,
    body: Reader,
    server: ServerHello | undefined,
    certificates: CertificateStore,
    seconds: number,
  ): CertificateChain | undefined {
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

  /** All of it, with what the hellos tell together. Every field is there, known or not: readers then see one shape. */
  details(
    client: ClientHello | undefined,
    retry: ServerHello | undefined,
    server: ServerHello | undefined,
  ): HandshakeDetails {
    const { keyExchange, certificates } = this;
    const isOld = server !== undefined && !server.sslv2 && !isTls13(server.version);
    const resumed = this.resumed(client, server);
    return {
      certificates,
      clientCertificates: this.clientCertificates,
      clientCertificateAsked: isOld && (this.serverDone || this.asked) ? this.asked : undefined,
      group: server?.keyShareGroup ?? keyExchange?.group,
      dhBits: keyExchange?.dhBits,
      signatureScheme: keyExchange?.signatureScheme,
      resumed,
      resumedBy: resumed ? this.resumedBy(client, server) : undefined,
      ticketIssued: this.ticketIssued || undefined,
      ocspStapled: isOld && certificates ? this.stapled : undefined,
      extendedMasterSecret: isOld ? agreed(ExtensionType.extendedMasterSecret, client, server) : undefined,
      secureRenegotiation: isOld ? agreed(ExtensionType.renegotiationInfo, client, server) : undefined,
      earlyData: client?.extensions.includes(ExtensionType.earlyData) || undefined,
      encryptedClientHello: client?.encryptedClientHello ? echEvidence(client, retry) : undefined,
      after: this.after,
      alert: this.alert,
    };
  }

  /** Undefined where it cannot be told. */
  private resumed(client: ClientHello | undefined, server: ServerHello | undefined): boolean | undefined {
    if (server === undefined || server.sslv2) return undefined;
    if (isTls13(server.version)) return server.extensions.includes(ExtensionType.preSharedKey);
    if (this.serverDone || this.certificates || this.keyExchange) return false;
    return this.encrypted || echoesSession(client, server) || undefined;
  }

  private resumedBy(client: ClientHello | undefined, server: ServerHello | undefined): HandshakeDetails['resumedBy'] {
    if (server !== undefined && isTls13(server.version)) return 'psk';
    // A client that resumes by ticket makes up a session id to see it echoed (RFC 5077 §3.4).
    if (client !== undefined && client.ticketLength > 0) return 'ticket';
    return echoesSession(client, server) ? 'session_id' : undefined;
  }
}

function echoesSession(client: ClientHello | undefined, server: ServerHello | undefined): boolean {
  return (
    client !== undefined && server !== undefined && server.sessionId !== '' && server.sessionId === client.sessionId
  );
}

/** Where the client is not in the capture, what the server answers was offered. */
function agreed(extension: number, client: ClientHello | undefined, server: ServerHello): boolean {
  const offered =
    client === undefined ||
    client.extensions.includes(extension) ||
    (extension === ExtensionType.renegotiationInfo && client.cipherSuites.includes(TLS_EMPTY_RENEGOTIATION_INFO_SCSV));
  return offered && server.extensions.includes(extension);
}
