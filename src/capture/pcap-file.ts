/** A capture file as a source of frames: pcap or pcapng, plain or gzip, from a path or from standard input. */
import { createReadStream, fstatSync, open as openCallback, type Stats } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type Capture, CaptureError, type FrameSink } from './capture.ts';
import { FILE_HEADER, Pcap } from './pcap.ts';
import { LAST_SECOND, type RecordFormat } from './pcap-format.ts';
import { type ByteSource, FileSource } from './pcap-source.ts';
import { ByteWindow } from './pcap-window.ts';

export interface PcapFileOptions {
  /** Something of the file was not usable: a whole sentence that names the file and the place in it. */
  onWarning(text: string): void;
  /** After every block: bytes of the file or pipe (compressed ones, where it is compressed) so far and, if known, in all. */
  onProgress?(bytesRead: number, bytesTotal: number | undefined): void;
}

/**
 * Bytes in memory at a time. Between two blocks the outputs catch up and signals are seen, so less is better; below
 * this the turns of the event loop cost up to a quarter of the time, from here to 8 MiB nothing changes.
 */
const BLOCK_SIZE = 256 * 1024;

const GZIP_MAGIC = 0x1f8b;
/** Enough to tell every format, its version included. */
const MAGIC_LENGTH = 16;

const openFile = promisify(openCallback);

export class PcapFile implements Capture {
  private readonly name: string;
  private readonly source: ByteSource;
  private readonly window: ByteWindow;
  private readonly format: RecordFormat;
  private readonly options: PcapFileOptions;

  private constructor(
    name: string,
    source: ByteSource,
    window: ByteWindow,
    format: RecordFormat,
    options: PcapFileOptions,
  ) {
    this.name = name;
    this.source = source;
    this.window = window;
    this.format = format;
    this.options = options;
  }

  /**
   * Opens a capture file, or standard input for `-`, and looks at its header. Rejects with `CaptureError` where it
   * cannot be read, is empty or is not a capture; later problems end the capture early with a warning.
   */
  static async open(path: string, options: PcapFileOptions): Promise<PcapFile> {
    const name = path === '-' ? 'standard input' : path;
    const source = await sourceOf(path, name);
    return PcapFile.over(source, name, options);
  }

  /** The same over any bytes; closes the source where it rejects. */
  static async over(source: ByteSource, name: string, options: PcapFileOptions): Promise<PcapFile> {
    let read = source;
    try {
      let window = new ByteWindow(read);
      await window.fill(MAGIC_LENGTH);
      if (window.end >= 2 && window.view.getUint16(0) === GZIP_MAGIC) {
        const { GzipSource } = await import('./gzip-source.ts');
        read = new GzipSource(source, Buffer.from(window.bytes.subarray(0, window.end)));
        window = new ByteWindow(read);
        await window.fill(MAGIC_LENGTH);
      }
      return new PcapFile(name, read, window, await formatOf(window, name), options);
    } catch (error) {
      read.close();
      throw error instanceof CaptureError ? error : unreadable(name, error);
    }
  }

  /** Reads the capture once, to its end; frees what it holds. */
  async run(sink: FrameSink, signal: AbortSignal): Promise<void> {
    const stop = () => this.close();
    signal.addEventListener('abort', stop, { once: true });
    try {
      await this.read(sink, signal);
    } finally {
      signal.removeEventListener('abort', stop);
      this.close();
    }
  }

  interfaceName(index: number): string | undefined {
    return this.format.interfaceName(index);
  }

  /** For a capture that is not `run` after all. */
  close(): void {
    this.source.close();
  }

  private async read(sink: FrameSink, signal: AbortSignal): Promise<void> {
    const { window, format, options } = this;
    window.reserve(BLOCK_SIZE);
    while (!signal.aborted) {
      const needed = format.frames(window, sink);
      options.onProgress?.(this.source.taken, this.source.total);
      if (needed === 0) {
        this.warn(`is damaged at byte ${window.offset} (${format.damage}); what follows was not read`);
        break;
      }
      const behind = sink.ready();
      if (behind !== undefined && !signal.aborted) await untilAborted(behind, signal);
      await turn();
      if (signal.aborted || !(await this.more(needed, signal))) break;
    }
    if (format.clampedTimes > 0) {
      const last = new Date(LAST_SECOND * 1000).getUTCFullYear();
      this.warn(`has ${format.clampedTimes} packets with times outside 1970 to ${last}, which were moved into it`);
    }
  }

  /** Whether the next record may be whole now; says why where the file ends within one. */
  private async more(needed: number, signal: AbortSignal): Promise<boolean> {
    const { window } = this;
    try {
      if (await window.fill(needed)) return true;
      if (window.start !== window.end && !signal.aborted) {
        this.warn(`is cut: it ends at byte ${window.endOffset}, within a record`);
      }
    } catch (error) {
      this.warn(`could not be read beyond byte ${window.endOffset}: ${reason(error)}`);
    }
    return false;
  }

  private warn(text: string): void {
    this.options.onWarning(`${this.name} ${text}`);
  }
}

