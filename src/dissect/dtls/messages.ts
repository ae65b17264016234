/** Handshake messages of one sender put together from their fragments, in any order (RFC 6347 §4.2.3). */
import { Assembly } from '../assembly.ts';
import type { Reader } from '../reader.ts';
import type { DtlsFragment } from './record.ts';

/** Messages in pieces at once: the fragments of two or three arrive in another order than they were sent. */
const MAX_MESSAGES = 8;
/** `message_seq` is noted in the bits of a number: a handshake has about a dozen messages. */
const SEQUENCES = 32;

interface Pieces {
  readonly type: number;
  readonly length: number;
  readonly assembly: Assembly;
}

export class DtlsMessages {
  /** By `message_seq`. */
  private readonly pieces = new Map<number, Pieces>();
  /** A bit for each `message_seq` that was whole. */
  private taken = 0;

  get bufferedBytes(): number {
    let bytes = 0;
    for (const { assembly } of this.pieces.values()) bytes += assembly.bytes.length;
    return bytes;
  }

  /** Whether the fragment makes a message whole, the first time: `body` is it then. */
  take(fragment: DtlsFragment, bytes: Buffer, view: DataView, body: Reader): boolean {
    const { sequence, length, start, end, offset } = fragment;
    if (this.hasTaken(sequence)) return false;
    if (end - start === length) body.reset(bytes, view, start, end);
    else {
      const assembly = this.piecesOf(fragment)?.assembly;
      if (!assembly?.add(bytes, start, end, offset) || assembly.length < length) return false;
      readWhole(assembly, length, body);
      this.pieces.delete(sequence);
    }
    this.taken |= 1 << sequence;
    return true;
  }

  /** Keeps a fragment of a message that cannot be understood yet. */
  hold(fragment: DtlsFragment, bytes: Buffer): void {
    const { sequence, start, end, offset } = fragment;
    if (!this.hasTaken(sequence)) this.piecesOf(fragment)?.assembly.add(bytes, start, end, offset);
  }

  /** Gives what was held and is whole by now, in the order of sending; `body` is each message during the call. */
  release(body: Reader, visit: (type: number) => void): void {
    for (const sequence of [...this.pieces.keys()].sort((a, b) => a - b)) {
      const { type, length, assembly } = this.pieces.get(sequence)!;
      if (assembly.length < length) continue;
      readWhole(assembly, length, body);
      this.pieces.delete(sequence);
      this.taken |= 1 << sequence;
      visit(type);
    }
  }

  /** What was held is not wanted. */
  clear(): void {
    this.pieces.clear();
  }

  private hasTaken(sequence: number): boolean {
    return sequence >= SEQUENCES || (this.taken & (1 << sequence)) !== 0;
  }

  private piecesOf({ sequence, type, length }: DtlsFragment): Pieces | undefined {
    const known = this.pieces.get(sequence);
    if (known !== undefined || this.pieces.size >= MAX_MESSAGES) return known;
    const made = { type, length, assembly: new Assembly() };
    this.pieces.set(sequence, made);
    return made;
  }
}

function readWhole({ bytes }: Assembly, length: number, body: Reader): void {
  body.reset(bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, length);
}
