/** Community ID v1 (github.com/corelight/community-id-spec): the same text for a flow in every tool that has it. */
import { KeyWord } from './key.ts';
import { BLOCK_WORDS, hashBlock, input } from './sha1.ts';

/** The spec's default; tools that are to agree must share it. */
const SEED = 0;

/** What is hashed for IPv4 and IPv6: seed, addresses, protocol, a zero byte, ports. */
const IPV4_LENGTH = 16;
const IPV6_LENGTH = 40;

/** The SHA-1 of a Community ID in five signed words. */
export interface CommunityHash {
  readonly hash0: number;
  readonly hash1: number;
  readonly hash2: number;
  readonly hash3: number;
  readonly hash4: number;
}

/**
 * Hashes the flow key at `at` of `words` into `digest` (`sha1.ts`). The key has the ends in the spec's order, the lower
 * address and then the lower port first; for ICMP the ports are the type and its counterpart, or type and code of a
 * one-way message.
 */
export function hashFlow(words: Uint32Array, at: number): void {
  const versionAndProtocol = words[at + KeyWord.protocol]!;
  const ports = words[at + KeyWord.ports]!;
  const isIpv6 = versionAndProtocol >>> 16 === 6;
  input[0] = SEED << 16;
  let last = put(0, words[at + KeyWord.address0]!);
  if (isIpv6) last = putRest(last, words, at + KeyWord.rest0);
  last = put(last, words[at + KeyWord.address1]!);
  if (isIpv6) last = putRest(last, words, at + KeyWord.rest1);
  input[last] = input[last]! | ((versionAndProtocol & 0xff) << 8);
  input[last + 1] = ports;
  // SHA-1's padding: a one, zeros, the length in bits.
  input[last + 2] = 0x80 << 24;
  for (let i = last + 3; i < BLOCK_WORDS - 1; i++) input[i] = 0;
  input[BLOCK_WORDS - 1] = 8 * (isIpv6 ? IPV6_LENGTH : IPV4_LENGTH);
  hashBlock();
}

/** The seed has 16 bits, so that each word of the message has the halves of two words of the key. */
function put(last: number, word: number): number {
  input[last] = input[last]! | (word >>> 16);
  input[last + 1] = word << 16;
  return last + 1;
}

function putRest(last: number, words: Uint32Array, at: number): number {
  return put(put(put(last, words[at]!), words[at + 1]!), words[at + 2]!);
}

const BASE64 = Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/');
const ONE = 0x31;
const COLON = 0x3a;
const EQUALS = 0x3d;
const TEXT_LENGTH = 30;
const text = Buffer.alloc(TEXT_LENGTH);

/** Writes the text, such as `1:LQU9qZlK+B5F3KDmev6m5PMibrg=`, at `at` and returns the offset after it. */
export function writeCommunityId(
  out: Buffer,
  at: number,
  { hash0, hash1, hash2, hash3, hash4 }: CommunityHash,
): number {
  out[at] = ONE;
  out[at + 1] = COLON;
  // Four characters show 24 bits. Of a word's 32, the rest goes on with the next word's.
  four(out, at + 2, hash0 >>> 8);
  four(out, at + 6, (hash0 << 16) | (hash1 >>> 16));
  four(out, at + 10, (hash1 << 8) | (hash2 >>> 24));
  four(out, at + 14, hash2);
  four(out, at + 18, hash3 >>> 8);
  four(out, at + 22, (hash3 << 16) | (hash4 >>> 16));
  four(out, at + 26, hash4 << 8);
  out[at + 29] = EQUALS;
  return at + TEXT_LENGTH;
}

function four(out: Buffer, at: number, bits: number): void {
  out[at] = BASE64[(bits >>> 18) & 63]!;
  out[at + 1] = BASE64[(bits >>> 12) & 63]!;
  out[at + 2] = BASE64[(bits >>> 6) & 63]!;
  out[at + 3] = BASE64[bits & 63]!;
}

export function communityIdText(hash: CommunityHash): string {
  writeCommunityId(text, 0, hash);
  return text.latin1Slice(0, TEXT_LENGTH);
}
