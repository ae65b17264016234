/**
 * What a flow's TCP segments say about the connection (RFC 9293). Each segment is compared with the sequence number
 * expected next from its sender, modulo 2^32:
 *
 * - a segment that begins there is in order;
 * - one that begins later leaves a gap. The gaps of a sender are remembered as one range, from the first byte missing
 *   to the last segment that left a gap. What the peer has acknowledged would shorten it, but bare acknowledgments do not
 *   leave the kernel where it counts: the captures would not agree;
 * - one that brings nothing new is out of order when it lies in that range (these bytes were not seen before),
 *   otherwise a retransmission, unless it is a keep-alive (RFC 9293 §3.8.4: one byte or none, just before the expected
 *   number);
 * - one that begins earlier and ends later is a retransmission of what overlaps;
 * - one that is farther away than any window only sets the expected number anew: nothing is counted.
 *
 * Byte counts come from lengths, never from differences of sequence numbers, except an overlap, which is shorter than
 * its segment. SYN and FIN take a sequence number each; a reset or a stray SYN never moves the expected number.
 */
import type { TcpState } from '../event.ts';
import { type Packet, TcpFlag } from '../net/packet.ts';
import { type FlowRecords, Hot, HotByte, Mark, TCP_SIDE_WORDS, Tcp } from './record.ts';

const State = { synSent: 0, synReceived: 1, established: 2, closing: 3, closed: 4, reset: 5, midstream: 6 } as const;

/** By `HotByte.state`. */
export const TCP_STATES: readonly TcpState[] = [
  'syn_sent',
  'syn_received',
  'established',
  'closing',
  'closed',
  'reset',
  'midstream',
];

/** The largest window (RFC 7323 §2.3): no honest segment is farther from the expected number. */
const MAX_WINDOW = 2 ** 30;

/**
 * How far from the expected number a reset may be. Behind it: its number is what the peer has acknowledged (RFC 9293
 * §3.5.2), all that was in flight. Ahead: what the capture missed just before. Of random numbers one in 2,000 is as near.
 */
const MAX_RESET_DISTANCE = 1 << 20;

/**
 * Seconds in which nobody sends a SYN-ACK a second time: RFC 6298 §2.1 says 1, Linux's shortest timeout is 0.2. One that
 * comes so soon after the SYN is a copy that the capture has made, of mirrored ports for one. (Only the SYN's time is kept: on
 * paths longer than this a copy costs the sample, as a repetition does.)
 */
const MIN_TIMEOUT = 0.2;

export function initialState(tcpFlags: number): number {
  if ((tcpFlags & TcpFlag.syn) === 0) return State.midstream;
  return (tcpFlags & TcpFlag.ack) === 0 ? State.synSent : State.synReceived;
}

/** Neither end will send more, or one has refused to. */
export function isOver(state: number): boolean {
  return state === State.closed || state === State.reset;
}

export function isAttempt(state: number): boolean {
  return state === State.synSent || state === State.synReceived;
}

/**
 * Whether a SYN opens another connection between the same ends: its sequence number is not the one with which this
 * sender's half began. With the same number it is a retransmission. Where nothing of that half was seen, a SYN belongs
 * to what is there, unless that is over.
 */
export function opensAnother(records: FlowRecords, slot: number, packet: Packet, side: 0 | 1): boolean {
  if ((packet.tcpFlags & (TcpFlag.syn | TcpFlag.ack | TcpFlag.rst)) !== TcpFlag.syn) return false;
  const hotByte = records.hot(slot) * 4;
  const marks = records.bytes[hotByte + HotByte.marks] as number;
  if ((marks & (Mark.sequence << side)) === 0) return isOver(records.bytes[hotByte + HotByte.state] as number);
  return records.words[records.tcp(slot) + side * TCP_SIDE_WORDS + Tcp.initial] !== packet.tcpSequence;
}

/** Readies the TCP part of a new flow. */
export function startTcp(records: FlowRecords, slot: number, tcpFlags: number): void {
  resetTcpCounts(records, slot);
  records.bytes[records.hot(slot) * 4 + HotByte.state] = initialState(tcpFlags);
}

