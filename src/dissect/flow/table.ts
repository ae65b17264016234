/** All flows at once: finds the flow of each packet, counts it, and reports flows as they end. */
import type { Counters } from '../../counters.ts';
import type { Conversation, FlowEndReason, FlowEvent } from '../event.ts';
import { Disposition } from '../net/layer.ts';
import { IpProtocol, type Packet, TcpFlag } from '../net/packet.ts';
import type { Tally } from '../tally.ts';
import { Conversations } from './conversation.ts';
import { Duplicates } from './duplicates.ts';
import { FlowIndex } from './flow-index.ts';
import { FlowKey, KeyWord, keyLength } from './key.ts';
import { ATTEMPT_IDLE_TIMEOUT, CLOSED_LINGER, CLOSED_MEMORY, type FlowOptions } from './options.ts';
import {
  COUNTS_DOUBLES,
  FlowRecords,
  HOT_WORDS,
  Hot,
  HotByte,
  Mark,
  NO_PACKET,
  Origin,
  OriginByte,
  RoleMark,
  TCP_SIDE_WORDS,
  Tcp,
} from './record.ts';
import { APPS, nextRecord, reportFlow } from './report.ts';
import { guessSender, type Sender, senderByHandshake } from './roles.ts';
import { Tallies } from './tallies.ts';
import { isAttempt, isOver, opensAnother, pastGap, startTcp, TCP_STATES, trackSegment } from './tcp-state.ts';
import { TimerWheel } from './timeouts.ts';

export type { FlowOptions } from './options.ts';

/**
 * Flows that a full table looks at to evict the longest silent of them. Ten random ones hold one of the oldest tenth
 * with a probability of 65 %, at the price of ten cache lines.
 */
const EVICTION_SAMPLE = 10;
/** Flows reported at the end before others have their turn: a few megabytes of lines, less than an output lets wait. */
const ENDED_AT_ONCE = 4096;

export interface FlowHooks {
  /** Asked once for each flow, with its first packet; not 0: the flow is never reported. */
  admit(packet: Packet): Disposition;
  /**
   * The flow ends: its last record comes next, unless no packet came since the last one. Called again when the slot is
   * given up, because a closed connection is remembered for a while and late packets may still be observed in it.
   */
  end(slot: number): void;
  /** Undefined where nobody wants the records: then they are not made. */
  readonly emit: ((event: FlowEvent) => void) | undefined;
  interfaceName(index: number): string | undefined;
  /** Calls `settle` with what the kernel has counted of a tallied flow until now. The key's words begin at `at`. */
  refresh?(words: Uint32Array, at: number): void;
  /** The flow is given up, after its last record: nothing more will be heard of the session. */
  close?(session: number): void;
  /** A tallied flow has ended. */
  forget?(words: Uint32Array, at: number): void;
}

export class FlowTable {
  /** After `observe`: whether the packet came from the flow's client. */
  fromClient = false;
  private readonly options: FlowOptions;
  private readonly counters: Counters;
  private readonly hooks: FlowHooks;
  private readonly records: FlowRecords;
  private readonly key = new FlowKey();
  /** Of what the kernel hands over while the packet's key is still wanted. */
  private readonly tallied = new FlowKey(this.key.secret);
  private readonly index: FlowIndex;
  private readonly wheel: TimerWheel;
  private readonly conversations: Conversations;
  /** Made for the first tally: only a kernel that counts has any. */
  private tallies: Tallies | undefined;
  private readonly duplicates: Duplicates | undefined;
  private nextSession = 1;
  private hand = 0;

  constructor(options: FlowOptions, counters: Counters, hooks: FlowHooks) {
    this.options = options;
    this.counters = counters;
    this.hooks = hooks;
    this.records = new FlowRecords(options.capacity);
    this.index = new FlowIndex(this.records);
    this.wheel = new TimerWheel(this.records, (slot) => this.due(slot));
    this.duplicates = options.deduplicate ? new Duplicates(options.capacity) : undefined;
    this.conversations = new Conversations(this.records, (index) => hooks.interfaceName(index));
  }

