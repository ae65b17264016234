/** Which events are kept: by the names in them. */

import { askedIn } from './dissect/dns/asked.ts';
import type { NetworkEvent } from './dissect/event.ts';
import { DomainFilter } from './dissect/filter.ts';

/** The name that an event is about: the DNS question, or the answered name of an mDNS response; the TLS server name. */
function nameOf(event: NetworkEvent): string | undefined {
  switch (event.kind) {
    case 'dns_message':
      return (event.message.questions[0] ?? event.message.answers[0])?.name;
    case 'dns_transaction': {
      const message = askedIn(event);
      return (message?.questions[0] ?? message?.answers[0])?.name;
    }
    case 'client_hello':
      return event.hello.serverName;
    case 'tls_handshake':
      return event.client?.serverName;
    case 'certificate':
      return event.serverName;
    default:
      return undefined;
  }
}

/** Says of an event whether an ignored domain takes it out. */
export function domainFilter(patterns: readonly string[]): (event: NetworkEvent) => boolean {
  const filter = new DomainFilter(patterns);
  if (filter.empty) return () => false;
  return (event) => {
    const name = nameOf(event);
    return name !== undefined && filter.ignores(name);
  };
}
