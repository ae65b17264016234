/** The add-on's package: an archive that tar reads, the same bytes every time, with the icons that its script draws. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { inflateSync } from 'node:zlib';
import { ICONS } from '../../scripts/splunk/icons.ts';
import { ADD_ON_FOLDER, addOnPackage } from '../../scripts/splunk/package.ts';
import { tar } from '../../scripts/splunk/tar.ts';

function filesBelow(folder: string, prefix = ''): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const name = `${prefix}${entry.name}`;
    return entry.isDirectory() ? filesBelow(join(folder, entry.name), `${name}/`) : [name];
  });
}

/** Width, height and the rows of a PNG with one IDAT chunk. */
function pixelsOf(file: Buffer): { width: number; height: number; rows: Buffer } {
  assert.equal(file.toString('latin1', 1, 4), 'PNG');
  const start = file.indexOf('IDAT');
  const length = file.readUInt32BE(start - 4);
  return {
    width: file.readUInt32BE(16),
    height: file.readUInt32BE(20),
    rows: inflateSync(file.subarray(start + 4, start + 4 + length)),
  };
}

describe('add-on package', () => {
  it('holds the files of the add-on, as tar reads them', () => {
    const folder = mkdtempSync(join(tmpdir(), 'vesper-add-on-'));
    try {
      const archive = join(folder, 'add-on.spl');
      writeFileSync(archive, addOnPackage());
      execFileSync('tar', ['-xzf', archive, '-C', folder]);
      const unpacked = filesBelow(join(folder, 'TA-vesper')).sort();
      assert.deepEqual(unpacked, filesBelow(ADD_ON_FOLDER).sort());
      for (const name of unpacked)
        assert.deepEqual(readFileSync(join(folder, 'TA-vesper', name)), readFileSync(join(ADD_ON_FOLDER, name)), name);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('is the same every time', () => {
    assert.deepEqual(addOnPackage(), addOnPackage());
    // Bytes 4 to 9: no time, an unknown system.
    assert.deepEqual([...addOnPackage().subarray(4, 8)], [0, 0, 0, 0]);
    assert.equal(addOnPackage()[9], 255);
  });

  it('leaves out what an administrator and a desktop leave behind', () => {
    const folder = mkdtempSync(join(tmpdir(), 'vesper-add-on-'));
    try {
      cpSync(ADD_ON_FOLDER, folder, { recursive: true });
      mkdirSync(join(folder, 'local'));
      for (const name of ['local/inputs.conf', 'metadata/local.meta', '.DS_Store'])
        writeFileSync(join(folder, name), '');
      assert.deepEqual(addOnPackage(folder), addOnPackage());
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('refuses a name that a header cannot hold', () => {
    assert.throws(() => tar([{ name: 'a'.repeat(101), content: Buffer.alloc(0) }]), /longer than 100 bytes/);
  });

  it('has the icons that the script draws, in the sizes that Splunk wants', () => {
    const folder = join(ADD_ON_FOLDER, 'static');
    assert.deepEqual(readdirSync(folder).sort(), [...ICONS.keys()].sort());
    for (const [name, draw] of ICONS) {
      const kept = pixelsOf(readFileSync(join(folder, name)));
      // Versions of zlib compress alike to different bytes: the pixels are compared.
      assert.deepEqual(kept, pixelsOf(draw()), name);
      const size = name.includes('_2x') ? 72 : 36;
      assert.deepEqual([kept.width, kept.height], [size, size], name);
    }
  });
});
