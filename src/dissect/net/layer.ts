/** What the layers hand to each other: where they are in the bytes, and what comes next. */
import type { CounterName } from '../../counters.ts';

/** 0: counted in a flow; otherwise the reason why not. */
export const Disposition = {
  emitted: 0,
  filteredNetwork: 1,
  filteredSource: 2,
  filteredDestination: 3,
  filteredPort: 4,
  filteredKind: 5,
  duplicate: 6,
} as const;
export type Disposition = (typeof Disposition)[keyof typeof Disposition];

/** What became of a frame: the sink's disposition of its packet, or why there was none. */
export const Outcome = {
  ...Disposition,
  filteredProtocol: 7,
  notIp: 8,
  linkType: 9,
  link: 10,
  network: 11,
  transport: 12,
  tunnelDepth: 13,
  held: 14,
  fragmentLimit: 15,
  fragmentOverlap: 16,
} as const;

/** The counter of each outcome, by its number. */
export const OUTCOME_COUNTERS: readonly CounterName[] = [
  'frames.emitted',
  'frames.filtered.network',
  'frames.filtered.source',
  'frames.filtered.destination',
  'frames.filtered.port',
  'frames.filtered.kind',
  'frames.filtered.duplicate',
  'frames.filtered.protocol',
  'frames.filtered.not_ip',
  'frames.undecodable.link_type',
  'frames.undecodable.link',
  'frames.undecodable.network',
  'frames.undecodable.transport',
  'frames.undecodable.tunnel_depth',
  'frames.held',
  'frames.dropped.fragment_limit',
  'frames.dropped.fragment_overlap',
];

/** The layer that comes next, at the cursor. Every number below `FIRST_STEP` is an outcome: the end of the way. */
export const Step = {
  ethernet: 32,
  ipv4: 33,
  ipv6: 34,
  mpls: 35,
  ppp: 36,
  /** What the IP header's protocol says. */
  upper: 37,
  /** A fragment of an IPv4 packet: its header is at `Cursor.header`. */
  fragment4: 38,
} as const;
export const FIRST_STEP = 32;

const EMPTY = Buffer.alloc(0);

/** The place of the next layer. `position` ≤ `end` ≤ `wireEnd` at all times. Reused; all offsets are into `bytes`, which `view` covers too. */
export class Cursor {
  bytes: Buffer = EMPTY;
  view: DataView = new DataView(EMPTY.buffer, EMPTY.byteOffset, 0);
  position = 0;
  /** After the last captured byte of the enclosing layer. */
  end = 0;
  /** After the last byte that the enclosing layer had on the wire; more than `end` where a snap length cut it. */
  wireEnd = 0;
  /** Start of the IP header read last. */
  header = 0;
  /** The packet is the first fragment of one that is not put together: where the IP packet ends, its payload does not. */
  partial = false;
}
