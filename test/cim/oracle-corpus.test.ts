/** Every event of the open corpus and of the golden cases, judged by Splunk's own definitions of its data models. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { capturesBelow, PROJECT, sharedFolder, skipWithout } from '../support/shared.ts';
import { Assessor, kindOf } from './oracle/assessor.ts';
import { type LineSink, replayLines } from './oracle/replay.ts';

const skip = skipWithout('cim');
const assessor = skip === false ? new Assessor() : undefined;

/** Complaints with the number of events that they are about and one of these. */
class Complaints {
  private readonly found = new Map<string, { count: number; line: string }>();

  readonly judge: LineSink = (kind, line) => {
    for (const words of assessor!.complaints(kind, line)) {
      // One of each is enough to see what is wrong.
      const complaint = words.replace(/ \(.*/s, '');
      const known = this.found.get(complaint);
      if (known !== undefined) known.count++;
      else this.found.set(complaint, { count: 1, line: `${words}\n  ${line}` });
    }
  };

  assertNone(): void {
    const texts = [...this.found].map(([complaint, { count, line }]) => `${count} × ${complaint}\n  ${line}`);
    assert.equal(texts.length, 0, texts.slice(0, 40).join('\n'));
  }
}

describe('events by the oracle', { skip }, () => {
  const cases = join(PROJECT, 'test', 'fixtures', 'cases');
  const golden = readdirSync(cases).map((name) => {
    const folder = join(cases, name);
    return join(folder, readdirSync(folder).find((file) => file.startsWith('input.'))!);
  });

  it('accepts every event of the golden cases', async () => {
    const complaints = new Complaints();
    for (const file of golden) await replayLines(file, complaints.judge);
    complaints.assertNone();
  });

  it('accepts handshakes as traffic where flows are not collected', async () => {
    const complaints = new Complaints();
    const before = assessor!.models.get('Network_Traffic') ?? 0;
    let events = 0;
    for (const file of golden) {
      await replayLines(
        file,
        (kind, line) => {
          events++;
          complaints.judge(kind, line);
        },
        { collect: 'tls' },
      );
    }
    complaints.assertNone();
    assert.ok(events > 0);
    assert.equal(assessor!.models.get('Network_Traffic'), before + events);
  });

  it('accepts events of live traffic', () => {
    const complaints = new Complaints();
    const lines = readFileSync(join(PROJECT, 'test/fixtures/live/events.ndjson'), 'utf8').trim().split('\n');
    const kinds = lines.map((line) => kindOf(JSON.parse(line)));
    lines.forEach((line, i) => {
      complaints.judge(kinds[i]!, line);
    });
    complaints.assertNone();
    assert.deepEqual([...new Set(kinds)].sort(), ['agent', 'certificate', 'dns', 'flow', 'tls']);
  });

  it('accepts every event of the corpus', { skip: skipWithout('corpus') }, async () => {
    const complaints = new Complaints();
    for (const file of capturesBelow(join(sharedFolder('corpus')!, 'captures')))
      await replayLines(file, complaints.judge);
    complaints.assertNone();
  });
});
