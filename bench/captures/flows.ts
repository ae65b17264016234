/**
 * The same number of small TCP packets over few or many connections that all live at the same time. Each round visits
 * every flow once, in an order that caches cannot guess, so that only the number of flows differs between the files.
 */
import { Random } from './random.ts';
import { type CaptureWriter, Tcp } from './writer.ts';

const PAYLOAD_SIZE = 32;
const PACKETS_PER_SECOND = 100_000;
const SERVERS = 64;
const PORTS = 50_000;

export function writeFlows(writer: CaptureWriter, flows: number, packets: number): void {
  const random = new Random(0xf10a);
  const noise = Buffer.alloc(65_536);
  random.fill(noise, 0, noise.length);
  const order = shuffled(random, flows);
  for (let i = 0; i < packets; i++) {
    const flow = order[i % flows] ?? 0;
    const round = Math.floor(i / flows);
    const client = Math.floor(flow / PORTS);
    const start = random.below(noise.length - PAYLOAD_SIZE);
    const path = {
      ipv6: flow % 5 === 0,
      source: 0x0a02_0000 + client,
      destination: 0xc633_0000 + (flow % SERVERS),
      sourcePort: 10_000 + (flow % PORTS),
      destinationPort: 8443,
    };
    const time = (i / PACKETS_PER_SECOND) * 1e6;
    writer.tcp(time, path, Tcp.psh | Tcp.ack, flow + round * PAYLOAD_SIZE, 1, noise, start, start + PAYLOAD_SIZE);
  }
}

/** All numbers below `size`, in an order without order (Fisher and Yates). */
function shuffled(random: Random, size: number): Uint32Array {
  const order = Uint32Array.from({ length: size }, (_, index) => index);
  for (let i = size - 1; i > 0; i--) {
    const other = random.below(i + 1);
    const held = order[i] ?? 0;
    order[i] = order[other] ?? 0;
    order[other] = held;
  }
  return order;
}
