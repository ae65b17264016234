/**
 * Makes golden cases out of others: traffic that real programs do not produce at will, from the bytes that they did.
 *
 *     node dist/scripts/edited-fixtures.js
 *
 * Afterwards `UPDATE_EXPECTED=1 node --test dist/test/fixtures/cases.test.js` writes their events.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PcapFile } from '../src/capture/pcap-file.ts';
import { TcpFlag } from '../src/dissect/net/packet.ts';
import { PROJECT } from '../test/support/shared.ts';

const CASES = join(PROJECT, 'test/fixtures/cases');
const ETHERNET = 14;
const IP_LENGTH = ETHERNET + 2;
const TCP = ETHERNET + 20;
const SEQUENCE = TCP + 4;
const ACKNOWLEDGMENT = TCP + 8;
const DATA_OFFSET = TCP + 12;
const FLAGS = TCP + 13;

interface Edited {
  readonly bytes: Buffer;
  readonly seconds: number;
  readonly micros: number;
  /** Captured bytes; all without. */
  readonly captured?: number;
}

async function framesOf(name: string): Promise<Edited[]> {
  const frames: Edited[] = [];
  const capture = await PcapFile.open(join(CASES, name, 'input.pcap'), { onWarning: () => {} });
  const sink = {
    frame({
      bytes,
      start,
      end,
      seconds,
      nanos,
    }: {
      bytes: Buffer;
      start: number;
      end: number;
      seconds: number;
      nanos: number;
    }) {
      frames.push({ bytes: Buffer.from(bytes.subarray(start, end)), seconds, micros: nanos / 1000 });
    },
    ready: () => undefined,
  };
  await capture.run(sink, new AbortController().signal);
  return frames;
}

const payloadAt = ({ bytes }: Edited): number => TCP + 4 * (bytes[DATA_OFFSET]! >> 4);
const payloadOf = (frame: Edited): Buffer => frame.bytes.subarray(payloadAt(frame));
const isClient = ({ bytes }: Edited): boolean => bytes.readUInt16BE(TCP) !== 443;

interface Change {
  readonly sequence?: number;
  readonly acknowledgment?: number;
  readonly flags?: number;
  readonly payload?: Buffer;
  readonly captured?: number;
  readonly later?: number;
}

/** Checksums are left as they are: nobody verifies them. */
function edit(frame: Edited, change: Change): Edited {
  const payload = change.payload ?? payloadOf(frame);
  const bytes = Buffer.concat([frame.bytes.subarray(0, payloadAt(frame)), payload]);
  bytes.writeUInt16BE(bytes.length - ETHERNET, IP_LENGTH);
  if (change.sequence !== undefined) bytes.writeUInt32BE(change.sequence >>> 0, SEQUENCE);
  if (change.acknowledgment !== undefined) bytes.writeUInt32BE(change.acknowledgment >>> 0, ACKNOWLEDGMENT);
  if (change.flags !== undefined) bytes[FLAGS] = change.flags;
  const { captured, later = 0 } = change;
  return { bytes, seconds: frame.seconds + later, micros: frame.micros, ...(captured !== undefined && { captured }) };
}

const sequence = ({ bytes }: Edited): number => bytes.readUInt32BE(SEQUENCE);

function write(name: string, text: string, frames: readonly Edited[]): void {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(65_535, 16);
  header.writeUInt32LE(1, 20);
  const records = frames.flatMap(({ bytes, seconds, micros, captured = bytes.length }) => {
    const record = Buffer.alloc(16);
    [seconds, micros, captured, bytes.length].forEach((value, i) => void record.writeUInt32LE(value, 4 * i));
    return [record, bytes.subarray(0, captured)];
  });
  const folder = join(CASES, name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'input.pcap'), Buffer.concat([header, ...records]));
  writeFileSync(join(folder, 'README.md'), text);
}

const BY = 'Made from the case tls12-ecdhe by `scripts/edited-fixtures.ts`.';
const all = await framesOf('tls12-ecdhe');
/** The two connections of the case. */
const first = all.slice(0, 20);
const second = all.slice(20, 40);
const [syn, synAck, ack, hello, helloAck, serverHello] = first as [Edited, Edited, Edited, Edited, Edited, Edited];

write(
  'tls-server-opens-connection',
  `# TLS whose server opened the TCP connection

The SYN comes from the TLS server, as with agents that call home. The flow's client is who opened the connection; the
handshake's client is who sent the ClientHello. ${BY}
`,
  [
    edit(synAck, { flags: TcpFlag.syn, acknowledgment: 0 }),
    edit(syn, { flags: TcpFlag.syn | TcpFlag.ack, acknowledgment: sequence(synAck) + 1 }),
    edit(helloAck, { sequence: sequence(synAck) + 1, acknowledgment: sequence(syn) + 1 }),
    ...first.slice(3),
  ],
);

write(
  'tls-one-sided',
  `# One side of two connections

Of the first connection only what the client sent was captured, of the second only what the server sent, as on an
asymmetric route. ${BY}
`,
  [...first.filter(isClient), ...second.filter((frame) => !isClient(frame))],
);

write(
  'tls-midstream',
  `# A capture that starts in the middle

Of the first connection the TCP handshake is missing, of the second everything up to the ServerHello. ${BY}
`,
  [...first.slice(3), ...second.slice(5)],
);

