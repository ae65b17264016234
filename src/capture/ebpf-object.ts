/** The kernel programs and their maps: loaded, attached, and gone with this process. */
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { EBPF_CAPABILITIES, lacking, missingCapabilities } from './capabilities.ts';
import { CaptureError } from './capture.ts';
import { CELLS, SETTINGS_SIZE, STATISTICS_SIZE } from './ebpf-layout.ts';
import { checked, type Handle, Libbpf, TEST_RUN_SIZE } from './ffi/libbpf.ts';
import { close, type Mapping, map, pageSize, SystemCallError } from './ffi/libc.ts';
import { Hardware, type Link } from './links.ts';

const OBJECT = fileURLToPath(new URL('../../../bpf/vesper.bpf.o', import.meta.url));

/** `enum bpf_attach_type` */
const BPF_CGROUP_INET_SOCK_CREATE = 2;
const BPF_TCX_INGRESS = 46;
const BPF_TCX_EGRESS = 47;
/** `enum bpf_tc_attach_point` */
const BPF_TC_INGRESS = 1;
const BPF_TC_EGRESS = 2;
const BPF_TC_F_REPLACE = 1;
/** Where clsact is shared with others, these are ours: what a killed agent left is replaced. */
const TC_HANDLE = 0x7e5;
const TC_PRIORITY = 49_000;
/**
 * Maps, programs and type information take 13, attaching to the first interface and to the cgroup four. Where they run out,
 * libbpf takes the kernel for one that lacks what it tried, and the kernel says EINVAL.
 */
const DESCRIPTORS = 17;

export interface ObjectOptions {
  /** Flows that the kernel counts at once, of each IP version. */
  readonly flows: number;
  /** Bytes, a power of two. */
  readonly ringSize: number;
}

export interface Attachment {
  detach(): void;
}

export class EbpfObject {
  readonly library: Libbpf;
  /** By IP version: keys of IPv4 are the first words of those of IPv6. */
  readonly flows: { readonly 4: number; readonly 6: number };
  readonly ring: number;
  readonly networks: number;
  readonly owners: number;
  readonly settings: Mapping;
  readonly enough: Mapping;
  readonly statistics: Mapping;
  /** Whether this kernel remembers who makes a socket. */
  readonly hasOwners: boolean;
  private readonly object: Handle;
  private readonly ethernetProgram: number;
  private readonly ipProgram: number;
  private readonly ownerProgram: number;

  private constructor(library: Libbpf, object: Handle, hasOwners: boolean) {
    this.library = library;
    this.object = object;
    this.hasOwners = hasOwners;
    const fd = (name: string): number => library.mapFd(library.findMap(object, name)!);
    this.flows = { 4: fd('flows4'), 6: fd('flows6') };
    this.ring = fd('ring');
    this.networks = fd('networks');
    this.owners = fd('owners');
    this.settings = map(fd('.bss'), wholePages(SETTINGS_SIZE), 0, true);
    this.enough = map(fd('enough'), wholePages(4 * CELLS), 0, true);
    this.statistics = map(fd('statistics'), wholePages(STATISTICS_SIZE), 0, false);
    const program = (name: string): number => library.programFd(library.findProgram(object, name)!);
    this.ethernetProgram = program('vesper_ethernet');
    this.ipProgram = program('vesper_ip');
    this.ownerProgram = program('vesper_owner');
  }

  /** Throws `CaptureError` with what is missing. */
  static load(options: ObjectOptions): EbpfObject {
    let library: Libbpf;
    try {
      library = new Libbpf();
    } catch (error) {
      throw new CaptureError('libbpf.so.1 is not installed (Debian and Ubuntu: apt install libbpf1)', { cause: error });
    }
    // Before Linux 5.11 a program on sockets may not keep anything with them: then flows have no owners.
    for (const withOwners of [true, false]) {
      const object = library.openFile(OBJECT, null);
      if (object === null) throw new CaptureError(`${OBJECT} cannot be read; install vesper again`);
      for (const name of ['flows4', 'flows6']) library.setMaxEntries(library.findMap(object, name)!, options.flows);
      library.setMaxEntries(library.findMap(object, 'ring')!, options.ringSize);
      library.setAutoload(library.findProgram(object, 'vesper_owner')!, withOwners);
      try {
        checked(library.load(object), 'loading the kernel programs');
        return new EbpfObject(library, object, withOwners);
      } catch (error) {
        library.closeObject(object);
        if (!(error instanceof SystemCallError)) throw error;
        if (error.code === 'EPERM' || !withOwners) throw refusal(error);
      }
    }
    throw new CaptureError('the kernel programs were not loaded');
  }

