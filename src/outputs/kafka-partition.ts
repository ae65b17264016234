/** Where Kafka's own clients put a record that has a key, so that theirs and these of one key are together. */

const M = 0x5bd1e995;
const SEED = 0x9747b28c;

/** MurmurHash2 of 32 bits with the seed of org.apache.kafka.common.utils.Utils. */
export function murmur2(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  let hash = SEED ^ length;
  let at = start;
  for (; at + 4 <= end; at += 4) {
    let word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    word = Math.imul(word, M);
    word ^= word >>> 24;
    hash = Math.imul(hash, M) ^ Math.imul(word, M);
  }
  const rest = end - at;
  if (rest > 0) {
    if (rest > 2) hash ^= bytes[at + 2]! << 16;
    if (rest > 1) hash ^= bytes[at + 1]! << 8;
    hash = Math.imul(hash ^ bytes[at]!, M);
  }
  hash = Math.imul(hash ^ (hash >>> 13), M);
  return hash ^ (hash >>> 15);
}

/** The index of the partition among `count`. */
export function partitionOfKey(bytes: Uint8Array, start: number, end: number, count: number): number {
  return (murmur2(bytes, start, end) & 0x7fffffff) % count;
}