write(
  'tls-fast-open',
  `# TCP Fast Open

The SYN carries the ClientHello (RFC 7413), the SYN-ACK acknowledges it. ${BY}
`,
  [
    edit(syn, { payload: payloadOf(hello) }),
    edit(synAck, { acknowledgment: sequence(hello) + payloadOf(hello).length }),
    edit(ack, { sequence: sequence(hello) + payloadOf(hello).length }),
    ...first.slice(5),
  ],
);

const CUT = 100;
const parts = payloadOf(hello);
write(
  'tls-keep-alive-with-data',
  `# Keep-alive segments that carry data

The ClientHello comes in two segments; between them is a keep-alive of one byte, and the second segment begins with that
byte again, one before the next that is expected (RFC 9293 §3.8.4). ${BY}
`,
  [
    ...first.slice(0, 3),
    edit(hello, { payload: parts.subarray(0, CUT) }),
    edit(hello, { payload: parts.subarray(CUT - 1, CUT), sequence: sequence(hello) + CUT - 1 }),
    edit(hello, { payload: parts.subarray(CUT - 1), sequence: sequence(hello) + CUT - 1 }),
    ...first.slice(4),
  ],
);

write(
  'tls-data-after-reset',
  `# Data after a reset connection was reported

A regression: the client says hello, the server resets the connection, and seconds later, when its flow has been reported,
a segment of it still comes. The handshake that had ended with the flow was looked for and was not there, which ended the
whole program. ${BY}
`,
  [
    ...first.slice(0, 4),
    edit(helloAck, { flags: TcpFlag.rst | TcpFlag.ack }),
    edit(second[0]!, { later: 20 }),
    edit(first[7]!, { later: 20 }),
  ],
);

write(
  'tls-segment-cut-away',
  `# A segment of which only the headers were captured

A regression: the snap length left nothing of the segment with the ServerHello, and one byte was read beyond the end of the
frame. ${BY}
`,
  [...first.slice(0, 5), edit(serverHello, { captured: payloadAt(serverHello) })],
);

/** The content of a UTCTime (RFC 5280 §4.1.2.5.1); the first is the leaf's notBefore. Its tag and its length are before it. */
const UTC_TIME = /\d{12}Z/;
const IA5_STRING = 0x16;
const flight = Buffer.from(payloadOf(serverHello));
flight[flight.latin1Slice(0, flight.length).search(UTC_TIME) - 2] = IA5_STRING;
write(
  'tls-unreadable-leaf',
  `# A server whose own certificate cannot be read

A regression: the validity of the first certificate begins with a text in the place of a time, so that nobody can read it. The
second one, its issuer's, was taken for the server's: reported as such, and judged. ${BY}
`,
  [...first.slice(0, 5), edit(serverHello, { payload: flight }), ...first.slice(6)],
);

/** Port unreachable (RFC 792), from the receiver of the frame back to its sender, with the frame's IP packet quoted. */
function portUnreachable(frame: Edited): Edited {
  const ip = frame.bytes.subarray(ETHERNET);
  const addresses = Buffer.concat([ip.subarray(16, 20), ip.subarray(12, 16)]);
  const header = Buffer.concat([Buffer.from('45c0000000000000400100' + '00', 'hex'), addresses]);
  header.writeUInt16BE(header.length + 8 + ip.length, 2);
  const link = Buffer.concat([frame.bytes.subarray(6, 12), frame.bytes.subarray(0, 6), frame.bytes.subarray(12, 14)]);
  const bytes = Buffer.concat([link, header, Buffer.from('0303000000000000', 'hex'), ip]);
  return { bytes, seconds: frame.seconds, micros: frame.micros + 50 };
}

const [query, response] = (await framesOf('dns-udp')) as [Edited, Edited];
write(
  'dns-quoted-in-icmp',
  `# DNS quoted in an ICMP error

The client's port is closed when the response comes: the ICMP error quotes the response, which is no second one. Made from the
case dns-udp by \`scripts/edited-fixtures.ts\`.
`,
  [query, response, portUnreachable(response)],
);

const UDP = ETHERNET + 20;
const DNS = UDP + 8;
const DNS_HEADER = 12;
/** A question for A in IN whose name is the next question's: a pointer forwards, behind these six bytes. */
const FORWARDS = Buffer.from('c01200010001', 'hex');
const forwardQuery = Buffer.concat([
  query.bytes.subarray(0, DNS + DNS_HEADER),
  FORWARDS,
  query.bytes.subarray(DNS + DNS_HEADER),
]);
forwardQuery.writeUInt16BE(forwardQuery.length - ETHERNET, IP_LENGTH);
forwardQuery.writeUInt16BE(forwardQuery.length - UDP, UDP + 4);
forwardQuery.writeUInt16BE(2, DNS + 4);
write(
  'dns-question-only-in-response',
  `# A question that only the response tells

A regression: the query's first name is a compression pointer forwards, which RFC 1035 does not allow and public resolvers
answer all the same. The transaction had no \`query\` then, and \`ignore.domains\` and \`denied_names\` did not see the name, though
the response says it. Made from the case dns-udp by \`scripts/edited-fixtures.ts\`.
`,
  [{ ...query, bytes: forwardQuery }, response],
);
