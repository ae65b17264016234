/** Sockets that are older than the agent: their owners, found once through /proc and told to the kernel. */
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { cgroupId, pathOfProcess } from './cgroups.ts';
import { OWNER_SIZE, OwnerField } from './ebpf-layout.ts';
import type { EbpfObject } from './ebpf-object.ts';
import { close, systemCall } from './ffi/libc.ts';

/** The same on every architecture. */
const SYS_PIDFD_OPEN = 434;
const SYS_PIDFD_GETFD = 438;
const BPF_NOEXIST = 1n;

/**
 * Gives every socket of every process its owner: a copy of the descriptor (Linux 5.6) is the key of the kernel's socket
 * storage. Sockets made meanwhile have theirs already, and keep it. Returns how many were found.
 */
export function adoptSockets(object: EbpfObject, root: string): number {
  let found = 0;
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    const sockets = socketsOf(pid);
    if (sockets.length > 0) found += adoptProcess(object, root, pid, sockets);
  }
  return found;
}

function socketsOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/fd`)
      .filter((fd) => isSocket(`/proc/${pid}/fd/${fd}`))
      .map(Number);
  } catch {
    // It has ended.
    return [];
  }
}

function isSocket(path: string): boolean {
  try {
    return readlinkSync(path).startsWith('socket:');
  } catch {
    return false;
  }
}

function adoptProcess(object: EbpfObject, root: string, pid: number, sockets: readonly number[]): number {
  const owner = ownerOf(root, pid);
  const process = systemCall(SYS_PIDFD_OPEN, pid, 0, 0);
  if (owner === undefined || process < 0) return 0;
  let adopted = 0;
  for (const socket of sockets) {
    const copy = systemCall(SYS_PIDFD_GETFD, process, socket, 0);
    if (copy < 0) continue;
    if (object.library.mapUpdate(object.owners, Int32Array.of(copy), owner, BPF_NOEXIST) === 0) adopted++;
    close(copy);
  }
  close(process);
  return adopted;
}

/** `struct owner` */
function ownerOf(root: string, pid: number): Buffer | undefined {
  try {
    const owner = Buffer.alloc(OWNER_SIZE);
    owner.writeBigUInt64LE(cgroupId(root, pathOfProcess(pid) ?? ''), OwnerField.cgroup);
    owner.writeUInt32LE(pid, OwnerField.pid);
    owner.writeUInt32LE(statSync(`/proc/${pid}`).uid, OwnerField.uid);
    owner.write(readFileSync(`/proc/${pid}/comm`, 'utf8').trimEnd(), OwnerField.comm, 15);
    return owner;
  } catch {
    return undefined;
  }
}
