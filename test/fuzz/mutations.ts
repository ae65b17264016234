/**
 * Changes to one frame, at three levels: the bytes of fields, lengths, and what a packet carries. Lengths of IP and UDP
 * are set right after a change of size, else no mutation would get beyond them. Everything follows from a seeded
 * generator.
 */
import type { Random } from '../../bench/captures/random.ts';
import { cryptoFrame, sealInitial, V1, V2 } from '../dissect/quic/seal.ts';
import type { FuzzFrame } from './frame.ts';

/** The greatest frame that mutations make. */
export const MAX_FRAME = 70_000;

/** Values at which arithmetic goes wrong. */
const EDGES = [0, 1, 0x3f, 0x40, 0x7f, 0x80, 0xbf, 0xc0, 0xfe, 0xff];

/** Beginnings and types that parsers look for. */
// biome-ignore format: one line a protocol
const WORDS = [
  '1603010005', '160303ffff', '150302000202', '1403030001', '80', '802e010301', // TLS records, SSLv2
  '16feff000000000000000000', '16fefd0001', '0b', '0c', '0d', '10', '16', // DTLS, handshake types
  'c000000001', 'c36b3343cf', 'd000000001', 'f000000001', 'ff00001d', '06', // QUIC long headers, CRYPTO
  '0000', '000a', '000d', '0010', '0023', '0029', '002b', '0033', 'fe0d', // extensions
  'c00c', 'c000', 'ffff', '0029', '002e', '0041', '3f', '00000001', // DNS pointers and types
  '30', '3082ffff', '0282', '0500', '0401', '32323020', '2b4f4b', '2a204f4b20', // DER, SOCKS, greetings
].map((hex) => Buffer.from(hex, 'hex'));

const FIELD_MUTATIONS = [flipBits, setEdge, setWord, setRandom, copyWithin, swapWords] as const;
const LENGTH_MUTATIONS = [stretchLength, stretchLength, stretchLength, lengthAnywhere] as const;
const SIZE_MUTATIONS = [insert, remove, splice, repeat, sealQuic] as const;

/** A frame under change: `bytes[0, end)`. */
export class Draft {
  readonly bytes: Buffer = Buffer.alloc(MAX_FRAME + 64);
  end = 0;
  payload = 0;
  ip = -1;
  originalLength = 0;
  linkType = 0;
  /** Names of what was done, for a report. */
  done: string[] = [];

  begin(frame: FuzzFrame): this {
    frame.bytes.copy(this.bytes);
    this.end = Math.min(frame.bytes.length, MAX_FRAME);
    this.payload = frame.payload;
    this.ip = frame.ip;
    this.originalLength = frame.originalLength;
    this.linkType = frame.linkType;
    this.done = [];
    return this;
  }

  /** Moves the end of the payload and sets the lengths of IP and UDP right. */
  resize(end: number): void {
    this.originalLength += end - this.end;
    this.end = end;
    const { bytes, ip, payload } = this;
    if (ip < 0 || end > MAX_FRAME) return;
    const isIpv4 = bytes[ip]! >> 4 === 4;
    if (isIpv4) bytes.writeUInt16BE((end - ip) & 0xffff, ip + 2);
    else bytes.writeUInt16BE(Math.max(0, end - ip - 40) & 0xffff, ip + 4);
    if (bytes[ip + (isIpv4 ? 9 : 6)] === 17) bytes.writeUInt16BE((end - payload + 8) & 0xffff, payload - 4);
  }
}

/** One to four changes. `others` are frames to take parts from; `pass` gives QUIC connections their ids. */
export function mutate(draft: Draft, random: Random, others: readonly FuzzFrame[], pass: number): void {
  for (let count = 1 + random.below(4); count > 0; count--) {
    const level = random.below(10);
    if (level < 4) apply(FIELD_MUTATIONS, draft, random, others, pass);
    else if (level < 7) apply(LENGTH_MUTATIONS, draft, random, others, pass);
    else if (level < 9) apply(SIZE_MUTATIONS, draft, random, others, pass);
    else cut(draft, random);
  }
}

type Mutation = (draft: Draft, random: Random, others: readonly FuzzFrame[], pass: number) => void;

function apply(
  list: readonly Mutation[],
  draft: Draft,
  random: Random,
  others: readonly FuzzFrame[],
  pass: number,
): void {
  const mutation = list[random.below(list.length)]!;
  mutation(draft, random, others, pass);
  draft.done.push(mutation.name);
}

/** A place: mostly early in the payload, where the fields are, else anywhere in it or in the headers. */
function place({ end, payload }: Draft, random: Random): number {
  if (end === 0) return 0;
  const kind = random.below(10);
  if (payload >= end || kind < 2) return random.below(Math.max(1, Math.min(payload, end)));
  return payload + random.below(kind < 7 ? Math.min(600, end - payload) : end - payload);
}

function flipBits(draft: Draft, random: Random): void {
  for (let count = 1 + random.below(4); count > 0; count--) draft.bytes[place(draft, random)]! ^= 1 << random.below(8);
}

function setEdge(draft: Draft, random: Random): void {
  const at = place(draft, random);
  draft.bytes.fill(EDGES[random.below(EDGES.length)]!, at, Math.min(draft.end, at + (1 << random.below(3))));
}

function setWord(draft: Draft, random: Random): void {
  const word = WORDS[random.below(WORDS.length)]!;
  word.copy(draft.bytes, place(draft, random), 0, Math.min(word.length, draft.end));
}

