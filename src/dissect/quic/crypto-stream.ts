/** The handshake messages of one sender's CRYPTO frames at the Initial level (RFC 9000 §7.5, §19.6). */
import { Assembly } from '../assembly.ts';
import type { ClientHello, ServerHello } from '../event.ts';
import { Reader } from '../reader.ts';
import { readClientHello } from '../tls/client-hello.ts';
import { HANDSHAKE_HEADER_LENGTH, HandshakeType, isHelloHeader } from '../tls/handshake.ts';
import { readServerHello } from '../tls/server-hello.ts';

/** Two hellos with post-quantum shares and ECH, before and after a HelloRetryRequest, are less than 16 KiB. */
export const MAX_CRYPTO_BYTES = 32_768;

export const CryptoResult = {
  /** No hello is whole yet. */
  more: 0,
  clientHello: 1,
  serverHello: 2,
  /** What is there is no hello: nothing more is to be read. */
  notThis: 3,
} as const;
export type CryptoResult = (typeof CryptoResult)[keyof typeof CryptoResult];

/** Shared: set and read out within one call. */
const reader = new Reader();

export class CryptoStream {
  client: ClientHello | undefined = undefined;
  server: ServerHello | undefined = undefined;
  private readonly assembly = new Assembly();
  private position = 0;

  get bufferedBytes(): number {
    return this.assembly.bytes.length;
  }

  /** A message has begun that is not whole. */
  get began(): boolean {
    return this.assembly.length > this.position || this.assembly.hasGap;
  }

  /** Whether no message was read yet. */
  get isFirst(): boolean {
    return this.position === 0;
  }

  /** Takes the data of a CRYPTO frame. Returns false when it goes beyond the limits. */
  add(offset: number, bytes: Buffer, start: number, end: number): boolean {
    if (offset + end - start > MAX_CRYPTO_BYTES) return false;
    return this.assembly.add(bytes, start, end, offset);
  }

  /** Reads the next message, if it is whole, into `client` or `server`. */
  next(): CryptoResult {
    const { bytes, length } = this.assembly;
    const { position } = this;
    if (length - position < HANDSHAKE_HEADER_LENGTH) return CryptoResult.more;
    const type = bytes[position]!;
    const bodyLength = bytes.readUIntBE(position + 1, 3);
    if (!isHelloHeader(type, bodyLength)) return CryptoResult.notThis;
    const end = position + HANDSHAKE_HEADER_LENGTH + bodyLength;
    if (end > length) return end > MAX_CRYPTO_BYTES ? CryptoResult.notThis : CryptoResult.more;
    this.position = end;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    reader.reset(bytes, view, position + HANDSHAKE_HEADER_LENGTH, end);
    if (type === HandshakeType.clientHello) {
      this.client = readClientHello(reader, undefined);
      return this.client === undefined ? CryptoResult.notThis : CryptoResult.clientHello;
    }
    this.server = type === HandshakeType.serverHello ? readServerHello(reader, undefined) : undefined;
    return this.server === undefined ? CryptoResult.notThis : CryptoResult.serverHello;
  }
}
