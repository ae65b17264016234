/**
 * What one observer says of a capture. tshark's tables and Vesper's events are brought into this one form, so that a row
 * of another tool is put to both of them by the same question.
 */

export type Ways = readonly [clientToServer: number, serverToClient: number];

/** The two ends as `ip:port` text, RFC 5952. */
export interface Ends {
  readonly proto: string;
  readonly client: string;
  readonly server: string;
}

export interface Connection extends Ends {
  /** Undefined where nothing shows who began: to tshark, TCP without a SYN. */
  readonly initiator: string | undefined;
  readonly packets: Ways;
  /** TCP or UDP payload. */
  readonly payload: Ways;
  /** tshark's table has none. */
  readonly ipBytes: Ways | undefined;
  readonly communityId: string;
}

export interface Question {
  readonly name: string;
  readonly type: number;
}

export interface Answer {
  readonly name: string;
  readonly type: number;
  readonly ttl: number | undefined;
  /** Of the types A, AAAA, CNAME, NS, PTR; undefined for the others, whose text each tool forms in its own way. */
  readonly value: string | undefined;
}

/** All names are in lower case and without escapes. */
export interface Message {
  readonly frame: number;
  readonly proto: string;
  readonly from: string;
  readonly to: string;
  readonly protocol: string;
  readonly id: number;
  readonly response: boolean;
  readonly rcode: number;
  readonly questions: readonly Question[];
  readonly answers: readonly Answer[];
}

/** A DNS query and its response, or either alone. */
export interface Exchange extends Ends {
  readonly id: number;
  readonly query: Message | undefined;
  readonly response: Message | undefined;
  /** Seconds; tshark's table has none. */
  readonly responseTime: number | undefined;
}

/** TLS over TCP. */
export interface Handshake extends Ends {
  readonly offer: { readonly sni: string | undefined; readonly alpn: readonly string[] } | undefined;
  /** Never a HelloRetryRequest. */
  readonly choice:
    | {
        readonly version: number;
        readonly cipher: number;
        readonly alpn: string | undefined;
        readonly group: number | undefined;
      }
    | undefined;
}

export interface Witness {
  readonly connections: readonly Connection[];
  readonly messages: readonly Message[];
  readonly exchanges: readonly Exchange[];
  readonly handshakes: readonly Handshake[];
}

/** Types whose value every tool writes alike: A, NS, CNAME, PTR, AAAA. */
export const PLAIN_TYPES: ReadonlySet<number> = new Set([1, 2, 5, 12, 28]);

/** Those between two ends, whichever of them is the client. */
export function between<T extends Ends>(list: readonly T[], proto: string, a: string, b: string): T[] {
  return list.filter(
    (one) => one.proto === proto && ((one.client === a && one.server === b) || (one.client === b && one.server === a)),
  );
}

/** As `8 > 5`: from `a` to the other end, and back. */
export function seenFrom(a: string, ends: Ends, ways: Ways): string {
  return a === ends.client ? `${ways[0]} > ${ways[1]}` : `${ways[1]} > ${ways[0]}`;
}