  /** Attaches to both directions of an interface; to one of the loopback, where each packet passes both. */
  attach(link: Link, clsact = false): Attachment {
    const program = link.hardware === Hardware.ethernet || link.hardware === Hardware.loopback;
    const fd = program ? this.ethernetProgram : this.ipProgram;
    if (clsact) return this.attachClsact(fd, link);
    const directions = link.hardware === Hardware.loopback ? [BPF_TCX_EGRESS] : [BPF_TCX_INGRESS, BPF_TCX_EGRESS];
    const links: number[] = [];
    try {
      for (const direction of directions) {
        links.push(checked(this.library.linkCreate(fd, link.index, direction, null), `attaching to ${link.name}`));
      }
    } catch (error) {
      for (const made of links) close(made);
      // Before Linux 6.6.
      if (error instanceof SystemCallError && error.code === 'EINVAL') return this.attachClsact(fd, link);
      throw error;
    }
    return {
      detach: () => {
        for (const made of links) close(made);
      },
    };
  }

  /** The older way, a queueing discipline that outlives the process: taken away by `detach`. */
  private attachClsact(program: number, link: Link): Attachment {
    const { library } = this;
    const points = link.hardware === Hardware.loopback ? [BPF_TC_EGRESS] : [BPF_TC_INGRESS, BPF_TC_EGRESS];
    const created = library.tcHookCreate(tcHook(link.index, BPF_TC_INGRESS | BPF_TC_EGRESS)) === 0;
    const attached: number[] = [];
    const detach = (): void => {
      for (const point of attached) library.tcDetach(tcHook(link.index, point), tcOptions(0, 0));
      if (created) library.tcHookDestroy(tcHook(link.index, BPF_TC_INGRESS | BPF_TC_EGRESS));
    };
    try {
      for (const point of points) {
        const result = library.tcAttach(tcHook(link.index, point), tcOptions(program, BPF_TC_F_REPLACE));
        checked(result, `attaching to ${link.name} by clsact`);
        attached.push(point);
      }
    } catch (error) {
      detach();
      throw error;
    }
    return { detach };
  }

  /** Has the kernel remember the makers of sockets below a cgroup v2 directory, which is open as `cgroup`. */
  attachOwners(cgroup: number): Attachment {
    const made = this.library.linkCreate(this.ownerProgram, cgroup, BPF_CGROUP_INET_SOCK_CREATE, null);
    checked(made, 'attaching to the cgroup');
    return { detach: () => void close(made) };
  }

  /** Frees maps and programs. Their memory must not be touched after this. */
  close(): void {
    this.settings.unmap();
    this.enough.unmap();
    this.statistics.unmap();
    this.library.closeObject(this.object);
  }

  /**
   * Runs the program for Ethernet frames over a frame, without an interface. Returns the mean time of a run in
   * nanoseconds; throws `SystemCallError` where the kernel takes no such frame (it has to fit a page).
   */
  testRun(frame: Buffer, repeat = 1): number {
    const run = { size: TEST_RUN_SIZE, dataIn: frame, dataSizeIn: frame.length, repeat, duration: 0 };
    checked(this.library.testRun(this.ethernetProgram, run), 'BPF_PROG_TEST_RUN');
    return run.duration;
  }
}

/** Whether the process may have so many descriptors more. */
function canOpen(count: number): boolean {
  const opened: number[] = [];
  try {
    while (opened.length < count) opened.push(openSync(OBJECT, 'r'));
    return true;
  } catch {
    return false;
  } finally {
    for (const fd of opened) closeSync(fd);
  }
}

function wholePages(size: number): number {
  const page = pageSize();
  return Math.ceil(size / page) * page;
}

/** `struct bpf_tc_hook` */
function tcHook(ifindex: number, point: number): Buffer {
  const hook = Buffer.alloc(24);
  hook.writeBigUInt64LE(BigInt(hook.length), 0);
  hook.writeInt32LE(ifindex, 8);
  hook.writeInt32LE(point, 12);
  return hook;
}

/** `struct bpf_tc_opts` */
function tcOptions(program: number, flags: number): Buffer {
  const options = Buffer.alloc(32);
  options.writeBigUInt64LE(BigInt(options.length), 0);
  options.writeInt32LE(program, 8);
  options.writeUInt32LE(flags, 12);
  options.writeUInt32LE(TC_HANDLE, 20);
  options.writeUInt32LE(TC_PRIORITY, 24);
  return options;
}

function refusal(error: SystemCallError): CaptureError {
  const isForbidden = error.code === 'EPERM' || missingCapabilities(EBPF_CAPABILITIES).length > 0;
  // Before descriptors: more of them would not help a process that may not load programs.
  if (error.code !== 'EMFILE' && isForbidden)
    return new CaptureError(lacking('eBPF', EBPF_CAPABILITIES), { cause: error });
  if (error.code === 'EMFILE' || !canOpen(DESCRIPTORS))
    return new CaptureError(
      `the eBPF programs need ${DESCRIPTORS} more file descriptors, and this process may not open so many: raise its limit (ulimit -n; systemd: LimitNOFILE=)`,
      { cause: error },
    );
  return new CaptureError(`this kernel refuses the eBPF programs (${error.code}); they need Linux 5.8`, {
    cause: error,
  });
}
