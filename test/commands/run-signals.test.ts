/** `vesper run` lives through signals and a standard error that its surroundings take for granted. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { MAIN } from '../support/cli.ts';
import { Cable, HERE, says } from '../support/netns.ts';
import { skipWithoutCapture } from '../support/privilege.ts';

const PATIENCE_MS = 20_000;

interface AgentEvent {
  readonly signature: string;
  readonly vesper: { readonly agent: { readonly interfaces: string[]; readonly counters: Record<string, number> } };
}

describe('vesper run', { skip: skipWithoutCapture('af_packet') }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'vesper-run-signals-'));
  let cable: Cable;
  before(() => {
    cable = new Cable();
  });
  after(() => {
    cable.close();
    rmSync(folder, { recursive: true });
  });

  const command = (events: string, ...more: string[]): string[] => [
    ...[process.execPath, MAIN, 'run', '-i', 'va', '--capture', 'af_packet', '-o', events],
    ...['--set', 'log.format=json', ...more],
  ];
  const read = (path: string): AgentEvent[] =>
    existsSync(path)
      ? readFileSync(path, 'utf8')
          .split('\n')
          .filter(Boolean)
          .map((line) => JSON.parse(line))
      : [];

  /** The event of the agent, once it is in the file. */
  async function event(path: string, signature: string): Promise<AgentEvent> {
    for (let waited = 0; waited < PATIENCE_MS; waited += 50) {
      const found = read(path).find((one) => one.signature === signature);
      if (found !== undefined) return found;
      await sleep(50);
    }
    throw new Error(`no ${signature}`);
  }

  it('goes on where standard error takes nothing, and counts what it could not say', async () => {
    const events = join(folder, 'full');
    const agent = cable.start(cable.here, ['sh', '-c', 'exec "$0" "$@" 2>/dev/full', ...command(events)]);
    await event(events, 'agent_start');
    agent.kill('SIGHUP');
    await event(events, 'agent_reload');
    assert.equal(await cable.stop(agent), 0);
    const { interfaces, counters } = (await event(events, 'agent_stop')).vesper.agent;
    assert.deepEqual(interfaces, ['va']);
    assert.ok((counters['log.lost'] ?? 0) >= 2);
  });

  it('opens no debugger at SIGUSR1, and does not end at SIGUSR2', async () => {
    const agent = cable.start(cable.here, command(join(folder, 'signals')));
    await says(agent, 'capturing');
    agent.kill('SIGUSR1');
    agent.kill('SIGUSR2');
    // The answer to the third comes after what the first two would have done.
    agent.kill('SIGHUP');
    await event(join(folder, 'signals'), 'agent_reload');
    const listening = execFileSync('ip', ['netns', 'exec', cable.here, 'ss', '-Htln'], { encoding: 'utf8' });
    assert.equal(listening, '');
    assert.equal(await cable.stop(agent), 0);
  });

  it('ends with 1 where what keeps it from starting may pass', async () => {
    const first = cable.start(cable.here, command(join(folder, 'a'), '--set', 'metrics.port=9465'));
    await says(first, 'capturing');
    await event(join(folder, 'a'), 'agent_start');
    const ends = async (...more: string[]): Promise<number> => {
      const [status] = (await once(cable.start(cable.here, command(join(folder, 'b'), ...more)), 'exit')) as [number];
      return status;
    };
    assert.equal(await ends('--set', 'metrics.port=9465'), 1);
    assert.equal(await ends('--set', 'metrics.port=9466', '--set', 'metrics.address=203.0.113.1'), 1);
    assert.equal(await ends('--set', 'metrics.port=9466', '--set', `metrics.address=${HERE}0.example`), 2);
    assert.equal(await cable.stop(first), 0);
  });
});
