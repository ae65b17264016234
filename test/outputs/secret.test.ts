import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { readSecret } from '../../src/outputs/secret.ts';

const folder = mkdtempSync(join(tmpdir(), 'vesper-secret-'));
after(() => rmSync(folder, { recursive: true }));

describe('readSecret', () => {
  it('reads a file without its last line end, or the environment', () => {
    const file = join(folder, 'token');
    writeFileSync(file, ' pass word \n');
    assert.equal(readSecret('token', { file, env: undefined }), ' pass word ');
    process.env.A_SECRET = 'x\n';
    assert.equal(readSecret('token', { file: undefined, env: 'A_SECRET' }), 'x\n');
    assert.equal(readSecret('token', { file: undefined, env: undefined }), undefined);
  });

  it('says where there is none, and never what there is', () => {
    const file = join(folder, 'empty');
    writeFileSync(file, '\n');
    assert.throws(() => readSecret('token', { file, env: undefined }), /there is no token in the file .*empty$/);
    assert.throws(() => readSecret('token', { file: `${file}s`, env: undefined }), /cannot read the token: ENOENT/);
    assert.throws(() => readSecret('token', { file: undefined, env: 'NO_SUCH_VARIABLE' }), /NO_SUCH_VARIABLE/);
    assert.throws(() => readSecret('token', { file, env: 'A_SECRET' }), /given twice/);
  });
});
