/** A server that a test started: its log in memory, its end certain. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** What the end of a log is enough to tell why a server did not start. */
const MAX_LOG_CHARACTERS = 64 * 1024;
/** A Java server on a machine that builds something else at the same time. */
const START_TIMEOUT_MS = 120_000;
const LOOK_AGAIN_MS = 50;

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export class Server {
  readonly child: ChildProcess;
  private text = '';

  constructor(command: string, args: readonly string[], cwd: string) {
    this.child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    running.add(this.child);
    this.child.once('exit', () => running.delete(this.child));
    for (const stream of [this.child.stdout!, this.child.stderr!]) {
      stream.setEncoding('utf8').on('data', (part: string) => {
        this.text = (this.text + part).slice(-MAX_LOG_CHARACTERS);
      });
    }
  }

  get log(): string {
    return this.text;
  }

  get ended(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** Resolves when the condition holds; rejects with the log when the server ends before. */
  async until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
    await waitUntil(`the server is ${what}`, () => {
      if (this.ended) throw new Error(`the server ended before it was ${what}:\n${this.text}`);
      return condition();
    });
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (this.ended) return;
    const exit = once(this.child, 'exit');
    this.child.kill(signal);
    await exit;
  }
}

export async function waitUntil(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not in time: ${what}`);
    await sleep(LOOK_AGAIN_MS);
  }
}

/** Ports of the loopback interface that nobody uses now. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  return Promise.all(
    servers.map(async (server) => {
      const { port } = server.address() as { port: number };
      server.close();
      await once(server, 'close');
      return port;
    }),
  );
}

/** Whether somebody listens there. */
export function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