/** After a record: its counts begin again, what is known of the sequence numbers stays. */
export function resetTcpCounts(records: FlowRecords, slot: number): void {
  const { words, doubles, bytes } = records;
  const tcp = records.tcp(slot);
  for (let side = 0; side < 2; side++) {
    const half = tcp + side * TCP_SIDE_WORDS;
    words[half + Tcp.retransmits] = 0;
    words[half + Tcp.outOfOrder] = 0;
    words[half + Tcp.zeroWindows] = 0;
    words[half + Tcp.resets] = 0;
    doubles[(tcp + Tcp.retransmittedBytes) / 2 + side] = 0;
    bytes[records.hot(slot) * 4 + HotByte.flags + side] = 0;
  }
}

/** Counts a segment of `side`. Returns true when it ends the connection. */
export function trackSegment(
  records: FlowRecords,
  slot: number,
  packet: Packet,
  side: 0 | 1,
  fromClient: boolean,
): boolean {
  const { words, bytes } = records;
  const flags = packet.tcpFlags;
  const hot = records.hot(slot);
  const hotByte = hot * 4;
  bytes[hotByte + HotByte.flags + side] = (bytes[hotByte + HotByte.flags + side] as number) | flags;

  const { rst, syn, fin } = TcpFlag;
  const state = bytes[hotByte + HotByte.state] as number;
  const changesState = (flags & (rst | syn | fin)) !== 0 || isAttempt(state);
  if (!changesState && packet.tcpWindow !== 0 && words[hot + Hot.expected + side] === packet.tcpSequence) {
    // The common case, the next segment of a connection: all there is to say of it.
    if (((bytes[hotByte + HotByte.marks] as number) & (Mark.sequence << side)) !== 0) {
      words[hot + Hot.expected + side] = packet.tcpSequence + packet.payloadLength;
      return false;
    }
  }
  if (packet.tcpWindow === 0 && (flags & (rst | syn | fin)) === 0) count(records, slot, side, Tcp.zeroWindows);
  if ((flags & rst) !== 0) count(records, slot, side, Tcp.resets);
  else trackSequence(records, slot, packet, side);

  if (!changesState) return false;
  const next = nextState(records, slot, packet, side, fromClient, state);
  bytes[hotByte + HotByte.state] = next;
  return isOver(next) && !isOver(state);
}

function count(records: FlowRecords, slot: number, side: 0 | 1, field: number): void {
  const at = records.tcp(slot) + side * TCP_SIDE_WORDS + field;
  records.words[at] = (records.words[at] as number) + 1;
}

function trackSequence(records: FlowRecords, slot: number, packet: Packet, side: 0 | 1): void {
  const { words, bytes } = records;
  const { tcpSequence: sequence, payloadLength, tcpFlags } = packet;
  const hot = records.hot(slot);
  const marks = bytes[hot * 4 + HotByte.marks] as number;
  const length = payloadLength + ((tcpFlags & TcpFlag.syn) >> 1) + (tcpFlags & TcpFlag.fin);
  const end = (sequence + length) >>> 0;
  if ((marks & (Mark.sequence << side)) === 0) {
    bytes[hot * 4 + HotByte.marks] = marks | (Mark.sequence << side);
    begin(records, slot, side, (tcpFlags & TcpFlag.syn) !== 0 ? sequence : sequence - 1, end);
    return;
  }
  if ((tcpFlags & TcpFlag.syn) !== 0) {
    repeatedSyn(records, slot, packet, side, end);
    return;
  }
  if (length === 0) return;
  const expectedAt = hot + Hot.expected + side;
  const expected = words[expectedAt] as number;
  if (sequence === expected) {
    words[expectedAt] = end;
    return;
  }
  const ahead = (sequence - expected) | 0;
  if (ahead > MAX_WINDOW || ahead < -MAX_WINDOW) {
    expectOnly(records, slot, side, end);
  } else if (ahead > 0) {
    leaveGap(records, slot, side, expected, sequence);
    words[expectedAt] = end;
  } else if (ahead + length > 0) {
    words[expectedAt] = end;
    countRetransmission(records, slot, side, Math.min(-ahead, payloadLength));
  } else if (ahead !== -1 || payloadLength !== 1 || length !== 1) {
    if (fillsGap(records, slot, side, sequence, end)) count(records, slot, side, Tcp.outOfOrder);
    else countRetransmission(records, slot, side, payloadLength);
  }
}

