/** The example configurations: complete, and right together. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { loadConfig } from '../../src/config.ts';
import { OUTPUT_OPTIONS } from '../../src/output-options.ts';
import { SETTINGS } from '../../src/settings.ts';
import { PROJECT } from '../support/shared.ts';

const EXAMPLE = join(PROJECT, 'config/vesper.yaml');
const text = readFileSync(EXAMPLE, 'utf8');
/** With every commented setting: they begin with # and anything but one space. */
const everything = text.replaceAll(/^( *)#(?! \S|$)/gm, '$1');

function load(yaml: string) {
  const folder = mkdtempSync(join(tmpdir(), 'vesper-example-'));
  try {
    const file = join(folder, 'vesper.yaml');
    writeFileSync(file, yaml);
    return loadConfig(file, new Map(), {});
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe('config/vesper.yaml', () => {
  it('loads, and writes where the inputs of the add-on read', () => {
    const { outputs } = loadConfig(EXAMPLE, new Map(), {});
    assert.deepEqual(
      outputs.map((output) => output.type === 'file' && output.path),
      ['/var/log/vesper/{kind}.ndjson'],
    );
  });

  it('loads with everything that it shows uncommented', () => {
    const types = load(everything).outputs.map(({ type }) => type);
    assert.deepEqual(types, ['file', 'hec', 'kafka', 'otlp']);
  });

  it('has every setting', () => {
    const document = parse(everything) as Record<string, unknown>;
    const missing = [...SETTINGS.keys()].filter((path) => {
      const value = path.split('.').reduce<unknown>((node, key) => (node as Record<string, unknown>)?.[key], document);
      return value === undefined;
    });
    assert.deepEqual(missing, []);
  });

  it('shows or names every option of outputs', () => {
    const missing = OUTPUT_OPTIONS.filter(({ path }) => !new RegExp(`\\b${path.split('.').at(-1)}\\b`).test(text));
    assert.deepEqual(
      missing.map(({ path }) => path),
      [],
    );
  });
});

describe('config/splunk/kafka-connect.json', () => {
  const { config } = JSON.parse(readFileSync(join(PROJECT, 'config/splunk/kafka-connect.json'), 'utf8')) as {
    config: Record<string, string>;
  };
  const list = (key: string): string[] => config[key]!.split(',');

  it('reads the topics that the example writes, each with its sourcetype', () => {
    const kafka = load(everything).outputs.find(({ type }) => type === 'kafka');
    assert.ok(kafka?.type === 'kafka');
    const kinds = list('splunk.sourcetypes').map((sourcetype) => /^vesper:(\w+)$/.exec(sourcetype)![1]!);
    assert.deepEqual(
      list('topics'),
      kinds.map((kind) => kafka.topic.replaceAll('{kind}', kind)),
    );
    for (const kind of kafka.kinds) assert.ok(kinds.includes(kind), kind);
    for (const key of ['splunk.indexes', 'splunk.sources']) assert.equal(list(key).length, kinds.length, key);
  });

  it('takes values and headers as they are, and the time of the record', () => {
    const converter = 'org.apache.kafka.connect.storage.StringConverter';
    for (const key of ['key.converter', 'value.converter', 'header.converter']) assert.equal(config[key], converter);
    const kafka = load(everything).outputs.find(({ type }) => type === 'kafka');
    assert.ok(kafka?.type === 'kafka');
    assert.equal(config['splunk.hec.json.event.formatted'], String(kafka.value === 'hec'));
    assert.equal(config['splunk.hec.raw'], 'false');
    assert.equal(config['splunk.header.support'], 'true');
    assert.equal(config['splunk.hec.use.record.timestamp'], 'true');
  });
});

describe('config/splunk/otel-collector.yaml', () => {
  const collector = parse(readFileSync(join(PROJECT, 'config/splunk/otel-collector.yaml'), 'utf8'));

  it('uses components that it configures', () => {
    const { logs } = collector.service.pipelines;
    for (const part of ['receivers', 'processors', 'exporters'])
      assert.deepEqual(Object.keys(collector[part]), logs[part], part);
    assert.deepEqual(Object.keys(collector.extensions), collector.service.extensions);
    assert.equal(collector.exporters.splunk_hec.sending_queue.storage, collector.service.extensions[0]);
  });

  it('acknowledges nothing that is in memory alone', () => {
    assert.ok(!collector.service.pipelines.logs.processors.includes('batch'));
    assert.equal(collector.exporters.splunk_hec.retry_on_failure.max_elapsed_time, 0);
  });
});
