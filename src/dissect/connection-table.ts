/** Connections under way by flow slot, bounded in number and in what they hold: the oldest yields. */

interface Holder {
  /** Of its flow. */
  readonly slot: number;
  /** What its streams hold now. */
  readonly bufferedBytes: number;
}

/**
 * Handshakes followed at once, and associations that are kept after theirs: those that begin within a round trip, at
 * 40,000 a second and 200 ms.
 */
export const MAX_CONNECTIONS = 8_192;

/** What the streams of all connections may hold together: 4 KiB each, for hellos over several segments or datagrams. */
export const MAX_BUFFERED_BYTES = 4_096 * MAX_CONNECTIONS;

export class ConnectionTable<C extends Holder> {
  /** In the order in which they began. */
  private readonly connections = new Map<number, C>();
  private bufferedBytes = 0;

  get size(): number {
    return this.connections.size;
  }

  get(slot: number): C | undefined {
    return this.connections.get(slot);
  }

  has(slot: number): boolean {
    return this.connections.has(slot);
  }

  add(connection: C): C {
    this.connections.set(connection.slot, connection);
    return connection;
  }

  /** The connection has taken data; `before` is what it held until then. */
  account(connection: C, before: number): void {
    this.bufferedBytes += connection.bufferedBytes - before;
  }

  /** The connection that has to yield, as long as there are too many or they hold too much; whoever asks removes it. */
  get excess(): C | undefined {
    if (this.connections.size <= MAX_CONNECTIONS && this.bufferedBytes <= MAX_BUFFERED_BYTES) return undefined;
    for (const oldest of this.connections.values()) return oldest;
    return undefined;
  }

  remove(connection: C): void {
    if (this.connections.delete(connection.slot)) this.bufferedBytes -= connection.bufferedBytes;
  }

  /** All of them, oldest first; they may be removed meanwhile. */
  all(): IterableIterator<C> {
    return this.connections.values();
  }
}
