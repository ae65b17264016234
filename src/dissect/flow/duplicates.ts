/**
 * A packet that several watched interfaces show (a bridge and its port, a VLAN and its parent, both sides of a router)
 * counts once: each direction of a flow belongs to the interface that showed it first. Another interface takes over when
 * that one has shown nothing of it for a while, so that a fail-over or a removed interface loses nothing for long.
 */
import type { Frame } from '../frame.ts';

/** Copies of one packet are microseconds apart; a flow that moved to another interface stays away from the old one. */
const TAKE_OVER_SECONDS = 2;

/** For each side of a flow: the interface index, and the second of its last packet. */
const SIDE_WORDS = 2;
const SLOT_WORDS = 2 * SIDE_WORDS;
/** No interface has the index 0. */
const NO_INTERFACE = 0;

export class Duplicates {
  private readonly words: Uint32Array;

  constructor(capacity: number) {
    this.words = new Uint32Array(capacity * SLOT_WORDS);
  }

  /** A new flow, with its first packet. */
  start(slot: number, side: 0 | 1, frame: Frame): void {
    const at = slot * SLOT_WORDS;
    this.words[at + (1 - side) * SIDE_WORDS] = NO_INTERFACE;
    this.words[at + side * SIDE_WORDS] = frame.interfaceIndex;
    this.words[at + side * SIDE_WORDS + 1] = frame.seconds;
  }

  isDuplicate(slot: number, side: 0 | 1, frame: Frame): boolean {
    const { words } = this;
    const at = slot * SLOT_WORDS + side * SIDE_WORDS;
    const owner = words[at] as number;
    if (owner !== frame.interfaceIndex) {
      const silence = frame.seconds - (words[at + 1] as number);
      if (owner !== NO_INTERFACE && silence < TAKE_OVER_SECONDS) return true;
      words[at] = frame.interfaceIndex;
    }
    words[at + 1] = frame.seconds;
    return false;
  }
}
