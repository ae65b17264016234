/**
 * What QUIC costs: keys of a connection, an Initial packet opened, a whole handshake from datagrams to events, a packet
 * that no key opens, and bulk data of a connection that is known.
 *
 *     node dist/bench/quic.js
 *
 * Times are also given as multiples of a calibration of the same run, one AES-128-GCM decryption of 1,200 bytes by
 * node:crypto, so that machines can be compared.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { createCounters } from '../src/counters.ts';
import { HandshakeDatagrams } from '../src/dissect/datagrams.ts';
import type { NetworkEvent } from '../src/dissect/event.ts';
import { FLOW_DEFAULTS } from '../src/dissect/flow/options.ts';
import { FlowTable } from '../src/dissect/flow/table.ts';
import { IpProtocol, Packet } from '../src/dissect/net/packet.ts';
import { LongHeader } from '../src/dissect/quic/header.ts';
import { InitialKeys } from '../src/dissect/quic/keys.ts';
import { openInitial } from '../src/dissect/quic/packet.ts';
import { findQuicVersion } from '../src/dissect/quic/version.ts';
import { CLIENT_ID, VERSION_1 } from '../test/dissect/quic/vectors.ts';

const ROUNDS = 10_000;
const SAMPLES = 5;

/** Nanoseconds of one call, the best of several samples. */
function time(rounds: number, call: (round: number) => void): number {
  let best = Number.POSITIVE_INFINITY;
  for (let sample = 0; sample < SAMPLES; sample++) {
    const start = performance.now();
    for (let i = 0; i < rounds; i++) call(i);
    best = Math.min(best, ((performance.now() - start) * 1e6) / rounds);
  }
  return best;
}

function calibrate(): number {
  const key = randomBytes(16);
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-128-gcm', key, nonce);
  const sealed = Buffer.concat([cipher.update(Buffer.alloc(1_200)), cipher.final()]);
  const tag = cipher.getAuthTag();
  return time(ROUNDS, () => {
    const decipher = createDecipheriv('aes-128-gcm', key, nonce).setAuthTag(tag);
    decipher.update(sealed);
    decipher.final();
  });
}

/** Datagrams of flows between two hosts, told apart by the client's port and address. */
class Wire {
  readonly events: NetworkEvent[] = [];
  readonly flows: FlowTable;
  readonly datagrams: HandshakeDatagrams;
  private readonly packet = new Packet();

  constructor() {
    const counters = createCounters();
    this.flows = new FlowTable(FLOW_DEFAULTS, counters, {
      admit: () => 0,
      end: (slot) => this.datagrams.endFlow(slot),
      emit: () => {},
      interfaceName: () => undefined,
    });
    const options = {
      messages: false,
      transactions: true,
      fingerprints: [],
      certificates: false,
      certificateEvents: false,
    };
    this.datagrams = new HandshakeDatagrams(options, undefined, counters, this.flows, (event) =>
      this.events.push(event),
    );
    this.packet.protocol = IpProtocol.udp;
  }

  send(flow: number, fromClient: boolean, bytes: Buffer, view: DataView): void {
    const { packet } = this;
    const client = 0x0a000000 + (flow >>> 14);
    const port = 32_768 + (flow & 0x3fff);
    packet.source0 = fromClient ? client : 0xc0000201;
    packet.destination0 = fromClient ? 0xc0000201 : client;
    packet.sourcePort = fromClient ? port : 443;
    packet.destinationPort = fromClient ? 443 : port;
    packet.bytes = bytes;
    packet.view = view;
    packet.payloadEnd = bytes.length;
    packet.payloadLength = bytes.length;
    packet.ipLength = bytes.length + 28;
    this.datagrams.datagram(packet, this.flows.observe(packet), this.flows.fromClient);
  }
}

const viewOf = (bytes: Buffer): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

const unit = calibrate();
const show = (what: string, ns: number): void =>
  console.log(`${what}: ${ns.toFixed(0)} ns, ${(ns / unit).toFixed(2)} units, ${Math.round(1e9 / ns)} a second`);
console.log(`unit, one AES-128-GCM decryption of 1,200 bytes: ${unit.toFixed(0)} ns`);

const { clientInitial, serverInitial } = VERSION_1;
const clientView = viewOf(clientInitial);
const serverView = viewOf(serverInitial);
const { initial } = findQuicVersion(1) ?? {};
if (initial === undefined) throw new Error('version 1 is not known');

show(
  "the client's keys of a connection",
  time(ROUNDS, () => {
    if (new InitialKeys(initial, CLIENT_ID).client === undefined) throw new Error('no keys');
  }),
);

const keys = new InitialKeys(initial, CLIENT_ID);
const header = new LongHeader();
show(
  'an Initial of 1,200 bytes opened with known keys',
  time(ROUNDS, () => {
    header.read(clientInitial, clientView, 0, clientInitial.length);
    if (openInitial(header, clientInitial, keys.client) === undefined) throw new Error('not opened');
  }),
);
show(
  'an Initial that these keys do not open',
  time(ROUNDS, () => {
    header.read(clientInitial, clientView, 0, clientInitial.length);
    if (openInitial(header, clientInitial, keys.server) !== undefined) throw new Error('opened');
  }),
);

let wire = new Wire();
let flow = 0;
const handshake = time(ROUNDS, () => {
  wire.send(flow, true, clientInitial, clientView);
  wire.send(flow, false, serverInitial, serverView);
  flow++;
});
if (wire.events.length !== ROUNDS * SAMPLES) throw new Error(`${wire.events.length} handshakes of ${ROUNDS * SAMPLES}`);
show('a handshake: two datagrams, keys, hellos, event', handshake);
show('a hello, half of that', handshake / 2);

wire = new Wire();
wire.send(0, true, clientInitial, clientView);
wire.send(0, false, serverInitial, serverView);
const data = Buffer.alloc(1_200, 0x41);
const dataView = viewOf(data);
show(
  'a short-header packet of a known connection, flow table included',
  time(200_000, (round) => wire.send(0, (round & 1) === 0, data, dataView)),
);
const random = Buffer.alloc(1_200, 0x05);
const randomView = viewOf(random);
for (let i = 0; i < 300; i++) wire.send(1, true, random, randomView);
show(
  'a packet of another UDP flow that is decided, flow table included',
  time(200_000, (round) => wire.send(1, (round & 1) === 0, random, randomView)),
);
