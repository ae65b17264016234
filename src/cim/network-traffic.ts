/** Flow records as CIM Network_Traffic (All_Traffic). */
import type { FlowEndReason, FlowEvent, TcpCounts, TcpState } from '../dissect/event.ts';
import { isUpgradable } from '../dissect/tls/preface.ts';
import type { Verdict } from '../policy/verdict.ts';
import type { CimEvent } from './event.ts';
import { Piece } from './json-line.ts';
import type { HeadPieces, LineParts } from './line-parts.ts';

const piece = (text: string): Piece => new Piece(text);

const APP = piece(',"app":"');
const BYTES = piece(',"bytes":');
const BYTES_IN = piece(',"bytes_in":');
const BYTES_OUT = piece(',"bytes_out":');
const PACKETS = piece(',"packets":');
const PACKETS_IN = piece(',"packets_in":');
const PACKETS_OUT = piece(',"packets_out":');
const DURATION = piece(',"duration":');
const RESPONSE_TIME = piece(',"response_time":');
const ICMP_TYPE = piece(',"icmp_type":');
const ICMP_CODE = piece(',"icmp_code":');
const TOS = piece(',"tos":"');
const TTL = piece(',"ttl":');
const QUOTE = piece('"');
const END_OBJECT = piece('}');

/** `vesper.flow` begins with why the record was made. */
const END_REASONS: Readonly<Record<FlowEndReason, Piece>> = {
  fin: endReason('fin'),
  rst: endReason('rst'),
  idle_timeout: endReason('idle_timeout'),
  active_timeout: endReason('active_timeout'),
  evicted: endReason('evicted'),
  reused: endReason('reused'),
  end_of_capture: endReason('end_of_capture'),
};
const RECORD = piece(',"record":');
const PAYLOAD_BYTES_IN = piece(',"payload_bytes_in":');
const PAYLOAD_BYTES_OUT = piece(',"payload_bytes_out":');
const STATES: Readonly<Record<TcpState, Piece>> = {
  syn_sent: piece(',"state":"syn_sent"'),
  syn_received: piece(',"state":"syn_received"'),
  established: piece(',"state":"established"'),
  closing: piece(',"state":"closing"'),
  closed: piece(',"state":"closed"'),
  reset: piece(',"state":"reset"'),
  midstream: piece(',"state":"midstream"'),
};
const QUIC_VERSION = piece(',"quic_version":"');
/** The protocol can change to TLS on its connection, and this connection did not. */
const STARTTLS_NOT_USED = piece(',"starttls":"not_used"');
const RTT = piece(',"rtt":');

/** Keys of the TCP counts of one way. */
const tcpKeys = (way: 'in' | 'out') => ({
  retransmits: piece(`,"retransmits_${way}":`),
  retransmittedBytes: piece(`,"retransmitted_bytes_${way}":`),
  outOfOrder: piece(`,"out_of_order_${way}":`),
  zeroWindows: piece(`,"zero_windows_${way}":`),
  resets: piece(`,"resets_${way}":`),
});
const KEYS_IN = tcpKeys('in');
const KEYS_OUT = tcpKeys('out');

function endReason(reason: FlowEndReason): Piece {
  return piece(`,"vesper":{"flow":{"end_reason":"${reason}"`);
}

/** CIM's names of the TCP flags, for each of the 64 sets of them; ECE and CWR have none. */
const TCP_FLAGS = Array.from({ length: 64 }, (_, bits) => {
  const names = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG'].filter((_, bit) => (bits >> bit) & 1);
  return piece(names.length === 0 ? '' : `,"tcp_flag":${JSON.stringify(names)}`);
});

export class FlowLine {
  private readonly parts: LineParts;
  private readonly heads: HeadPieces;

  constructor(parts: LineParts) {
    this.parts = parts;
    this.heads = parts.headPieces(['"action":"allowed"'], { sensor: true, vendor: true, layers: true });
  }

  make(event: FlowEvent, verdicts: readonly Verdict[]): CimEvent {
    const { parts } = this;
    const { writer } = parts;
    const { conversation, icmp, tcp } = event;
    const fromClient = event.out;
    const fromServer = event.in;
    parts.head(event.time, this.heads, conversation);
    parts.trafficEnds(conversation);
    writer.piece(APP);
    // CIM requires an app: what was not recognized is named by its transport.
    writer.safe(event.app ?? conversation.transport);
    writer.piece(QUOTE);
    writer.count(BYTES, fromClient.bytes + fromServer.bytes);
    writer.count(BYTES_IN, fromServer.bytes);
    writer.count(BYTES_OUT, fromClient.bytes);
    writer.count(PACKETS, fromClient.packets + fromServer.packets);
    writer.count(PACKETS_IN, fromServer.packets);
    writer.count(PACKETS_OUT, fromClient.packets);
    writer.seconds(DURATION, event.duration);
    // How long the other side took to answer: TCP's handshake shows it.
    if (tcp?.rtt !== undefined) writer.seconds(RESPONSE_TIME, tcp.rtt);
    if (icmp !== undefined) {
      writer.count(ICMP_TYPE, icmp.type);
      writer.count(ICMP_CODE, icmp.code);
    }
    writer.quotedCount(TOS, event.tos);
    writer.count(TTL, event.ttl);
    if (tcp !== undefined) writer.piece(TCP_FLAGS[(tcp.out.flags | tcp.in.flags) & 63]!);
    parts.session(conversation);
    if (parts.extras === 'off') parts.end(event.aggregated);
    else this.extras(event, verdicts);
    return writer.end('flow', event.time.seconds, event.time.nanos);
  }

  private extras(event: FlowEvent, verdicts: readonly Verdict[]): void {
    const { parts } = this;
    const { writer } = parts;
    const { conversation, tcp } = event;
    writer.piece(END_REASONS[event.endReason]);
    writer.count(RECORD, event.record);
    if (parts.extras === 'full') {
      writer.count(PAYLOAD_BYTES_IN, event.in.payloadBytes);
      writer.count(PAYLOAD_BYTES_OUT, event.out.payloadBytes);
    }
    if (event.quicVersion !== undefined) {
      writer.piece(QUIC_VERSION);
      writer.safe(event.quicVersion);
      writer.piece(QUOTE);
    }
    if (tcp !== undefined) this.tcp(tcp);
    if (isUpgradable(event.app)) writer.piece(STARTTLS_NOT_USED);
    writer.piece(END_OBJECT);
    parts.aggregate(event.aggregated);
    parts.verdicts(verdicts);
    parts.tail(conversation);
  }

  private tcp(tcp: NonNullable<FlowEvent['tcp']>): void {
    const { writer, extras } = this.parts;
    writer.piece(STATES[tcp.state]);
    if (extras !== 'full') return;
    if (tcp.rtt !== undefined) writer.seconds(RTT, tcp.rtt);
    this.tcpCounts(KEYS_IN, tcp.in);
    this.tcpCounts(KEYS_OUT, tcp.out);
  }

  /** All but the retransmits are rare, and left out where nothing was counted. */
  private tcpCounts(keys: ReturnType<typeof tcpKeys>, counts: TcpCounts): void {
    const { writer } = this.parts;
    writer.count(keys.retransmits, counts.retransmits);
    if (counts.retransmittedBytes > 0) writer.count(keys.retransmittedBytes, counts.retransmittedBytes);
    if (counts.outOfOrder > 0) writer.count(keys.outOfOrder, counts.outOfOrder);
    if (counts.zeroWindows > 0) writer.count(keys.zeroWindows, counts.zeroWindows);
    if (counts.resets > 0) writer.count(keys.resets, counts.resets);
  }
}
