/** Fuzzed, crafted and cut-off captures, each through the whole command line in a process of its own. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join, relative } from 'node:path';
import { describe, it } from 'node:test';
import { MAIN } from '../support/cli.ts';
import { capturesBelow, sharedFolder, skipWithout } from '../support/shared.ts';

/** A run that takes longer hangs. */
const DEADLINE_MS = 5_000;
/** Resident memory in KiB. */
const MOST_MEMORY = 300 * 1024;

/** Tells the peak of resident memory on file descriptor 3 when the process ends. */
const TELL_MEMORY =
  "data:text/javascript,import{writeSync}from'node:fs';process.on('exit',()=>writeSync(3,String(process.resourceUsage().maxRSS)))";

interface Run {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly memory: number;
}

function replay(path: string): Promise<Run> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--import', TELL_MEMORY, MAIN, 'replay', path], {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      timeout: DEADLINE_MS,
      killSignal: 'SIGKILL',
    });
    const texts = ['', '', '', ''];
    for (const fd of [1, 2, 3]) child.stdio[fd]?.on('data', (part: Buffer) => (texts[fd] += part.toString()));
    child.on('error', reject);
    child.on('close', (status) =>
      resolve({ status, stdout: `${texts[1]}`, stderr: `${texts[2]}`, memory: Number(texts[3]) }),
    );
  });
}

describe('malformed captures', { skip: skipWithout('corpus'), concurrency: 2 }, () => {
  const corpus = sharedFolder('corpus') ?? '';
  const paths = corpus === '' ? [] : capturesBelow(join(corpus, 'malformed'));
  it('are there', () => assert.ok(paths.length > 100, `${paths.length} found`));
  for (const path of paths) {
    it(relative(corpus, path), async () => {
      const { status, stdout, stderr, memory } = await replay(path);
      assert.notEqual(status, null, `killed after ${DEADLINE_MS} ms`);
      assert.ok(status === 0 || status === 1 || status === 2, `status ${status}\n${stderr}`);
      assert.doesNotMatch(stderr, /Unhandled|\n {4}at /);
      for (const line of stdout.split('\n').slice(0, -1)) JSON.parse(line);
      assert.ok(memory > 0 && memory < MOST_MEMORY, `${memory} KiB`);
    });
  }
});
