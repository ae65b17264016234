import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { type HealthReport, healthEvent } from '../../src/cim/agent-health.ts';
import { MAX_CIM_LINE } from '../../src/cim/line-parts.ts';
import { createCounters, GAUGES, LOSSES } from '../../src/counters.ts';
import { PROJECT } from '../support/shared.ts';
import { HEALTH as STATUS } from './samples.ts';

const FOLDER = join(PROJECT, 'config/schema/events');
const ajv = new Ajv2020({ allErrors: true, strict: true, strictRequired: false, strictTypes: false });
for (const file of readdirSync(FOLDER)) ajv.addSchema(JSON.parse(readFileSync(join(FOLDER, file), 'utf8')));

function lineOf(report: HealthReport, format: 'cim' | 'native'): string {
  const event = healthEvent(report, 36, { format, dvc: 'sensor', runId: 'agent-1' });
  const { line } = event;
  const validate = ajv.getSchema(`${format}-agent.schema.json`);
  assert.ok(validate?.(JSON.parse(line)), ajv.errorsText(validate?.errors));
  assert.equal(event.block[event.end], 0x0a);
  return line;
}

describe("the agent's own events", () => {
  it('are as their schemas say, in both formats', () => {
    const attached: HealthReport = { ...STATUS, what: 'interface_attached', interface: 'eth1' };
    const refused: HealthReport = { ...STATUS, what: 'reload', status: 'failure', description: 'no such policy' };
    const lost: HealthReport = { ...STATUS, what: 'output_lost', status: 'warning', description: 'kafka: 3 events' };
    for (const report of [STATUS, attached, refused, lost])
      for (const format of ['cim', 'native'] as const) lineOf(report, format);
  });

  it('begin with the time and an id, and hold the counts', () => {
    const line = lineOf({ ...STATUS, status: 'warning', losses: { 'frames.dropped.ring': 3 } }, 'cim');
    assert.match(line, /^\{"time":1700000000\.123000,"event_id":"agent-1-10","dvc":"sensor"/);
    const { severity, status, uptime, vesper } = JSON.parse(line) as Record<string, unknown>;
    assert.deepEqual([severity, status, uptime], ['high', 'warning', 61.25]);
    const { agent } = vesper as { agent: Record<string, unknown> };
    assert.deepEqual(agent.counters, { 'frames.received': 17 });
    assert.deepEqual(agent.losses, { 'frames.dropped.ring': 3 });
  });

  it('fit where everything was counted, in whole numbers as great as there are, on a host of many interfaces', () => {
    const most = (names: Iterable<string>) => Object.fromEntries([...names].map((name) => [name, 2 ** 40]));
    const names = Object.keys(createCounters());
    const counters = most(names.filter((name) => !GAUGES.has(name)));
    const interfaces = Array.from({ length: 3000 }, (_, i) => `veth${String(i).padStart(11, '0')}`);
    const line = lineOf({ ...STATUS, counters, gauges: most(GAUGES), losses: most(LOSSES), interfaces }, 'cim');
    assert.ok(Buffer.byteLength(line) <= MAX_CIM_LINE, `${Buffer.byteLength(line)} bytes`);
    assert.equal(
      (JSON.parse(line) as { vesper: { agent: { interface_count: number } } }).vesper.agent.interface_count,
      3000,
    );
  });
});
