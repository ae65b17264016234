/** What other people's tables say of code points, read from the policy sources and brought into one form. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CIPHER_SUITES, GROUPS, SIGNATURE_SCHEMES } from '../../../src/dissect/iana-tables.ts';
import { GROUP_CODES, SCHEME_CODES, SUITE_CODES } from '../../../src/policy/codes.ts';
import type { Kind } from '../../../src/policy/stance.ts';
import { SUITES } from '../../../src/policy/suites.ts';
import { sharedFolder } from '../../support/shared.ts';

const VERSIONS = new Map([
  ['SSL 2.0', 0x0002],
  ['SSL 3.0', 0x0300],
  ['TLS 1.0', 0x0301],
  ['TLS 1.1', 0x0302],
  ['TLS 1.2', 0x0303],
  ['TLS 1.3', 0x0304],
  ['TLSv1', 0x0301],
  ['TLSv1.1', 0x0302],
  ['TLSv1.2', 0x0303],
  ['TLSv1.3', 0x0304],
  ['TLS1.2', 0x0303],
  ['TLS1.3', 0x0304],
]);

/** Everything of a kind that IANA's tables hold. */
export const EVERYTHING: Readonly<Record<Kind, readonly number[]>> = {
  versions: [0x0002, 0x0300, 0x0301, 0x0302, 0x0303, 0x0304],
  cipher_suites: CIPHER_SUITES.map(([code]) => code).filter((code) => SUITES.get(code)?.properties !== undefined),
  groups: GROUPS.map(([code]) => code),
  signature_schemes: SIGNATURE_SCHEMES.map(([code]) => code),
};

const NAMES = new Map([
  ['cipher_suites', new Map(CIPHER_SUITES)],
  ['groups', new Map(GROUPS)],
  ['signature_schemes', new Map(SIGNATURE_SCHEMES)],
]);

export function nameOf(kind: Kind, code: number): string {
  if (kind === 'versions') return [...VERSIONS].find(([, version]) => version === code)?.[0] ?? '';
  return NAMES.get(kind)?.get(code) ?? String(code);
}

/** @throws RangeError for a name that nobody knows: a row that is not read compares nothing */
export function codeOf(kind: Kind, name: string): number {
  const code =
    kind === 'versions'
      ? VERSIONS.get(name)
      : { cipher_suites: SUITE_CODES, groups: GROUP_CODES, signature_schemes: SCHEME_CODES }[kind].find(name);
  if (code === undefined) throw new RangeError(`no ${kind}: ${name}`);
  return code;
}

export function readSource(...path: string[]): string {
  return readFileSync(join(sharedFolder('policy-sources') ?? '', ...path), 'utf8');
}

export function readJson<T>(...path: string[]): T {
  return JSON.parse(readSource(...path));
}

const FILES: Readonly<Record<Kind, string>> = {
  versions: 'Protocols.md',
  cipher_suites: 'Cipher Suites.md',
  groups: 'Supported groups.md',
  signature_schemes: 'Signature algorithms.md',
};

/** Rows of a table of the compliance dataset, cells without footnotes: the heading, a line of dashes, the body. */
export function datasetRows(file: string): string[][] {
  return readSource('tls-compliance-dataset', 'markdown', file)
    .split('\n')
    .filter((line) => line.trim().startsWith('|'))
    .map((line) =>
      line
        .trim()
        .replace(/^\||\|$/g, '')
        .split('|')
        .map((cell) => cell.replace(/\[\^\d+\]|\\[<>]/g, '').trim()),
    );
}

/**
 * What the dataset lets a guideline accept: `must`, `recommended` and `optional`. Its guidelines are lists of what is
 * accepted, so that what it does not mention is not.
 * @param column the beginning of the column's heading, such as `('NIST', 'Requirement')`
 */
export function datasetAccepts(kind: Kind, column: string, keep: (row: string[]) => boolean = () => true): Set<number> {
  const [head = [], , ...body] = datasetRows(FILES[kind]);
  const index = head.findIndex((heading) => heading.startsWith(column));
  if (index < 0) throw new RangeError(`no column ${column} in ${FILES[kind]}`);
  const accepted = new Set<number>();
  for (const row of body) {
    if (!/^(must|recommended|optional)$/.test(row[index] ?? '') || !keep(row)) continue;
    const [name = ''] = row;
    if (name === 'TLS_FALLBACK_SCSV' || name.startsWith('1024-long')) continue;
    accepted.add(codeOf(kind, kind === 'groups' ? (name.split(' / ')[0] as string) : name));
  }
  return accepted;
}
