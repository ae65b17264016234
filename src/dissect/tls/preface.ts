/**
 * Plaintext that comes before a hello: which protocol it is, by its first segments. One look at the first byte is all that
 * other traffic costs.
 */
import type { Preface } from '../event.ts';
import type { Packet } from '../net/packet.ts';

/** Protocols that can change to TLS on the same connection (STARTTLS and its kin); the others are proxies. */
const UPGRADABLE: Readonly<Record<Preface, boolean>> = {
  smtp: true,
  imap: true,
  pop3: true,
  ftp: true,
  ldap: true,
  xmpp: true,
  postgresql: true,
  mysql: true,
  nntp: true,
  sieve: true,
  rdp: true,
  http: false,
  socks: false,
};

export function isPreface(app: string | undefined): app is Preface {
  return app !== undefined && Object.hasOwn(UPGRADABLE, app);
}

/** Whether a connection of this protocol that never showed a hello could have changed to TLS. */
export function isUpgradable(app: string | undefined): boolean {
  return isPreface(app) && UPGRADABLE[app];
}

const PORTS: ReadonlyMap<number, Preface> = new Map([
  [21, 'ftp'],
  [25, 'smtp'],
  [110, 'pop3'],
  [119, 'nntp'],
  [143, 'imap'],
  [389, 'ldap'],
  [433, 'nntp'],
  [587, 'smtp'],
  [1080, 'socks'],
  [2525, 'smtp'],
  [3128, 'http'],
  [3268, 'ldap'],
  [3306, 'mysql'],
  [3389, 'rdp'],
  [4190, 'sieve'],
  [5222, 'xmpp'],
  [5269, 'xmpp'],
  [5432, 'postgresql'],
  [8080, 'http'],
]);

/** The protocol that the server's port is registered for. */
export function prefaceOfPort(packet: Packet, fromClient: boolean): Preface | undefined {
  return PORTS.get(fromClient ? packet.destinationPort : packet.sourcePort);
}

/** Text looked at: a greeting line names its protocol early. */
const MAX_TEXT = 160;

/**
 * The protocol that a data segment of a young flow is of, as far as it can be told.
 * @param isFirst whether no data came before it
 */
export function prefaceOf(packet: Packet, fromClient: boolean, isFirst: boolean): Preface | undefined {
  const { view, payloadStart: start, payloadEnd } = packet;
  const length = payloadEnd - start;
  if (length < 3) return undefined;
  switch (view.getUint8(start)) {
    case 0x00:
      return isPostgresql(view, start, length) ? 'postgresql' : undefined;
    case 0x03:
      return isRdp(view, start, length) ? 'rdp' : undefined;
    case 0x04:
    case 0x05:
      return fromClient && isSocks(view, start, length) ? 'socks' : undefined;
    case 0x30:
      return isLdap(view, start, length) ? 'ldap' : undefined;
    default:
      if (isMysqlGreeting(view, start, length)) return 'mysql';
      return fromClient ? ofCommand(packet) : ofGreeting(packet, isFirst);
  }
}

function text({ bytes, payloadStart, payloadEnd }: Packet): string {
  return bytes.latin1Slice(payloadStart, Math.min(payloadEnd, payloadStart + MAX_TEXT));
}

/** What a server says first. */
function ofGreeting(packet: Packet, isFirst: boolean): Preface | undefined {
  switch (packet.view.getUint8(packet.payloadStart)) {
    case 0x2b: // +
      // Redis answers +OK as well, but does not greet.
      return isFirst && text(packet).startsWith('+OK') ? 'pop3' : undefined;
    case 0x2a: // *
      return /^\* (OK|PREAUTH|BYE) /.test(text(packet)) ? 'imap' : undefined;
    case 0x22: // "
      return text(packet).startsWith('"IMPLEMENTATION"') ? 'sieve' : undefined;
    case 0x32: // 2
      return ofReplyCode(packet);
    case 0x3c: // <
      return isXmpp(packet) ? 'xmpp' : undefined;
    default:
      return undefined;
  }
}

