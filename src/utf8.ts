/** Files are read as UTF-8, and what is none is refused: else every byte of it would become the same U+FFFD. */
import { isUtf8 } from 'node:buffer';

const REPLACEMENT = '\ufffd';
const REPLACEMENT_BYTES = Buffer.from(REPLACEMENT);

export interface Misencoded {
  /** Both count from 1, the column in UTF-16 units as parsers do. */
  readonly line: number;
  readonly column: number;
  /** The first byte that is no UTF-8. */
  readonly byte: number;
}

/** Where the bytes stop being UTF-8, or undefined. */
export function misencoded(bytes: Buffer): Misencoded | undefined {
  if (isUtf8(bytes)) return undefined;
  const text = bytes.toString('utf8');
  for (let at = text.indexOf(REPLACEMENT); at !== -1; at = text.indexOf(REPLACEMENT, at + 1)) {
    const before = text.slice(0, at);
    const offset = Buffer.byteLength(before);
    // The text may hold the character itself.
    if (bytes.subarray(offset, offset + REPLACEMENT_BYTES.length).equals(REPLACEMENT_BYTES)) continue;
    const lineStart = before.lastIndexOf('\n') + 1;
    return { line: before.split('\n').length, column: at - lineStart + 1, byte: bytes[offset] as number };
  }
  return undefined;
}

/** Such as `byte 0xe4 is not UTF-8`. */
export function misencodedText({ byte }: Misencoded): string {
  return `byte 0x${byte.toString(16).padStart(2, '0')} is not UTF-8`;
}
