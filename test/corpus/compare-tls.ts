/** Client and server hellos over TCP, in QUIC and in DTLS against tshark's table. */
import type { ClientHelloEvent, ServerHelloEvent } from '../../src/dissect/event.ts';
import { isGrease, TlsVersion } from '../../src/dissect/tls/versions.ts';
import type { Collected, Seen } from './collect.ts';
import { type Comparison, match, unequal } from './difference.ts';
import type { TlsRow } from './rows.ts';

type Hello = Seen<ClientHelloEvent> | Seen<ServerHelloEvent>;

const hex = (code: number): string => `0x${code.toString(16).padStart(4, '0')}`;
const numbers = (list: readonly string[] | undefined): number[] => (list ?? []).map(Number);

/** The highest version offered, from tshark's fields, by the rule of event.ts. */
function offered(row: TlsRow): number {
  const versions = numbers(row.supported_versions).filter((version) => !isGrease(version));
  if (versions.length === 0) return Number(row.legacy_version);
  // Drafts of TLS 1.3 have high numbers; DTLS counts downwards.
  if (versions.includes(TlsVersion.tls13)) return TlsVersion.tls13;
  return row.proto === 'dtls' ? Math.min(...versions) : Math.max(...versions);
}

/** Extensions whose lists tshark's table mixes into that of signature algorithms (RFC 8446 §4.2.3, RFC 9345). */
const MORE_SIGNATURE_LISTS = [50, 34];
/** Encrypted SNI (draft-ietf-tls-esni-01), whose own key share tshark's table adds to the list. */
const ESNI = 0xffce;

/** Their list without the elements that another extension added: ours where theirs holds it in order, else theirs. */
function without(added: boolean, theirs: readonly number[], ours: readonly number[]): readonly number[] {
  if (!added) return theirs;
  let at = 0;
  for (const one of theirs) if (one === ours[at]) at++;
  return at === ours.length ? ours : theirs;
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
    const mixed = MORE_SIGNATURE_LISTS.some((type) => row.extensions.includes(type));
    const esni = row.extensions.includes(ESNI);
    return [
      ...unequal('legacy_version', row.legacy_version, hex(hello.legacyVersion)),
      ...unequal('version', offered(row), hello.version),
      ...unequal('sni', row.sni ?? null, hello.serverName ?? null),
      ...unequal('alpn', row.alpn, hello.alpn),
      ...unequal('ciphers', numbers(row.ciphers), hello.cipherSuites),
      ...unequal('extensions', row.extensions, hello.extensions),
      ...unequal('groups', numbers(row.groups), hello.groups),
      ...unequal(
        'sig_algs',
        without(mixed, numbers(row.sig_algs), hello.signatureAlgorithms),
        hello.signatureAlgorithms,
      ),
      ...unequal('key_shares', without(esni, row.key_share_groups ?? [], hello.keyShares), hello.keyShares),
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

/** What carried the hellos of a table. */
type Carrier = 'tls' | 'quic' | 'dtls';

function carrierOf({ event }: Hello): Carrier {
  if (event.conversation.transport === 'tcp') return 'tls';
  return event.quicVersion === undefined ? 'dtls' : 'quic';
}

function rowsOfCarrier(rows: readonly TlsRow[], carrier: Carrier): TlsRow[] {
  // OpenVPN carries TLS in records of its own, which are not TLS over TCP.
  return rows.filter((row) => row.proto === carrier && !row.quoted_in_icmp && !row.layers.includes(':openvpn'));
}

export function compareHellos(
  kind: 'client_hello' | 'server_hello',
  rows: readonly TlsRow[],
  collected: Collected,
): Comparison {
  const wanted = rowsOfCarrier(rows, 'tls').filter((row) => {
    const sort = row.kind === 'hello_retry_request_draft' ? 'server_hello' : row.kind;
    return sort === kind;
  });
  const events = collected.events.filter(
    (seen): seen is Hello => seen.event.kind === kind && carrierOf(seen as Hello) === 'tls',
  );
  return match(kind, wanted, events, keyOfRow, keyOfEvent, describe);
}

const isHello = (seen: Seen): seen is Hello => seen.event.kind === 'client_hello' || seen.event.kind === 'server_hello';

/** The first of each key. */
function unique<T>(list: readonly T[], keyOf: (one: T) => string): T[] {
  return [...new Map(list.map((one) => [keyOf(one), one] as const).reverse()).values()].reverse();
}

/** QUIC's hellos, with the version of the connection. */
export function compareQuicHellos(rows: readonly TlsRow[], collected: Collected): Comparison {
  const events = collected.events.filter(isHello).filter((seen) => carrierOf(seen) === 'quic');
  return match('quic_hello', rowsOfCarrier(rows, 'quic'), events, keyOfRow, keyOfEvent, (row, seen) => [
    ...unequal('quic_version', Number(row.quic_version), seen.event.quicVersion),
    ...describe(row, seen),
  ]);
}

/** DTLS's hellos. The table has a row for each retransmission, which we take for what it is, so a random counts once. */
export function compareDtlsHellos(rows: readonly TlsRow[], collected: Collected): Comparison {
  const events = collected.events.filter(isHello).filter((seen) => carrierOf(seen) === 'dtls');
  const wanted = unique(rowsOfCarrier(rows, 'dtls'), keyOfRow);
  return match('dtls_hello', wanted, unique(events, keyOfEvent), keyOfRow, keyOfEvent, describe);
}
