/**
 * The memory of all flows: one buffer, and in it for every flow (slot) three parts, each in its own region, by who
 * touches them. Every packet touches `Hot`, TCP segments that are not just the next one `Tcp`, and only the first packet
 * and the reports `Origin`. With a million flows a region more for each packet would cost 100 ns (measured). A region's
 * pages cost memory once they are touched: nothing for unused capacity, and a table of UDP flows costs 188 bytes a flow,
 * one of TCP flows 268.
 *
 * The two ends of a flow are sides 0 and 1 in the key's canonical order (`key.ts`), whoever is the client.
 */

/** 32-bit words of each part. */
export const HOT_WORDS = 32;
export const TCP_WORDS = 20;
export const ORIGIN_WORDS = 15;
const WORD = 4;

/**
 * Part of every packet, offsets in 32-bit words. What every packet touches lies in words 0 to 27, which are two cache
 * lines also where the buffer begins 16 bytes into one, as glibc's large blocks do.
 */
export const Hot = {
  /** The key (`key.ts`): ten words. */
  key: 0,
  /** Latest packet. */
  lastSeconds: 10,
  lastNanos: 11,
  /** TCP sequence number expected next from side 0, from side 1. */
  expected: 12,
  /** Bytes: see `HotByte`. */
  bytes: 14,
  /** Three float64 for side 0, then for side 1: packets, IP bytes, payload bytes since the last record. */
  counts: 16,
  /** float64: ordinal of the flow. A uint32 would wrap within two months at 1,000 flows/s. */
  session: 28,
  /** First packet that the open record counts; `NO_PACKET` while it counts none. */
  firstSeconds: 30,
  firstNanos: 31,
} as const;

/** float64 of one side's counts. */
export const COUNTS_DOUBLES = 3;

/** Offsets in bytes from the start of `Hot`. */
export const HotByte = {
  /** What `admit` said; not 0: the flow is ignored. */
  disposition: Hot.bytes * WORD,
  /** The dispatcher's byte. */
  stage: Hot.bytes * WORD + 1,
  /** See `Mark`. */
  marks: Hot.bytes * WORD + 2,
  /** Index into `TCP_STATES` (`tcp-state.ts`). */
  state: Hot.bytes * WORD + 3,
  /** In place of it in a UDP flow: index into `QUIC_VERSIONS` (`quic/version.ts`) plus one, 0 where there is none. */
  quicVersion: Hot.bytes * WORD + 3,
  /** Index into `APPS` (`report.ts`). */
  app: Hot.bytes * WORD + 4,
  /** TCP flags since the last record, ORed: side 0, side 1. */
  flags: Hot.bytes * WORD + 5,
  /** See `RoleMark`. */
  roles: Hot.bytes * WORD + 7,
} as const;

/** Bits of `HotByte.marks`. */
export const Mark = {
  /** The client is side 1. */
  clientIsSide1: 1,
  /** Sequence numbers of side 0 are known; shifted left by one for side 1. */
  sequence: 2,
  /** A FIN of side 0 was seen; shifted left by one for side 1. */
  fin: 8,
  /** `Tcp.synSeconds` holds the time of the SYN. */
  synTime: 32,
  /** A SYN-ACK was seen after that SYN. */
  synAck: 64,
  /** `Tcp.rtt` holds the round-trip time. */
  rtt: 128,
} as const;

/** Bits of `HotByte.roles`. */
export const RoleMark = {
  /** The client is known from a SYN or SYN-ACK, not guessed. */
  known: 1,
  /** `Origin.header` is of a packet from the client. */
  clientHeader: 2,
} as const;

/** Part of the TCP segments that tell more: seven words for each side, then what both share. */
export const Tcp = {
  /** Sequence number of the SYN, or the one before the first byte seen. */
  initial: 0,
  /** Sequence numbers from `gapStart` up to `gapEnd` were passed over (equal: none). */
  gapStart: 1,
  gapEnd: 2,
  retransmits: 3,
  outOfOrder: 4,
  zeroWindows: 5,
  resets: 6,
  /** float64 for each side. */
  retransmittedBytes: 14,
  /** Time of the last SYN, until it gives way to the float64 `rtt` in seconds. */
  synSeconds: 18,
  synNanos: 19,
  rtt: 18,
} as const;