function setRandom(draft: Draft, random: Random): void {
  draft.bytes[place(draft, random)] = random.below(256);
}

function copyWithin(draft: Draft, random: Random): void {
  const from = place(draft, random);
  const to = place(draft, random);
  const length = Math.min(1 + random.below(64), draft.end - Math.max(from, to));
  if (length > 0) draft.bytes.copyWithin(to, from, from + length);
}

function swapWords(draft: Draft, random: Random): void {
  const a = place(draft, random);
  const b = place(draft, random);
  if (Math.max(a, b) + 2 > draft.end) return;
  const word = draft.bytes.readUInt16BE(a);
  draft.bytes.writeUInt16BE(draft.bytes.readUInt16BE(b), a);
  draft.bytes.writeUInt16BE(word, b);
}

/** Looks for a number that can be the length of what follows it, and makes it wrong. */
function stretchLength(draft: Draft, random: Random): void {
  const { bytes, end } = draft;
  const width = 1 + random.below(3);
  const from = place(draft, random);
  for (let at = from; at < Math.min(end - width, from + 64); at++) {
    const rest = end - at - width;
    const value = bytes.readUIntBE(at, width);
    if (value === 0 || value > rest) continue;
    const most = 256 ** width - 1;
    const values = [0, value - 1, value + 1, value >> 1, rest, rest + 1, most, value + 256, most >> 1];
    bytes.writeUIntBE(Math.min(most, values[random.below(values.length)]!), at, width);
    return;
  }
}

function lengthAnywhere(draft: Draft, random: Random): void {
  const width = 1 + random.below(4);
  const at = place(draft, random);
  if (at + width > draft.end) return;
  const most = 256 ** width - 1;
  draft.bytes.writeUIntBE(
    [0, 1, most, draft.end - at - width, random.below(65_536)][random.below(5)]! % (most + 1),
    at,
    width,
  );
}

function insert(draft: Draft, random: Random): void {
  const at = place(draft, random);
  const length = 1 + random.below(random.below(8) === 0 ? 2_000 : 32);
  if (draft.end + length > MAX_FRAME) return;
  draft.bytes.copyWithin(at + length, at, draft.end);
  draft.bytes.fill(random.below(2) === 0 ? 0 : random.below(256), at, at + length);
  draft.resize(draft.end + length);
}

function remove(draft: Draft, random: Random): void {
  const at = place(draft, random);
  const length = Math.min(1 + random.below(32), draft.end - at);
  draft.bytes.copyWithin(at, at + length, draft.end);
  draft.resize(draft.end - length);
}

/** The payload of another frame, from some place of this one's on. */
function splice(draft: Draft, random: Random, others: readonly FuzzFrame[]): void {
  const { bytes, payload, end } = draft;
  const other = others[random.below(others.length)]!;
  const at = random.below(2) === 0 ? Math.min(payload, end) : place(draft, random);
  const copied = other.bytes.copy(
    bytes,
    at,
    other.payload,
    Math.min(other.bytes.length, other.payload + MAX_FRAME - at),
  );
  draft.resize(at + copied);
}

/** A part of the payload again and again: lists longer than any that is meant. */
function repeat(draft: Draft, random: Random): void {
  const at = place(draft, random);
  const length = Math.min(1 + random.below(24), draft.end - at);
  const times = 1 + random.below(200);
  if (draft.end + length * times > MAX_FRAME) return;
  draft.bytes.copyWithin(at + length * times, at, draft.end);
  for (let i = 1; i < times; i++) draft.bytes.copy(draft.bytes, at + i * length, at, at + length);
  draft.resize(draft.end + length * times);
}

/** A TLS handshake record becomes a QUIC Initial: what is changed in a sealed packet does not get past its seal. */
function sealQuic(draft: Draft, random: Random, _others: readonly FuzzFrame[], pass: number): void {
  const { bytes, ip, payload } = draft;
  if (ip < 0 || draft.end - payload < 10 || bytes[payload] !== 0x16) return;
  const data = Buffer.from(bytes.subarray(payload + 5, Math.min(draft.end, payload + 1_400)));
  const from = data[0] === 2 ? 'server' : 'client';
  const cut = random.below(data.length);
  const frames = [
    cryptoFrame(data.subarray(cut), cut),
    cryptoFrame(data.subarray(0, cut), 0),
    Buffer.alloc(random.below(40)),
  ];
  if (random.below(4) === 0) frames.push(cryptoFrame(data, random.below(70_000)));
  const plain = Buffer.concat(frames);
  for (let count = random.below(3); count > 0; count--) plain[random.below(plain.length)] = random.below(256);
  const originalId = Buffer.alloc(8, 1 + (pass % 255));
  const version = random.below(4) === 0 ? V2 : V1;
  const sealed = sealInitial({
    version,
    originalId,
    from,
    packetNumber: random.below(4),
    payload: plain.subarray(0, 1_500),
  });
  const isIpv4 = bytes[ip]! >> 4 === 4;
  const transport = isIpv4 ? ip + 4 * (bytes[ip]! & 15) : ip + 40;
  bytes[ip + (isIpv4 ? 9 : 6)] = 17;
  draft.payload = transport + 8;
  bytes.writeUInt16BE(0, transport + 6);
  sealed.copy(bytes, transport + 8);
  draft.resize(transport + 8 + sealed.length);
}

/** The capture's snap length, or the wire's end. */
function cut(draft: Draft, random: Random): void {
  const end = random.below(draft.end + 1);
  if (random.below(2) === 0) draft.originalLength = end;
  draft.end = end;
  draft.done.push('cut');
}
