/** Writes a message of Protocol Buffers from its end to its start: the length of a nested one is known when it is needed. */
import { tag, varintLength, WIRE, writeVarint } from './protobuf.ts';

/** An event has a few KiB; the native format's longest line has 96. */
const FIRST_BYTES = 64 * 1024;

export class BackwardWriter {
  private buffer = Buffer.allocUnsafe(FIRST_BYTES);
  /** Bytes so far, at the end of the buffer. */
  private length = 0;

  /** What `write` writes, in a buffer of its own. */
  take(write: () => void): Buffer {
    this.length = 0;
    write();
    return Buffer.from(this.buffer.subarray(this.buffer.length - this.length));
  }

  /** @param write writes the fields, the last one first */
  message(field: number, write: () => void): void {
    const before = this.length;
    write();
    this.head(field, this.length - before);
  }

  text(field: number, text: string): void {
    const length = Buffer.byteLength(text);
    const at = this.room(length);
    this.buffer.write(text, at);
    this.head(field, length);
  }

  varint(field: number, value: number): void {
    this.number(value);
    this.tag(field, WIRE.varint);
  }

  double(field: number, value: number): void {
    const at = this.room(8);
    this.buffer.writeDoubleLE(value, at);
    this.tag(field, WIRE.fixed64);
  }

  private head(field: number, length: number): void {
    this.number(length);
    this.tag(field, WIRE.bytes);
  }

  private number(value: number): void {
    const at = this.room(varintLength(value));
    writeVarint(this.buffer, value, at);
  }

  private tag(field: number, wire: number): void {
    const at = this.room(1);
    this.buffer[at] = tag(field, wire);
  }

  /** The place of so many bytes before those so far. The buffer may be another one after it. */
  private room(bytes: number): number {
    this.length += bytes;
    if (this.length > this.buffer.length) {
      const written = this.length - bytes;
      const larger = Buffer.allocUnsafe(2 * this.length);
      this.buffer.copy(larger, larger.length - written, this.buffer.length - written);
      this.buffer = larger;
    }
    return this.buffer.length - this.length;
  }
}