  /**
   * Finds or makes the flow of a packet and counts it, after the flows that are due at its time have been reported.
   * Returns the flow's slot, or minus the disposition of an ignored packet.
   * @param tally what the kernel has counted of the flow without handing it over, before this packet
   */
  observe(packet: Packet, tally?: Tally): number {
    const { key, records } = this;
    const seconds = packet.frame.seconds >>> 0;
    if (seconds !== this.wheel.now) this.wheel.advance(seconds);
    key.set(packet);
    const { side } = key;
    const isTcp = packet.protocol === IpProtocol.tcp;
    const isSyn = isTcp && (packet.tcpFlags & TcpFlag.syn) !== 0;
    const hash = key.hash();
    let slot = this.index.find(key, hash);
    if (slot >= 0) {
      if (tally !== undefined) this.takeTallies().settle(slot, tally);
      else if (this.duplicates?.isDuplicate(slot, side, packet.frame)) return -Disposition.duplicate;
    }
    if (slot >= 0 && isSyn && opensAnother(records, slot, packet, side)) {
      this.finish(slot, 'reused');
      slot = -1;
    }
    if (slot < 0) slot = this.create(packet, hash);

    if (tally !== undefined) this.takeTallies().adopt(slot, tally);
    if (packet.frame.owner !== undefined) this.conversations.setOwner(slot, packet.frame.owner);

    const { words, doubles, bytes } = records;
    const hot = records.hot(slot);
    const disposition = bytes[hot * 4 + HotByte.disposition] as number;
    this.stamp(hot, seconds, packet.frame.nanos, disposition === 0);
    if (disposition !== 0) return -disposition;
    if (packet.sinceSeconds >= 0) this.widen(hot, packet.sinceSeconds, packet.sinceNanos);

    const at = (hot + Hot.counts) / 2 + side * COUNTS_DOUBLES;
    doubles[at] = (doubles[at] as number) + packet.wirePackets;
    doubles[at + 1] = (doubles[at + 1] as number) + packet.ipLength;
    doubles[at + 2] = (doubles[at + 2] as number) + packet.payloadLength;

    if (isSyn) this.fixRoles(slot, packet, side);
    const fromClient = ((bytes[hot * 4 + HotByte.marks] as number) & Mark.clientIsSide1) === side;
    this.fromClient = fromClient;
    if (fromClient && ((bytes[hot * 4 + HotByte.roles] as number) & RoleMark.clientHeader) === 0) {
      this.takeHeader(slot, packet);
      bytes[hot * 4 + HotByte.roles] = (bytes[hot * 4 + HotByte.roles] as number) | RoleMark.clientHeader;
    }
    if (isTcp && trackSegment(records, slot, packet, side, fromClient)) {
      this.wheel.cancel(slot);
      this.wheel.schedule(slot, (words[hot + Hot.lastSeconds] as number) + CLOSED_LINGER + 1);
    }
    return slot;
  }

  /** The clock of a live capture, where no packet moves it. */
  tick(seconds: number): void {
    if (seconds > this.wheel.now) this.wheel.advance(seconds);
  }

  /** Takes over what the kernel has counted of a flow; false where the flow is not in the table. */
  settle(tally: Tally): boolean {
    const { tallied } = this;
    tallied.load(tally.key);
    const slot = this.index.find(tallied, tallied.hash());
    if (slot >= 0) this.takeTallies().settle(slot, tally);
    return slot >= 0;
  }

  /** Client and server as the flow sees them now; a new object each time. */
  conversation(slot: number): Conversation {
    return this.conversations.get(slot);
  }

  /** Ordinal of the flow, unique within the run. */
  session(slot: number): number {
    return this.records.doubles[(this.records.hot(slot) + Hot.session) / 2] as number;
  }

  /**
   * Sequence number of the first byte that one end of a TCP connection sends, where its SYN was seen and the packet in
   * hand is the first of it with data; else undefined.
   */
  firstByte(slot: number, packet: Packet, fromClient: boolean): number | undefined {
    const { records } = this;
    const side = this.sideOf(slot, fromClient);
    // Flags and counts begin again with each record: where the SYN is known, the counts go back to it.
    if (!this.knowsStart(slot, fromClient)) return undefined;
    const payloadBytes = records.doubles[(records.hot(slot) + Hot.counts) / 2 + side * COUNTS_DOUBLES + 2];
    if (payloadBytes !== packet.payloadLength) return undefined;
    return ((records.words[records.tcp(slot) + side * TCP_SIDE_WORDS + Tcp.initial] as number) + 1) >>> 0;
  }