/** Outputs may wait long for a peer that is away: an abort ends that too. Leaves nothing behind at the signal, which lives long. */
async function untilAborted(behind: Promise<void>, signal: AbortSignal): Promise<void> {
  let stop = () => {};
  const aborted = new Promise<void>((resolve) => {
    stop = resolve;
  });
  signal.addEventListener('abort', stop, { once: true });
  await Promise.race([behind, aborted]);
  signal.removeEventListener('abort', stop);
}

async function sourceOf(path: string, name: string): Promise<ByteSource> {
  try {
    if (path === '-') {
      const stats = fstatSync(0);
      if (stats.isFile()) return new FileSource(0, stats.size);
      const [{ isatty }, { StreamSource }] = await Promise.all([import('node:tty'), import('./stream-source.ts')]);
      if (isatty(0)) throw new CaptureError('standard input is a terminal: pipe a capture into it, or name a file');
      return new StreamSource(process.stdin);
    }
    // Asynchronous: opening a named pipe waits for its writer.
    const descriptor = await openFile(path, 'r');
    return await sourceOfDescriptor(descriptor, fstatSync(descriptor), path);
  } catch (error) {
    throw error instanceof CaptureError ? error : unreadable(name, error);
  }
}

/** What only pipes, compressed files and the other format need is loaded with the first of them. */
async function sourceOfDescriptor(fd: number, stats: Stats, path: string): Promise<ByteSource> {
  if (stats.isFile() || stats.isDirectory()) return new FileSource(fd, stats.size);
  const [{ Socket }, { StreamSource }] = await Promise.all([import('node:net'), import('./stream-source.ts')]);
  // A socket object waits for a pipe in the event loop, where a stop can end the wait; a read in the thread pool cannot.
  if (stats.isFIFO()) return new StreamSource(new Socket({ fd, readable: true, writable: false }));
  return new StreamSource(createReadStream(path, { fd }));
}

async function formatOf(window: ByteWindow, name: string): Promise<RecordFormat> {
  const { view, end } = window;
  if (end === 0) {
    throw new CaptureError(
      `${name} is empty: was the capture stopped before it wrote anything? (tcpdump -U writes at once)`,
    );
  }
  if (end >= 4 && Pcap.matches(view)) {
    if (await window.fill(FILE_HEADER)) return Pcap.open(window);
    throw new CaptureError(
      `${name} holds nothing: it is cut within its pcap header, after ${window.end} of ${FILE_HEADER} bytes`,
    );
  }
  const { Pcapng, SECTION_START } = await import('./pcapng.ts');
  if (end >= 4 && Pcapng.matches(view)) {
    if (end < SECTION_START) {
      throw new CaptureError(`${name} holds nothing: it is cut within its pcapng header, after ${end} bytes`);
    }
    const refusal = Pcapng.refusal(view);
    if (refusal === undefined) return new Pcapng();
    throw new CaptureError(`${name} cannot be read: ${refusal}`);
  }
  throw new CaptureError(notCapture(name, window.bytes.subarray(0, Math.min(end, MAGIC_LENGTH))));
}

/** What is often taken for a capture file, by its first bytes as a character each, and what to do with it. */
const OTHERS: readonly (readonly [magic: string, what: string, remedy: (name: string) => string])[] = [
  ['\xfd7zXZ', 'xz data', (name) => `xz -dc ${name} | vesper replay -`],
  ['(\xb5/\xfd', 'zstd data', (name) => `zstd -dc ${name} | vesper replay -`],
  ['BZh', 'bzip2 data', (name) => `bzip2 -dc ${name} | vesper replay -`],
  ['\x04"M\x18', 'lz4 data', (name) => `lz4 -dc ${name} | vesper replay -`],
  ['PK\x03\x04', 'a zip archive', (name) => `unzip -p ${name} | vesper replay -`],
  ['snoop\0', 'a snoop capture', (name) => `editcap -F pcapng ${name} OUT && vesper replay OUT`],
];

function notCapture(name: string, start: Buffer): string {
  const text = start.latin1Slice(0, start.length);
  for (const [magic, what, remedy] of OTHERS) {
    if (text.startsWith(magic)) return `${name} is not a pcap or pcapng capture but ${what}: try "${remedy(name)}"`;
  }
  const bytes = start.hexSlice(0, Math.min(start.length, 4)).replace(/..(?=.)/g, '$& ');
  return (
    `${name} is not a capture: it starts with ${bytes}. pcap, pcapng and either as gzip are read; ` +
    '"editcap -F pcapng IN OUT" converts from other formats'
  );
}

const REMEDIES: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file; check the path',
  EACCES: 'permission denied; run as a user who may read it',
  EISDIR: 'it is a directory; name the files in it',
  EMFILE: 'too many files are open; name fewer at once or raise "ulimit -n"',
  EBADF: 'it is closed',
  Z_BUF_ERROR: 'the gzip data is cut',
  Z_DATA_ERROR: 'the gzip data is damaged',
};

function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as NodeJS.ErrnoException;
  return (code !== undefined && REMEDIES[code]) || error.message;
}

function unreadable(name: string, error: unknown): CaptureError {
  return new CaptureError(`${name} cannot be read: ${reason(error)}`, { cause: error });
}
