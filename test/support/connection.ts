/** A TCP connection, or datagrams between two ports, as frames of Ethernet. */
import { TcpFlag } from '../../src/dissect/net/packet.ts';
import { ethernet, ipv4, u16, u32, udp } from '../dissect/net/packets.ts';

export type Side = 'client' | 'server';
const ADDRESSES = { client: '192.0.2.1', server: '198.51.100.2' } as const;
const INITIAL = { client: 1_000, server: 5_000 } as const;

/** A TCP connection as frames; each has ports of its own. */
export class Connection {
  readonly frames: Buffer[] = [];
  private readonly sent = { client: 1, server: 1 };
  private readonly ports: Readonly<Record<Side, number>>;

  constructor(client: number, server: number) {
    this.ports = { client, server };
    this.frame('client', Buffer.alloc(0), TcpFlag.syn, 0);
    this.frame('server', Buffer.alloc(0), TcpFlag.syn | TcpFlag.ack, 0);
    this.frame('client', Buffer.alloc(0), TcpFlag.ack, 1);
  }

  send(from: Side, data: Buffer | string): this {
    return this.parts(from, [Buffer.from(data)], [0]);
  }

  /** Sends parts of the stream in another order than theirs. */
  parts(from: Side, parts: readonly Buffer[], order: readonly number[]): this {
    const starts = parts.map((_, i) => parts.slice(0, i).reduce((sum, { length }) => sum + length, this.sent[from]));
    for (const i of order) this.frame(from, parts[i]!, TcpFlag.ack | TcpFlag.psh, starts[i]!);
    this.sent[from] += parts.reduce((sum, { length }) => sum + length, 0);
    return this;
  }

  private frame(from: Side, data: Buffer, flags: number, at: number): void {
    const to = from === 'client' ? 'server' : 'client';
    const tcp = Buffer.concat([
      u16(this.ports[from]),
      u16(this.ports[to]),
      u32(INITIAL[from] + at),
      u32(INITIAL[to] + this.sent[to]),
      Buffer.from([0x50, flags]),
      u16(0x7fff),
      u32(0),
      data,
    ]);
    this.frames.push(ethernet(0x0800, ipv4(6, tcp, { source: ADDRESSES[from], destination: ADDRESSES[to] })));
  }
}

/** A datagram between the same addresses. */
export function datagram(from: Side, sourcePort: number, destinationPort: number, payload: Buffer): Buffer {
  const to = from === 'client' ? 'server' : 'client';
  const ends = { source: ADDRESSES[from], destination: ADDRESSES[to] };
  return ethernet(0x0800, ipv4(17, udp(sourcePort, destinationPort, payload), ends));
}