/**
 * A SYN or SYN-ACK of a half that has begun: the same again, or before the handshake is done the answer to another SYN,
 * or else a stray that moves nothing.
 */
function repeatedSyn(records: FlowRecords, slot: number, packet: Packet, side: 0 | 1, end: number): void {
  const initial = records.words[records.tcp(slot) + side * TCP_SIDE_WORDS + Tcp.initial];
  if (initial === packet.tcpSequence) countRetransmission(records, slot, side, packet.payloadLength);
  else if (isAttempt(records.bytes[records.hot(slot) * 4 + HotByte.state] as number)) {
    begin(records, slot, side, packet.tcpSequence, end);
  }
}

function begin(records: FlowRecords, slot: number, side: 0 | 1, initial: number, expected: number): void {
  records.words[records.tcp(slot) + side * TCP_SIDE_WORDS + Tcp.initial] = initial;
  expectOnly(records, slot, side, expected);
}

/** Sets the expected number and forgets the gaps. */
function expectOnly(records: FlowRecords, slot: number, side: 0 | 1, expected: number): void {
  const { words } = records;
  const half = records.tcp(slot) + side * TCP_SIDE_WORDS;
  words[records.hot(slot) + Hot.expected + side] = expected;
  words[half + Tcp.gapStart] = 0;
  words[half + Tcp.gapEnd] = 0;
}

function leaveGap(records: FlowRecords, slot: number, side: 0 | 1, from: number, to: number): void {
  const { words } = records;
  const half = records.tcp(slot) + side * TCP_SIDE_WORDS;
  if (words[half + Tcp.gapStart] === words[half + Tcp.gapEnd]) words[half + Tcp.gapStart] = from;
  words[half + Tcp.gapEnd] = to;
}

/** Whether `[sequence, end)` lies in the range of gaps, which it then shortens if it touches an end of it. */
function fillsGap(records: FlowRecords, slot: number, side: 0 | 1, sequence: number, end: number): boolean {
  const { words } = records;
  const half = records.tcp(slot) + side * TCP_SIDE_WORDS;
  const gapStart = words[half + Tcp.gapStart] as number;
  const size = ((words[half + Tcp.gapEnd] as number) - gapStart) >>> 0;
  const from = (sequence - gapStart) >>> 0;
  const to = (end - gapStart) >>> 0;
  if (from >= to || to > size) return false;
  if (from === 0) words[half + Tcp.gapStart] = end;
  else if (to === size) words[half + Tcp.gapEnd] = sequence;
  return true;
}

/** See `FlowTable.pastGap`. */
export function pastGap(records: FlowRecords, slot: number, side: 0 | 1, sequence: number): number {
  const { words } = records;
  const half = records.tcp(slot) + side * TCP_SIDE_WORDS;
  const gapEnd = words[half + Tcp.gapEnd] as number;
  return words[half + Tcp.gapStart] === gapEnd ? -1 : (sequence - gapEnd) | 0;
}

function countRetransmission(records: FlowRecords, slot: number, side: 0 | 1, length: number): void {
  count(records, slot, side, Tcp.retransmits);
  const total = (records.tcp(slot) + Tcp.retransmittedBytes) / 2 + side;
  records.doubles[total] = (records.doubles[total] as number) + length;
}

/**
 * A receiver takes no reset from outside its window (RFC 9293 §3.5.3, RFC 5961 §3.2): one that is far from the expected
 * number is a guess, or meant for an earlier connection between the same ports, and this one goes on.
 */
function isCredibleReset({ words, bytes }: FlowRecords, hot: number, sequence: number, side: 0 | 1): boolean {
  if (((bytes[hot * 4 + HotByte.marks] as number) & (Mark.sequence << side)) === 0) return true;
  const ahead = (sequence - (words[hot + Hot.expected + side] as number)) | 0;
  return ahead <= MAX_RESET_DISTANCE && ahead >= -MAX_RESET_DISTANCE;
}

