/** Lines of chosen events, brought together. */
import { CimEvent } from '../cim/event.ts';
import { lineLength } from './write.ts';

const BLOCK_BYTES = 64 * 1024;

/**
 * Copies lines into blocks that hold nothing else. An event keeps its whole block in memory, some 256 KB with hundreds of
 * lines: an output that takes one of them and waits for its peer would hold a thousand times what it has to send.
 */
export class Compactor {
  private block = Buffer.alloc(0);
  private at = 0;

  copy(event: CimEvent): CimEvent {
    const length = lineLength(event);
    if (this.at + length > this.block.length) {
      this.block = Buffer.allocUnsafeSlow(Math.max(BLOCK_BYTES, length));
      this.at = 0;
    }
    const start = this.at;
    event.block.copy(this.block, start, event.start, event.end + 1);
    this.at += length;
    return new CimEvent(event.kind, event.seconds, event.nanos, this.block, start, this.at - 1);
  }
}
