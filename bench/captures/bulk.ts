/**
 * Mixed TCP traffic: connections that open, talk and close, interleaved. In the body of a connection one packet of 24
 * is a request (80–700 bytes), one of three the client's bare acknowledgment, the others the server's data: half of
 * them full (1,448 bytes), half 60–1,200 bytes. How much a connection says follows a heavy tail. One in five is IPv6.
 * The payload is noise: this file measures packets and flows, the TLS and DNS files measure protocols.
 */
import { Random } from './random.ts';
import { Timeline } from './timeline.ts';
import { type CaptureWriter, type Path, reverse, Tcp } from './writer.ts';

const SERVICES = [443, 443, 443, 443, 80, 8080, 22, 5432, 9092, 25];
const CLIENTS = 500;
const SERVERS = 2000;
const DURATION_US = 60e6;
/** SYN, SYN-ACK, ACK at the start; FIN, FIN-ACK, ACK at the end. */
const FRAME_PACKETS = 6;

interface Connection {
  readonly out: Path;
  readonly back: Path;
  readonly packets: number;
  /** Mean time between two packets, µs. */
  readonly pace: number;
  sent: number;
  clientSequence: number;
  serverSequence: number;
}

export function writeBulk(writer: CaptureWriter, flows: number, packets: number): void {
  const random = new Random(0xb17);
  const noise = Buffer.alloc(65_536);
  random.fill(noise, 0, noise.length);
  const connections = packetCounts(random, flows, packets).map((count, index) => connect(random, index, count));
  const timeline = new Timeline(flows);
  for (let i = 0; i < flows; i++) timeline.push(random.fraction() * DURATION_US, i);
  while (timeline.next < Number.POSITIVE_INFINITY) {
    const time = timeline.next;
    const index = timeline.pop();
    const connection = connections[index] as Connection;
    send(writer, random, connection, time, noise);
    if (connection.sent < connection.packets) timeline.push(time + connection.pace * (0.5 + random.fraction()), index);
  }
}

/** A heavy-tailed share of the packets for each flow: at least two more than opening and closing take. */
function packetCounts(random: Random, flows: number, packets: number): number[] {
  const least = FRAME_PACKETS + 2;
  const weights = Array.from({ length: flows }, () => (1 - random.fraction()) ** -0.8 - 1);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const counts = weights.map((weight) => least + Math.floor((weight / total) * (packets - flows * least)));
  const rest = packets - counts.reduce((sum, count) => sum + count, 0);
  for (let i = 0; i < rest; i++) counts[i % flows] = (counts[i % flows] ?? 0) + 1;
  return counts;
}

function connect(random: Random, index: number, packets: number): Connection {
  const out: Path = {
    ipv6: random.below(5) === 0,
    source: 0x0a01_0000 + random.below(CLIENTS),
    destination: 0xc633_0000 + random.below(SERVERS),
    // Each client's ports go round, so that no two connections have the same five.
    sourcePort: 10_000 + (index % 50_000),
    destinationPort: SERVICES[random.below(SERVICES.length)] ?? 443,
  };
  return {
    out,
    back: reverse(out),
    packets,
    pace: random.logarithmic(100, 20_000),
    sent: 0,
    clientSequence: random.word(),
    serverSequence: random.word(),
  };
}

function send(writer: CaptureWriter, random: Random, connection: Connection, time: number, noise: Buffer): void {
  const step = connection.sent++;
  const left = connection.packets - step;
  const place = (step - 3) % 24;
  const start = random.below(noise.length - 1448);
  if (step === 0) fromClient(writer, connection, time, Tcp.syn, noise, 0, 0);
  else if (step === 1) fromServer(writer, connection, time, Tcp.syn | Tcp.ack, noise, 0, 0);
  else if (step === 2 || left === 1) fromClient(writer, connection, time, Tcp.ack, noise, 0, 0);
  else if (left === 3) fromClient(writer, connection, time, Tcp.fin | Tcp.ack, noise, 0, 0);
  else if (left === 2) fromServer(writer, connection, time, Tcp.fin | Tcp.ack, noise, 0, 0);
  else if (place === 0) {
    fromClient(writer, connection, time, Tcp.psh | Tcp.ack, noise, start, start + random.between(80, 700));
  } else if (place % 3 === 0) fromClient(writer, connection, time, Tcp.ack, noise, 0, 0);
  else {
    const size = random.below(2) === 0 ? 1448 : random.between(60, 1200);
    fromServer(writer, connection, time, Tcp.psh | Tcp.ack, noise, start, start + size);
  }
}

function fromClient(
  writer: CaptureWriter,
  connection: Connection,
  time: number,
  flags: number,
  payload: Buffer,
  start: number,
  end: number,
): void {
  const acknowledged = flags & Tcp.ack ? connection.serverSequence : 0;
  writer.tcp(time, connection.out, flags, connection.clientSequence, acknowledged, payload, start, end);
  connection.clientSequence += end - start + (flags & (Tcp.syn | Tcp.fin) ? 1 : 0);
}

function fromServer(
  writer: CaptureWriter,
  connection: Connection,
  time: number,
  flags: number,
  payload: Buffer,
  start: number,
  end: number,
): void {
  writer.tcp(time, connection.back, flags, connection.serverSequence, connection.clientSequence, payload, start, end);
  connection.serverSequence += end - start + (flags & (Tcp.syn | Tcp.fin) ? 1 : 0);
}
