/**
 * Reassembly of IPv4 and IPv6 fragments on packet time.
 *
 * Where fragments overlap, the first copy of a byte stays, as in BSD and in a receiver that ignores repetitions; bytes
 * that contradict it condemn the whole datagram, with all its fragments to come: RFC 8200 §4.5 asks for that, Linux has
 * done so for IPv4 too since 4.19, and a monitor that chose one reading would see what the receiver did not.
 */
import type { Counters } from '../../counters.ts';
import { type Cursor, Outcome, Step } from './layer.ts';
import type { Packet } from './packet.ts';

export interface FragmentLimits {
  /** Memory for waiting fragments, in bytes. */
  readonly maxBytes: number;
  /** Datagrams waiting at a time. */
  readonly maxDatagrams: number;
  /** From the first fragment that came, in seconds of packet time. */
  readonly timeoutSeconds: number;
}

/** What IPv4 total length and IPv6 payload length can say. */
const MAX_DATAGRAM_BYTES = 65_535;
/** 65,535 bytes over the smallest MTU that IPv4 hosts must take (576) are 119 fragments. */
const MAX_FRAGMENTS = 256;
/** What a piece costs beside its bytes (the Buffer, its ArrayBuffer, the object): it counts against `maxBytes`. */
const PIECE_OVERHEAD_BYTES = 256;

/** A stretch of the datagram that no earlier piece had. */
interface Piece {
  readonly start: number;
  readonly end: number;
  readonly bytes: Buffer;
}

interface Datagram {
  /** Of the fragment that came first: the timeout begins there. */
  readonly firstSeconds: number;
  /** Time of the earliest fragment, perhaps not the same: frames need not be in order. */
  sinceSeconds: number;
  sinceNanos: number;
  /** In the order of their place, never overlapping. */
  pieces: Piece[];
  /** Bytes that the pieces cover. */
  covered: number;
  /** Length of the whole, -1 until the last fragment came. */
  total: number;
  /** What it holds of the table's memory. */
  memory: number;
  /** Frames that wait with it. */
  frames: number;
  /** Fragments on the wire, and the sum of their IP lengths. */
  packets: number;
  ipLength: number;
  /** From the fragment at offset 0 (RFC 8200 §4.5). */
  nextHeader: number;
  tos: number;
  ttl: number;
  /** Its pieces contradicted each other: what still comes is dropped, until the timeout forgets it. */
  condemned: boolean;
}

export class FragmentTable {
  /** Frames whose fragments waited in the datagram that `add` completed last; they now share the fate of the completing frame. */
  releasedFrames = 0;
  /** The packet second from which `expire` has something to do. */
  deadline = Number.POSITIVE_INFINITY;
  private readonly limits: FragmentLimits;
  private readonly counters: Counters;
  /** In the order of arrival, so the first are the next to time out. */
  private readonly waiting = new Map<string, Datagram>();
  private memory = 0;
  private readonly assembled = Buffer.alloc(MAX_DATAGRAM_BYTES + 1);
  private readonly assembledView = new DataView(
    this.assembled.buffer,
    this.assembled.byteOffset,
    this.assembled.length,
  );

  constructor(limits: FragmentLimits, counters: Counters) {
    this.limits = limits;
    this.counters = counters;
  }