  /** A byte for the dispatcher, 0 in a new flow. */
  stage(slot: number): number {
    return this.records.bytes[this.records.hot(slot) * 4 + HotByte.stage] as number;
  }

  setStage(slot: number, stage: number): void {
    this.records.bytes[this.records.hot(slot) * 4 + HotByte.stage] = stage;
  }

  /** Whether a TCP sender's SYN was seen since the flow's last record: then its first byte is known. */
  knowsStart(slot: number, fromClient: boolean): boolean {
    const flags = this.records.hot(slot) * 4 + HotByte.flags + this.sideOf(slot, fromClient);
    return ((this.records.bytes[flags] as number) & TcpFlag.syn) !== 0;
  }

  /** Bytes from the last segment that left a gap in a TCP sender's stream to this sequence number; below 0: no gap is open. */
  pastGap(slot: number, fromClient: boolean, sequence: number): number {
    return pastGap(this.records, slot, this.sideOf(slot, fromClient), sequence);
  }

  private sideOf(slot: number, fromClient: boolean): 0 | 1 {
    const client = (this.records.bytes[this.records.hot(slot) * 4 + HotByte.marks] as number) & Mark.clientIsSide1;
    return fromClient === (client === 1) ? 1 : 0;
  }

  /** What the flow is known to carry. */
  app(slot: number): FlowEvent['app'] {
    return APPS[this.records.bytes[this.records.hot(slot) * 4 + HotByte.app] as number];
  }

  /** What the flow's records say that it carries. */
  setApp(slot: number, app: FlowEvent['app']): void {
    this.records.bytes[this.records.hot(slot) * 4 + HotByte.app] = APPS.indexOf(app);
  }

  /** What a UDP flow's records say of its QUIC version, an index into `QUIC_VERSIONS`. */
  setQuicVersion(slot: number, index: number): void {
    this.records.bytes[this.records.hot(slot) * 4 + HotByte.quicVersion] = index + 1;
  }

  /**
   * Reports every flow, in the order in which they were created. Yields in between, so that whoever takes the reports can
   * make room for more. Nothing may be observed meanwhile.
   */
  *end(): Generator<void> {
    const slots = this.records.taken();
    slots.sort((a, b) => this.session(a) - this.session(b));
    for (let i = 0; i < slots.length; i++) {
      if (i % ENDED_AT_ONCE === ENDED_AT_ONCE - 1) yield;
      const slot = slots[i] as number;
      this.refresh(slot);
      this.conclude(slot, 'end_of_capture');
    }
    // Taken out together: one by one, a million flows are a million places in memory.
    this.wheel.clear();
    this.index.clear();
    this.records.clear();
  }

  /** Widens the record's time. Frames need not be in order: the earliest is the first, the latest the last. */
  private stamp(hot: number, seconds: number, nanos: number, isCounted: boolean): void {
    const { words, doubles } = this.records;
    const last = words[hot + Hot.lastSeconds] as number;
    const isLatest = seconds > last || (seconds === last && nanos >= (words[hot + Hot.lastNanos] as number));
    if (isLatest) {
      words[hot + Hot.lastSeconds] = seconds;
      words[hot + Hot.lastNanos] = nanos;
    }
    if (!isCounted) return;
    const counts = (hot + Hot.counts) / 2;
    const isFirst = doubles[counts] === 0 && doubles[counts + COUNTS_DOUBLES] === 0;
    // The common case, a packet later than all others, leaves the first time alone and its cache line untouched.
    if (isFirst) {
      words[hot + Hot.firstSeconds] = seconds;
      words[hot + Hot.firstNanos] = nanos;
    } else if (!isLatest) this.widen(hot, seconds, nanos);
  }

  /** The open record begins no later than this. */
  private widen(hot: number, seconds: number, nanos: number): void {
    const { words } = this.records;
    const first = words[hot + Hot.firstSeconds] as number;
    if (seconds > first || (seconds === first && nanos >= (words[hot + Hot.firstNanos] as number))) return;
    words[hot + Hot.firstSeconds] = seconds;
    words[hot + Hot.firstNanos] = nanos;
  }

  private takeTallies(): Tallies {
    this.tallies ??= new Tallies(this.records, this.counters);
    return this.tallies;
  }

