/** One captured frame and the reused view through which the dissectors see it. */

const EMPTY = Buffer.alloc(0);

/** Who owns the socket that sent or received a frame; only a live eBPF capture knows. */
export interface Owner {
  readonly processId: number;
  readonly userId: number;
  readonly command: string;
  /** Path of the program, where the process still ran when it was looked up. */
  readonly executable?: string;
  readonly userName?: string;
  /** Path in the cgroup v2 hierarchy. */
  readonly cgroup?: string;
  /** Of a container runtime: 64 hexadecimal digits. */
  readonly containerId?: string;
}

/**
 * A reused window on the bytes of one frame. It is valid only during the synchronous call that it is passed to:
 * whoever needs something later copies it out (see `event.ts`, the only copy boundary).
 *
 * `bytes` and `view` cover one long-lived mapping or file block that many frames share; `start` and `end` bound the
 * captured part of this frame in it. A new view per packet would cost 50 to 150 ns, offsets cost nothing.
 */
export class Frame {
  bytes: Buffer = EMPTY;
  view: DataView = new DataView(EMPTY.buffer, EMPTY.byteOffset, 0);
  /** Offset of the first captured byte in `bytes`. */
  start = 0;
  /** Offset after the last captured byte in `bytes`. */
  end = 0;
  /** Length on the wire in bytes; more than `end - start` where a snap length cut the frame. */
  originalLength = 0;
  /** Payload bytes of each wire packet that an offload made this frame of (or will make of it); 0: it is one packet. */
  segmentSize = 0;
  /** LINKTYPE_ value of the tcpdump registry. */
  linkType = 0;
  /** Time of capture: whole seconds since 1970-01-01 UTC. */
  seconds = 0;
  /** Time of capture: nanoseconds within the second. */
  nanos = 0;
  /** Index into the capture's interfaces (see `Capture.interfaceName`). */
  interfaceIndex = 0;
  owner: Owner | undefined = undefined;
}
