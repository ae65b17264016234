/** Which datagrams of UDP flows are of a TLS handshake, QUIC's or DTLS's, on any port. */
import type { Counters } from '../counters.ts';
import { beginsDtlsHello, beginsDtlsRecord } from './dtls/record.ts';
import { DtlsTracker } from './dtls/tracker.ts';
import type { EventSink } from './event.ts';
import type { FlowTable } from './flow/table.ts';
import type { Packet } from './net/packet.ts';
import { beginsQuicPacket, QuicSign, QuicTracker } from './quic/tracker.ts';
import { ContentType } from './tls/record.ts';
import type { TlsOptions } from './tls/tracker.ts';
import type { CertificateStore } from './x509/store.ts';

/**
 * The flow's stage byte. From `undecided` up it counts the datagrams that were neither: STUN before a DTLS handshake is
 * some dozens.
 */
const Stage = { new: 0, done: 1, undecided: 2, lastUndecided: 253, quic: 254, dtls: 255 } as const;

const LONG_HEADER = 0x80;

export class HandshakeDatagrams {
  private readonly flows: FlowTable;
  private readonly quic: QuicTracker;
  private readonly dtls: DtlsTracker;

  /** @param certificates where chains are read; undefined where what comes after the hellos is not wanted */
  constructor(
    options: TlsOptions,
    certificates: CertificateStore | undefined,
    counters: Counters,
    flows: FlowTable,
    sink: EventSink,
  ) {
    this.flows = flows;
    this.quic = new QuicTracker(options, counters, flows, sink);
    this.dtls = new DtlsTracker(options, certificates, counters, flows, sink);
  }

  /**
   * Whether a datagram on a port of another protocol is of a handshake all the same, or of the connection that it made.
   * Nobody hides what he sends to such a port behind a hello that is not answered.
   */
  claims({ bytes, view, payloadStart, payloadEnd }: Packet, slot: number): boolean {
    if (payloadStart >= payloadEnd) return false;
    const stage = this.flows.stage(slot);
    const first = view.getUint8(payloadStart);
    if (stage === Stage.dtls) return beginsDtlsRecord(view, payloadStart, payloadEnd);
    if (stage === Stage.quic && this.quic.isAnswered(slot)) return true;
    if (this.flows.app(slot) !== undefined && stage === Stage.new) return false;
    if (first === ContentType.handshake) return beginsDtlsHello(view, payloadStart, payloadEnd);
    return first >= LONG_HEADER && beginsQuicPacket(bytes, view, payloadStart, payloadEnd);
  }

  /** Takes a datagram with a payload. Bulk data costs the look-up of the flow's stage and one byte. */
  datagram(packet: Packet, slot: number, fromClient: boolean): void {
    const stage = this.flows.stage(slot);
    if (stage === Stage.done || packet.payloadStart >= packet.payloadEnd) return;
    const first = packet.view.getUint8(packet.payloadStart);
    if (stage === Stage.quic) {
      if (first >= LONG_HEADER) this.followQuic(packet, slot, fromClient);
    } else if (stage === Stage.dtls) {
      if (first === ContentType.handshake || first === ContentType.alert) this.dtls.datagram(packet, slot, fromClient);
    } else this.undecided(packet, slot, fromClient, stage, first);
  }

  endFlow(slot: number): void {
    this.quic.endFlow(slot);
    this.dtls.endFlow(slot);
  }

  /** The end of the capture. */
  end(): void {
    this.quic.end();
    this.dtls.end();
  }

  private undecided(packet: Packet, slot: number, fromClient: boolean, stage: number, first: number): void {
    if (first === ContentType.handshake) {
      if (beginsDtlsHello(packet.view, packet.payloadStart, packet.payloadEnd)) {
        this.flows.setStage(slot, Stage.dtls);
        this.dtls.datagram(packet, slot, fromClient);
        return;
      }
    } else {
      const sign = this.quic.recognize(packet, slot);
      if (sign !== QuicSign.none) {
        this.flows.setStage(slot, sign === QuicSign.connection ? Stage.quic : Stage.done);
        if (sign === QuicSign.connection) this.followQuic(packet, slot, fromClient);
        return;
      }
    }
    const next = stage === Stage.new ? Stage.undecided : stage === Stage.lastUndecided ? Stage.done : stage + 1;
    this.flows.setStage(slot, next);
  }

  private followQuic(packet: Packet, slot: number, fromClient: boolean): void {
    if (!this.quic.datagram(packet, slot, fromClient)) this.flows.setStage(slot, Stage.done);
  }
}
