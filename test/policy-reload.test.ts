/** When policies are read anew: what counts as a change of their files. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { createCounters } from '../src/counters.ts';
import type { PolicySet } from '../src/policy/policy.ts';
import { PolicyFiles } from '../src/policy-reload.ts';
import { ruleText } from './policy/policies.ts';

const NO_TLS12 = 'negotiated: { versions: { deny: [TLSv1_2] } }';

function text(id: string, version: string, rest = `rules:\n${ruleText('r', NO_TLS12)}`): string {
  return `id: ${id}\ntitle: t\nversion: "${version}"\nsource: s\n${rest}`;
}

describe('PolicyFiles', () => {
  let folder = '';
  let said: string[] = [];
  let inForce: PolicySet | undefined;
  const path = (name: string): string => join(folder, name);
  const write = (name: string, content: string): void => writeFileSync(path(name), content);
  const user = {
    replacePolicies(policies: PolicySet): void {
      inForce = policies;
    },
  };
  const versions = (): string[] | undefined => inForce?.policies.map(({ id, version }) => `${id} ${version}`);

  function open(...names: string[]): PolicyFiles {
    const say = (line: string) => void said.push(line);
    const files = new PolicyFiles(names, createCounters(), { info: say, warn: say, error: say });
    inForce = files.open();
    return files;
  }

  /** Two looks: a change has to last from one to the next. */
  function look(files: PolicyFiles): void {
    files.look(user);
    files.look(user);
  }

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'vesper-reload-'));
    said = [];
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('leaves files alone that have not changed', () => {
    write('a.yaml', text('a', '1'));
    const files = open(path('a.yaml'), 'baseline');
    look(files);
    assert.deepEqual(said, []);
  });

  it('waits until a change has lasted from one look to the next', () => {
    write('a.yaml', text('a', '1'));
    const files = open(path('a.yaml'));
    write('a.yaml', text('a', 'half'));
    files.look(user);
    write('a.yaml', text('a', 'whole'));
    files.look(user);
    assert.deepEqual(versions(), ['a 1']);
    files.look(user);
    assert.deepEqual(versions(), ['a whole']);
    look(files);
    assert.deepEqual(said, ['policies read anew: a whole']);
  });

  it('notices a file that another was renamed over, as editors do', () => {
    write('a.yaml', text('a', '1'));
    const files = open(path('a.yaml'));
    write('a.yaml~', text('a', '2'));
    renameSync(path('a.yaml~'), path('a.yaml'));
    look(files);
    assert.deepEqual(versions(), ['a 2']);
  });

  it('notices a folder behind a link that was exchanged, as Kubernetes does', () => {
    for (const version of ['1', '2']) {
      mkdirSync(path(version));
      write(`${version}/a.yaml`, text('a', version));
      symlinkSync(version, path(`to-${version}`));
    }
    renameSync(path('to-1'), path('current'));
    const files = open(path('current/a.yaml'));
    renameSync(path('to-2'), path('current'));
    look(files);
    assert.deepEqual(versions(), ['a 2']);
  });

  it('notices a change of what a policy extends, and of what it has begun to extend', () => {
    write('base.yaml', text('base', '1'));
    write('a.yaml', text('a', '1'));
    const files = open(path('a.yaml'));
    write('a.yaml', text('a', '2', 'extends: ./base.yaml\n'));
    look(files);
    assert.equal(inForce?.policies[0]?.resolved.rules[0]?.severity, 'low');
    write('base.yaml', text('base', '2').replace('severity: low', 'severity: high'));
    look(files);
    assert.equal(inForce?.policies[0]?.resolved.rules[0]?.severity, 'high');
  });

  it('refuses a broken policy once, keeps all of the old ones, and takes the mended one', () => {
    write('a.yaml', text('a', '1'));
    write('b.yaml', text('b', '1'));
    const files = open(path('a.yaml'), path('b.yaml'));
    write('a.yaml', text('a', '2'));
    write('b.yaml', text('b', '2').replace('TLSv1_2', 'TLSv1_22'));
    look(files);
    look(files);
    assert.deepEqual(versions(), ['a 1', 'b 1']);
    assert.equal(said.length, 1);
    assert.match(said[0] ?? '', /^policies not changed:\n.*\/b\.yaml:6:\d+: .*TLSv1_22.*did you mean `TLSv1_2`/);
    write('b.yaml', text('b', '3'));
    look(files);
    assert.deepEqual(versions(), ['a 2', 'b 3']);
  });

  it('keeps the policy of a file that is gone, and takes it when it is there again', () => {
    write('a.yaml', text('a', '1'));
    const files = open(path('a.yaml'));
    unlinkSync(path('a.yaml'));
    look(files);
    assert.deepEqual(versions(), ['a 1']);
    assert.match(said[0] ?? '', /a\.yaml: cannot be read \(ENOENT\)/);
    write('a.yaml', text('a', '2'));
    look(files);
    assert.deepEqual(versions(), ['a 2']);
  });
});
