/**
 * TLS 1.2 and 1.3 connections, half each, with the bytes that real programs said: the conversations of the fixtures
 * (OpenSSL, curl, GnuTLS; nginx and openssl s_server; certificates and a little data), in turn. Addresses, ports, times
 * and the randoms of both hellos are new in each; the rest is as it was. Segments hold 1,460 bytes; every second is
 * acknowledged. 2,000 connections open each second and mostly overlap.
 */
import { join } from 'node:path';
import { readConversations, type Turn } from './conversation.ts';
import { Random } from './random.ts';
import { Timeline } from './timeline.ts';
import { type CaptureWriter, type Path, reverse, Tcp } from './writer.ts';

const TLS12_CASES = ['tls12-ecdhe', 'tls12-rsa'];
const TLS13_CASES = ['tls13', 'tls13-resumption'];
const OPENED_PER_SECOND = 2000;
const SEGMENT_SIZE = 1460;
const CLIENTS = 4000;
const SERVERS = 500;
/** Record header, handshake header and version come before the random of a hello (RFC 8446 section 4.1.2). */
const RANDOM_AT = 5 + 4 + 2;
const RANDOM_SIZE = 32;
/** No more are open at the same time. */
const PLACES = 4096;
const NO_PAYLOAD = Buffer.alloc(0);

interface Segment {
  readonly fromClient: boolean;
  readonly flags: number;
  readonly bytes: Buffer;
  /** First segment of this side: it holds the hello's random. */
  readonly hello: boolean;
}

interface Connection {
  readonly script: readonly Segment[];
  readonly out: Path;
  readonly back: Path;
  readonly pace: number;
  step: number;
  clientSequence: number;
  serverSequence: number;
}

export function writeTls(writer: CaptureWriter, connections: number, cases: string): void {
  const random = new Random(0x715);
  const scripts = [TLS12_CASES, TLS13_CASES].map((names) =>
    names.flatMap((name) => readConversations(join(cases, name, 'input.pcap')).map(toScript)),
  );
  const open: (Connection | undefined)[] = new Array(PLACES);
  const timeline = new Timeline(PLACES);
  const scratch = Buffer.alloc(SEGMENT_SIZE);
  let next = 0;
  for (let opened = 0; opened < connections || timeline.next < Number.POSITIVE_INFINITY; ) {
    const openingTime = opened < connections ? (opened / OPENED_PER_SECOND) * 1e6 : Number.POSITIVE_INFINITY;
    if (openingTime < timeline.next) {
      const version = scripts[opened % 2] ?? [];
      while (open[next]) next = (next + 1) % PLACES;
      open[next] = connect(random, opened, version[(opened >>> 1) % version.length] ?? []);
      timeline.push(openingTime, next);
      opened++;
      continue;
    }
    const time = timeline.next;
    const place = timeline.pop();
    const connection = open[place] as Connection;
    send(writer, random, connection, time, scratch);
    if (connection.step === connection.script.length) open[place] = undefined;
    else timeline.push(time + connection.pace * (0.5 + random.fraction()), place);
  }
}

/** The segments of a conversation from SYN to the last acknowledgment. */
function toScript(turns: readonly Turn[]): Segment[] {
  const bare = (fromClient: boolean, flags: number): Segment => ({
    fromClient,
    flags,
    bytes: NO_PAYLOAD,
    hello: false,
  });
  const script = [bare(true, Tcp.syn), bare(false, Tcp.syn | Tcp.ack), bare(true, Tcp.ack)];
  for (const [index, { fromClient, bytes }] of turns.entries()) {
    for (let start = 0, count = 1; start < bytes.length; start += SEGMENT_SIZE, count++) {
      const part = bytes.subarray(start, start + SEGMENT_SIZE);
      const flags = start + SEGMENT_SIZE < bytes.length ? Tcp.ack : Tcp.psh | Tcp.ack;
      script.push({ fromClient, flags, bytes: part, hello: index < 2 && start === 0 });
      if (count % 2 === 0 || flags & Tcp.psh) script.push(bare(!fromClient, Tcp.ack));
    }
  }
  script.push(bare(true, Tcp.fin | Tcp.ack), bare(false, Tcp.fin | Tcp.ack), bare(true, Tcp.ack));
  return script;
}

function connect(random: Random, index: number, script: readonly Segment[]): Connection {
  const out: Path = {
    ipv6: random.below(5) === 0,
    source: 0x0a04_0000 + random.below(CLIENTS),
    destination: 0xc633_0000 + random.below(SERVERS),
    // Each port twice in the whole file, by clients who differ as good as always.
    sourcePort: 10_000 + (index % 50_000),
    destinationPort: 443,
  };
  return {
    script,
    out,
    back: reverse(out),
    pace: random.logarithmic(500, 20_000),
    step: 0,
    clientSequence: random.word(),
    serverSequence: random.word(),
  };
}

function send(writer: CaptureWriter, random: Random, connection: Connection, time: number, scratch: Buffer): void {
  const { fromClient, flags, bytes, hello } = connection.script[connection.step++] as Segment;
  let payload = bytes;
  if (hello) {
    bytes.copy(scratch);
    random.fill(scratch, RANDOM_AT, RANDOM_SIZE);
    payload = scratch;
  }
  const advance = bytes.length + (flags & (Tcp.syn | Tcp.fin) ? 1 : 0);
  if (fromClient) {
    const acknowledged = flags & Tcp.ack ? connection.serverSequence : 0;
    writer.tcp(time, connection.out, flags, connection.clientSequence, acknowledged, payload, 0, bytes.length);
    connection.clientSequence += advance;
  } else {
    writer.tcp(
      time,
      connection.back,
      flags,
      connection.serverSequence,
      connection.clientSequence,
      payload,
      0,
      bytes.length,
    );
    connection.serverSequence += advance;
  }
}