  /**
   * Takes the fragment whose data lies whole at the cursor; `offset` in bytes, `headerLength` of the IP packet before the data
   * as far as the length limit counts it, `frames` that the packet stands for, `key` naming the datagram.
   *
   * Returns `Step.upper` when the datagram is complete: the cursor is then on the whole in the table's own buffer, valid
   * until the next `add`, and `packet` describes it. Else an outcome; the frames of `Outcome.held` are the table's to
   * count from here on, apart from adding them to the gauge.
   */
  add(
    key: string,
    packet: Packet,
    cursor: Cursor,
    headerLength: number,
    offset: number,
    more: boolean,
    frames: number,
  ): number {
    const length = cursor.end - cursor.position;
    const end = offset + length;
    // RFC 8200 §4.5; in IPv4 the units of RFC 791 §3.1 imply the same.
    if (length <= 0 || (more && length % 8 !== 0) || headerLength + end > MAX_DATAGRAM_BYTES) return Outcome.network;
    let datagram = this.waiting.get(key);
    if (datagram === undefined) {
      if (this.waiting.size >= this.limits.maxDatagrams) this.evictOldest();
      datagram = this.open(key, packet.frame.seconds);
    }
    if (datagram.condemned) return Outcome.fragmentOverlap;
    if (!this.fits(datagram, end, more) || !this.insert(datagram, cursor, offset, end)) {
      this.condemn(datagram);
      return Outcome.fragmentOverlap;
    }
    if (!more) datagram.total = end;
    datagram.frames += frames;
    datagram.packets += packet.wirePackets;
    datagram.ipLength += packet.ipLength;
    if (offset === 0) {
      datagram.nextHeader = packet.protocol;
      datagram.tos = packet.tos;
      datagram.ttl = packet.ttl;
    }
    noteTime(datagram, packet);
    if (datagram.covered === datagram.total) {
      this.complete(key, datagram, packet, cursor, frames);
      return Step.upper;
    }
    if (datagram.pieces.length > MAX_FRAGMENTS || !this.makeRoom(datagram)) {
      datagram.frames -= frames;
      this.drop(key, datagram, 'frames.dropped.fragment_limit');
      return Outcome.fragmentLimit;
    }
    return Outcome.held;
  }

  /** Gives up what waited longer than the limit at `seconds` of packet time. */
  expire(seconds: number): void {
    for (const [key, datagram] of this.waiting) {
      if (datagram.firstSeconds + this.limits.timeoutSeconds > seconds) break;
      this.drop(key, datagram, 'frames.dropped.fragment_timeout');
    }
    this.updateDeadline();
  }

  /** Gives up everything. */
  end(): void {
    for (const [key, datagram] of this.waiting) this.drop(key, datagram, 'frames.dropped.fragment_timeout');
    this.updateDeadline();
  }

  private open(key: string, seconds: number): Datagram {
    const datagram: Datagram = {
      firstSeconds: seconds,
      sinceSeconds: Number.POSITIVE_INFINITY,
      sinceNanos: 0,
      pieces: [],
      covered: 0,
      total: -1,
      memory: 0,
      frames: 0,
      packets: 0,
      ipLength: 0,
      nextHeader: 0,
      tos: 0,
      ttl: 0,
      condemned: false,
    };
    this.waiting.set(key, datagram);
    if (this.waiting.size === 1) this.updateDeadline();
    return datagram;
  }

  /** Whether a fragment up to `end` agrees with what is known of the length. */
  private fits(datagram: Datagram, end: number, more: boolean): boolean {
    if (datagram.total >= 0) return more ? end <= datagram.total : end === datagram.total;
    return more || end >= (datagram.pieces.at(-1)?.end ?? 0);
  }

  /** Keeps the parts of `[start, end)` that no piece has yet; false where its bytes contradict a piece. */
  private insert(datagram: Datagram, cursor: Cursor, start: number, end: number): boolean {
    const { pieces } = datagram;
    const last = pieces.at(-1);
    // In order, as nearly all fragments are.
    if (last === undefined || last.end <= start) {
      pieces.push(this.keep(datagram, cursor, start, start, end));
      return true;
    }
    const merged: Piece[] = [];
    let from = start;
    for (const piece of pieces) {
      if (piece.start >= end || piece.end <= from) {
        if (piece.start >= end && from < end) {
          merged.push(this.keep(datagram, cursor, start, from, end));
          from = end;
        }
        merged.push(piece);
        continue;
      }
      if (!agrees(piece, cursor, start, end)) return false;
      if (from < piece.start) merged.push(this.keep(datagram, cursor, start, from, piece.start));
      merged.push(piece);
      from = piece.end;
    }
    if (from < end) merged.push(this.keep(datagram, cursor, start, from, end));
    datagram.pieces = merged;
    return true;
  }

