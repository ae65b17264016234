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

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

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

  /** All of it, with what the hellos tell together. Field by field: an object spread costs as much as ten of them. */
  details(
    client: ClientHello | undefined,
    retry: ServerHello | undefined,
    server: ServerHello | undefined,
  ): HandshakeDetails {
    const details: Mutable<HandshakeDetails> = {};
    const { keyExchange, certificates } = this;
    if (certificates) details.certificates = certificates;
    if (this.clientCertificates) details.clientCertificates = this.clientCertificates;
    const group = server?.keyShareGroup ?? keyExchange?.group;
    if (group !== undefined) details.group = group;
    if (keyExchange?.dhBits !== undefined) details.dhBits = keyExchange.dhBits;
    if (keyExchange?.signatureScheme !== undefined) details.signatureScheme = keyExchange.signatureScheme;
    this.resumption(details, client, server);
    if (this.ticketIssued) details.ticketIssued = true;
    if (server !== undefined && !server.sslv2 && !isTls13(server.version)) {
      if (this.serverDone || this.asked) details.clientCertificateAsked = this.asked;
      if (certificates) details.ocspStapled = this.stapled;
      details.extendedMasterSecret = agreed(ExtensionType.extendedMasterSecret, client, server);
      details.secureRenegotiation = agreed(ExtensionType.renegotiationInfo, client, server);
    }
    if (client?.extensions.includes(ExtensionType.earlyData)) details.earlyData = true;
    if (client?.encryptedClientHello) details.encryptedClientHello = echEvidence(client, retry);
    if (this.after) details.after = this.after;
    if (this.alert) details.alert = this.alert;
    return details;
  }

  private resumption(
    details: Mutable<HandshakeDetails>,
    client: ClientHello | undefined,
    server: ServerHello | undefined,
  ): void {
    if (server === undefined || server.sslv2) return;
    if (isTls13(server.version)) {
      details.resumed = server.extensions.includes(ExtensionType.preSharedKey);
      if (details.resumed) details.resumedBy = 'psk';
      return;
    }
    if (this.serverDone || this.certificates || this.keyExchange) {
      details.resumed = false;
      return;
    }
    const hasTicket = client !== undefined && client.ticketLength > 0;
    if (client !== undefined && server.sessionId !== '' && server.sessionId === client.sessionId) {
      details.resumed = true;
      // A client that resumes by ticket makes up a session id to see it echoed (RFC 5077 §3.4).
      details.resumedBy = hasTicket ? 'ticket' : 'session_id';
    } else if (this.encrypted) {
      details.resumed = true;
      if (hasTicket) details.resumedBy = 'ticket';
    }
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
