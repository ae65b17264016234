/** `vesper run` takes changed policies over while handshakes go on. */
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ruleText } from '../policy/policies.ts';
import { MAIN } from '../support/cli.ts';
import { Cable, THERE } from '../support/netns.ts';
import { skipWithoutCapture } from '../support/privilege.ts';

const PATIENCE_MS = 20_000;
const NO_TLS12 = 'negotiated: { versions: { deny: [TLSv1_2] } }';

/** A policy of one rule that every TLS 1.2 handshake breaks. */
const policyText = (rule: string): string =>
  `id: company\ntitle: t\nversion: "1"\nsource: s\nrules:\n${ruleText(rule, NO_TLS12)}`;

/** The lines of a program's log as they come. */
class Log {
  readonly lines: string[] = [];
  #rest = '';

  constructor(child: ChildProcess) {
    child.stderr?.on('data', (part: Buffer) => {
      const lines = (this.#rest + part.toString()).split('\n');
      this.#rest = lines.pop() ?? '';
      this.lines.push(...lines);
    });
  }

  /** The message that matches, once there are `count` of them. */
  async message(pattern: RegExp, count = 1): Promise<string> {
    for (let waited = 0; waited < PATIENCE_MS; waited += 50) {
      const messages = this.lines.map((line) => String(JSON.parse(line).msg)).filter((text) => pattern.test(text));
      if (messages.length >= count) return messages[count - 1] ?? '';
      await sleep(50);
    }
    throw new Error(`nothing said like ${pattern}: ${this.lines.join('\n')}`);
  }
}

for (const backend of ['ebpf', 'af_packet'] as const) {
  describe(`vesper run with ${backend}: policies that change`, { skip: skipWithoutCapture(backend) }, () => {
    const folder = mkdtempSync(join(tmpdir(), 'vesper-run-reload-'));
    const path = (name: string): string => join(folder, name);
    let cable: Cable;
    let refusal = '';
    let log: Log;
    let rules: string[] = [];
    let status: number | null = null;

    /** The rules that findings named so far; the file comes with the first. */
    function found(): string[] {
      if (!existsSync(path('events'))) return [];
      const lines = readFileSync(path('events'), 'utf8').split('\n').filter(Boolean);
      const findings = lines.map((line) => JSON.parse(line)).filter(({ signature_id }) => signature_id !== undefined);
      return findings.map(({ vesper }) => vesper.finding.rule);
    }

    /** One handshake, and the finding that it makes. */
    async function handshake(): Promise<void> {
      const known = found().length;
      await cable.run(cable.here, ['timeout', '10', 'openssl', 's_client', '-tls1_2', '-connect', `${THERE}:443`]);
      for (let waited = 0; found().length === known && waited < PATIENCE_MS; waited += 50) await sleep(50);
    }

    before(async () => {
      cable = new Cable();
      const subject = ['-subj', '/CN=server.test', '-keyout', path('key'), '-out', path('cert')];
      execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...subject], { stdio: 'ignore' });
      const certificate = ['-key', path('key'), '-cert', path('cert')];
      cable.start(cable.there, ['openssl', 's_server', '-quiet', '-accept', '443', ...certificate]);
      writeFileSync(path('company.yaml'), policyText('first'));
      const agent = cable.start(cable.here, [
        ...[process.execPath, MAIN, 'run', '-i', 'va', '--capture', backend, '-o', path('events')],
        ...[
          '--policy',
          path('company.yaml'),
          '--collect',
          'finding',
          '--set',
          'findings.suppress_s=0',
          '--set',
          'log.format=json',
        ],
      ]);
      log = new Log(agent);
      await log.message(/capturing/);
      await handshake();

      // The signal does not wait for the next look at the files.
      writeFileSync(path('company.yaml'), policyText('second'));
      agent.kill('SIGHUP');
      await log.message(/policies read anew/);
      await handshake();

      writeFileSync(path('company.new'), policyText('third').replace('TLSv1_2', 'TLSv12'));
      renameSync(path('company.new'), path('company.yaml'));
      refusal = await log.message(/policies not changed/);
      await handshake();

      writeFileSync(path('company.new'), policyText('fourth'));
      renameSync(path('company.new'), path('company.yaml'));
      await log.message(/policies read anew/, 2);
      await handshake();

      status = await cable.stop(agent);
      rules = found();
    });

    after(() => {
      cable.close();
      rmSync(folder, { recursive: true });
    });

    it('judges each handshake by the policy in force', () => {
      assert.deepEqual(rules, ['first', 'second', 'second', 'fourth']);
    });

    it('refuses a broken file with its place and the remedy', () => {
      assert.match(refusal, /company\.yaml:6:\d+: .*"TLSv12".*did you mean `TLSv1_2`\?/);
    });

    it('counts what it took and what it refused', () => {
      assert.equal(status, 0);
      const { counters } = JSON.parse(log.lines.at(-1) ?? '{}');
      assert.equal(counters['policy.reloads'], 2);
      assert.equal(counters['policy.reloads_refused'], 1);
    });
  });
}
