/** libbpf.so.1: opens, loads and attaches the kernel programs, reads and writes their maps. */
import koffi, { type LibraryHandle } from 'koffi';
import { SystemCallError } from './libc.ts';

/** A pointer that only libbpf looks into. */
export type Handle = bigint;

koffi.struct('bpf_test_run_opts', {
  size: 'size_t',
  dataIn: 'void *',
  dataOut: 'void *',
  dataSizeIn: 'uint32_t',
  dataSizeOut: 'uint32_t',
  contextIn: 'void *',
  contextOut: 'void *',
  contextSizeIn: 'uint32_t',
  contextSizeOut: 'uint32_t',
  result: 'uint32_t',
  repeat: 'int',
  duration: 'uint32_t',
  flags: 'uint32_t',
  processor: 'uint32_t',
  batchSize: 'uint32_t',
});

/** The part of `struct bpf_test_run_opts` that is used. */
export interface TestRun {
  readonly size: number;
  readonly dataIn: Buffer;
  readonly dataSizeIn: number;
  readonly repeat: number;
  duration: number;
}

export const TEST_RUN_SIZE = 80;

export class Libbpf {
  readonly openFile: (path: string, options: null) => Handle | null;
  readonly load: (object: Handle) => number;
  readonly closeObject: (object: Handle) => void;
  readonly findMap: (object: Handle, name: string) => Handle | null;
  readonly setMaxEntries: (map: Handle, entries: number) => number;
  readonly mapFd: (map: Handle) => number;
  readonly findProgram: (object: Handle, name: string) => Handle | null;
  readonly setAutoload: (program: Handle, autoload: boolean) => number;
  readonly programFd: (program: Handle) => number;
  /** Returns a file descriptor; the link goes with it. */
  readonly linkCreate: (program: number, target: number, type: number, options: null) => number;
  readonly mapUpdate: (map: number, key: ArrayBufferView, value: ArrayBufferView, flags: bigint) => number;
  readonly mapLookup: (map: number, key: ArrayBufferView, value: ArrayBufferView) => number;
  readonly mapDelete: (map: number, key: ArrayBufferView) => number;
  /** Returns 0 and writes the key after `key`, or the first where that is null; -1 at the end. */
  readonly mapNextKey: (map: number, key: ArrayBufferView | null, next: ArrayBufferView) => number;
  readonly mapLookupBatch: (
    map: number,
    from: ArrayBufferView | null,
    next: ArrayBufferView,
    keys: ArrayBufferView,
    values: ArrayBufferView,
    count: Uint32Array,
    options: null,
  ) => number;
  /** `options.duration` becomes the mean time of a run in nanoseconds. */
  readonly testRun: (program: number, options: TestRun) => number;
  readonly tcHookCreate: (hook: ArrayBufferView) => number;
  readonly tcHookDestroy: (hook: ArrayBufferView) => number;
  readonly tcAttach: (hook: ArrayBufferView, options: ArrayBufferView) => number;
  readonly tcDetach: (hook: ArrayBufferView, options: ArrayBufferView) => number;

  /** Throws where there is no libbpf.so.1. */
  constructor() {
    const library: LibraryHandle = koffi.load('libbpf.so.1');
    const bind = <T>(prototype: string): T => library.func(prototype) as unknown as T;
    this.openFile = bind('void *bpf_object__open_file(const char *path, void *options)');
    this.load = bind('int bpf_object__load(void *object)');
    this.closeObject = bind('void bpf_object__close(void *object)');
    this.findMap = bind('void *bpf_object__find_map_by_name(void *object, const char *name)');
    this.setMaxEntries = bind('int bpf_map__set_max_entries(void *map, uint32_t entries)');
    this.mapFd = bind('int bpf_map__fd(void *map)');
    this.findProgram = bind('void *bpf_object__find_program_by_name(void *object, const char *name)');
    this.setAutoload = bind('int bpf_program__set_autoload(void *program, bool autoload)');
    this.programFd = bind('int bpf_program__fd(void *program)');
    this.linkCreate = bind('int bpf_link_create(int program, int target, int type, void *options)');
    this.mapUpdate = bind('int bpf_map_update_elem(int map, void *key, void *value, uint64_t flags)');
    this.mapLookup = bind('int bpf_map_lookup_elem(int map, void *key, void *value)');
    this.mapDelete = bind('int bpf_map_delete_elem(int map, void *key)');
    this.mapNextKey = bind('int bpf_map_get_next_key(int map, void *key, void *next)');
    this.mapLookupBatch = bind(
      'int bpf_map_lookup_batch(int map, void *from, void *next, void *keys, void *values, void *count, void *options)',
    );
    this.testRun = bind('int bpf_prog_test_run_opts(int program, _Inout_ bpf_test_run_opts *options)');
    this.tcHookCreate = bind('int bpf_tc_hook_create(void *hook)');
    this.tcHookDestroy = bind('int bpf_tc_hook_destroy(void *hook)');
    this.tcAttach = bind('int bpf_tc_attach(void *hook, void *options)');
    this.tcDetach = bind('int bpf_tc_detach(void *hook, void *options)');
    // Its complaints would go to standard error; what matters of them is in the codes that it returns.
    bind<(print: null) => void>('void *libbpf_set_print(void *print)')(null);
  }
}

/** libbpf 1 sets errno and returns its negative. */
export function checked(result: number, what: string): number {
  if (result < 0) throw new SystemCallError(what);
  return result;
}
