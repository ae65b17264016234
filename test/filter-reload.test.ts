/** Filters that change while the agent runs. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { MAIN } from './support/cli.ts';
import { Cable, says, THERE } from './support/netns.ts';
import { skipWithoutCapture } from './support/privilege.ts';
import { type Event, eventsIn, saidBy } from './support/side-by-side.ts';

const PATIENCE_MS = 10_000;
/** An event that is made is in the file long before. */
const SILENCE_MS = 1_000;
const OTHER_PORT = 5300;

for (const backend of ['ebpf', 'af_packet'] as const) {
  describe(`vesper run with ${backend}: filters that change`, { skip: skipWithoutCapture(backend) }, () => {
    const folder = mkdtempSync(join(tmpdir(), 'vesper-filters-'));
    const path = (name: string): string => join(folder, name);
    let cable: Cable;
    let reload: (settings: string, answer: string) => Promise<void>;
    let programs: () => string[];

    const queries = (): Event[] =>
      existsSync(path('events')) ? eventsIn(path('events')).filter((event) => 'query' in event) : [];

    const dig = (port: number): Promise<string> =>
      cable.run(cable.here, [
        'dig',
        '+short',
        '+tries=1',
        '+time=3',
        '-p',
        String(port),
        `@${THERE}`,
        'www.example.test',
      ]);

    /** Waits for what is to come about. */
    async function until(holds: () => boolean): Promise<void> {
      for (let waited = 0; waited < PATIENCE_MS && !holds(); waited += 50) await sleep(50);
    }

    /** Asks one question and returns how many events it became. */
    async function asked(port: number, expected: number): Promise<number> {
      const known = queries().length;
      await dig(port);
      if (expected > 0) await until(() => queries().length - known >= expected);
      else await sleep(SILENCE_MS);
      return queries().length - known;
    }

    before(async () => {
      cable = new Cable();
      for (const port of [53, OTHER_PORT]) {
        const names = ['--no-resolv', '--no-hosts', '--address=/example.test/192.0.2.1', `--listen-address=${THERE}`];
        cable.start(cable.there, [
          'dnsmasq',
          '-k',
          '--user=root',
          '-x',
          path(`pid${port}`),
          '-p',
          String(port),
          ...names,
        ]);
        for (let waited = 0; waited < PATIENCE_MS && (await dig(port)) === ''; waited += 100) await sleep(100);
      }
      writeFileSync(path('config.yaml'), 'log: { level: info }\n');
      const command = ['run', '-i', 'va', '--capture', backend, '-c', path('config.yaml'), '-o', path('events')];
      const agent = cable.start(cable.here, [process.execPath, MAIN, ...command]);
      await says(agent, 'capturing');
      const said = saidBy(agent);
      reload = async (settings, answer) => {
        writeFileSync(path('config.yaml'), settings);
        const from = said.length;
        agent.kill('SIGHUP');
        for (let waited = 0; waited < PATIENCE_MS; waited += 50) {
          if (said.slice(from).join('').includes(answer)) return;
          await sleep(50);
        }
        throw new Error(`${answer}: ${said.join('')}`);
      };
      programs = () =>
        readdirSync(`/proc/${agent.pid}/fdinfo`).flatMap((fd) => {
          const text = readFileSync(`/proc/${agent.pid}/fdinfo/${fd}`, 'utf8');
          return /^prog_id:\s*\d+$/m.exec(text)?.[0] ?? [];
        });
      await sleep(500);
    });

    after(() => {
      cable.close();
      rmSync(folder, { recursive: true });
    });

    it('networks, ports, domains, DNS ports and kinds, with the same programs in the kernel', async () => {
      const before = programs();
      assert.equal(await asked(53, 1), 1);
      assert.equal(await asked(OTHER_PORT, 0), 0);
      const cases: readonly (readonly [settings: string, port: number, events: number])[] = [
        [`ignore: { networks: [${THERE}/32] }`, 53, 0],
        ['ignore: { networks: [192.0.2.0/24] }', 53, 1],
        ['ignore: { ports: [53] }', 53, 0],
        [`dns: { ports: [${OTHER_PORT}] }`, OTHER_PORT, 1],
        ['ignore: { domains: ["*.example.test"] }', 53, 0],
        ['collect: [flow, tls]', 53, 0],
        ['collect: [flow, dns]', 53, 1],
      ];
      for (const [settings, port, events] of cases) {
        await reload(settings, 'filters read anew');
        assert.equal(await asked(port, events), events, settings);
      }
      assert.deepEqual(programs(), before);
    });

    it('names of policies; of the others, that they wait for the next start', async () => {
      await reload('policies: [cnsa-2.0]', 'policies read anew: cnsa-2.0');
      await reload('policies: [no-such]', 'policies not changed');
      await reload('metrics: { port: 9 }\nextras: lean', 'only with the next start: extras, metrics.port');
    });

    it('that are wrong change nothing', async () => {
      await reload('ignore: { networks: [nowhere] }', 'filters not changed');
      assert.equal(await asked(53, 1), 1);
      const isTold = (): boolean =>
        eventsIn(path('events')).some(
          ({ signature, status, description }) =>
            signature === 'agent_reload' && status === 'failure' && /filters/.test(String(description)),
        );
      await until(isTold);
      assert.ok(isTold());
    });
  });
}