/** The state after a segment; also takes the times of the handshake. */
function nextState(
  records: FlowRecords,
  slot: number,
  packet: Packet,
  side: 0 | 1,
  fromClient: boolean,
  state: number,
): number {
  const { bytes } = records;
  const { tcpFlags: flags } = packet;
  const markAt = records.hot(slot) * 4 + HotByte.marks;
  if ((flags & TcpFlag.rst) !== 0) {
    return state === State.closed || !isCredibleReset(records, records.hot(slot), packet.tcpSequence, side)
      ? state
      : State.reset;
  }
  if (isOver(state)) return state;
  if ((flags & TcpFlag.syn) !== 0) {
    takeHandshakeTime(records, slot, packet, fromClient);
    // What came before it in the capture without a SYN (a disorder) did not tell the state.
    return state === State.midstream || state === State.synSent ? initialState(flags) : state;
  }
  let next = state;
  if (isAttempt(state) && (flags & TcpFlag.ack) !== 0) {
    if (fromClient) {
      takeRoundTrip(records, slot, packet);
      next = State.established;
    } else if (state === State.synReceived) next = State.established;
  }
  if ((flags & TcpFlag.fin) !== 0) {
    const marks = (bytes[markAt] as number) | (Mark.fin << side);
    bytes[markAt] = marks;
    next = (marks & (Mark.fin * 3)) === Mark.fin * 3 ? State.closed : State.closing;
  }
  return next;
}

/**
 * The handshake's round-trip time is from the client's last SYN to the client's first ACK after the SYN-ACK: wherever the
 * capture stands between the two, that is the way there and back. A SYN after a SYN-ACK says that this one was lost on its
 * way. Where the server alone repeats its SYN-ACK, nobody can tell which of them the ACK answers, and its timeout may be in
 * the time: that is no sample (Karn's algorithm, RFC 6298 §3).
 */
function takeHandshakeTime(records: FlowRecords, slot: number, packet: Packet, fromClient: boolean): void {
  const { bytes, words } = records;
  const markAt = records.hot(slot) * 4 + HotByte.marks;
  const marks = bytes[markAt] as number;
  if ((marks & Mark.rtt) !== 0) return;
  const tcp = records.tcp(slot);
  if ((packet.tcpFlags & TcpFlag.ack) === 0) {
    if (!fromClient) return;
    words[tcp + Tcp.synSeconds] = packet.frame.seconds;
    words[tcp + Tcp.synNanos] = packet.frame.nanos;
    bytes[markAt] = (marks & ~Mark.synAck) | Mark.synTime;
  } else if (!fromClient && (marks & Mark.synTime) !== 0) {
    if ((marks & Mark.synAck) === 0) bytes[markAt] = marks | Mark.synAck;
    else if (secondsSinceSyn(records, tcp, packet) >= MIN_TIMEOUT)
      bytes[markAt] = marks & ~(Mark.synTime | Mark.synAck);
  }
}

function takeRoundTrip(records: FlowRecords, slot: number, packet: Packet): void {
  const { bytes, doubles } = records;
  const markAt = records.hot(slot) * 4 + HotByte.marks;
  const marks = bytes[markAt] as number;
  if ((marks & Mark.rtt) !== 0 || (marks & Mark.synAck) === 0) return;
  const tcp = records.tcp(slot);
  const rtt = secondsSinceSyn(records, tcp, packet);
  bytes[markAt] = marks & ~(Mark.synTime | Mark.synAck);
  // Frames out of order in time tell nothing.
  if (rtt < 0) return;
  doubles[(tcp + Tcp.rtt) / 2] = rtt;
  bytes[markAt] = (marks & ~(Mark.synTime | Mark.synAck)) | Mark.rtt;
}

function secondsSinceSyn({ words }: FlowRecords, tcp: number, { frame }: Packet): number {
  const seconds = (frame.seconds >>> 0) - (words[tcp + Tcp.synSeconds] as number);
  return seconds + (frame.nanos - (words[tcp + Tcp.synNanos] as number)) / 1e9;
}