  private create(packet: Packet, hash: number): number {
    const disposition = this.hooks.admit(packet);
    const { key, records } = this;
    const slot = this.allocate();
    const { words, doubles, bytes } = records;
    const hot = records.hot(slot);
    // Not `fill`: the call of the builtin costs more than these stores.
    for (let i = 0; i < key.length; i++) words[hot + i] = key.words[i] as number;
    for (let i = key.length; i < HOT_WORDS; i++) words[hot + i] = 0;
    words[hot + Hot.firstSeconds] = disposition === 0 ? packet.frame.seconds : NO_PACKET;
    words[hot + Hot.lastSeconds] = packet.frame.seconds;
    words[hot + Hot.lastNanos] = packet.frame.nanos;
    doubles[(hot + Hot.session) / 2] = this.nextSession++;
    bytes[hot * 4 + HotByte.disposition] = disposition;
    this.index.add(slot, hash);
    this.tallies?.start(slot);
    this.duplicates?.start(slot, key.side, packet.frame);
    this.conversations.start(slot, packet, key.side);
    words[records.origin(slot) + Origin.records] = 0;
    this.takeHeader(slot, packet);
    bytes[records.origin(slot) * 4 + OriginByte.icmpType] = packet.icmpType;
    bytes[records.origin(slot) * 4 + OriginByte.icmpCode] = packet.icmpCode;
    if (packet.protocol === IpProtocol.tcp) startTcp(records, slot, packet.tcpFlags);
    this.setSender(slot, guessSender(packet), key.side);
    this.counters['flows.created']++;
    this.counters['flows.active']++;
    this.wheel.schedule(slot, this.deadline(slot));
    return slot;
  }

  private allocate(): number {
    const slot = this.records.allocate();
    if (slot >= 0) return slot;
    this.evict();
    return this.records.allocate();
  }

  /** The table is full: every slot holds a flow. */
  private evict(): void {
    const { records } = this;
    let oldest = this.hand;
    for (let i = 0; i < EVICTION_SAMPLE; i++) {
      if (this.lastSeconds(this.hand) < this.lastSeconds(oldest)) oldest = this.hand;
      this.hand = (this.hand + 1) % records.capacity;
    }
    if (this.isOpen(oldest)) this.counters['flows.evicted']++;
    this.finish(oldest, 'evicted');
  }

  private lastSeconds(slot: number): number {
    return this.records.words[this.records.hot(slot) + Hot.lastSeconds] as number;
  }

  private setSender(slot: number, sender: Sender, side: 0 | 1): void {
    const { bytes } = this.records;
    const at = this.records.hot(slot) * 4;
    const marks = bytes[at + HotByte.marks] as number;
    const client = sender === 'client' ? side : 1 - side;
    if ((marks & Mark.clientIsSide1) === client) return;
    bytes[at + HotByte.marks] = marks ^ Mark.clientIsSide1;
    bytes[at + HotByte.roles] = (bytes[at + HotByte.roles] as number) & ~RoleMark.clientHeader;
  }

  /** A SYN or SYN-ACK tells the roles for certain; they stay as they are once a record has shown them. */
  private fixRoles(slot: number, packet: Packet, side: 0 | 1): void {
    const sender = senderByHandshake(packet.tcpFlags);
    if (sender === undefined) return;
    const { bytes, words } = this.records;
    const at = this.records.hot(slot) * 4 + HotByte.roles;
    if (((bytes[at] as number) & RoleMark.known) !== 0) return;
    if (words[this.records.origin(slot) + Origin.records] !== 0) return;
    this.setSender(slot, sender, side);
    bytes[at] = (bytes[at] as number) | RoleMark.known;
  }

  private takeHeader(slot: number, packet: Packet): void {
    const { bytes } = this.records;
    const at = this.records.origin(slot) * 4;
    bytes[at + OriginByte.tos] = packet.tos;
    bytes[at + OriginByte.ttl] = packet.ttl;
  }

  private idleTimeout(slot: number): number {
    const { words, bytes } = this.records;
    const hot = this.records.hot(slot);
    const protocol = (words[hot + KeyWord.protocol] as number) & 0xffff;
    if (protocol === IpProtocol.udp) return this.options.udpIdleTimeout;
    if (protocol !== IpProtocol.tcp) return this.options.icmpIdleTimeout;
    const state = bytes[hot * 4 + HotByte.state] as number;
    if (isOver(state)) return this.isOpen(slot) ? CLOSED_LINGER : CLOSED_MEMORY;
    return isAttempt(state) ? Math.min(ATTEMPT_IDLE_TIMEOUT, this.options.tcpIdleTimeout) : this.options.tcpIdleTimeout;
  }

