/** Commands on hosts that lack what most have: a place for a user's files, /sys, /proc, descriptors. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { cleanEnvironment, MAIN } from '../support/cli.ts';
import { skipWithoutCapture } from '../support/privilege.ts';
import { PROJECT } from '../support/shared.ts';

const OFFICE = join(PROJECT, 'test', 'fixtures', 'cases', 'office-hour', 'input.pcap');
const NODE = [process.execPath, MAIN];

const folder = mkdtempSync(join(tmpdir(), 'vesper-surroundings-'));
after(() => rmSync(folder, { recursive: true }));

function run(command: readonly string[]): { status: number | null; stderr: string; stdout: string } {
  const [program = '', ...args] = command;
  return spawnSync(program, args, { encoding: 'utf8', env: cleanEnvironment(), cwd: folder });
}

const isRoot = process.getuid?.() === 0;

describe('a user without a home directory', { skip: isRoot ? false : 'only root may become another user' }, () => {
  // Node and the project may lie where only root can read.
  const mayRead = ['--inh-caps=+dac_override,+dac_read_search', '--ambient-caps=+dac_override,+dac_read_search'];
  const nobody = (...args: string[]) =>
    run(['setpriv', '--reuid=54321', '--clear-groups', ...mayRead, 'env', '-u', 'HOME', ...NODE, ...args]);

  it('needs none without a spool', () => {
    const { status, stderr } = nobody('replay', OFFICE);
    assert.equal(status, 0, stderr);
  });

  it('is told to name the place of the spool', () => {
    const { status, stderr } = nobody('replay', OFFICE, '-o', 'otlp+http://127.0.0.1:1?spool=true');
    assert.equal(status, 2, stderr);
    assert.match(stderr, /^vesper: this user has no home directory for the spool: set spool\.directory$/m);
  });

  it('is told of a mistake in an output before of a capture that it may not open', () => {
    const { status, stderr } = nobody('run', '-o', 'hec://h', '--set', 'spool.directory=/nope');
    assert.equal(status, 2, stderr);
    assert.equal(stderr, 'vesper: output hec://h: give the token by token_file or token_env\n');
    assert.match(nobody('run', '-o', join(folder, 'events')).stderr, /^vesper: live capture needs CAP_BPF/);
  });
});

for (const backend of ['ebpf', 'af_packet'] as const) {
  const captured = skipWithoutCapture(backend);
  describe(`vesper run with ${backend}`, { skip: isRoot ? captured : 'only root may hide file systems' }, () => {
    for (const hidden of [['/sys'], ['/proc'], ['/proc', '/sys']])
      it(`runs without ${hidden.join(' and ')}`, () => {
        const events = join(folder, `${backend}${hidden.join('').replaceAll('/', '-')}`);
        const agent = [...NODE, 'run', '-i', 'lo', '--capture', backend, '-o', events].join(' ');
        const script = [
          ...hidden.map((path) => `mount -t tmpfs none ${path} || exit 9`),
          `${agent} & agent=$!`,
          // Its first event is that of its start.
          `while kill -0 $agent 2>/dev/null && [ ! -s ${events} ]; do sleep 0.1; done`,
          'kill -TERM $agent; wait $agent',
        ].join('\n');
        const { stderr } = run(['unshare', '--mount', 'sh', '-c', script]);
        assert.match(stderr, /"run done"/);
      });
  });
}

/** Descriptors that Node opens itself, by its version: with these alone it hardly starts. */
const BARE = Number(run([process.execPath, '-p', "fs.readdirSync('/proc/self/fd').length"]).stdout);

describe('vesper run with few descriptors', { skip: skipWithoutCapture('ebpf') }, () => {
  it('says that these are what the kernel programs lack', () => {
    const events = join(folder, 'few-descriptors');
    const agent = [...NODE, 'run', '-i', 'lo', '--capture', 'ebpf', '-o', events].join(' ');
    let said = 0;
    for (let limit = BARE; !existsSync(events); limit += 3) {
      assert.ok(limit < BARE + 100, 'the agent never ran');
      const script = [
        `timeout --kill-after=10 120 prlimit --nofile=${limit} ${agent} & agent=$!`,
        `while kill -0 $agent 2>/dev/null && [ ! -s ${events} ]; do sleep 0.1; done`,
        'kill -TERM $agent 2>/dev/null; wait $agent',
      ].join('\n');
      const { stderr } = run(['sh', '-c', script]);
      assert.doesNotMatch(stderr, /they need Linux 5\.8/, `with ${limit}`);
      if (/^vesper: the eBPF programs need \d+ more file descriptors, .* LimitNOFILE=/.test(stderr)) said++;
    }
    assert.ok(said > 0, 'never said');
  });

  it('says first that capabilities lack, where they do', { skip: isRoot ? false : 'only root may drop them' }, () => {
    const drop = ['setpriv', '--bounding-set=-bpf,-perfmon,-sys_admin', '--inh-caps=-bpf,-perfmon,-sys_admin'];
    const agent = [...NODE, 'run', '-i', 'lo', '--capture', 'ebpf', '-o', join(folder, 'no-capabilities')];
    for (const more of [4, 8]) {
      const { stderr } = run(['prlimit', `--nofile=${BARE + more}`, ...drop, ...agent]);
      assert.match(stderr, /^vesper: eBPF needs CAP_BPF and CAP_PERFMON, which this process does not have/);
    }
  });
});
