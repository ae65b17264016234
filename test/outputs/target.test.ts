import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { describe, it } from 'node:test';
import { parseTarget } from '../../src/outputs/target.ts';
import { UsageError } from '../../src/usage-error.ts';

function complaint(target: string): string {
  try {
    parseTarget(target);
  } catch (error) {
    assert.ok(error instanceof UsageError);
    return error.message;
  }
  return 'none';
}

const place = (target: string): unknown => parseTarget(target).place;

describe('parseTarget', () => {
  it('knows standard output and files', () => {
    assert.equal(parseTarget('-').type, 'stdout');
    assert.deepEqual(place('out.ndjson'), { path: 'out.ndjson' });
    assert.deepEqual(place('out/{kind}.ndjson'), { path: 'out/{kind}.ndjson' });
  });

  it('knows Kafka with its brokers and topic', () => {
    assert.deepEqual(place('kafka://a:9093,b,[::1]:9094/vesper.{kind}'), {
      brokers: ['a:9093', 'b:9092', '[::1]:9094'],
      topic: 'vesper.{kind}',
    });
    for (const wrong of [
      'kafka://a',
      'kafka://a/',
      'kafka://a/b/c',
      'kafka://a/top ic',
      `kafka://a/${'x'.repeat(250)}`,
    ])
      assert.match(complaint(wrong), /write kafka:\/\/host:port\/topic/, wrong);
    assert.match(complaint('kafka://a,,b/t'), /"" is no host:port/);
    assert.match(complaint('kafka://a:0/t'), /is no host:port/);
    assert.match(complaint('kafka://a:65536/t'), /is no host:port/);
    assert.match(complaint('kafka://a/{knid}'), /\{knid\} means nothing; a topic may hold \{kind\}/);
  });

  it('knows OTLP and HEC over HTTP', () => {
    assert.deepEqual(place('otlp+http://collector'), { url: 'http://collector:4318/v1/logs' });
    assert.deepEqual(place('OTLP+https://[::1]:443/'), { url: 'https://[::1]:443/v1/logs' });
    assert.deepEqual(place('otlp+https://c/in/v1/logs'), { url: 'https://c:4318/in/v1/logs' });
    assert.deepEqual(place('hec://splunk'), { url: 'https://splunk:8088' });
    assert.deepEqual(place('hec+http://splunk:80/'), { url: 'http://splunk:80' });
    assert.match(complaint('hec://splunk/services/collector'), /write host and port alone/);
  });

  it('takes options from the query', () => {
    const { options, type } = parseTarget('hec://splunk:8088?token_env=TOKEN&ack=true');
    assert.equal(type, 'hec');
    assert.deepEqual(
      [...options],
      [
        ['token_env', 'TOKEN'],
        ['ack', 'true'],
      ],
    );
  });

  it('refuses secrets in a target, and shows none', () => {
    for (const scheme of ['kafka', 'otlp+http', 'hec']) {
      const text = complaint(`${scheme}://user:secret@host:9092/topic`);
      assert.match(text, /holds no user and no password/);
      assert.doesNotMatch(text, /secret/);
    }
    assert.doesNotMatch(complaint('s3://user:secret@host'), /secret/);
  });

  it('refuses what cannot be meant', () => {
    assert.match(complaint('kafak://host/topic'), /not known \(did you mean kafka:\/\/\?\)/);
    assert.match(complaint('s3://bucket'), /^output s3:\/\/ is not known/);
    assert.match(complaint(''), /empty/);
    assert.match(complaint('out/{knid}.ndjson'), /\{knid\} means nothing; a path may hold \{kind\}/);
    assert.match(complaint('out/'), /is a directory; .* out\/\{kind\}\.ndjson$/);
    assert.match(complaint(tmpdir()), /is a directory/);
  });
});
