/** The evaluator of Splunk's definitions: what it reads, what it accepts, and that it notices what is wrong. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Normalizer } from '../../src/cim/normalize.ts';
import { sharedFolder, skipWithout } from '../support/shared.ts';
import { AddOn, extractJson, parseConf } from './oracle/add-on.ts';
import { ADD_ON, Assessor } from './oracle/assessor.ts';
import { EXCEPTIONS, exceptionOf } from './oracle/exceptions.ts';
import { parseExpression } from './oracle/expression.ts';
import type { Fields } from './oracle/fields.ts';
import { ALERT, EXCEPTIONAL, type Fixture, GOOD } from './oracle/fixtures.ts';
import { type Failure, judge, modelsOf } from './oracle/judge.ts';
import { type Dataset, parseField, readOracle } from './oracle/models.ts';
import { parseSearch } from './oracle/search.ts';
import { OPTIONS, TLS } from './samples.ts';

const skip = skipWithout('cim');

const fieldsOf = (values: Readonly<Record<string, string | readonly string[]>>): Fields =>
  new Map(Object.entries(values).map(([name, value]) => [name, typeof value === 'string' ? [value] : value]));

describe('eval expressions', () => {
  const value = (source: string, values = {}) => parseExpression(source)(fieldsOf(values));

  it('compares numbers as numbers and texts with their case', () => {
    assert.equal(value('a==b', { a: '1.0', b: '1' }), true);
    assert.equal(value('a=="TCP"', { a: 'tcp' }), false);
    assert.equal(value('a==b', { a: 'x' }), false, 'nothing equals a missing field');
    assert.equal(value('bytes==(bytes_in+bytes_out)', { bytes: '1500', bytes_in: '600', bytes_out: '900' }), true);
  });

  it('has the functions of the models', () => {
    assert.equal(value('if(isnum(a),a,null())', { a: '12' }), '12');
    assert.equal(value('if(isnum(a),a,null())', { a: '0x12' }), null);
    assert.equal(value('mvcount(a)', { a: ['x', 'y'] }), 2);
    assert.equal(value('mvcount(a)'), null);
    assert.equal(value('case(a=="x","1",true(),"2")', { a: 'y' }), '2');
    assert.deepEqual(value("coalesce('a{}', a)", { 'a{}': ['x', 'y'] }), ['x', 'y']);
    assert.equal(value('if(!isnull(a) AND a==b, a, null())', { a: 'x', b: 'x' }), 'x');
  });

  it('rejects whatever it does not know', () => {
    for (const source of ['lower(a)', 'a . b', 'a LIKE "x%"', 'if(a,b', 'match(a,"^x")', 'a b', 'a ^ b', '']) {
      assert.throws(() => parseExpression(source), `${source} was read`);
    }
  });
});

describe('searches', () => {
  const holds = (source: string, values = {}) => parseSearch(source)(fieldsOf(values));

  it('matches without regard to case, and terms side by side together', () => {
    assert.equal(holds('transport=TCP OR transport=udp', { transport: 'tcp' }), true);
    assert.equal(holds('tag=network tag=communicate', { tag: ['network', 'communicate'] }), true);
    assert.equal(holds('tag=network tag=communicate', { tag: ['network'] }), false);
    assert.equal(holds('(a=1 OR b=*) NOT c=*', { b: 'x' }), true);
    assert.equal(holds('(a=1 OR b=*) NOT c=*', { b: 'x', c: 'y' }), false);
    assert.equal(holds('| where match(src,"^([0-9A-F]{2}[:-]){5}([0-9A-F]{2})$")', { src: '00-00-5E-00-53-01' }), true);
  });

  it('rejects whatever it does not know', () => {
    for (const source of ['a', 'a=', 'a>5', '| stats count', 'a=b |', '(a=b', 'a IN (1,2)', '']) {
      assert.throws(() => parseSearch(source), `${source} was read`);
    }
  });
});

describe('the add-on as a search head reads it', () => {
  it('reads .conf files', () => {
    const stanzas = parseConf('# comment\n[a]\nKEY = one two\nLONG = x\\\ny\n\n[b]\n');
    assert.deepEqual(
      [...stanzas.get('a')!],
      [
        ['KEY', 'one two'],
        ['LONG', 'xy'],
      ],
    );
    assert.throws(() => parseConf('[a]\nnonsense'));
    assert.throws(() => parseConf('[a]\n[a]'));
  });

  it('extracts nested keys and lists as KV_MODE=json does', () => {
    const fields = extractJson('{"a":1,"b":{"c":[true,"x"],"d":[{"e":null}]}}');
    assert.deepEqual(
      [...fields],
      [
        ['a', ['1']],
        ['b.c{}', ['true', 'x']],
        ['b.d{}.e', ['null']],
      ],
    );
  });

  it('gives each kind its tags', () => {
    const addOn = new AddOn(ADD_ON);
    const models = GOOD.map(({ kind, line }) => modelsOf(addOn.see(`vesper:${kind}`, line).tags));
    // Flows are collected: the handshake is in no model.
    assert.deepEqual(models, [
      ['Network_Traffic'],
      [],
      ['Network_Resolution'],
      ['Certificates'],
      ['Intrusion_Detection'],
    ]);
    const alone = new Normalizer({ ...OPTIONS, flowsCollected: false }).normalize(TLS, [])!.line;
    assert.deepEqual(modelsOf(addOn.see('vesper:tls', alone).tags), ['Network_Traffic']);
  });
});

/** What is wrong with an event that was changed. */
class Bench {
  readonly assessor = new Assessor();

