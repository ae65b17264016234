/**
 * Makes the Splunk add-on's package from config/splunk/TA-vesper. The same files give the same bytes.
 *
 *     npm run package:ta [-- FOLDER]     dist/TA-vesper-VERSION.spl, or in FOLDER
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { constants, gzipSync } from 'node:zlib';
import { type TarEntry, tar } from './tar.ts';

const PROJECT = fileURLToPath(new URL('../../../', import.meta.url));
const ADD_ON = 'TA-vesper';
export const ADD_ON_FOLDER = join(PROJECT, 'config', 'splunk', ADD_ON);

/** What an administrator or a desktop may have left in the folder. */
const isLeftOut = (name: string): boolean => name.startsWith('.') || name === 'local' || name === 'local.meta';

function entriesOf(folder: string, name: string): TarEntry[] {
  const entries: TarEntry[] = [{ name: `${name}/`, content: Buffer.alloc(0) }];
  // By code point, whatever the locale.
  for (const one of readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (isLeftOut(one.name)) continue;
    const path = join(folder, one.name);
    if (one.isDirectory()) entries.push(...entriesOf(path, `${name}/${one.name}`));
    else entries.push({ name: `${name}/${one.name}`, content: readFileSync(path) });
  }
  return entries;
}

/** The add-on as .spl, a gzipped tar archive of one folder. */
export function addOnPackage(folder = ADD_ON_FOLDER): Buffer {
  const zipped = gzipSync(tar(entriesOf(folder, ADD_ON)), { level: constants.Z_BEST_COMPRESSION });
  // RFC 1952 §2.3.1: the operating system, here "unknown" on all of them.
  zipped[9] = 255;
  return zipped;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { version } = JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8')) as { version: string };
  const folder = process.argv[2] ?? join(PROJECT, 'dist');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${ADD_ON}-${version}.spl`);
  writeFileSync(file, addOnPackage());
  console.log(file);
}
