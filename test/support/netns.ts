/** Two network namespaces with a cable between them, and programs in them. Everything ends with `close`. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';

export const HERE = '10.99.0.1';
export const THERE = '10.99.0.2';
export const HERE6 = 'fd99::1';
export const THERE6 = 'fd99::2';

let cables = 0;

export class Cable {
  /** Names are this process's: suites may run side by side. */
  readonly here: string;
  readonly there: string;

  /** @param offload whether TCP may hand the device what becomes many packets on a wire */
  constructor(offload = false) {
    const name = `vt${process.pid}-${++cables}`;
    this.here = `${name}a`;
    this.there = `${name}b`;
    const ip = (...args: string[]) => execFileSync('ip', args);
    ip('netns', 'add', this.here);
    ip('netns', 'add', this.there);
    ip('link', 'add', 'va', 'netns', this.here, 'type', 'veth', 'peer', 'name', 'vb', 'netns', this.there);
    for (const [namespace, link, address, address6] of [
      [this.here, 'va', HERE, HERE6],
      [this.there, 'vb', THERE, THERE6],
    ] as const) {
      ip('-n', namespace, 'addr', 'add', `${address}/24`, 'dev', link);
      ip('-n', namespace, 'addr', 'add', `${address6}/64`, 'dev', link, 'nodad');
      // One segment, one frame: tcpdump does not say how many packets an offloaded one stands for.
      if (!offload) ip('-n', namespace, 'link', 'set', link, 'gso_max_segs', '1');
      ip('-n', namespace, 'link', 'set', link, 'up');
      ip('-n', namespace, 'link', 'set', 'lo', 'up');
    }
  }

  /** Starts a program that goes on. */
  start(namespace: string, command: readonly string[]): ChildProcess {
    const child = spawn('nsenter', [`--net=/run/netns/${namespace}`, ...command], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    return child;
  }

  /** Runs a program to its end and returns what it wrote; how it ends is its affair. */
  async run(namespace: string, command: readonly string[], input = ''): Promise<string> {
    const child = spawn('nsenter', [`--net=/run/netns/${namespace}`, ...command], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    const written: Buffer[] = [];
    child.stdout.on('data', (part: Buffer) => written.push(part));
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    await once(child, 'close');
    return Buffer.concat(written).toString();
  }

  async stop(child: ChildProcess): Promise<number | null> {
    if (child.exitCode !== null) return child.exitCode;
    child.kill('SIGINT');
    const [status] = (await once(child, 'close')) as [number | null];
    return status;
  }

  close(): void {
    for (const namespace of [this.here, this.there]) {
      // Also what those programs have started.
      const ids = execFileSync('ip', ['netns', 'pids', namespace], { encoding: 'utf8' }).split('\n').filter(Boolean);
      for (const id of ids) kill(Number(id));
      execFileSync('ip', ['netns', 'del', namespace]);
    }
  }
}

function kill(id: number): void {
  try {
    process.kill(id, 'SIGKILL');
  } catch {
    // It has ended.
  }
}

/** Resolves when a program has said something on standard error. */
export async function says(child: ChildProcess, text: string): Promise<void> {
  let said = '';
  for await (const part of child.stderr!.iterator({ destroyOnReturn: false })) {
    said += part;
    if (said.includes(text)) {
      child.stderr!.resume();
      return;
    }
  }
  throw new Error(`ended without saying "${text}": ${said}`);
}
