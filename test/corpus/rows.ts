/** The rows of tshark's tables, as the corpus's MANIFEST describes them. */
import { existsSync, readFileSync } from 'node:fs';

export interface DnsRow {
  readonly frame: number;
  readonly proto: 'dns' | 'mdns' | 'llmnr';
  readonly transport: string;
  readonly src: string;
  readonly sport: number;
  readonly dst: string;
  readonly dport: number;
  readonly id: number | null;
  readonly qr: number | null;
  readonly opcode: number | null;
  readonly rcode: number | null;
  readonly questions: readonly { readonly type: number; readonly name: string; readonly class: number }[];
  readonly answers: readonly {
    readonly type: number;
    readonly name: string | null;
    readonly ttl?: number | null;
    readonly value?: string | readonly string[];
  }[];
  readonly quoted_in_icmp?: boolean;
  readonly over_quic?: boolean;
  readonly malformed?: boolean;
  readonly layers: string;
}

export interface TlsRow {
  readonly kind: 'client_hello' | 'server_hello' | 'hello_retry_request_draft' | 'gquic_chlo';
  readonly frame: number;
  readonly proto: 'tls' | 'dtls' | 'quic' | 'gquic';
  readonly src: string;
  readonly sport: number;
  readonly dst: string;
  readonly dport: number;
  readonly layers: string;
  readonly quic_version?: string;
  readonly quoted_in_icmp?: boolean;
  readonly legacy_version: string | null;
  readonly random?: string;
  readonly sslv2: boolean;
  readonly supported_versions?: readonly string[];
  readonly sni?: string | null;
  readonly alpn: readonly string[];
  readonly ciphers?: readonly string[];
  readonly cipher_specs?: readonly string[];
  readonly extensions: readonly number[];
  readonly groups?: readonly string[];
  readonly sig_algs?: readonly string[];
  readonly key_share_groups?: readonly number[];
  readonly version?: string | null;
  readonly cipher?: string | null;
  readonly hello_retry_request?: boolean;
}

export interface ConversationRow {
  readonly proto: 'tcp' | 'udp' | 'sctp';
  readonly stream: number | null;
  readonly a: string;
  readonly aport: number;
  readonly b: string;
  readonly bport: number;
  /** Protocols around it, as `eth:ethertype:ip:udp`. */
  readonly path: string;
  readonly innermost: boolean;
  readonly initiator: 'a' | 'b' | null;
  readonly pkts_ab: number;
  readonly pkts_ba: number;
  readonly payload_ab: number;
  readonly payload_ba: number;
  readonly first_frame: number;
  readonly first_ts: string;
  readonly last_ts: string | null;
  readonly community_id: string | null;
}

/** The table beside a capture; tshark writes no file where it found no rows. */
export function rowsOf<T>(capture: string, table: 'dns' | 'tls' | 'conv'): T[] {
  const file = `${capture.slice(0, capture.lastIndexOf('.'))}.${table}.jsonl`;
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
}
