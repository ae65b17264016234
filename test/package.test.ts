/** The npm package has what its README points to. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { PROJECT } from './support/shared.ts';

const { files } = JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8')) as { files: string[] };
const readme = readFileSync(join(PROJECT, 'README.md'), 'utf8');

const isPacked = (path: string): boolean => files.some((file) => path === file || path.startsWith(`${file}/`));

describe('the package', () => {
  it('has the pages that the README points to', () => {
    const links = [...readme.matchAll(/\]\(([^)#]+)/g)].map(([, link = '']) => link);
    const paths = links.filter((link) => !/^https?:/.test(link));
    assert.ok(paths.length > 10);
    for (const path of paths) assert.ok(existsSync(join(PROJECT, path)), path);
    // The sources are not packed; what is made of them is.
    assert.deepEqual(
      paths.filter((path) => !isPacked(path) && !path.startsWith('src/')),
      [],
    );
  });

  it('has what the README says lies in it', () => {
    const paths = [...readme.matchAll(/`(config\/(?:systemd|vesper|splunk)[\w./-]*)`/g)].map(([, path = '']) => path);
    assert.ok(paths.length >= 3);
    for (const path of paths) assert.ok(isPacked(path) && existsSync(join(PROJECT, path)), path);
  });
});
