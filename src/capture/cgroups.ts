/** The cgroup v2 hierarchy: where it is, and the paths behind the kernel's numbers. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Directories looked at in one search: a busy host has hundreds, and each takes some 40 µs. */
const MAX_DIRECTORIES = 2_000;

/** The mount point; undefined where there is none, or no /proc that tells. Hybrid hosts have it beside version 1. */
export function cgroupRoot(): string | undefined {
  let mounts: string;
  try {
    mounts = readFileSync('/proc/self/mountinfo', 'utf8');
  } catch {
    return undefined;
  }
  for (const line of mounts.split('\n')) {
    const [before = '', after = ''] = line.split(' - ');
    if (after.startsWith('cgroup2 ')) return before.split(' ')[4];
  }
  return undefined;
}

/** The path in cgroup v2 of a process, from `/proc/PID/cgroup`. */
export function pathOfProcess(pid: number): string | undefined {
  try {
    return /^0::(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))?.[1];
  } catch {
    return undefined;
  }
}

/** The number that the kernel gives a cgroup: its inode. */
export function cgroupId(root: string, path: string): bigint {
  try {
    return statSync(join(root, path), { bigint: true }).ino;
  } catch {
    return 0n;
  }
}

/** The paths of cgroups by their numbers, for processes that are gone; breadth first. */
export function pathsById(root: string): Map<bigint, string> {
  const paths = new Map<bigint, string>();
  const waiting = [''];
  for (let looked = 0; looked < MAX_DIRECTORIES && looked < waiting.length; looked++) {
    const path = waiting[looked] as string;
    const id = cgroupId(root, path);
    if (id !== 0n) paths.set(id, path === '' ? '/' : path);
    try {
      for (const entry of readdirSync(join(root, path), { withFileTypes: true })) {
        if (entry.isDirectory()) waiting.push(`${path}/${entry.name}`);
      }
    } catch {
      // It went away in the meantime.
    }
  }
  return paths;
}

/** The id in the names that Docker, containerd, CRI-O and Podman give cgroups. */
export function containerIdOf(path: string | undefined): string | undefined {
  return /(?:^|[^0-9a-f])([0-9a-f]{64})(?:[^0-9a-f]|$)/.exec(path ?? '')?.[1];
}
