import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const CHILD = fileURLToPath(new URL('./stdout-child.js', import.meta.url));
const EVENTS = 20_000;

/** Runs the child with its standard output in a shell's pipe. */
function run(shell: string): { stdout: string; told: Record<string, unknown> } {
  const script = `set -o pipefail; "$0" "$1" ${EVENTS} ${shell}`;
  const { stdout, stderr } = spawnSync('bash', ['-c', script, process.execPath, CHILD], {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  assert.match(stderr, /^\{.*\}$/, stderr);
  return { stdout, told: JSON.parse(stderr) };
}

describe('StdoutOutput', () => {
  it('writes every line, also to a reader that begins late and reads slowly', () => {
    const { stdout, told } = run('| (sleep 0.3; cat)');
    const lines = stdout.trimEnd().split('\n');
    assert.equal(lines.length, EVENTS);
    lines.forEach((line, i) => {
      assert.equal(JSON.parse(line).n, i);
    });
    assert.deepEqual(told, { failure: 'none', sent: EVENTS, queued: 0, dropped: 0 });
  });

  it('stops without a fuss when the reader has gone', () => {
    const { stdout, told } = run('| head -n 1');
    assert.match(stdout, /^\{"n":0,.*\}\n$/);
    assert.equal(told.failure, 'reader gone');
    assert.equal(told.queued, 0);
    assert.equal(Number(told.sent) + Number(told.dropped), EVENTS);
    assert.ok(Number(told.dropped) > 0);
  });

  it('says that the disk is full', () => {
    const { told } = run('> /dev/full');
    assert.deepEqual(told, {
      failure: 'cannot write standard output: no space left on device (ENOSPC)',
      sent: 0,
      queued: 0,
      dropped: EVENTS,
    });
  });
});
