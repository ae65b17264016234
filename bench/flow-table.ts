/**
 * What a packet costs the flow table with few and with many flows, in random order; what a flow costs to begin and to
 * report; and the memory of a million flows.
 *
 *     node dist/bench/flow-table.js [tcp|udp]
 *
 * Times are also given as multiples of a calibration loop of the same run, so that machines can be compared.
 */
import { performance } from 'node:perf_hooks';
import { createCounters } from '../src/counters.ts';
import { FLOW_DEFAULTS } from '../src/dissect/flow/options.ts';
import { FlowTable } from '../src/dissect/flow/table.ts';
import { IpProtocol, Packet, TcpFlag } from '../src/dissect/net/packet.ts';

const FLOW_COUNTS = [1_000, 50_000, 1_000_000];
const PACKETS = 4_000_000;
const MIB = 2 ** 20;

/** Nanoseconds of a step of a fixed chain of integer arithmetic. */
function calibrate(): number {
  let x = 1;
  const steps = 50_000_000;
  const start = performance.now();
  for (let i = 0; i < steps; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
  }
  const time = performance.now() - start;
  if (x === 0) throw new Error('xorshift never reaches 0');
  return (time * 1e6) / steps;
}

/** Fills in the packet of a flow by arithmetic alone, so that the loop has no memory of its own to miss. */
function fill(packet: Packet, flow: number, round: number, protocol: number): void {
  const fromClient = (round & 1) === 0;
  const client = 0x0a000000 + flow;
  const server = 0xc0000200 + (Math.imul(flow, 0x9e3779b1) >>> 24);
  const port = 32768 + (flow & 0x3fff);
  packet.protocol = protocol;
  packet.source0 = fromClient ? client : server;
  packet.destination0 = fromClient ? server : client;
  packet.sourcePort = fromClient ? port : 443;
  packet.destinationPort = fromClient ? 443 : port;
  packet.ipLength = 140;
  packet.payloadLength = 100;
  packet.tcpSequence = (flow + (round >>> 1) * 100) >>> 0;
  packet.tcpFlags = TcpFlag.ack;
  packet.tcpWindow = 512;
}

/** The `index`th of `count` flows in a fixed random order: rounds of a Feistel permutation over 2^20, walked. */
function shuffled(index: number, count: number): number {
  let value = index;
  do {
    for (let round = 1; round <= 3; round++) {
      const low = value & 1023;
      value = (low << 10) | ((value >>> 10) ^ ((Math.imul(low + round, 0x9e3779b1) >>> 15) & 1023));
    }
  } while (value >= count);
  return value;
}

function order(count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, i) => i % count).map((i) => shuffled(i, count));
}

function run(count: number, protocol: number, unit: number): number {
  let emitted = 0;
  const before = process.memoryUsage.rss();
  const table = new FlowTable(FLOW_DEFAULTS, createCounters(), {
    admit: () => 0,
    end: () => {},
    emit: () => {
      emitted++;
    },
    interfaceName: () => undefined,
  });
  const packet = new Packet();
  packet.frame.seconds = 1_700_000_000;
  const sequence = order(count);
  let start = performance.now();
  for (let i = 0; i < count; i++) {
    fill(packet, sequence[i] as number, 0, protocol);
    table.observe(packet);
  }
  const creation = ((performance.now() - start) * 1e6) / count;

  const rounds = Math.ceil(PACKETS / count);
  let best = Number.POSITIVE_INFINITY;
  for (let sample = 0; sample < 3; sample++) {
    start = performance.now();
    for (let round = 1; round <= rounds; round++) {
      for (let i = 0; i < count; i++) {
        fill(packet, sequence[i] as number, sample * rounds + round, protocol);
        table.observe(packet);
      }
    }
    best = Math.min(best, ((performance.now() - start) * 1e6) / (rounds * count));
  }
  const memory = process.memoryUsage.rss() - before;
  start = performance.now();
  for (const _ of table.end());
  const emission = ((performance.now() - start) * 1e6) / count;
  if (emitted !== count) throw new Error(`${emitted} flows reported of ${count}`);
  const show = (ns: number): string => `${ns.toFixed(0)} ns (${(ns / unit).toFixed(0)} units)`;
  console.log(
    `${count} flows: packet ${show(best)}, first packet ${show(creation)}, report ${show(emission)}, ` +
      `memory ${(memory / MIB).toFixed(0)} MiB`,
  );
  return best;
}

const protocol = process.argv[2] === 'udp' ? IpProtocol.udp : IpProtocol.tcp;
const unit = calibrate();
console.log(`calibration: ${unit.toFixed(2)} ns a unit; ${protocol === IpProtocol.udp ? 'UDP' : 'TCP'}`);
run(1_000, protocol, unit);
const costs = FLOW_COUNTS.map((count) => run(count, protocol, unit));
const ratio = (costs.at(-1) as number) / (costs[0] as number);
console.log(
  `a packet costs ${ratio.toFixed(2)} times as much with ${FLOW_COUNTS.at(-1)} flows as with ${FLOW_COUNTS[0]}`,
);
console.log(`memory of the process: ${(process.memoryUsage.rss() / MIB).toFixed(0)} MiB`);
