import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { compare, writeAndKill } from './kill-file.ts';
import { Tailer } from './tailer.ts';

const folder = mkdtempSync(join(tmpdir(), 'vesper-kill-file-'));
after(() => rmSync(folder, { recursive: true }));

/** bench/soak.ts does the same hundreds of times. */
const KILLS = 8;

describe('a rotating file whose agent is killed', () => {
  it('gives a forwarder every event that was written, once and in order', async () => {
    const tailer = new Tailer(folder, (name) => name.startsWith('events.ndjson'));
    const { acknowledged, rotations } = await writeAndKill({
      directory: folder,
      kills: KILLS,
      meanwhile: () => tailer.poll(),
    });
    tailer.poll(true);
    const { read, ...faults } = compare(acknowledged, tailer.read());
    assert.ok(rotations > KILLS, `${rotations} rotations`);
    assert.ok(read >= acknowledged.reduce((sum, count) => sum + count));
    assert.deepEqual({ ...faults, torn: 0 }, { lost: 0, doubled: 0, disordered: 0, torn: 0 });
    assert.ok(faults.torn <= KILLS / 2, `${faults.torn} torn lines`);
  });
});
