/** Every capture of the corpus: it opens with the packets that it is known to hold, or is refused in words. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { CaptureError } from '../../src/capture/capture.ts';
import { PcapFile } from '../../src/capture/pcap-file.ts';
import { sharedFolder, skipWithout } from '../support/shared.ts';
import { drain } from './capture-bytes.ts';

interface Entry {
  file: string;
  kind: string;
  packets: number;
  malformed: boolean;
}

interface Conversation {
  first_frame: number;
  first_ts: string;
}

function lines<T>(path: string): T[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
}

describe('corpus', { skip: skipWithout('corpus') }, () => {
  const corpus = sharedFolder('corpus') ?? '';
  const entries = corpus ? lines<Entry>(join(corpus, 'MANIFEST.jsonl')) : [];
  const readFile = (file: string) => drain((onWarning) => PcapFile.open(join(corpus, file), { onWarning }));

  test('captures have the packets and the times that others count', async () => {
    let times = 0;
    for (const { file, packets } of entries.filter((entry) => !entry.malformed)) {
      const { frames, warnings } = await readFile(file);
      assert.deepEqual([file, frames.length, warnings], [file, packets, []]);
      const conversations = join(corpus, file.replace(/\.[^.]+$/, '.conv.jsonl'));
      if (!existsSync(conversations)) continue;
      for (const { first_frame, first_ts } of lines<Conversation>(conversations)) {
        assert.deepEqual([file, first_frame, frames[first_frame - 1]?.time], [file, first_frame, first_ts]);
        times++;
      }
    }
    assert.ok(times > 1000, `${times} times compared`);
  });

  test('malformed files are read or refused in words', async () => {
    for (const { file } of entries.filter((entry) => entry.malformed)) {
      try {
        await readFile(file);
      } catch (error) {
        assert.ok(error instanceof CaptureError, `${file}: ${error}`);
      }
    }
  });
});