/** Words of one side in `Tcp`. */
export const TCP_SIDE_WORDS = 7;

/** Part of the first packet and the reports. */
export const Origin = {
  /** Last 32 bits of the MAC of side 0, of side 1. */
  mac0: 0,
  mac1: 1,
  /** First 16 bits of side 0 in the upper half, of side 1 in the lower. */
  macHigh: 2,
  /** uint16 each: VLAN and inner VLAN, `NO_VLAN` without a tag. */
  vlans: 3,
  interfaceIndex: 4,
  /** Records reported. */
  records: 5,
  /** Bytes: see `OriginByte`. */
  header: 6,
  /** See `OriginMark`. */
  marks: 7,
  /** int32: neighbors in the timer wheel's list, or the next free slot. */
  next: 8,
  previous: 9,
  /** Five words: SHA-1 of the Community ID, once `OriginMark.communityId` says so. Hashing again costs ten times more. */
  communityId: 10,
} as const;

/** Offsets in bytes from the start of `Origin`. */
export const OriginByte = {
  /** TOS and TTL of the client's first packet, else of the first packet. */
  tos: Origin.header * WORD,
  ttl: Origin.header * WORD + 1,
  /** Of the first packet. */
  icmpType: Origin.header * WORD + 2,
  icmpCode: Origin.header * WORD + 3,
} as const;

/** Bits of `Origin.marks`. */
export const OriginMark = {
  macs: 1,
  /** Tunnels or an owner are kept beside the table. */
  carriage: 2,
  communityId: 4,
} as const;

export const NO_VLAN = 0xffff;
/** In `Hot.firstSeconds`: later than every packet. */
export const NO_PACKET = 0xffffffff;

const NONE = -1;

export class FlowRecords {
  readonly capacity: number;
  readonly words: Uint32Array;
  readonly signed: Int32Array;
  readonly doubles: Float64Array;
  readonly bytes: Uint8Array;
  private readonly tcpRegion: number;
  private readonly originRegion: number;
  /** Slots handed out at least once. */
  private touched = 0;
  private free = NONE;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.tcpRegion = capacity * HOT_WORDS;
    this.originRegion = this.tcpRegion + capacity * TCP_WORDS;
    const words = this.originRegion + capacity * ORIGIN_WORDS;
    // A view of doubles wants whole ones. Shared, although nobody shares it: V8 counts other buffers as garbage that waits,
    // and collects everything before the first packet (15 ms).
    const buffer = new SharedArrayBuffer((words + (words & 1)) * WORD);
    this.words = new Uint32Array(buffer);
    this.signed = new Int32Array(buffer);
    this.doubles = new Float64Array(buffer);
    this.bytes = new Uint8Array(buffer);
  }

  /** First word of a slot's `Hot` part. */
  hot(slot: number): number {
    return slot * HOT_WORDS;
  }

  /** First word of a slot's `Tcp` part. */
  tcp(slot: number): number {
    return this.tcpRegion + slot * TCP_WORDS;
  }

  /** First word of a slot's `Origin` part. */
  origin(slot: number): number {
    return this.originRegion + slot * ORIGIN_WORDS;
  }

  /** A slot whose parts still hold what its last flow left there, or -1 when all are taken. */
  allocate(): number {
    const slot = this.free;
    if (slot !== NONE) {
      this.free = this.signed[this.origin(slot) + Origin.next] as number;
      return slot;
    }
    return this.touched < this.capacity ? this.touched++ : NONE;
  }

  release(slot: number): void {
    this.signed[this.origin(slot) + Origin.next] = this.free;
    this.free = slot;
  }

  /** Releases all. */
  clear(): void {
    this.touched = 0;
    this.free = NONE;
  }

  /** Which slots hold flows: of all that were handed out, those that were not released. */
  taken(): number[] {
    const released = new Uint8Array(this.touched);
    for (let slot = this.free; slot !== NONE; slot = this.signed[this.origin(slot) + Origin.next] as number) {
      released[slot] = 1;
    }
    const slots: number[] = [];
    for (let slot = 0; slot < this.touched; slot++) if (released[slot] === 0) slots.push(slot);
    return slots;
  }
}