  failures(kind: string, event: object): Failure[] {
    return this.failuresWith(kind, JSON.stringify(event));
  }

  /** The same with one field's values as the search head sees them. */
  failuresWith(kind: string, line: string, field?: string, values?: readonly string[]): Failure[] {
    const { fields, tags } = this.assessor.addOn.see(`vesper:${kind}`, line);
    const changed = new Map(fields);
    if (field !== undefined && values === undefined) changed.delete(field);
    else if (field !== undefined) changed.set(field, values!);
    return judge(this.assessor.oracle, changed, tags).filter((failure) => exceptionOf(failure, changed) === undefined);
  }

  datasets(kind: string, event: object): Dataset[] {
    const { tags } = this.assessor.addOn.see(`vesper:${kind}`, JSON.stringify(event));
    return this.assessor.oracle.datasets.filter(({ tags: sets }) =>
      sets.some((set) => set.every((tag) => tags.has(tag))),
    );
  }
}

/** Events that pass, in their model: the handshake as an agent without flows makes it. */
const PASSING: readonly Fixture[] = GOOD.map((fixture) =>
  fixture.kind === 'tls'
    ? { ...fixture, line: new Normalizer({ ...OPTIONS, flowsCollected: false }).normalize(TLS, [])!.line }
    : fixture,
);

