/** The C library: the few calls that Node has no name for. Numbers are Linux's, the same on all 64-bit machines. */
import { getSystemErrorName } from 'node:util';
import koffi from 'koffi';

// The functions of the running program: glibc or musl, whichever Node was linked with.
const libc = koffi.load(null);

export const socket = libc.func('int socket(int domain, int type, int protocol)') as (
  domain: number,
  type: number,
  protocol: number,
) => number;
export const bind = libc.func('int bind(int fd, void *address, uint32_t length)') as (
  fd: number,
  address: Buffer,
  length: number,
) => number;
export const setsockopt = libc.func('int setsockopt(int fd, int level, int name, void *value, uint32_t length)') as (
  fd: number,
  level: number,
  name: number,
  value: Buffer,
  length: number,
) => number;
export const getsockopt = libc.func('int getsockopt(int fd, int level, int name, void *value, void *length)') as (
  fd: number,
  level: number,
  name: number,
  value: Uint32Array,
  length: Uint32Array,
) => number;
export const send = libc.func('long send(int fd, void *bytes, size_t length, int flags)') as (
  fd: number,
  bytes: Buffer,
  length: number,
  flags: number,
) => number;
export const recv = libc.func('long recv(int fd, void *bytes, size_t length, int flags)') as (
  fd: number,
  bytes: Buffer,
  length: number,
  flags: number,
) => number;
export const close = libc.func('int close(int fd)') as (fd: number) => number;
/** Ends the process at once, whatever its threads wait for. */
export const exitNow = libc.func('void _exit(int status)') as (status: number) => void;
export const pageSize = libc.func('int getpagesize()') as () => number;
const clockGettime = libc.func('int clock_gettime(int clock, void *time)') as (
  clock: number,
  time: BigInt64Array,
) => number;
const mmap = libc.func('void *mmap(void *at, size_t length, int protection, int flags, int fd, int64_t offset)');
const munmap = libc.func('int munmap(void *at, size_t length)');
const syscall = libc.func('long syscall(long number, long a, long b, long c, long d)');

/** Attaches a classic BPF program (`struct sock_fprog`) to a socket. */
const SockFprog = koffi.struct('sock_fprog', { length: 'uint16_t', instructions: 'void *' });
const setFilter = libc.func('int setsockopt(int fd, int level, int name, sock_fprog *value, uint32_t length)');

/** @param program instructions of eight bytes each */
export function attachFilter(fd: number, program: Buffer): number {
  const filter = { length: program.length / 8, instructions: program };
  return setFilter(fd, SOL_SOCKET, SO_ATTACH_FILTER, filter, koffi.sizeof(SockFprog));
}

export const AF_NETLINK = 16;
export const AF_PACKET = 17;
export const SOCK_RAW = 3;
export const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_ATTACH_FILTER = 26;
export const MSG_DONTWAIT = 0x40;

const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_SHARED = 1;
const CLOCK_REALTIME = 0;

/** The name of the last failed call's error, such as `EPERM`. */
export function lastError(): string {
  return getSystemErrorName(-koffi.errno());
}

export class SystemCallError extends Error {
  override name = 'SystemCallError';
  /** Such as `EPERM`. */
  readonly code: string;

  constructor(what: string, code: string = lastError()) {
    super(`${what}: ${code}`);
    this.code = code;
  }
}

/** The result of a call that returns a negative number on error; throws `SystemCallError` then. */
export function check(result: number, what: string): number {
  if (result < 0) throw new SystemCallError(what);
  return result;
}

/** A shared mapping of a file descriptor, and its memory. */
export interface Mapping {
  readonly memory: ArrayBuffer;
  /** The memory must not be touched after this. */
  unmap(): void;
}

export function map(fd: number, length: number, offset: number, writable: boolean): Mapping {
  const at = mmap(null, length, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, offset);
  if (BigInt.asIntN(64, BigInt(koffi.address(at))) === -1n) throw new SystemCallError(`mmap of ${length} bytes`);
  const memory = koffi.view(at, length) as ArrayBuffer;
  return { memory, unmap: () => void munmap(at, length) };
}

const time = new BigInt64Array(2);

/** Nanoseconds since 1970-01-01 UTC. */
export function wallClock(): bigint {
  clockGettime(CLOCK_REALTIME, time);
  return (time[0] as bigint) * 1_000_000_000n + (time[1] as bigint);
}

/** The raw system call, for what the C library has no function for. */
export function systemCall(number: number, a: number, b: number, c: number): number {
  return syscall(number, a, b, c, 0) as number;
}
