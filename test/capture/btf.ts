/** The offsets of C structures, from the type information (BTF) in the kernel object. */
import { readFileSync } from 'node:fs';

const KIND_STRUCT = 4;
/** Bytes after `struct btf_type` of each kind, by kind: a part for each of `vlen` members, and a fixed part. */
const PER_MEMBER: Readonly<Record<number, number>> = { 4: 12, 5: 12, 6: 8, 13: 8, 15: 12, 19: 12 };
const FIXED: Readonly<Record<number, number>> = { 1: 4, 3: 12, 14: 4, 17: 4 };

/** The `.BTF` section of an ELF64 little-endian file. */
function section(elf: Buffer, wanted: string): Buffer {
  const table = Number(elf.readBigUInt64LE(40));
  const header = (index: number) => table + index * elf.readUInt16LE(58);
  const at = (index: number) => Number(elf.readBigUInt64LE(header(index) + 24));
  const names = at(elf.readUInt16LE(62));
  for (let i = 0; i < elf.readUInt16LE(60); i++) {
    const name = names + elf.readUInt32LE(header(i));
    if (elf.toString('latin1', name, elf.indexOf(0, name)) !== wanted) continue;
    return elf.subarray(at(i), at(i) + Number(elf.readBigUInt64LE(header(i) + 32)));
  }
  throw new Error(`no section ${wanted}`);
}

export interface Structure {
  readonly size: number;
  /** Offsets in bytes. */
  readonly offsets: Readonly<Record<string, number>>;
}

export function structuresOf(file: string): Map<string, Structure> {
  const btf = section(readFileSync(file), '.BTF');
  const types = btf.readUInt32LE(4) + btf.readUInt32LE(8);
  const end = types + btf.readUInt32LE(12);
  const strings = btf.readUInt32LE(4) + btf.readUInt32LE(16);
  const text = (offset: number) => btf.toString('latin1', strings + offset, btf.indexOf(0, strings + offset));
  const structures = new Map<string, Structure>();
  for (let at = types; at < end; ) {
    const info = btf.readUInt32LE(at + 4);
    const kind = (info >>> 24) & 31;
    const count = info & 0xffff;
    if (kind === KIND_STRUCT) {
      const members = Array.from({ length: count }, (_, i) => at + 12 + 12 * i);
      const offsets = members.map((member) => [text(btf.readUInt32LE(member)), btf.readUInt32LE(member + 8) / 8]);
      structures.set(text(btf.readUInt32LE(at)), {
        size: btf.readUInt32LE(at + 8),
        offsets: Object.fromEntries(offsets),
      });
    }
    at += 12 + (FIXED[kind] ?? 0) + count * (PER_MEMBER[kind] ?? 0);
  }
  return structures;
}
