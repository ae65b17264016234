import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { compare, writeAndKill } from './kill-file.ts';
import { Tailer } from './tailer.ts';

const folder = mkdtempSync(join(tmpdir(), 'vesper-kill-file-'));
after(() => rmSync(folder, { recursive: true }));

/** bench/soak.ts does the same hundreds of times. */
const KILLS = 8;

const STEPPED_CLOCK = new URL('./stepped-clock.js', import.meta.url).href;

describe('a rotating file whose agent is killed', () => {
  async function assertWhole(directory: string, kills: number, nodeOptions: readonly string[]): Promise<void> {
    mkdirSync(directory);
    const tailer = new Tailer(directory, (name) => name.startsWith('events.ndjson'));
    const { acknowledged, rotations } = await writeAndKill({
      directory,
      kills,
      nodeOptions,
      meanwhile: () => tailer.poll(),
    });
    tailer.poll(true);
    const { read, torn, ...faults } = compare(acknowledged, tailer.read());
    assert.ok(rotations > kills, `${rotations} rotations`);
    assert.ok(read >= acknowledged.reduce((sum, count) => sum + count));
    assert.deepEqual(faults, { lost: 0, doubled: 0, disordered: 0 });
    assert.ok(torn <= kills / 2, `${torn} torn lines`);
  }

  it('gives a forwarder every event that was written, once and in order', () =>
    assertWhole(join(folder, 'killed'), KILLS, []));

  it('does so while the clock is stepped', () => assertWhole(join(folder, 'stepped'), 4, ['--import', STEPPED_CLOCK]));
});
