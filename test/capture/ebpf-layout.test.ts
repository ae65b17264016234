import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import * as layout from '../../src/capture/ebpf-layout.ts';
import { HEADER, MAX_RECORD_BYTES } from '../../src/capture/ring.ts';
import { PROJECT } from '../support/shared.ts';
import { type Structure, structuresOf } from './btf.ts';

const structures = structuresOf(join(PROJECT, 'bpf/vesper.bpf.o'));

function structure(name: string): Structure {
  const found = structures.get(name);
  assert.ok(found, `the object has no struct ${name}`);
  return found;
}

const snakeCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

describe('the layout that the kernel program and the agent share', () => {
  const shared: readonly [string, Readonly<Record<string, number>>][] = [
    ['tally', layout.TallyField],
    ['flow', layout.FlowField],
    ['owner', layout.OwnerField],
    ['record', layout.RecordField],
    ['settings', layout.SettingsField],
  ];
  for (const [name, fields] of shared) {
    it(`struct ${name}`, () => {
      const { offsets } = structure(name);
      for (const [field, offset] of Object.entries(fields)) assert.equal(offset, offsets[snakeCase(field)], field);
    });
  }

  it('the longest record fits into what of the ring is mapped twice', () => {
    const snap = Number(/^#define SNAP (\d+)$/m.exec(readFileSync(join(PROJECT, 'bpf/vesper.bpf.c'), 'utf8'))?.[1]);
    assert.ok(snap >= 16_384);
    assert.ok(HEADER + structure('record').size + snap <= MAX_RECORD_BYTES);
  });

  it('sizes', () => {
    assert.equal(structure('flow_key').size, layout.KEY_SIZE);
    assert.equal(structure('flow_key4').size, layout.KEY4_SIZE);
    assert.equal(structure('flow').size, layout.FLOW_SIZE);
    assert.equal(structure('owner').size, layout.OWNER_SIZE);
    assert.equal(structure('settings').size, layout.SETTINGS_SIZE);
    assert.equal(structure('enough').size, 4 * layout.CELLS);
    assert.equal(structure('statistics').size, layout.STATISTICS_SIZE);
  });
});
