/** Every event keeps to its JSON Schema and to the rules that hold for all events, whatever the wire said. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import type { CimEvent, Extras } from '../../src/cim/event.ts';
import { CIM_LINE_ROOM, MAX_CIM_LINE } from '../../src/cim/line-parts.ts';
import { NativeFormat } from '../../src/cim/native.ts';
import { Normalizer } from '../../src/cim/normalize.ts';
import { PROJECT } from '../support/shared.ts';
import { cimEvent, finding, nativeEvent, verdicts } from './arbitraries.ts';
import * as samples from './samples.ts';

const FOLDER = join(PROJECT, 'config/schema/events');
const ajv = new Ajv2020({ allErrors: true, strict: true, strictRequired: false, strictTypes: false });
for (const file of readdirSync(FOLDER)) ajv.addSchema(JSON.parse(readFileSync(join(FOLDER, file), 'utf8')));

/** Asserts that the line is one object that its schema allows, and returns it. */
function checked(format: 'cim' | 'native', event: CimEvent): Record<string, unknown> {
  const { line } = event;
  assert.ok(!/[\n\r\u2028\u2029]/.test(line), 'one line');
  assert.equal(event.block[event.end], 0x0a, 'a newline after the line');
  const object = JSON.parse(line) as Record<string, unknown>;
  const validate = ajv.getSchema(`${format}-${event.kind}.schema.json`);
  assert.ok(validate, `a schema for ${format} ${event.kind}`);
  assert.ok(validate(object), `${ajv.errorsText(validate.errors)}\n${line}`);
  return object;
}

/** Values that CIM takes for "no value". */
function assertNoPlaceholder(value: unknown, path: string): void {
  assert.ok(value !== null && value !== '', `${path} is ${JSON.stringify(value)}`);
  if (typeof value === 'object')
    for (const [key, inner] of Object.entries(value)) assertNoPlaceholder(inner, `${path}.${key}`);
}

function assertCim(event: CimEvent, extras: Extras = 'full'): void {
  const object = checked('cim', event);
  const length = event.end - event.start;
  assert.ok(length <= MAX_CIM_LINE, `${event.kind}: ${length} bytes`);
  assertNoPlaceholder(object, '');
  const keys = Object.keys(object);
  assert.deepEqual(keys.slice(0, 2), ['time', 'event_id']);
  const { vesper } = object;
  // How many events this one stands for is told in any case.
  if (extras === 'off') assert.ok(vesper === undefined || Object.keys(vesper as object).join() === 'aggregate');
  else assert.equal(keys.at(-1), 'vesper');
  assert.match(event.line, /^\{"time":\d+\.\d{6},"event_id":"/);
  assert.doesNotMatch(event.line.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""'), /[eE]\+?-?\d/, 'no exponent');
  const { answer = [], answer_count, query = [], query_count } = object;
  if (answer_count !== undefined) assert.equal((answer as unknown[]).length, answer_count);
  if (query_count !== undefined) assert.equal([query].flat().length, query_count);
}

describe('event contracts', () => {
  it('holds for every CIM event', () => {
    const normalizer = new Normalizer({ ...samples.OPTIONS, dvc: 'sensor "1"\n€' });
    fc.assert(
      fc.property(cimEvent, verdicts, (event, says) => {
        const made = normalizer.normalize(event, says);
        assert.ok(made);
        assertCim(made);
      }),
      { numRuns: 1500 },
    );
  });

  for (const extras of ['lean', 'off'] as const) {
    it(`holds for CIM events with extras ${extras}, whose fields of CIM are the same`, () => {
      const whole = new Normalizer(samples.OPTIONS);
      const small = new Normalizer({ ...samples.OPTIONS, extras });
      fc.assert(
        fc.property(cimEvent, verdicts, (event, says) => {
          const made = small.normalize(event, says);
          const full = whole.normalize(event, says);
          assert.ok(made && full);
          assertCim(made, extras);
          assert.ok(made.end - made.start <= full.end - full.start);
          assert.deepEqual({ ...JSON.parse(made.line), vesper: 0 }, { ...JSON.parse(full.line), vesper: 0 });
        }),
        { numRuns: 300 },
      );
      fc.assert(
        fc.property(finding, (one) => assertCim(small.finding(one, 0), extras)),
        { numRuns: 100 },
      );
    });
  }

  it('holds for every CIM finding', () => {
    const normalizer = new Normalizer(samples.OPTIONS);
    fc.assert(
      fc.property(finding, fc.nat(), (one, suppressed) => assertCim(normalizer.finding(one, suppressed))),
      { numRuns: 1000 },
    );
  });

  it('holds for every native event', () => {
    const native = new NativeFormat();
    fc.assert(
      fc.property(nativeEvent, (event) => {
        const made = native.normalize(event);
        assert.ok(made);
        checked('native', made);
        assert.ok(made.end - made.start < 96 * 1024, `${made.end - made.start} bytes`);
      }),
      { numRuns: 1000 },
    );
    fc.assert(fc.property(finding, (one) => void checked('native', native.finding(one))));
  });

  it('leaves room for what is written and taken back', () => {
    assert.ok(CIM_LINE_ROOM >= MAX_CIM_LINE + 1_024);
  });

  it('rejects what breaks it', () => {
    const line = JSON.parse(new Normalizer(samples.OPTIONS).normalize(samples.FLOW, [])?.line ?? '');
    const validate = ajv.getSchema('cim-flow.schema.json');
    assert.ok(validate?.(line));
    for (const broken of [
      { ...line, extra: 1 },
      { ...line, src_port: undefined },
      { ...line, duration: '1' },
      { ...line, direction: 'unknown' },
    ]) {
      assert.equal(validate?.(JSON.parse(JSON.stringify(broken))), false);
    }
  });
});
