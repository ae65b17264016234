/** From key to slot: open addressing with linear probing, half full at most, grown as flows come. */
import type { FlowKey } from './key.ts';
import { type FlowRecords, HOT_WORDS } from './record.ts';

/** Cells at first: a few kilobytes. */
const FIRST_CELLS = 1024;
/** Words of a cell: slot + 1 (0: empty), and the hash, which spares the record at a mismatch. */
const CELL = 2;

export class FlowIndex {
  private readonly records: FlowRecords;
  private cells = new Int32Array(FIRST_CELLS * CELL);
  private mask = FIRST_CELLS - 1;
  private used = 0;

  constructor(records: FlowRecords) {
    this.records = records;
  }

  /** The slot of the flow with this key and hash, or -1. */
  find(key: FlowKey, hash: number): number {
    const { cells, mask } = this;
    const { words: wanted, length } = key;
    const { words } = this.records;
    for (let cell = hash & mask; ; cell = (cell + 1) & mask) {
      const entry = cells[cell * CELL] as number;
      if (entry === 0) return -1;
      if (cells[cell * CELL + 1] !== hash) continue;
      const at = (entry - 1) * HOT_WORDS;
      let same = 0;
      while (same < length && words[at + same] === wanted[same]) same++;
      if (same === length) return entry - 1;
    }
  }

  /** Adds a slot whose key is not in the index. */
  add(slot: number, hash: number): void {
    if (2 * ++this.used > this.mask) this.grow();
    this.place(slot + 1, hash);
  }

  /** Takes a slot out. The cells after it move up, so that no tombstones gather. */
  remove(slot: number, hash: number): void {
    const { cells, mask } = this;
    let hole = hash & mask;
    while (cells[hole * CELL] !== slot + 1) hole = (hole + 1) & mask;
    for (let cell = (hole + 1) & mask; cells[cell * CELL] !== 0; cell = (cell + 1) & mask) {
      const home = (cells[cell * CELL + 1] as number) & mask;
      // An entry may move up only as far as its home.
      if (((cell - home) & mask) < ((cell - hole) & mask)) continue;
      cells[hole * CELL] = cells[cell * CELL] as number;
      cells[hole * CELL + 1] = cells[cell * CELL + 1] as number;
      hole = cell;
    }
    cells[hole * CELL] = 0;
    this.used--;
  }

  clear(): void {
    this.cells.fill(0);
    this.used = 0;
  }

  private place(entry: number, hash: number): void {
    const { cells, mask } = this;
    let cell = hash & mask;
    while (cells[cell * CELL] !== 0) cell = (cell + 1) & mask;
    cells[cell * CELL] = entry;
    cells[cell * CELL + 1] = hash;
  }

  private grow(): void {
    const old = this.cells;
    this.cells = new Int32Array(old.length * 2);
    this.mask = this.cells.length / CELL - 1;
    for (let at = 0; at < old.length; at += CELL) {
      if (old[at] !== 0) this.place(old[at] as number, old[at + 1] as number);
    }
  }
}