  /** A copy of `[from, to)` of the datagram out of the fragment at the cursor, which begins at `start`. */
  private keep(datagram: Datagram, cursor: Cursor, start: number, from: number, to: number): Piece {
    const shift = cursor.position - start;
    // Not from the pool: a small piece would keep a whole slab of it alive.
    const bytes = Buffer.allocUnsafeSlow(to - from);
    cursor.bytes.copy(bytes, 0, from + shift, to + shift);
    const cost = bytes.length + PIECE_OVERHEAD_BYTES;
    datagram.covered += to - from;
    datagram.memory += cost;
    this.memory += cost;
    return { start: from, end: to, bytes };
  }

  /** Evicts the oldest others until the memory fits; false where this one alone is too much. */
  private makeRoom(datagram: Datagram): boolean {
    while (this.memory > this.limits.maxBytes) {
      if (this.oldest() === datagram) return false;
      this.evictOldest();
    }
    return true;
  }

  private oldest(): Datagram | undefined {
    return this.waiting.values().next().value;
  }

  private evictOldest(): void {
    const first = this.waiting.entries().next().value;
    if (first !== undefined) this.drop(first[0], first[1], 'frames.dropped.fragment_limit');
  }

  private condemn(datagram: Datagram): void {
    this.account(datagram, 'frames.dropped.fragment_overlap');
    this.memory -= datagram.memory;
    datagram.memory = 0;
    datagram.pieces = [];
    datagram.condemned = true;
  }

  private drop(key: string, datagram: Datagram, counter: DropCounter): void {
    this.account(datagram, counter);
    this.forget(key, datagram);
  }

  private forget(key: string, datagram: Datagram): void {
    this.memory -= datagram.memory;
    this.waiting.delete(key);
    if (this.waiting.size === 0) this.updateDeadline();
  }

  private account(datagram: Datagram, counter: DropCounter): void {
    this.counters['frames.held'] -= datagram.frames;
    this.counters[counter] += datagram.frames;
    datagram.frames = 0;
  }

  private updateDeadline(): void {
    const oldest = this.oldest();
    this.deadline = oldest === undefined ? Number.POSITIVE_INFINITY : oldest.firstSeconds + this.limits.timeoutSeconds;
  }

  private complete(key: string, datagram: Datagram, packet: Packet, cursor: Cursor, frames: number): void {
    for (const piece of datagram.pieces) piece.bytes.copy(this.assembled, piece.start);
    this.releasedFrames = datagram.frames - frames;
    this.counters['frames.held'] -= this.releasedFrames;
    packet.sinceSeconds = datagram.sinceSeconds;
    packet.sinceNanos = datagram.sinceNanos;
    packet.ipLength = datagram.ipLength;
    packet.wirePackets = datagram.packets;
    packet.protocol = datagram.nextHeader;
    packet.tos = datagram.tos;
    packet.ttl = datagram.ttl;
    cursor.bytes = this.assembled;
    cursor.view = this.assembledView;
    cursor.position = 0;
    cursor.end = datagram.total;
    cursor.wireEnd = datagram.total;
    this.forget(key, datagram);
  }
}

type DropCounter =
  | 'frames.dropped.fragment_timeout'
  | 'frames.dropped.fragment_limit'
  | 'frames.dropped.fragment_overlap';

function noteTime(datagram: Datagram, { frame, sinceSeconds, sinceNanos }: Packet): void {
  // A fragment in a tunnel may have come in fragments itself.
  const whole = sinceSeconds < 0;
  const seconds = whole ? frame.seconds : sinceSeconds;
  const nanos = whole ? frame.nanos : sinceNanos;
  if (seconds > datagram.sinceSeconds || (seconds === datagram.sinceSeconds && nanos >= datagram.sinceNanos)) return;
  datagram.sinceSeconds = seconds;
  datagram.sinceNanos = nanos;
}

/** Whether the bytes that `piece` and the fragment `[start, end)` at the cursor share are the same. */
function agrees(piece: Piece, cursor: Cursor, start: number, end: number): boolean {
  const shift = cursor.position - start;
  const from = Math.max(piece.start, start);
  const to = Math.min(piece.end, end);
  return cursor.bytes.compare(piece.bytes, from - piece.start, to - piece.start, from + shift, to + shift) === 0;
}
