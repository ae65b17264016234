/** Handshake messages of one sender put together from their fragments, in any order (RFC 6347 §4.2.3). */
import { Assembly } from '../assembly.ts';
import type { Reader } from '../reader.ts';
import type { DtlsFragment } from './record.ts';

/** Messages in pieces at once: the fragments of two or three arrive in another order than they were sent. */
const MAX_MESSAGES = 8;
/** `message_seq` is noted in the bits of a number: a handshake has about a dozen messages. */
const SEQUENCES = 32;

export class DtlsMessages {
  private readonly pieces = new Map<number, Assembly>();
  /** A bit for each `message_seq` that was whole. */
  private taken = 0;

  get bufferedBytes(): number {
    let bytes = 0;
    for (const assembly of this.pieces.values()) bytes += assembly.bytes.length;
    return bytes;
  }

  /** Whether the fragment makes a message whole, the first time: `body` is it then. */
  take(fragment: DtlsFragment, bytes: Buffer, view: DataView, body: Reader): boolean {
    const { sequence, length, start, end, offset } = fragment;
    if (sequence >= SEQUENCES || (this.taken & (1 << sequence)) !== 0) return false;
    if (end - start === length) body.reset(bytes, view, start, end);
    else {
      const assembly = this.piecesOf(sequence);
      if (!assembly?.add(bytes, start, end, offset) || assembly.length < length) return false;
      const whole = assembly.bytes;
      body.reset(whole, new DataView(whole.buffer, whole.byteOffset, whole.length), 0, length);
      this.pieces.delete(sequence);
    }
    this.taken |= 1 << sequence;
    return true;
  }

  private piecesOf(sequence: number): Assembly | undefined {
    const known = this.pieces.get(sequence);
    if (known !== undefined || this.pieces.size >= MAX_MESSAGES) return known;
    const made = new Assembly();
    this.pieces.set(sequence, made);
    return made;
  }
}
