/** Requirements on the extensions that the server agreed to. */
import type { TlsHandshakeEvent } from '../dissect/event.ts';
import { EXTENSIONS } from '../dissect/iana-tables.ts';
import { isTls13 } from '../dissect/tls/versions.ts';
import { HIDDEN, KEPT, LOST, type Requirement } from './requirement.ts';
import type { ExtensionsSource } from './source.ts';

const TYPES: ReadonlyMap<string, number> = new Map(EXTENSIONS.map(([type, name]) => [name, type]));

export function extensionNames(): Iterable<string> {
  return TYPES.keys();
}

export function isExtension(name: string): boolean {
  return TYPES.has(name);
}

/** RFC 8446 §4.2; RFC 8773 §4; RFC 8492. All others of TLS 1.3 are encrypted, or not of it. */
const IN_SERVER_HELLO_13: ReadonlySet<string> = new Set([
  'key_share',
  'pre_shared_key',
  'supported_versions',
  'tls_cert_with_extern_psk',
  'password_salt',
]);

export function isInServerHello13(name: string): boolean {
  return IN_SERVER_HELLO_13.has(name);
}

/** The types that a source is about. */
export function extensionTypes({ require = [], deny = [] }: ExtensionsSource): number[] {
  return [...require, ...deny].map((name) => TYPES.get(name)).filter((type) => type !== undefined);
}

/** One for each name of `require` and `deny`. */
export function extensionRequirements({ require = [], deny = [] }: ExtensionsSource): Requirement<TlsHandshakeEvent>[] {
  return [...require.map((name) => agreed(name, true)), ...deny.map((name) => agreed(name, false))];
}

function agreed(name: string, wanted: boolean): Requirement<TlsHandshakeEvent> {
  const type = TYPES.get(name) ?? Number.NaN;
  return {
    expected: wanted ? name : `not ${name}`,
    judge({ server }) {
      if (server === undefined) return LOST;
      if (server.extensions.includes(type)) return wanted ? KEPT : { observed: name };
      // The rest of TLS 1.3's are in EncryptedExtensions (RFC 8446 §4.3.1).
      if (isTls13(server.version)) return HIDDEN;
      if (server.malformed) return LOST;
      return wanted ? { observed: `no ${name}` } : KEPT;
    },
  };
}
