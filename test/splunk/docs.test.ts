/** docs/splunk.md: its searches run over real events, its settings load, its table is that of the add-on. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { describe, it } from 'node:test';
import { loadConfig } from '../../src/config.ts';
import { PROJECT } from '../support/shared.ts';
import { eventOf, fieldsOfKinds, goldenLines, healthLine, kindsOfSearch } from './events.ts';
import { runSearch } from './spl.ts';

const FILE = join(PROJECT, 'docs/splunk.md');
const text = readFileSync(FILE, 'utf8');

const blocks = (language: string): string[] =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(([, block]) => block!.trim());

/** Without those of cases that begin with the same frame: their runs have one name. */
const events = [
  ...new Map([...goldenLines(), healthLine()].map((line) => [/"event_id":"([^"]+)"/.exec(line)![1], line])).values(),
].map(eventOf);

describe('docs/splunk.md', () => {
  const searches = blocks('spl');
  // tstats asks the models, which are not here; its fields are those of the flows.
  const overModels = searches.filter((search) => search.startsWith('| tstats'));
  const overEvents = searches.filter((search) => !overModels.includes(search));

  it('has five searches to check with', () => {
    assert.equal(overEvents.length, 5);
  });

  for (const search of overEvents) {
    it(`runs: ${search.replaceAll(/\s+/g, ' ').slice(0, 120)}`, () => {
      const known = fieldsOfKinds(kindsOfSearch(search));
      // Events that came twice are found by the one that looks for them, and by it alone.
      const looksForCopies = search.includes('times > 1');
      assert.equal(runSearch(search, events, known).length > 0, !looksForCopies);
      if (looksForCopies) assert.ok(runSearch(search, [...events, ...events], known).length > 0);
    });
  }

  it('asks the models for fields that events have', () => {
    for (const search of overModels)
      for (const [, field] of search.matchAll(/\bAll_Traffic\.(\w+)/g))
        assert.ok(fieldsOfKinds(['flow']).has(field!), field);
  });

  it('shows the tags that events get', () => {
    const tags = new Map(
      events.map((event) => [
        `${event.get('sourcetype')} ${event.get('cim_model')?.[0] === 'Network_Traffic'}`,
        [...(event.get('tag') ?? [])].sort().join(', '),
      ]),
    );
    for (const [, sourcetype, shown] of text.matchAll(/^\| `(vesper:\w+)` \|.*\| ([a-z, ;]+) \|$/gm)) {
      const [first] = shown!.split('; ');
      const wanted = first === 'none' ? '' : first!.split(', ').sort().join(', ');
      assert.equal(tags.get(`${sourcetype} false`), wanted, sourcetype);
    }
  });

  it('has settings that load', () => {
    const folder = mkdtempSync(join(tmpdir(), 'vesper-docs-'));
    try {
      for (const [i, yaml] of blocks('yaml').entries()) {
        const file = join(folder, `${i}.yaml`);
        writeFileSync(file, yaml);
        assert.ok(loadConfig(file, new Map(), {}).outputs.length > 0);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('links to files that are there', () => {
    for (const [, link] of text.matchAll(/\]\((?!https?:|#)([^)#]+)/g))
      assert.ok(existsSync(resolve(dirname(FILE), link!)), link);
  });
});
