/** What can be known of an Encrypted ClientHello from outside (RFC 9849). */
import type { ClientHello, HandshakeDetails, ServerHello } from '../event.ts';
import { ExtensionType } from './extensions.ts';

/**
 * Outer names that providers put into their ECHConfig as `public_name`. A client that sends GREASE has no such name: its
 * outer name is the server that it wants. Other providers' names are not told from real ones.
 */
const PUBLIC_NAMES: ReadonlySet<string> = new Set(['cloudflare-ech.com', 'cover.defo.ie', 'public.tls-ech.dev']);

/** Only for a hello with the extension. */
export function echEvidence(
  { serverName }: ClientHello,
  retry: ServerHello | undefined,
): NonNullable<HandshakeDetails['encryptedClientHello']> {
  if (serverName !== undefined && PUBLIC_NAMES.has(serverName.toLowerCase())) return 'public_name';
  // Eight bytes that confirm it (§7.2.1), or random ones of a server that could not decrypt it (§7.1): the key that tells
  // them apart is secret. The confirmation of a ServerHello is hidden in its random.
  if (retry?.extensions.includes(ExtensionType.encryptedClientHello)) return 'hello_retry_request';
  return 'real_or_grease';
}
