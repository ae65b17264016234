import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { unaccountedEvents } from '../../../src/counters.ts';
import { spoolName } from '../../../src/outputs/spool/spool.ts';
import { arrivals, BATCH, live, sendAndKill } from './kill-spool.ts';
import { type Behavior, UnreliableServer } from './unreliable-server.ts';

const folder = mkdtempSync(join(tmpdir(), 'vesper-kill-spool-'));
after(() => rmSync(folder, { recursive: true }));

/** bench/soak.ts does the same hundreds of times. */
const KILLS = 9;

describe('an agent with a spool', () => {
  it('loses nothing that was kept, over kills and a peer that refuses, hangs and resets', async () => {
    const server = new UnreliableServer();
    let resets = 0;
    server.behavior = () => {
      const one = Math.random();
      const behavior: Behavior =
        one < 0.6 ? 'take' : one < 0.75 ? 'refuse' : one < 0.85 ? 'reset' : one < 0.97 ? 'take and reset' : 'hang';
      if (behavior === 'take and reset') resets++;
      return behavior;
    };
    const lives = await sendAndKill(join(folder, 'killed'), server, KILLS);
    const kept = lives.map((one) => one.kept);
    const { distinct, lost, doubled, disordered } = arrivals(kept, server.taken);
    assert.ok(distinct >= kept.reduce((sum, count) => sum + count), 'what was kept arrived');
    assert.deepEqual({ lost, disordered }, { lost: 0, disordered: 0 });
    // A batch is doubled only if its acknowledgment was lost with the connection or with the agent.
    assert.ok(doubled <= (resets + KILLS) * BATCH, `${doubled} doubled, ${resets} resets`);
    for (const { counters } of lives) if (counters) assert.equal(unaccountedEvents(counters), 0);
  });

  it('throws out the oldest at its limit, and counts exactly what did not arrive', async () => {
    const server = new UnreliableServer();
    const port = await server.listen();
    server.behavior = () => 'refuse';
    const directory = join(folder, 'limit');
    const options = { directory, port, maxBytes: 2 ** 20 };
    const full = await live({ ...options, run: 0, batches: 200, signal: 'SIGTERM', after: 1_500 });
    server.behavior = () => 'take';
    const rest = await live({ ...options, run: 1, batches: 0 });
    server.close();
    assert.ok(full.counters && rest.counters);
    // A batch that was on its way when its part of the spool went had nowhere to wait when the agent ended.
    const onTheWay = full.counters['events.dropped.shutdown'];
    assert.ok(onTheWay <= BATCH);
    const thrownOut = full.counters['events.dropped.spool_full'] + onTheWay;
    assert.ok(thrownOut > BATCH);
    const { distinct, lost, disordered } = arrivals([full.kept], server.taken);
    assert.deepEqual(
      { distinct, lost, disordered },
      { distinct: full.kept - thrownOut, lost: thrownOut, disordered: 0 },
    );
    assert.equal(rest.counters['events.recovered'], distinct);
    assert.equal(unaccountedEvents(full.counters), 0);
    assert.equal(unaccountedEvents(rest.counters), 0);
  });

  it('sends what can be read of a damaged spool, and counts exactly the rest', async () => {
    const server = new UnreliableServer();
    const port = await server.listen();
    server.behavior = () => 'refuse';
    const directory = join(folder, 'damage');
    const options = { directory, port, maxBytes: 2 ** 30 };
    const first = await live({ ...options, run: 0, batches: 100, signal: 'SIGKILL', after: 1_000 });
    const place = join(directory, spoolName('server'));
    const segment = join(place, readdirSync(place).find((name) => name.endsWith('.seg')) ?? '');
    const bytes = readFileSync(segment);
    for (let at = 5_000; at < bytes.length; at += 100_000) bytes[at]! ^= 0xff;
    writeFileSync(segment, bytes);
    server.behavior = () => 'take';
    const rest = await live({ ...options, run: 1, batches: 0 });
    server.close();
    assert.ok(rest.counters);
    const damaged = rest.counters['events.dropped.spool_damaged'];
    assert.ok(damaged > 0);
    const { distinct, disordered } = arrivals([first.kept], server.taken);
    assert.equal(distinct + damaged, rest.counters['events.recovered']);
    assert.ok(distinct + damaged >= first.kept);
    assert.equal(disordered, 0);
    assert.equal(unaccountedEvents(rest.counters), 0);
  });
});