/** SMTP and FTP greet with 220 (RFC 5321 §4.2, RFC 959 §5.4), NNTP with 200 or 201 (RFC 3977 §5.1). */
function ofReplyCode(packet: Packet): Preface | undefined {
  const line = text(packet);
  const byPort = prefaceOfPort(packet, false);
  if (/^220[ -]/.test(line)) {
    if (byPort === 'smtp' || byPort === 'ftp') return byPort;
    if (/\bE?SMTP\b/i.test(line)) return 'smtp';
    return /FTP/i.test(line) ? 'ftp' : undefined;
  }
  return /^20[01] /.test(line) && (byPort === 'nntp' || /NNTP|InterNetNews|\bINN\b/i.test(line)) ? 'nntp' : undefined;
}

/** What a client says: for captures that missed the greeting, and for protocols in which it speaks first. */
function ofCommand(packet: Packet): Preface | undefined {
  switch (packet.view.getUint8(packet.payloadStart)) {
    case 0x3c: // <
      return isXmpp(packet) ? 'xmpp' : undefined;
    case 0x43: // C
      return text(packet).startsWith('CONNECT ') ? 'http' : undefined;
    case 0x45: // E
    case 0x48: // H
    case 0x65:
    case 0x68:
      return /^(EHLO|HELO) /i.test(text(packet)) ? 'smtp' : undefined;
    case 0x41: // A
    case 0x61:
      return /^AUTH (TLS|SSL)\r?\n/i.test(text(packet)) ? 'ftp' : undefined;
    case 0x53: // S
    case 0x73:
      return /^STLS\r?\n/i.test(text(packet)) ? 'pop3' : undefined;
    default:
      return undefined;
  }
}

/** RFC 6120 §4.2. */
function isXmpp(packet: Packet): boolean {
  return text(packet).includes('<stream:stream');
}

/** SSLRequest or StartupMessage of protocol 3 (PostgreSQL documentation §54.7). */
function isPostgresql(view: DataView, start: number, length: number): boolean {
  const SSL_REQUEST = 80_877_103;
  const PROTOCOL_3 = 3;
  if (length < 8 || view.getUint32(start) !== length) return false;
  return view.getUint32(start + 4) === SSL_REQUEST || view.getUint16(start + 4) === PROTOCOL_3;
}

/** A packet's length and number, protocol version 10 and the server's version in digits ("Protocol::HandshakeV10"). */
function isMysqlGreeting(view: DataView, start: number, length: number): boolean {
  if (length < 8 || view.getUint8(start + 3) !== 0 || view.getUint8(start + 4) !== 10) return false;
  const digit = view.getUint8(start + 5);
  return view.getUint16(start, true) + 4 === length && digit >= 0x30 && digit <= 0x39;
}

/** TPKT (RFC 1006 §6) with a connection request or confirm of X.224 class 0. */
function isRdp(view: DataView, start: number, length: number): boolean {
  if (length < 11 || view.getUint16(start + 2) !== length || view.getUint8(start + 1) !== 0) return false;
  const code = view.getUint8(start + 5);
  if ((code !== 0xe0 && code !== 0xd0) || view.getUint8(start + 4) !== length - 5) return false;
  // Other users of TPKT, industrial controllers among them, name their ends in parameters of X.224 (0xC1, 0xC2).
  return length === 11 || view.getUint8(start + 11) < 0xc0;
}

/** SOCKS5's list of methods (RFC 1928 §3), SOCKS4's request. */
function isSocks(view: DataView, start: number, length: number): boolean {
  if (view.getUint8(start) === 5) return view.getUint8(start + 1) > 0 && length === 2 + view.getUint8(start + 1);
  const command = view.getUint8(start + 1);
  return length >= 9 && (command === 1 || command === 2) && view.getUint8(start + length - 1) === 0;
}

/** `LDAPMessage` with a bind or extended request or response (RFC 4511 §4.1.1): SEQUENCE, messageID INTEGER, operation. */
function isLdap(view: DataView, start: number, length: number): boolean {
  if (length < 7) return false;
  const first = view.getUint8(start + 1);
  const id = start + 2 + (first > 0x80 ? first & 0x7f : 0);
  const end = start + length;
  if (id + 2 >= end || view.getUint8(id) !== 0x02) return false;
  const operation = id + 2 + view.getUint8(id + 1);
  if (operation >= end) return false;
  const tag = view.getUint8(operation);
  // bindRequest, bindResponse, searchRequest, extendedReq, extendedResp.
  return tag === 0x60 || tag === 0x61 || tag === 0x63 || tag === 0x77 || tag === 0x78;
}
