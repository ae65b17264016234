/** What is reported: one violation and the traffic that it was found in. */
import { askedIn } from '../dissect/dns/asked.ts';
import type { Conversation, DnsTransactionEvent, Timestamp, TlsHandshakeEvent } from '../dissect/event.ts';
import type { Violation } from './verdict.ts';

export interface Finding {
  readonly time: Timestamp;
  readonly conversation: Conversation;
  /** A TLS handshake, whatever carries it, or DNS in the clear. */
  readonly app: 'tls' | 'dns';
  /** The name that was asked for: of the server (SNI), or of the first question (RFC 9619: there is one). */
  readonly name: string | undefined;
  readonly violation: Violation;
}

/** Holds on to nothing of the hellos: findings may wait. */
export function handshakeFinding({ time, conversation, client }: TlsHandshakeEvent, violation: Violation): Finding {
  return { time, conversation, app: 'tls', name: client?.serverName, violation };
}

export function dnsFinding(event: DnsTransactionEvent, violation: Violation): Finding {
  const { time, conversation } = event;
  return { time, conversation, app: 'dns', name: askedIn(event)?.questions[0]?.name, violation };
}