  /**
   * The second in which the flow is to be looked at: never before its silence or its record has lasted the whole
   * timeout, at most a second after. A record without a packet begins now or later.
   */
  private deadline(slot: number): number {
    const { words } = this.records;
    const hot = this.records.hot(slot);
    const idle = (words[hot + Hot.lastSeconds] as number) + this.idleTimeout(slot);
    const active = Math.min(words[hot + Hot.firstSeconds] as number, this.wheel.now) + this.options.activeTimeout;
    return Math.min(idle, active) + 1;
  }

  /** The wheel has taken the flow out, perhaps long before its time. */
  private due(slot: number): void {
    const { words } = this.records;
    const hot = this.records.hot(slot);
    if (this.wheel.now >= this.deadline(slot)) this.refresh(slot);
    if (this.isSilent(slot)) {
      const closed = this.closeReason(slot);
      if (closed !== undefined && this.isOpen(slot)) {
        this.hooks.end(slot);
        this.report(slot, closed);
        nextRecord(this.records, slot, true);
      }
      if (this.isSilent(slot)) {
        this.close(slot, 'idle_timeout');
        return;
      }
    } else if (this.wheel.now > (words[hot + Hot.firstSeconds] as number) + this.options.activeTimeout) {
      this.report(slot, 'active_timeout');
      nextRecord(this.records, slot, this.isTcp(slot));
    }
    this.wheel.schedule(slot, this.deadline(slot));
  }

  /** Asks the kernel for what it has counted since the flow's last packet here. */
  private refresh(slot: number): void {
    if (this.tallies?.has(slot)) this.hooks.refresh?.(this.records.words, this.records.hot(slot));
  }

  private isSilent(slot: number): boolean {
    return this.wheel.now > this.lastSeconds(slot) + this.idleTimeout(slot);
  }

  private finish(slot: number, reason: FlowEndReason): void {
    this.wheel.cancel(slot);
    // The packet that opens another connection has brought along what belongs to this one.
    if (reason !== 'reused') this.refresh(slot);
    this.close(slot, reason);
  }

  /** Ends a flow that is not in the wheel. A connection that was closed or reset ended by that, whatever came after. */
  private close(slot: number, reason: FlowEndReason): void {
    const { words } = this.records;
    const hot = this.records.hot(slot);
    this.conclude(slot, reason);
    this.index.remove(slot, this.key.hashOf(words, hot, keyLength(words[hot + KeyWord.protocol] as number)));
    this.records.release(slot);
  }

  /** The last record of a flow, and everything of it that is kept elsewhere. */
  private conclude(slot: number, reason: FlowEndReason): void {
    const { words, bytes } = this.records;
    const hot = this.records.hot(slot);
    if (bytes[hot * 4 + HotByte.disposition] === 0) {
      this.hooks.end(slot);
      this.report(slot, this.closeReason(slot) ?? reason);
    }
    this.hooks.close?.(this.session(slot));
    this.conversations.end(slot);
    if (this.tallies?.has(slot)) this.hooks.forget?.(words, hot);
    this.counters['flows.active']--;
  }

  /** Emits the open record, if there is one. */
  private report(slot: number, reason: FlowEndReason): void {
    if (!this.isOpen(slot)) return;
    const { emit } = this.hooks;
    if (emit !== undefined) emit(reportFlow(this.records, slot, this.conversation(slot), reason));
  }

  /** Whether packets were counted since the last record; never so in an ignored flow. */
  private isOpen(slot: number): boolean {
    return this.records.words[this.records.hot(slot) + Hot.firstSeconds] !== NO_PACKET;
  }

  private closeReason(slot: number): 'fin' | 'rst' | undefined {
    if (!this.isTcp(slot)) return undefined;
    const state = TCP_STATES[this.records.bytes[this.records.hot(slot) * 4 + HotByte.state] as number];
    return state === 'closed' ? 'fin' : state === 'reset' ? 'rst' : undefined;
  }

  private isTcp(slot: number): boolean {
    return ((this.records.words[this.records.hot(slot) + KeyWord.protocol] as number) & 0xffff) === IpProtocol.tcp;
  }
}
