import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { describe, it } from 'node:test';
import { FileOutput } from '../../src/outputs/file.ts';
import { StdoutOutput } from '../../src/outputs/stdout.ts';
import { openTargets } from '../../src/outputs/target.ts';
import { UsageError } from '../../src/usage-error.ts';

function complaint(...targets: string[]): string {
  try {
    openTargets(targets);
  } catch (error) {
    assert.ok(error instanceof UsageError);
    return error.message;
  }
  return 'none';
}

describe('openTargets', () => {
  it('knows standard output and files', () => {
    const [stdout, plain, byKind] = openTargets(['-', 'out.ndjson', 'out/{kind}.ndjson']);
    assert.ok(stdout instanceof StdoutOutput);
    assert.ok(plain instanceof FileOutput);
    assert.ok(byKind instanceof FileOutput);
    assert.deepEqual([stdout.name, plain.name, byKind.name], ['-', 'out.ndjson', 'out/{kind}.ndjson']);
  });

  it('says of later targets that they are not there yet, and shows no secret', () => {
    for (const scheme of ['kafka', 'otlp+http', 'otlp+https', 'hec', 'hec+https', 'KAFKA']) {
      const text = complaint(`${scheme}://user:secret@host:9092/topic`);
      assert.ok(text.startsWith(`output ${scheme.toLowerCase()}:// is not available yet in this version`), text);
      assert.doesNotMatch(text, /secret/);
    }
    assert.match(complaint('kafak://host/topic'), /not known \(did you mean kafka:\/\/\?\)/);
    assert.match(complaint('s3://bucket'), /^output s3:\/\/ is not known/);
  });

  it('refuses what cannot be meant', () => {
    assert.match(complaint(''), /empty/);
    assert.match(complaint('out/{knid}.ndjson'), /\{knid\} means nothing; a path may hold \{kind\}/);
    assert.match(complaint('out/'), /is a directory; .* out\/\{kind\}\.ndjson$/);
    assert.match(complaint(tmpdir()), /is a directory/);
    assert.match(complaint('a.ndjson', './a.ndjson'), /given twice/);
    assert.match(complaint('-', '-'), /given twice/);
  });
});
