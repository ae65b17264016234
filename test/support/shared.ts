/**
 * Captures and registries that are not part of the project: the folder that `VESPER_CORPUS` names, else `../shared`.
 * A suite that needs them is skipped with a plain message when they are missing, and fails where `VESPER_REQUIRE`
 * (a comma-separated list, set in CI) says that it must run.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The project's folder: this file is compiled into `<project>/<out>/test/support`, for any depth of `<out>`. */
export const PROJECT = findProject(fileURLToPath(new URL('.', import.meta.url)));

function findProject(from: string): string {
  let folder = from;
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = resolve(folder, '..');
    if (parent === folder) throw new Error(`no package.json above ${from}`);
    folder = parent;
  }
  return folder;
}

export type SharedPart = 'corpus' | 'policy-sources' | 'cim';

/** The folder of one part, or undefined. */
export function sharedFolder(part: SharedPart): string | undefined {
  const top = process.env.VESPER_CORPUS ?? join(PROJECT, '..', 'shared');
  const folder = join(top, part);
  return existsSync(folder) ? folder : undefined;
}

/** For a test's `skip` option: false when the part is there, else the reason. Throws where the part is required. */
export function skipWithout(part: SharedPart): string | false {
  if (sharedFolder(part)) return false;
  const reason = `${part} is missing: set VESPER_CORPUS to the folder that holds it, or put it at ../shared/${part}`;
  if ((process.env.VESPER_REQUIRE ?? '').split(',').includes(part)) throw new Error(reason);
  return reason;
}

/** Paths of all captures below a folder of the corpus (`captures`, `malformed`), in a fixed order. */
export function capturesBelow(folder: string): string[] {
  const found: string[] = [];
  for (const entry of readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (!entry.name.endsWith('.expected')) found.push(...capturesBelow(path));
    } else if (/\.(pcap|pcapng|cap|dmp|trace|snoop|pcap\.gz)$/i.test(entry.name)) found.push(path);
  }
  return found;
}
