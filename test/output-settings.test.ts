import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KINDS } from '../src/cim/event.ts';
import { OUTPUT_OPTIONS, optionsOf } from '../src/output-options.ts';
import { parseOutputs, secretVariables, shownOutput } from '../src/output-settings.ts';
import type { OutputSettings } from '../src/outputs/options.ts';

function parse(...list: unknown[]): OutputSettings[] {
  const { outputs, complaints } = parseOutputs(list, 'cim');
  assert.deepEqual(complaints, []);
  return [...outputs];
}

function complaints(...list: unknown[]): string[] {
  return parseOutputs(list, 'cim').complaints.map(({ path, text }) => `${path}: ${text}`);
}

describe('the outputs of the configuration', () => {
  it('are targets, or maps of a target and options', () => {
    const [file, kafka] = parse('out.ndjson', {
      target: 'kafka://a,b/t',
      kinds: ['finding'],
      format: 'native',
      batch: { events: 10 },
      sasl: { mechanism: 'plain', username: 'u', password_env: 'P' },
    });
    assert.ok(file?.type === 'file' && kafka?.type === 'kafka');
    assert.deepEqual(
      [file.name, file.path, file.format, file.kinds.length],
      ['out.ndjson', 'out.ndjson', 'cim', KINDS.length],
    );
    assert.deepEqual(kafka.brokers, ['a:9092', 'b:9092']);
    assert.deepEqual(kafka.sasl, { mechanism: 'plain', username: 'u', password_env: 'P' });
    assert.deepEqual([kafka.kinds, kafka.format, kafka.batch.events], [['finding'], 'native', 10]);
    assert.equal(kafka.batch.bytes, file.batch.bytes);
  });

  it('take options from the query of a URL, as text', () => {
    const [hec] = parse('hec://h?ack=true&token_env=T&in_flight=3&kinds=dns,tls&name=s');
    assert.ok(hec?.type === 'hec');
    assert.deepEqual([hec.ack, hec.in_flight, hec.kinds, hec.name], [true, 3, ['dns', 'tls'], 's']);
    assert.deepEqual(secretVariables([hec]), ['T']);
  });

  it('have a name without the options of the target', () => {
    assert.equal(parse('otlp+http://h:1?body=map')[0]?.name, 'otlp+http://h:1');
  });

  it('are refused with the place of every mistake', () => {
    assert.deepEqual(complaints({ target: 'a', rotate: { byte: 5 }, kinds: ['dsn'] }, 7, { kinds: [] }, 'kafka://h'), [
      '0.rotate.byte: unknown option of a file output (did you mean rotate.bytes?)',
      '0.kinds: "dsn" must be one of flow, dns, tls, certificate, finding, agent (did you mean dns?)',
      '1: an output must be a target, or a map with a target and options',
      '2: an output must be a target, or a map with a target and options',
      '3: output kafka://: write kafka://host:port/topic, the topic in letters, digits, ., _ and -; it may hold {kind}',
    ]);
    assert.match(complaints({ target: '-', spool: true })[0] ?? '', /unknown option of standard output/);
    assert.match(complaints({ target: 'hec://h', retry: { give_up_s: -1 } })[0] ?? '', /must be auto, a whole number/);
  });

  it('may have groups of which everything is commented out, and no others', () => {
    const [file] = parse({ target: 'a', rotate: null, batch: {} });
    assert.ok(file?.type === 'file' && file.rotate.gzip);
    assert.deepEqual(complaints({ target: 'a', rotat: {}, rotate: 5 }), [
      '0.rotat: unknown option of a file output',
      '0.rotate: must be a map of options',
    ]);
  });

  it('are refused with headers that HTTP does not have, and shows no value', () => {
    const headers = (value: object): string[] => complaints({ target: 'otlp+http://h', headers: value });
    assert.deepEqual(headers({ 'X-Scope': 'a b', Authorization: 'Bearer x' }), []);
    assert.deepEqual(headers({ 'A b': 'c' }), ['0.headers: "A b" is no name of an HTTP header']);
    const wrong = '0.headers: the value of X has characters that no HTTP header has';
    assert.deepEqual(headers({ X: 'secret\nsecret' }), [wrong]);
    assert.deepEqual(headers({ X: '☃' }), [wrong]);
    assert.deepEqual(headers({ X: 5 }), ['0.headers: must be a map of names to texts']);
    assert.match(complaints({ target: 'otlp+http://h', resource: { a: 'b\0' } })[0] ?? '', /no control characters/);
  });

  it('are refused with options of TLS where there is none', () => {
    const tls = { ca_file: 'ca.pem' };
    assert.match(
      complaints({ target: 'kafka://h/t', tls })[0] ?? '',
      /^0\.tls\.ca_file: has no effect without tls\.en/,
    );
    assert.match(complaints({ target: 'otlp+http://h', tls })[0] ?? '', /write the target as otlp\+https:\/\/…$/);
    assert.match(complaints({ target: 'hec+http://h', tls })[0] ?? '', /write the target as hec:\/\/…$/);
    for (const enabled of [true, false]) parse({ target: 'kafka://h/t', tls: { ...tls, enabled } });
    for (const target of ['otlp+https://h', 'hec://h']) parse({ target, tls });
    // Null is the default.
    for (const target of ['otlp+http://h', 'kafka://h/t']) parse({ target, tls: { ca_file: null, server_name: null } });
    assert.match(complaints({ target: 'kafka://h/t', tls: { ...tls, enabled: null } })[0] ?? '', /has no effect/);
  });

  it('are refused twice', () => {
    assert.match(complaints('a.ndjson', './a.ndjson')[0] ?? '', /given twice/);
    assert.match(complaints('-', { target: '-', name: 'other' })[0] ?? '', /given twice/);
    assert.match(complaints('hec://h', 'hec://h')[0] ?? '', /its name must be its own/);
    assert.deepEqual(complaints({ target: 'hec://h', name: 'a' }, { target: 'hec://h', name: 'b' }), []);
  });

  it('show where secrets are, never what they are', () => {
    const [otlp] = parse({ target: 'otlp+http://h', headers: { Authorization: 'Bearer secret' } });
    assert.ok(otlp);
    const shown = JSON.stringify(shownOutput(otlp));
    assert.match(shown, /Authorization/);
    assert.doesNotMatch(shown, /secret/);
  });

  it('have one meaning for each option, and right defaults', () => {
    for (const { path, outputs, default: value, format } of OUTPUT_OPTIONS) {
      if (value !== undefined) assert.equal(format.complaint(value), undefined, path);
      for (const output of outputs)
        assert.equal(OUTPUT_OPTIONS.filter((o) => o.path === path && o.outputs.includes(output)).length, 1, path);
    }
    assert.equal(optionsOf('stdout').has('spool'), false);
  });
});