describe('the judge', { skip }, () => {
  const bench = skip === false ? new Bench() : (undefined as never);

  it('reads only the files and the keys that it knows', () => {
    const folder = join(sharedFolder('cim')!, 'psa');
    assert.ok(readOracle(folder).datasets.length >= 6);
    assert.throws(() => parseField({ name: 'a', type: 'mandatory' }));
    assert.throws(() => parseField({ name: 'a', type: 'required', since: '9' }));
    assert.throws(() => parseField({ name: 'a', type: 'required', validity: 'tonumber(a)' }));
  });

  it('accepts good events of every model', () => {
    for (const { name, kind, line } of PASSING) assert.deepEqual(bench.failures(kind, JSON.parse(line)), [], name);
  });

  it('notices each required and each conditional field that is missing, empty or of several values', () => {
    let mutations = 0;
    for (const { name, kind, line } of PASSING) {
      const { fields: given } = bench.assessor.addOn.see(`vesper:${kind}`, line);
      for (const { fields } of bench.datasets(kind, JSON.parse(line))) {
        for (const { name: field, type, multiValue, validity, expectedValues } of fields) {
          const right = given.get(field);
          if (right === undefined) continue;
          const wrong: (readonly string[] | undefined)[] = [[''], ['-'], ['unknown'], ['(null)']];
          // There is a record type of that name: an exception.
          if (field !== 'record_type') wrong.push(['NULL']);
          if (type === 'required') wrong.push(undefined);
          if (!multiValue && field !== 'tcp_flag') wrong.push([...right, 'x']);
          if (expectedValues !== undefined && !expectedValues.includes('*')) wrong.push(['bogus']);
          // A MAC address is checked for where `src` or `dest` is one.
          if (validity !== undefined && !field.endsWith('_mac')) wrong.push(['x1']);
          for (const values of wrong) {
            if (
              values === undefined &&
              EXCEPTIONS.some((one) => one.rules.includes('missing') && one.fields.includes(field))
            ) {
              continue;
            }
            const failures = bench.failuresWith(kind, line, field, values);
            assert.ok(failures.length > 0, `${name}: ${field} with ${JSON.stringify(values)} passes`);
            mutations++;
          }
        }
      }
    }
    assert.ok(mutations > 250, `${mutations} mutations`);
  });

  it('notices what tests of published add-ons were caught with', () => {
    const event = (index: number) => JSON.parse(PASSING[index]!.line) as Record<string, unknown>;
    const [flow, dns, certificate, finding] = [event(0), event(2), event(3), event(4)];
    const cases: [string, object][] = [
      ['flow', { ...flow, transport: 'TCP' }],
      ['flow', { ...flow, action: 'dropped' }],
      ['flow', { ...flow, protocol_version: '4' }],
      ['flow', { ...flow, direction: 'lateral' }],
      ['flow', { ...flow, bytes: 1_501 }],
      ['flow', { ...flow, bytes_in: undefined }],
      ['flow', { ...flow, src_port: 'https' }],
      ['flow', { ...flow, dest_ip: '192.0.2.77' }],
      ['flow', { ...flow, packets_in: undefined }],
      ['flow', { ...flow, dest_zone: 'dmz' }],
      ['flow', { ...flow, channel: 6 }],
      ['flow', { ...flow, src_bunit: 'x' }],
      ['flow', { ...flow, tag: 'x' }],
      ['dns', { ...dns, reply_code: 'NXDOMAIN' }],
      ['dns', { ...dns, query_type: 'AAAA' }],
      ['dns', { ...dns, message_type: 'Unknown' }],
      ['dns', { ...dns, answer: ['192.0.2.1'] }],
      ['dns', { ...dns, query_count: 2 }],
      ['dns', { ...dns, transaction_id: '0xabcd' }],
      ['certificate', { ...certificate, ssl_validity_window: '90 days' }],
      ['certificate', { ...certificate, ssl_is_valid: 'yes' }],
      ['certificate', { ...certificate, ssl_hash: undefined }],
      ['finding', { ...finding, severity: 'info' }],
      ['finding', { ...finding, ids_type: 'wire' }],
      ['finding', { ...finding, dest_port: undefined }],
    ];
    for (const [kind, changed] of cases) {
      assert.ok(bench.failures(kind, changed).length > 0, `${JSON.stringify(changed).slice(0, 300)} passes`);
    }
  });

  it('notices an event that is in two models', () => {
    const { kind, line } = PASSING[0]!;
    const { fields, tags } = bench.assessor.addOn.see(`vesper:${kind}`, line);
    for (const extra of [['session'], ['alert'], ['ids', 'attack'], ['resolution', 'dns']]) {
      const failures = judge(bench.assessor.oracle, fields, new Set([...tags, ...extra]));
      assert.ok(
        failures.some(({ rule }) => rule === 'models'),
        extra.join(),
      );
    }
  });

  it('notices a key that is no field of the model', () => {
    for (const { kind, line } of PASSING) {
      const { assessor } = bench;
      assert.deepEqual(assessor.complaints(kind, line), [], kind);
      const event = JSON.parse(line) as object;
      for (const extra of [{ ssid2: 'x' }, { answers: ['x'] }, { extracted_host: 'x' }]) {
        assert.equal(assessor.complaints(kind, JSON.stringify({ ...extra, ...event })).length, 1, kind);
      }
    }
  });

  it('meets every exception, and lets nothing else through', () => {
    const met = new Map<string, number>();
    const meet = (fields: Fields, tags: ReadonlySet<string>): void => {
      for (const failure of judge(bench.assessor.oracle, fields, tags)) {
        const exception = exceptionOf(failure, fields);
        assert.ok(exception, JSON.stringify(failure));
        met.set(exception.id, (met.get(exception.id) ?? 0) + 1);
      }
    };
    for (const { kind, line } of EXCEPTIONAL) {
      const { fields, tags } = bench.assessor.addOn.see(`vesper:${kind}`, line);
      meet(fields, tags);
    }
    // What Vesper does not make: a transport that the model does not know, and an alert.
    const flow = extractJson(PASSING[0]!.line);
    meet(new Map([...flow, ['transport', ['sctp']], ['app', ['sctp']]]), new Set(['network', 'communicate']));
    meet(fieldsOf(ALERT), new Set(['alert']));
    assert.deepEqual([...met.keys()].sort(), [...new Set(EXCEPTIONS.map(({ id }) => id))].sort());
  });
});
