/** Names of code points as ready pieces, and lists of them within a budget. */
import type { AddressRecord } from '../dissect/dns/address-record.ts';
import { MAX_SHARED_LENGTH } from '../dissect/tls/shared-lists.ts';
import { isGrease } from '../dissect/tls/versions.ts';
import { type LineWriter, Piece } from './json-line.ts';

/** Registered names are a few hundred; the bound is for senders that make code points up. About 150 bytes each. */
const MAX_KEPT_NAMES = 2048;

/** Shorter lists are written name by name as fast, and among them are those that are not shared. */
const MIN_KEPT_LENGTH = 4;

/** `"NAME","NAME"`: a whole list, GREASE (RFC 8701) left out. */
interface ListPiece {
  readonly piece: Piece;
  readonly names: number;
}

/** `"NAME"` for each code, made once; without quotes where the name is a number. */
export class NamePieces {
  private readonly kept = new Map<number, Piece>();
  /** By the list itself: equal lists are one array, and as many of them are kept as are shared. */
  private readonly lists = new WeakMap<readonly number[], ListPiece>();
  private readonly nameOf: (code: number) => string | number;

  constructor(nameOf: (code: number) => string | number) {
    this.nameOf = nameOf;
  }

  piece(code: number): Piece {
    const kept = this.kept.get(code);
    if (kept !== undefined) return kept;
    const piece = new Piece(JSON.stringify(this.nameOf(code)));
    if (this.kept.size < MAX_KEPT_NAMES) this.kept.set(code, piece);
    return piece;
  }

  /** The whole list, where it is one that is likely to come again; undefined where it is to be written name by name. */
  list(codes: readonly number[]): ListPiece | undefined {
    if (codes.length < MIN_KEPT_LENGTH || codes.length > MAX_SHARED_LENGTH) return undefined;
    const kept = this.lists.get(codes);
    if (kept !== undefined) return kept;
    const names = codes.filter((code) => !isGrease(code)).map((code) => JSON.stringify(this.nameOf(code)));
    const made = { piece: new Piece(names.join(',')), names: names.length };
    this.lists.set(codes, made);
    return made;
  }
}

/** How a list is written and cut. */
export interface ListSpec {
  /** `,"ciphers":[` */
  readonly key: Piece;
  /** `,"cipher_count":`, written with the true length where the list was cut; undefined where the caller says it. */
  readonly countKey: Piece | undefined;
  readonly maxItems: number;
  /** Of the items with their commas. */
  readonly maxBytes: number;
}

export function listSpec(name: string, maxItems: number, maxBytes: number, countName?: string): ListSpec {
  const countKey = countName === undefined ? undefined : new Piece(`,"${countName}":`);
  return { key: new Piece(`,"${name}":[`), countKey, maxItems, maxBytes };
}

const NOTHING = new Piece('');
const COMMA = new Piece(',');
const QUOTE = new Piece('"');
const END_LIST = new Piece(']');

/** Items of one list as they are written, whole or not at all. */
export class ListWriter {
  private readonly writer: LineWriter;
  private spec: ListSpec | undefined;
  private listStart = 0;
  private itemsStart = 0;
  private itemStart = 0;
  private room = 0;
  private full = false;
  /** Items that are in the list. */
  written = 0;
  /** Items offered, or how many there are where not all of them are. */
  offered = 0;

  constructor(writer: LineWriter) {
    this.writer = writer;
  }

  /** @param room bytes for the items, where there is less than the list may have */
  begin(spec: ListSpec, room = spec.maxBytes): void {
    this.spec = spec;
    this.room = Math.min(room, spec.maxBytes);
    this.listStart = this.writer.position;
    this.writer.piece(spec.key);
    this.itemsStart = this.writer.position;
    this.written = 0;
    this.offered = 0;
    this.full = false;
  }

  /** Whether the next item is to be written; it is counted in any case. */
  next(): boolean {
    this.offered++;
    if (this.full || this.written === this.spec!.maxItems) return false;
    this.itemStart = this.writer.position;
    if (this.written > 0) this.writer.piece(COMMA);
    return true;
  }

  /** After an item: keeps it if the list is still within its budget, else takes it back and lets no more in. */
  done(): void {
    if (this.writer.position - this.itemsStart > this.room) {
      this.writer.position = this.itemStart;
      this.full = true;
    } else this.written++;
  }

  /** Closes the list; one without items leaves `empty`, or no trace but its count. */
  end(empty?: Piece): void {
    if (this.written > 0) this.writer.piece(END_LIST);
    else {
      this.writer.position = this.listStart;
      if (empty !== undefined) this.writer.piece(empty);
    }
    const { countKey } = this.spec!;
    if (countKey !== undefined && this.written < this.offered) this.writer.count(countKey, this.offered);
  }

  /** Names of code points in wire order, GREASE (RFC 8701) left out. */
  names(codes: readonly number[], names: NamePieces): void {
    // A list in one piece takes a tenth of the time of its names.
    const whole = this.offered === 0 ? names.list(codes) : undefined;
    if (whole !== undefined && whole.names <= this.spec!.maxItems && whole.piece.length <= this.room) {
      this.writer.piece(whole.piece);
      this.written = whole.names;
      this.offered = whole.names;
      return;
    }
    for (const code of codes) {
      if (!isGrease(code) && this.next()) {
        this.writer.piece(names.piece(code));
        this.done();
      }
    }
  }

  /** A code point without a name, such as an extension type. */
  number(code: number): void {
    if (this.next()) {
      this.writer.count(NOTHING, code);
      this.done();
    }
  }

  /** The text of an IP address. */
  address({ ipVersion, word0, word1, word2, word3 }: AddressRecord): void {
    if (!this.next()) return;
    this.writer.piece(QUOTE);
    this.writer.ip(ipVersion, word0, word1, word2, word3);
    this.writer.piece(QUOTE);
    this.done();
  }

  /** A text, cut where it needs more than `limit` bytes. An empty one says nothing and is only counted. */
  item(text: string, limit: number): void {
    if (text === '') {
      this.offered++;
      return;
    }
    if (!this.next()) return;
    this.writer.piece(QUOTE);
    this.writer.text(text, limit);
    this.writer.piece(QUOTE);
    this.done();
  }
}
