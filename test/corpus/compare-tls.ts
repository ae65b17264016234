/** Client and server hellos over TCP against tshark's table. */
import type { ClientHelloEvent, ServerHelloEvent } from '../../src/dissect/event.ts';
import { isGrease } from '../../src/dissect/tls/versions.ts';
import type { Collected, Seen } from './collect.ts';
import { type Comparison, match, unequal } from './difference.ts';
import type { TlsRow } from './rows.ts';

type Hello = Seen<ClientHelloEvent> | Seen<ServerHelloEvent>;

const hex = (code: number): string => `0x${code.toString(16).padStart(4, '0')}`;
const numbers = (list: readonly string[] | undefined): number[] => (list ?? []).map(Number);

/** The highest version offered, from tshark's fields, by the rule of event.ts. */
function offered(row: TlsRow): number {
  const versions = numbers(row.supported_versions).filter((version) => !isGrease(version));
  return versions.length > 0 ? Math.max(...versions) : Number(row.legacy_version);
}

function describe(row: TlsRow, { event }: Hello): string[] {
  if (event.kind === 'client_hello') {
    const { hello } = event;
    if (row.sslv2) {
      return [
        ...unequal('legacy_version', row.legacy_version, hex(hello.legacyVersion)),
        ...unequal(
          'cipher_specs',
          numbers(row.cipher_specs).length,
          hello.sslv2CipherKinds.length + hello.cipherSuites.length,
        ),
      ];
    }
    return [
      ...unequal('legacy_version', row.legacy_version, hex(hello.legacyVersion)),
      ...unequal('version', offered(row), hello.version),
      ...unequal('sni', row.sni ?? null, hello.serverName ?? null),
      ...unequal('alpn', row.alpn, hello.alpn),
      ...unequal('ciphers', numbers(row.ciphers), hello.cipherSuites),
      ...unequal('extensions', row.extensions, hello.extensions),
      ...unequal('groups', numbers(row.groups), hello.groups),
      ...unequal('sig_algs', numbers(row.sig_algs), hello.signatureAlgorithms),
      ...unequal('key_shares', row.key_share_groups ?? [], hello.keyShares),
    ];
  }
  const { hello } = event;
  return [
    ...unequal('version', row.version ?? null, hex(hello.version)),
    ...(row.sslv2 ? [] : unequal('cipher', row.cipher ?? null, hex(hello.cipherSuite))),
    ...unequal('hrr', row.hello_retry_request ?? false, hello.helloRetryRequest),
    ...unequal('alpn', row.alpn[0] ?? null, hello.alpn ?? null),
  ];
}

/** Frames are not part of the key: tshark shows a STARTTLS hello in the frame where the whole handshake ends. */
const keyOfRow = (row: TlsRow): string =>
  `${row.src}:${row.sport} > ${row.dst}:${row.dport} random ${row.sslv2 ? 'sslv2' : row.random?.replaceAll(':', '')}`;

function keyOfEvent({ event }: Hello): string {
  const { client, server } = event.conversation;
  const [from, to] = event.kind === 'client_hello' ? [client, server] : [server, client];
  return `${from.ip}:${from.port} > ${to.ip}:${to.port} random ${event.hello.sslv2 ? 'sslv2' : event.hello.random}`;
}

export function compareHellos(
  kind: 'client_hello' | 'server_hello',
  rows: readonly TlsRow[],
  collected: Collected,
): Comparison {
  const wanted = rows.filter((row) => {
    const sort = row.kind === 'hello_retry_request_draft' ? 'server_hello' : row.kind;
    return sort === kind && row.proto === 'tls' && !row.quoted_in_icmp;
  });
  const events = collected.events.filter((seen): seen is Hello => seen.event.kind === kind);
  return match(kind, wanted, events, keyOfRow, keyOfEvent, describe);
}
