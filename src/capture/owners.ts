/** Who owns a socket: from what the kernel remembered when the socket was made to a process with its names. */
import { readFileSync, readlinkSync, statSync } from 'node:fs';
import type { Owner } from '../dissect/frame.ts';
import { containerIdOf, pathOfProcess, pathsById } from './cgroups.ts';
import { OwnerField } from './ebpf-layout.ts';

/** Processes remembered. The oldest yield: they are looked up again. */
const MAX_OWNERS = 16_384;
const MAX_CGROUPS = 16_384;
/** How often all cgroups may be looked through: it holds up the packets meanwhile. */
const SEARCH_INTERVAL_MS = 10_000;
const COMMAND_WORDS = 4;

interface Entry {
  readonly owner: Owner;
  readonly cgroup: bigint;
  readonly command: Int32Array;
}

export class Owners {
  private readonly root: string | undefined;
  private readonly byProcess = new Map<number, Entry>();
  private readonly cgroups = new Map<bigint, string>();
  private searched = Number.NEGATIVE_INFINITY;
  private users = new Map<number, string>();
  private usersChanged = -1;

  /** @param root of the cgroup v2 hierarchy */
  constructor(root: string | undefined) {
    this.root = root;
  }

  /** The process of `struct owner` at `at`. Its program and cgroup are looked up once, while it may still run. */
  find(bytes: Buffer, view: DataView, at: number): Owner {
    const pid = view.getUint32(at + OwnerField.pid, true);
    const known = this.byProcess.get(pid);
    if (known !== undefined && this.isSame(known, view, at)) return known.owner;
    const entry = this.lookUp(bytes, view, at, pid);
    this.byProcess.delete(pid);
    if (this.byProcess.size >= MAX_OWNERS) this.byProcess.delete(this.byProcess.keys().next().value as number);
    this.byProcess.set(pid, entry);
    return entry.owner;
  }

  /** Process ids are used again: what the kernel says must be the same. */
  private isSame(entry: Entry, view: DataView, at: number): boolean {
    if (entry.owner.userId !== view.getUint32(at + OwnerField.uid, true)) return false;
    for (let i = 0; i < COMMAND_WORDS; i++) {
      if (entry.command[i] !== view.getInt32(at + OwnerField.comm + 4 * i, true)) return false;
    }
    return Number(entry.cgroup & 0xffffffffn) === view.getUint32(at + OwnerField.cgroup, true);
  }

  private lookUp(bytes: Buffer, view: DataView, at: number, pid: number): Entry {
    const userId = view.getUint32(at + OwnerField.uid, true);
    const cgroup = view.getBigUint64(at + OwnerField.cgroup, true);
    const command = Int32Array.from({ length: COMMAND_WORDS }, (_, i) =>
      view.getInt32(at + OwnerField.comm + 4 * i, true),
    );
    const comm = bytes.subarray(at + OwnerField.comm, at + OwnerField.comm + 4 * COMMAND_WORDS);
    const end = comm.indexOf(0);
    const executable = programOf(pid);
    const userName = this.userName(userId);
    const path = this.cgroupPath(pid, cgroup);
    const containerId = containerIdOf(path);
    const owner: Owner = {
      processId: pid,
      userId,
      command: nameOf(pid) ?? comm.toString('utf8', 0, end < 0 ? comm.length : end),
      ...(executable === undefined ? {} : { executable }),
      ...(userName === undefined ? {} : { userName }),
      ...(path === undefined ? {} : { cgroup: path }),
      ...(containerId === undefined ? {} : { containerId }),
    };
    return { owner, cgroup, command };
  }

  private cgroupPath(pid: number, id: bigint): string | undefined {
    const known = this.cgroups.get(id);
    if (known !== undefined) return known;
    const path = pathOfProcess(pid);
    if (path === undefined) this.search();
    else this.keep(id, path);
    return this.cgroups.get(id);
  }

  /** The process is gone, but its cgroup may still be there. */
  private search(): void {
    if (this.root === undefined || performance.now() - this.searched < SEARCH_INTERVAL_MS) return;
    for (const [id, path] of pathsById(this.root)) this.keep(id, path);
    this.searched = performance.now();
  }

  private keep(id: bigint, path: string): void {
    if (this.cgroups.size >= MAX_CGROUPS) this.cgroups.clear();
    this.cgroups.set(id, path);
  }

  /** From /etc/passwd, read again when it changes. */
  private userName(uid: number): string | undefined {
    try {
      const { mtimeMs } = statSync('/etc/passwd');
      if (mtimeMs !== this.usersChanged) {
        this.usersChanged = mtimeMs;
        const lines = readFileSync('/etc/passwd', 'utf8').split('\n');
        this.users = new Map(lines.map((line) => line.split(':')).map((f) => [Number(f[2]), f[0] as string]));
      }
    } catch {
      // No such file: no names.
    }
    return this.users.get(uid);
  }
}

/** Of the process's first thread; the kernel may only know the one that made the socket. */
function nameOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trimEnd();
  } catch {
    return undefined;
  }
}

function programOf(pid: number): string | undefined {
  try {
    // What the kernel says of a program that was replaced while it runs.
    return readlinkSync(`/proc/${pid}/exe`).replace(/ \(deleted\)$/, '');
  } catch {
    return undefined;
  }
}
