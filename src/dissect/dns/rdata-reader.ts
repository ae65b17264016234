/** Reads one record's RDATA: never outside its RDLENGTH, but for the names that compression pointers lead to. */
import { formatIpv4, formatIpv6 } from '../net/address.ts';
import { Reader } from '../reader.ts';
import { type NameReader, writeEscaped } from './name.ts';

/** Longer text of one record is cut: events stay small, and 4096-bit keys and signatures still fit. */
export const MAX_DATA_TEXT = 4096;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACE = 0x20;

/** Four characters for each byte at worst; what is longer would be cut anyway. */
const text = Buffer.alloc(4 * MAX_DATA_TEXT);

export class RdataReader extends Reader {
  private readonly names: NameReader;

  constructor(names: NameReader) {
    super();
    this.names = names;
  }

  /** A contradiction between the data and its type: nothing after it can be read. */
  fail(): string {
    this.position = this.end;
    this.truncated = true;
    return '';
  }

  name(): string {
    const name = this.names.read(this.bytes, this.position, this.end);
    if (name === undefined) return this.fail();
    this.position = this.names.next;
    return name;
  }

  ipv4(): string {
    return formatIpv4(this.u32());
  }

  ipv6(): string {
    const w0 = this.u32();
    const w1 = this.u32();
    const w2 = this.u32();
    return formatIpv6(w0, w1, w2, this.u32());
  }

  /** A character string (RFC 1035 §3.3) in quotes. */
  characterString(): string {
    return this.quoted(this.u8());
  }

  /** `length` bytes in quotes; `"` and `\` escaped, what is not printable as \DDD (RFC 1035 §5.1). */
  quoted(length: number): string {
    const at = this.position;
    this.skip(length);
    if (this.truncated) return '';
    const stop = at + Math.min(length, MAX_DATA_TEXT);
    let written = 0;
    for (let i = at; i < stop; i++) {
      const byte = this.bytes[i]!;
      if (byte >= SPACE && byte < 0x7f && byte !== QUOTE && byte !== BACKSLASH) text[written++] = byte;
      else written = writeEscaped(text, written, byte);
    }
    return `"${text.latin1Slice(0, written)}"`;
  }

  /** Character strings to the end, at least one. */
  characterStrings(): string {
    let out = this.characterString();
    while (this.remaining > 0) {
      // A cut text needs no more of them.
      if (out.length > MAX_DATA_TEXT) this.skip(this.u8());
      else out += ` ${this.characterString()}`;
    }
    return out;
  }

  /** What is left, in hexadecimal. */
  hexRest(): string {
    return this.hex(this.remaining);
  }

  /** What is left, in base64 (RFC 4648 §4). */
  base64Rest(): string {
    const encoded = this.bytes.toString('base64', this.position, this.end);
    this.position = this.end;
    return encoded;
  }
}
