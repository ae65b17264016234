/** The add-on's .conf files: stanzas and settings that Splunk knows, search-time only, one data model for each event. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ADD_ON_FOLDER } from '../../scripts/splunk/package.ts';
import { KINDS } from '../../src/cim/event.ts';
import { parseConf, type Stanzas } from '../cim/oracle/add-on.ts';
import { PROJECT } from '../support/shared.ts';
import { schemaFields } from './event-fields.ts';
import { goldenLines } from './events.ts';

const DEFAULT = join(ADD_ON_FOLDER, 'default');
const conf = (file: string): Stanzas => parseConf(readFileSync(join(DEFAULT, file), 'utf8'));

const SOURCETYPES = KINDS.map((kind) => `vesper:${kind}`);

/** Settings by file, as the .spec files of Splunk 9 name them. */
const SETTINGS: Readonly<Record<string, RegExp>> = {
  'app.conf': /^(is_configured|is_visible|label|author|description|version|id|check_for_updates|name)$/,
  'props.conf':
    /^(EVENT_BREAKER_ENABLE|EVENT_BREAKER|SHOULD_LINEMERGE|LINE_BREAKER|TRUNCATE|CHARSET|TIME_PREFIX|TIME_FORMAT|MAX_TIMESTAMP_LOOKAHEAD|MAX_DAYS_AGO|KV_MODE|FIELDALIAS-\w+|EVAL-\w+|category|description|pulldown_type)$/,
  'eventtypes.conf': /^(search|description)$/,
  'tags.conf': /^\w+$/,
  'inputs.conf': /^(disabled|sourcetype|blacklist)$/,
  'macros.conf': /^(definition|iseval)$/,
};

/** Tags of a data model's dataset. No event has those of two. */
const MODELS: Readonly<Record<string, readonly string[]>> = {
  Network_Traffic: ['network', 'communicate'],
  Network_Resolution: ['network', 'resolution', 'dns'],
  Certificates: ['certificate'],
  Intrusion_Detection: ['ids', 'attack'],
  Alerts: ['alert'],
  Network_Sessions: ['network', 'session'],
  Web: ['web'],
  Change: ['change'],
  Malware: ['malware', 'attack'],
};

describe('add-on settings', () => {
  it('has no file and no setting besides those that Splunk knows', () => {
    const files = readdirSync(DEFAULT).filter((name) => name.endsWith('.conf'));
    assert.deepEqual(files.sort(), Object.keys(SETTINGS).sort());
    for (const file of files)
      for (const [stanza, settings] of conf(file))
        for (const key of settings.keys()) assert.match(key, SETTINGS[file]!, `${file} [${stanza}]`);
  });

  it('knows every sourcetype, and reads each alike', () => {
    const props = conf('props.conf');
    assert.deepEqual([...props.keys()], SOURCETYPES);
    for (const [stanza, settings] of props) {
      const own = /^(FIELDALIAS-|EVAL-|description$)/;
      const common = [...settings].filter(([key]) => !own.test(key));
      assert.deepEqual(
        common,
        [...props.get('vesper:flow')!].filter(([key]) => !own.test(key)),
        stanza,
      );
      assert.equal(settings.get('KV_MODE'), 'json');
      assert.equal(settings.get('SHOULD_LINEMERGE'), 'false');
    }
  });

  it('finds the time of an event, and cuts none', () => {
    const settings = conf('props.conf').get('vesper:flow')!;
    const prefix = new RegExp(settings.get('TIME_PREFIX')!);
    const lookahead = Number(settings.get('MAX_TIMESTAMP_LOOKAHEAD'));
    for (const line of goldenLines()) {
      const match = prefix.exec(line);
      assert.ok(match, line);
      // %s.%6N: whole seconds, a point, six digits.
      const seen = line.slice(match[0].length, match[0].length + lookahead);
      assert.equal(/^\d+\.\d{6}(?=,)/.exec(seen)?.[0], /^\{"time":([\d.]+),/.exec(line)![1]);
      assert.ok(Buffer.byteLength(line) < Number(settings.get('TRUNCATE')));
    }
  });

  it('names every list of the top level as the model does', () => {
    for (const kind of KINDS) {
      const settings = conf('props.conf').get(`vesper:${kind}`)!;
      const lists = [...schemaFields(kind)].filter((name) => /^\w+\{\}$/.test(name)).map((name) => name.slice(0, -2));
      const made = [...settings.keys()]
        .filter((key) => key.startsWith('EVAL-'))
        .map((key) => key.slice('EVAL-'.length));
      assert.deepEqual(made.sort(), lists.sort(), kind);
      for (const name of lists) assert.equal(settings.get(`EVAL-${name}`), `coalesce('${name}{}', ${name})`);
    }
  });

  it('gives an event type the tags of one data model or of none', () => {
    const eventTypes = conf('eventtypes.conf');
    for (const [stanza, tags] of conf('tags.conf')) {
      const eventType = /^eventtype=(\w+)$/.exec(stanza)?.[1];
      assert.ok(eventType !== undefined && eventTypes.has(eventType), stanza);
      const on = new Set([...tags].filter(([, state]) => state === 'enabled').map(([tag]) => tag));
      const models = Object.keys(MODELS).filter((model) => MODELS[model]!.every((tag) => on.has(tag)));
      assert.equal(models.length, 1, `${stanza}: ${models.join(', ')}`);
    }
  });

  it('reads a file for each sourcetype, switched off, without what is compressed or half written', () => {
    const inputs = conf('inputs.conf');
    assert.equal(inputs.size, SOURCETYPES.length);
    for (const kind of KINDS) {
      const settings = inputs.get(`monitor:///var/log/vesper/${kind}.ndjson*`);
      assert.ok(settings, kind);
      assert.equal(settings.get('disabled'), 'true');
      assert.equal(settings.get('sourcetype'), `vesper:${kind}`);
      const blacklist = new RegExp(settings.get('blacklist')!);
      const path = `/var/log/vesper/${kind}.ndjson`;
      for (const ending of ['.1.gz', '.1.zst', '.tmp']) assert.match(`${path}${ending}`, blacklist);
      for (const ending of ['', '.1']) assert.doesNotMatch(`${path}${ending}`, blacklist);
    }
  });

  it('lets the models of other apps see its objects', () => {
    const meta = parseConf(readFileSync(join(ADD_ON_FOLDER, 'metadata/default.meta'), 'utf8'));
    assert.equal(meta.get('')?.get('export'), 'system');
    for (const object of ['props', 'eventtypes', 'tags']) assert.ok(!meta.has(object), object);
  });

  it('has the version of the project', () => {
    const { version } = JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8')) as { version: string };
    const app = conf('app.conf');
    assert.equal(app.get('launcher')?.get('version'), version);
    assert.equal(app.get('id')?.get('version'), version);
    const manifest = JSON.parse(readFileSync(join(ADD_ON_FOLDER, 'app.manifest'), 'utf8'));
    assert.deepEqual(manifest.info.id, { group: null, name: app.get('id')?.get('name'), version });
    assert.equal(app.get('package')?.get('id'), app.get('id')?.get('name'));
  });
});
