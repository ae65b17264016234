/** Community ID v1 (github.com/corelight/community-id-spec): the same text for a flow in every tool that has it. */
import { KeyWord } from './key.ts';
import { BLOCK_WORDS, hashBlock, schedule } from './sha1.ts';

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
  // The seed has 16 bits, so that each word of the message has the halves of two words of the key.
  let last = 0;
  let filled = SEED << 16;
  const add = (word: number): void => {
    schedule[last++] = filled | (word >>> 16);
    filled = word << 16;
  };
  add(words[at + KeyWord.address0]!);
  const isIpv6 = versionAndProtocol >>> 16 === 6;
  if (isIpv6) for (let i = 0; i < 3; i++) add(words[at + KeyWord.rest0 + i]!);
  add(words[at + KeyWord.address1]!);
  if (isIpv6) for (let i = 0; i < 3; i++) add(words[at + KeyWord.rest1 + i]!);
  schedule[last++] = filled | ((versionAndProtocol & 0xff) << 8);
  schedule[last++] = ports;
  // SHA-1's padding: a one, zeros, the length in bits.
  schedule[last++] = 0x80 << 24;
  while (last < BLOCK_WORDS - 1) schedule[last++] = 0;
  schedule[last] = 8 * (isIpv6 ? IPV6_LENGTH : IPV4_LENGTH);
  hashBlock();
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
