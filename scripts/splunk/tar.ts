/** Tar archives (POSIX ustar) whose bytes depend on their content alone: no clock, no owner, no file system. */

export interface TarEntry {
  /** Path in the archive with `/`, at most 100 bytes; a folder's ends in `/`. */
  readonly name: string;
  /** Empty for folders. */
  readonly content: Buffer;
}

const BLOCK = 512;
const NAME_BYTES = 100;
const FILE_MODE = 0o644;
const FOLDER_MODE = 0o755;
/** 1980-01-01 UTC: no time of a file, and none that other archive formats cannot hold. */
const MTIME = 315_532_800;

/** POSIX.1-1988 ustar: fields of octal digits, text padded with zeros, the sum of the header's bytes with its own field blank. */
function header({ name, content }: TarEntry): Buffer {
  if (Buffer.byteLength(name) > NAME_BYTES) throw new Error(`${name}: longer than ${NAME_BYTES} bytes`);
  const folder = name.endsWith('/');
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, offset: number, length: number): void => {
    block.write(`${value.toString(8).padStart(length - 1, '0')}\0`, offset, 'latin1');
  };
  block.write(name, 0, 'utf8');
  octal(folder ? FOLDER_MODE : FILE_MODE, 100, 8);
  octal(0, 108, 8); // uid
  octal(0, 116, 8); // gid
  octal(content.length, 124, 12);
  octal(MTIME, 136, 12);
  block.fill(' ', 148, 156);
  block.write(folder ? '5' : '0', 156, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

/** @throws Error for a name that is too long */
export function tar(entries: readonly TarEntry[]): Buffer {
  const parts: Buffer[] = [];
  for (const entry of entries) {
    parts.push(header(entry), entry.content);
    const rest = entry.content.length % BLOCK;
    if (rest > 0) parts.push(Buffer.alloc(BLOCK - rest));
  }
  // Two blocks of zeros end an archive.
  parts.push(Buffer.alloc(2 * BLOCK));
  return Buffer.concat(parts);
}
