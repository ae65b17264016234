/** The agent itself, `vesper run`: real traffic on the loopback interface, a file, and a peer that now and then fails. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import { cleanEnvironment, MAIN } from '../../support/cli.ts';
import { skipWithoutCapture } from '../../support/privilege.ts';
import { UnreliableServer } from './unreliable-server.ts';

const folder = mkdtempSync(join(tmpdir(), 'vesper-agent-faults-'));
after(() => rmSync(folder, { recursive: true }));

const LIVES: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGKILL', 'SIGTERM', 'SIGTERM'];
const QUERIES = 300;
const MAX_WAIT_MS = 20_000;

/** A DNS query for the address of a name (RFC 1035 §4.1). */
function query(name: string): Buffer {
  const header = Buffer.from([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  const labels = name.split('.').flatMap((label) => [Buffer.from([label.length]), Buffer.from(label)]);
  return Buffer.concat([header, ...labels, Buffer.from([0, 0, 1, 0, 1])]);
}

/** In lines, and in lines that are texts within JSON. */
const namesIn = (text: string): string[] =>
  [...text.matchAll(/"query\\?":\\?"(q-[^"\\]+)/g)].map((match) => match[1] ?? '');

function fileText(): string {
  const names = readdirSync(folder).filter((name) => name.startsWith('dns.ndjson'));
  return names.map((name) => readFileSync(join(folder, name), 'utf8')).join('');
}

/** Asks a server that never answers, from a new port each time. */
async function ask(port: number, name: string): Promise<void> {
  const socket = createSocket('udp4');
  await new Promise((resolve) => socket.send(query(name), port, '127.0.0.1', resolve));
  socket.close();
}

/** Runs the agent until it sees traffic, sends it queries, and ends it. Returns what it said. */
async function live(config: string, life: number, signal: NodeJS.Signals, dnsPort: number): Promise<string> {
  const child: ChildProcess = spawn(process.execPath, [MAIN, 'run', '-c', config], {
    env: { ...cleanEnvironment(), HEC_TOKEN: 'a-secret' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr?.on('data', (part: Buffer) => {
    said += part.toString();
  });
  const closed = once(child, 'close');
  for (let i = 0; !fileText().includes(`ready-${life}-`); i++) {
    assert.ok(child.exitCode === null && i < MAX_WAIT_MS / 100, said);
    await ask(dnsPort, `ready-${life}-${i}.test`);
    await sleep(100);
  }
  for (let i = 0; i < QUERIES; i++) await ask(dnsPort, `q-${life}-${i}.test`);
  await sleep(Math.random() * 1_500);
  child.kill(signal);
  const [status] = (await closed) as [number | null];
  if (signal === 'SIGTERM') assert.equal(status, 0, said);
  return said;
}

describe('vesper run', { skip: skipWithoutCapture('af_packet') }, () => {
  it('tells every event at least once to a peer that fails, and once to its file, however it is ended', async () => {
    const server = new UnreliableServer();
    const hecPort = await server.listen();
    const resolver: Socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(resolver, 'listening');
    const dnsPort = resolver.address().port;
    const config = join(folder, 'vesper.yaml');
    const hec = {
      target: `hec+http://127.0.0.1:${hecPort}`,
      token_env: 'HEC_TOKEN',
      compression: 'none',
      timeout_ms: 500,
      batch: { events: 40, interval_ms: 20 },
      retry: { initial_ms: 5, max_ms: 50 },
    };
    const settings = {
      capture: 'af_packet',
      interfaces: ['lo'],
      collect: ['dns'],
      dns: { ports: [dnsPort], query_timeout_s: 1 },
      spool: { directory: join(folder, 'spool') },
      outputs: [{ target: join(folder, 'dns.ndjson'), rotate: { bytes: 50_000, gzip: false } }, hec],
    };
    writeFileSync(config, stringify(settings));
    server.behavior = () => {
      const one = Math.random();
      return one < 0.6 ? 'take' : one < 0.8 ? 'refuse' : one < 0.9 ? 'reset' : 'take and reset';
    };
    let said = '';
    try {
      for (const [life, signal] of LIVES.entries()) {
        if (life === LIVES.length - 1) server.behavior = () => 'take';
        said += await live(config, life, signal, dnsPort);
      }
      const file = namesIn(fileText());
      const sent = new Set(namesIn(server.taken.join('\n')));
      assert.equal(new Set(file).size, file.length, 'nothing is twice in the file');
      for (const [life, signal] of LIVES.entries()) {
        if (signal === 'SIGKILL') continue;
        const expected = Array.from({ length: QUERIES }, (_, i) => `q-${life}-${i}.test`);
        assert.deepEqual(
          expected.filter((name) => !file.includes(name)),
          [],
          'missing in the file',
        );
        assert.deepEqual(
          expected.filter((name) => !sent.has(name)),
          [],
          `missing at the peer: ${said}`,
        );
      }
      assert.doesNotMatch(said, /a-secret/);
    } finally {
      server.close();
      resolver.close();
    }
  });
});
